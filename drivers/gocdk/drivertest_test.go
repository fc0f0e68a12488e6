package gocdk_test

import (
	"testing"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/file"
	"github.com/holdall-go/holdall/drivers/gocdk/gocdktest"
	"github.com/holdall-go/holdall/drivers/mem"
)

func TestDrivertestOverMemory(t *testing.T) {
	gocdktest.RunDrivertest(t, func(*testing.T) blob.Bucket { return mem.New(nil) }, nil)
}

func TestDrivertestOverFiles(t *testing.T) {
	gocdktest.RunDrivertest(t, func(t *testing.T) blob.Bucket {
		b, err := file.Open(t.TempDir(), &file.Options{Sync: file.SyncNone})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}, nil)
}

func TestDrivertestOverAView(t *testing.T) {
	gocdktest.RunDrivertest(t, func(t *testing.T) blob.Bucket {
		guard, err := acl.Create(t.Context(), mem.New(nil), nil, acl.User("root"))
		if err != nil {
			t.Fatal(err)
		}
		root := guard.As(acl.Identity{User: "root"})
		if _, err := root.Grant(t.Context(), "", acl.User("alice"), acl.Writer); err != nil {
			t.Fatal(err)
		}
		return guard.As(acl.Identity{User: "alice"})
	}, nil)
}

// unconditional is a bucket without conditional writes, and short of room for metadata.
type unconditional struct{ blob.Wrapper }

func (b unconditional) Capabilities() blob.Capabilities {
	c := b.Wrapper.Capabilities()
	c.If.Put, c.Objects.MaxMetadataBytes = blob.ConditionSet(0), 100
	return c
}

// What a store cannot do is an error to gocloud.dev too, and nothing stands in for it.
func TestDrivertestOverLess(t *testing.T) {
	gocdktest.RunDrivertest(t, func(*testing.T) blob.Bucket { return blob.Check(unconditional{blob.Wrap(mem.New(nil))}) }, map[string]gocdktest.Failure{
		"TestIfNotExist":                   {Says: "code=Unimplemented", Why: "it has no conditional writes"},
		"TestMetadata/weird_metadata_keys": {Says: "code=InvalidArgument", Why: "they are longer than 100 bytes"},
	})
}
