module github.com/holdall-go/holdall/conformance/model

go 1.26.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/holdall-go/holdall v0.0.0
	pgregory.net/rapid v1.3.0
)

require golang.org/x/sys v0.50.0 // indirect

replace github.com/holdall-go/holdall => ../..
