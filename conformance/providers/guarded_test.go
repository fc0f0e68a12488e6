package providers_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/conformance/providers"
)

// TestGuarded runs the suite on the view of someone with every data right, beside other people's grants and a barrier.
// What a guard asks of a server, group R asks of each every day. So of the servers that speak S3's protocol one will do
// here, with the policy in the bucket itself, where each of its requests goes to the server as well; in the long run each
// does, and the policy is in another bucket too.
func TestGuarded(t *testing.T) {
	notEveryDay(t)
	if *writeMatrix {
		t.Skip("not run: the matrix is about the stores themselves")
	}
	run := func(t *testing.T, h conformance.Harness, name string, guarded func(*conformance.T, blob.Bucket) blob.Bucket) {
		t.Run(name, func(t *testing.T) {
			conformance.Run(t, h.Wrapped("acl, "+name, guarded), conformance.InTier(tier()))
		})
	}
	both := func(t *testing.T, h conformance.Harness) {
		run(t, h, "policy inside", guarded(nil, acl.Options{}))
		if tier() != conformance.Short {
			run(t, h, "policy apart", guarded(h.Open, acl.Options{}))
		}
	}
	// Swift and B2 have no conditional writes. So the policy is in another store, or under the promise that one guard alone
	// edits it.
	unconditional := func(t *testing.T, h conformance.Harness) {
		run(t, h, "policy apart", guarded(memory().Open, acl.Options{}))
		run(t, h, "single writer", guarded(nil, acl.Options{SingleWriter: true}))
	}
	each(t, func(t *testing.T, s *providers.Server) {
		switch s.Provider {
		case providers.Versitygw:
			both(t, s.Harness(false))
		case providers.Swift:
			inTheLongRun(t)
			unconditional(t, s.Harness(false))
		default:
			inTheLongRun(t)
			both(t, s.Harness(false))
		}
	})
	for _, s := range also {
		t.Run(s.name, func(t *testing.T) { both(t, s.harness(t)) })
	}
	t.Run("b2", func(t *testing.T) { unconditional(t, serveB2(t).B2Harness(false)) })
}

// guarded wraps a bucket in the view of a writer. The first handle to a bucket makes its policy, and the others open it.
// The policy is in the bucket, or in one that apart opens.
func guarded(apart func(t *conformance.T) blob.Bucket, with acl.Options) func(t *conformance.T, b blob.Bucket) blob.Bucket {
	stores := map[string]blob.Bucket{} // by the bucket that they have the policy of
	return func(t *conformance.T, b blob.Bucket) blob.Bucket {
		ctx, name := context.Background(), fmt.Sprint(b)
		if apart != nil && stores[name] == nil {
			stores[name] = apart(t)
			t.Cleanup(func() { _ = stores[name].Close() })
		}
		opts := with
		opts.Store = stores[name]
		guard, err := acl.Open(ctx, b, &opts)
		if errors.Is(err, fs.ErrNotExist) {
			guard, err = acl.Create(ctx, b, &opts, acl.User("root"))
		}
		if err != nil {
			t.Fatalf("guard: %v", err)
		}
		for _, res := range guard.As(acl.Identity{User: "root"}).Batch(ctx,
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
