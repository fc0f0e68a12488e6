module github.com/holdall-go/holdall/drivers/b2

go 1.26.0

require (
	github.com/Backblaze/blazer v0.7.2
	github.com/holdall-go/holdall v0.0.0
)

replace github.com/holdall-go/holdall => ../../
