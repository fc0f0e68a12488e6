package acl_test

import (
	"fmt"
	"time"

	"github.com/holdall-go/holdall/acl"
)

func ExampleReference() {
	policy := &acl.Policy{
		Owners: []acl.Principal{acl.User("olga")},
		Groups: map[string][]acl.Principal{"family": {acl.User("alice"), acl.User("bob")}},
		Grants: []acl.Grant{
			{Scope: "photos/", To: acl.Group("family"), Rights: acl.Reader},
			{Scope: "photos/2015/", To: acl.User("alice"), Rights: acl.Writer},
			{Scope: "photos/alice/", To: acl.User("alice"), Rights: acl.Admin},
		},
		Barriers: []string{"photos/alice/"},
	}
	for _, user := range []string{"alice", "bob"} {
		for _, key := range []string{"photos/1.jpg", "photos/2015/2.jpg", "photos/alice/3.jpg", "photos-private/4.jpg"} {
			fmt.Println(user, key, acl.Reference(policy, acl.Identity{User: user}, key, time.Now()))
		}
	}
	// Output:
	// alice photos/1.jpg Get+List
	// alice photos/2015/2.jpg Get+List+Create+Write+Delete
	// alice photos/alice/3.jpg Get+List+Create+Write+Delete+ReadACL+WriteACL+Share
	// alice photos-private/4.jpg none
	// bob photos/1.jpg Get+List
	// bob photos/2015/2.jpg Get+List
	// bob photos/alice/3.jpg none
	// bob photos-private/4.jpg none
}
