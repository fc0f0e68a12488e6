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
	gocdktest.RunDrivertest(t, func(*testing.T) blob.Bucket { return mem.New(nil) })
}

func TestDrivertestOverFiles(t *testing.T) {
	gocdktest.RunDrivertest(t, func(t *testing.T) blob.Bucket {
		b, err := file.Open(t.TempDir(), &file.Options{Sync: file.SyncNone})
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
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
	})
}
