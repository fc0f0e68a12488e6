package model_test

import (
	"testing"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance/model"
	"github.com/holdall-go/holdall/drivers/mem"
)

// The view of someone who may do everything is a bucket like any other, whose keys are canonical, whatever the rights
// are put together from.
func TestView(t *testing.T) {
	for name, grants := range map[string][]acl.Edit{
		"owner": nil,
		"admin": {acl.AddGrant(acl.Grant{To: acl.User("alice"), Rights: acl.Admin})},
		"writer behind a barrier": {
			acl.AddGrant(acl.Grant{To: acl.User("alice"), Rights: acl.Writer}),
			acl.SetBarrier("a/"), acl.AddGrant(acl.Grant{Scope: "a/", To: acl.User("alice"), Rights: acl.Writer}),
			acl.SetBarrier("a/b/"), acl.AddGrant(acl.Grant{Scope: "a/b/", To: acl.Group("team"), Rights: acl.Writer}),
			acl.SetGroup("team", acl.User("alice")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			model.Check(t, func() blob.Bucket {
				guard, err := acl.Create(t.Context(), mem.New(nil), &acl.Options{Store: mem.New(nil)}, acl.User("root"))
				if err != nil {
					t.Fatal(err)
				}
				root := guard.As(acl.Identity{User: "root"})
				if grants == nil {
					return root
				}
				for _, res := range root.Batch(t.Context(), grants...) {
					if res.Err != nil {
						t.Fatal(res.Err)
					}
				}
				return guard.As(acl.Identity{User: "alice"})
			}, nil)
		})
	}
}
