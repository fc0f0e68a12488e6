package acl_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"testing"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/drivers/file"
	"github.com/holdall-go/holdall/drivers/mem"
)

// A view is a Bucket, so it passes what every Bucket passes: that of someone with every data right, beside a barrier and
// other people's grants, with the policy in the bucket itself and in another.
func TestViewsConform(t *testing.T) {
	for _, place := range []struct {
		name  string
		store blob.Bucket
	}{{"policy inside", nil}, {"policy apart", mem.New(nil)}} {
		t.Run(place.name, func(t *testing.T) {
			t.Run("mem", func(t *testing.T) {
				conformance.Run(t, memory().Wrapped("acl", guarded(place.store)))
			})
			t.Run("mem with versions", func(t *testing.T) {
				conformance.Run(t, versions().Wrapped("acl", guarded(place.store)), conformance.InTier(conformance.Short))
			})
			t.Run("file", func(t *testing.T) {
				conformance.Run(t, files().Wrapped("acl", guarded(place.store)), conformance.InTier(conformance.Short))
			})
		})
	}
}

// guarded wraps a bucket in the view of a writer. The policy is made by the first handle and opened by the others. Where
// it is kept apart, each namespace has a folder of its own for it.
func guarded(store blob.Bucket) func(t *conformance.T, b blob.Bucket) blob.Bucket {
	folders := map[string]string{} // of the store, by case
	return func(t *conformance.T, b blob.Bucket) blob.Bucket {
		ctx := context.Background()
		opts := &acl.Options{}
		if store != nil {
			opts.Store = blob.Sub(store, folder(t, b, folders))
		}
		guard, err := acl.Open(ctx, b, opts)
		if errors.Is(err, fs.ErrNotExist) {
			guard, err = acl.Create(ctx, b, opts, acl.User("root"))
		}
		if err != nil {
			t.Fatalf("guard: %v", err)
		}
		root := guard.As(acl.Identity{User: "root"})
		for _, res := range root.Batch(ctx,
			acl.AddGrant(acl.Grant{To: acl.Group("writers"), Rights: acl.Writer | acl.Share}),
			acl.SetGroup("writers", acl.User("w")),
			acl.AddGrant(acl.Grant{Scope: "a/", To: acl.User("else"), Rights: acl.Admin}),
			acl.SetBarrier("barred/by/nobody/"),
			acl.AddGrant(acl.Grant{Scope: "barred/by/nobody/", To: acl.User("w"), Rights: acl.Writer | acl.Share}),
		) {
			if res.Err != nil {
				t.Fatalf("grant: %v", res.Err)
			}
		}
		return guard.As(acl.Identity{User: "w"})
	}
}

var serial atomic.Int64

// folder returns the place of the policy of the namespace of b, which is known by a name that only it has.
func folder(t *conformance.T, b blob.Bucket, folders map[string]string) string {
	name := fmt.Sprint(b)
	if f, ok := b.(*file.Bucket); ok {
		name = f.Dir()
	}
	if folders[name] == "" {
		folders[name] = fmt.Sprintf("%s-%d/", t.Case.ID, serial.Add(1))
	}
	return folders[name]
}

func memory() conformance.Harness {
	return conformance.Harness{Name: "mem",
		Open:   func(t *conformance.T) blob.Bucket { return openMem(t, fmt.Sprintf("views-%d", serial.Add(1)), nil) },
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket { return openMem(t, memName(b), nil) },
	}
}

func versions() conformance.Harness {
	opts := &mem.Options{Versions: true}
	return conformance.Harness{Name: "mem:versions",
		Open:   func(t *conformance.T) blob.Bucket { return openMem(t, fmt.Sprintf("views-%d", serial.Add(1)), opts) },
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket { return openMem(t, memName(b), opts) },
	}
}

func openMem(t *conformance.T, name string, opts *mem.Options) blob.Bucket {
	b, err := mem.Open(name, opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return b
}

// memName is the name in the URL that a bucket in memory tells of itself.
func memName(b blob.Bucket) string { return fmt.Sprint(b)[len("mem://"):] }

func files() conformance.Harness {
	open := func(t *conformance.T, dir string) blob.Bucket {
		b, err := file.Open(dir, &file.Options{Sync: file.SyncNone})
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return b
	}
	return conformance.Harness{Name: "file",
		Open:   func(t *conformance.T) blob.Bucket { return open(t, t.TempDir()) },
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket { return open(t, b.(*file.Bucket).Dir()) },
	}
}
