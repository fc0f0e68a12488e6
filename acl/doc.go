// Package acl decides who may do what with the keys of a bucket: per user, recursively, and the same over every store.
//
// A policy is a list of grants: this principal has these rights in this scope. A principal is a user, a group (groups
// nest), any named user, or anyone. A scope is the whole bucket, "", a subtree like "photos/2015/", or one exact key; it
// is never a raw prefix, so "photos/" says nothing about "photos-private/x". What one may do with a key is the union of
// the rights granted in all the scopes that cover it. There are no denials, no order and no wildcards.
//
// The one thing that stops a grant is a barrier. At the scope where it stands, the rights over data (Get, List, Create,
// Write, Delete, Share) that were granted above end, and only what is granted there or below counts. The rights over
// access control (ReadACL, WriteACL) pass, so a barrier hides content from those who administer the tree, and still lets
// them administer it. Put another way:
//
//	anc(k)   = "", "a/", "a/b/", …, k             for the key k = "a/b/…"
//	b(k)     = the longest scope in anc(k) that has a barrier, else ""
//	eff(u,k) = nothing                            if u is suspended
//	         = every right                        if a principal of u is an owner
//	         = the union over live grants g with g.Scope in anc(k) and g.To among u's principals of
//	               g.Rights                       if len(g.Scope) >= len(b(k))
//	               g.Rights ∩ {ReadACL, WriteACL} otherwise
//
// [Reference] is that definition as a program. A grant is live until it expires; grants to [Public] and [Authenticated]
// are live only while the policy's AllowPublic is set. For example, with
//
//	policy := &acl.Policy{
//		Owners: []acl.Principal{acl.User("olga")},
//		Groups: map[string][]acl.Principal{"family": {acl.User("alice"), acl.User("bob")}},
//		Grants: []acl.Grant{
//			{Scope: "photos/", To: acl.Group("family"), Rights: acl.Reader},
//			{Scope: "photos/2015/", To: acl.User("alice"), Rights: acl.Writer},
//			{Scope: "photos/alice/", To: acl.User("alice"), Rights: acl.Admin},
//		},
//		Barriers: []string{"photos/alice/"},
//	}
//
// bob reads all photos but alice's own, alice writes those of 2015 too, and does what she likes below "photos/alice/",
// with grants of her own if she wants; olga, an owner, has every right everywhere, barriers or not.
//
// # Delegation
//
// Whoever has WriteACL in a scope changes its grants and barriers. Giving takes more: one gives only the rights that one
// holds in that scope, and for no longer than one holds them. Removing a barrier gives what the barrier stops, so it
// takes the same. Thus no edits by those who are not owners, together and in any order, give anyone a right that none of
// them had. Only owners change owners, groups, suspensions and AllowPublic, and one owner who is a user and not suspended
// always stays. Since grants add up, revoking one may leave the right: a [Residual] says so.
//
// # Keys
//
// Under access control keys are canonical, see [CheckKey]: one object has one name. The segment ".holdall" is reserved
// at every depth, for owners too, in every spelling that some store would take for it.
package acl
