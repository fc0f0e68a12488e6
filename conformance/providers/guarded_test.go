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

// A policy says where that of a view is kept.
type policy struct {
	name  string
	apart func(t *conformance.T) blob.Bucket // opens the bucket for it; nil is the bucket itself
	opts  acl.Options
}

// policies are those that a bucket of h can have, the first one for the matrix.
func policies(t *testing.T, h conformance.Harness) []policy {
	b := h.Bucket(t)
	defer b.Close()
	if b.Capabilities().If.Put != blob.WriteConditions { // there is another store, or the promise that one guard alone edits it
		return []policy{{"single writer", nil, acl.Options{SingleWriter: true}}, {"policy apart", memory().Open, acl.Options{}}}
	}
	all := []policy{{"policy inside", nil, acl.Options{}}}
	if tier() != conformance.Short {
		all = append(all, policy{"policy apart", h.Open, acl.Options{}})
	}
	return all
}

// TestGuarded runs the suite on the view of someone with every data right, beside other people's grants and a barrier,
// and compares the outcomes with those of the committed matrix, or writes that.
//
// What a guard asks of a server, group R asks of each every day. So of the servers that speak S3's protocol one will do
// here, with the policy in the bucket itself, where each of its requests goes to the server as well; in the long run each
// does, and the policy is in another bucket too. So are mem and file, over which the tests of package acl run the same.
func TestGuarded(t *testing.T) {
	notEveryDay(t)
	var reports []*conformance.Report
	run := func(t *testing.T, h conformance.Harness, foreign bool, all []policy) {
		if *writeMatrix {
			all = all[:1]
		}
		for _, p := range all {
			t.Run(p.name, func(t *testing.T) {
				report := conformance.Run(t, h.Wrapped("acl, "+p.name, guarded(p.apart, p.opts)), conformance.InTier(tier()))
				report.Store = h.Name
				reports = append(reports, report)
				if !*writeMatrix && !foreign {
					compare(t, views, report)
				}
			})
		}
	}
	if *bucketURL == "" {
		for _, h := range local() {
			t.Run(h.Name, func(t *testing.T) {
				if h.Name == "mem" || h.Name == "file" {
					inTheLongRun(t)
				}
				run(t, h, false, policies(t, h)[:1])
			})
		}
	}
	each(t, func(t *testing.T, s *providers.Server) {
		if s.Provider != providers.Versitygw {
			inTheLongRun(t)
		}
		h := s.Harness(false)
		run(t, h, foreign(s), policies(t, h))
	})
	t.Run("b2", func(t *testing.T) {
		s := serveB2(t)
		h := s.B2Harness(false)
		run(t, h, foreign(s), policies(t, h))
	})
	for _, s := range also {
		t.Run(s.name, func(t *testing.T) {
			h := s.harness(t)
			run(t, h, false, policies(t, h))
		})
	}
	if *writeMatrix && !t.Failed() {
		write(t, views, reports)
	}
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
