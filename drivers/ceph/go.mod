module github.com/holdall-go/holdall/drivers/ceph

go 1.26.0

require (
	github.com/ceph/go-ceph v0.36.0
	github.com/holdall-go/holdall v0.0.0
)

require golang.org/x/sys v0.50.0 // indirect

replace github.com/holdall-go/holdall => ../../
