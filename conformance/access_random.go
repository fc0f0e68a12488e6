package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/acl"
)

// Random policies, small enough that grants, barriers and keys meet.

const (
	users  = 4
	groups = 3
)

// randomKey returns a canonical key of one to four segments.
func randomKey(t *T, names []string) string {
	key := ""
	for range t.Rand.IntN(4) {
		key += names[t.Rand.IntN(len(names))] + "/"
	}
	return key + names[t.Rand.IntN(len(names))]
}

// randomScope returns a scope: the bucket, a subtree or a key.
func randomScope(t *T, names []string) string {
	key := randomKey(t, names)
	switch t.Rand.IntN(6) {
	case 0:
		return ""
	case 1:
		return key
	}
	return key[:strings.LastIndexByte(key, '/')+1]
}

func randomPrincipal(t *T) acl.Principal {
	switch t.Rand.IntN(8) {
	case 0:
		return acl.Public
	case 1:
		return acl.Authenticated
	case 2, 3, 4:
		return acl.Group(fmt.Sprint("g", t.Rand.IntN(groups)))
	}
	return acl.User(fmt.Sprint("u", t.Rand.IntN(users)))
}

func randomIdentity(t *T) acl.Identity {
	who := acl.Identity{}
	if n := t.Rand.IntN(users + 1); n > 0 {
		who.User = fmt.Sprint("u", n-1)
	}
	if t.Rand.IntN(4) == 0 {
		who.Groups = []string{fmt.Sprint("g", t.Rand.IntN(groups))}
	}
	return who
}

func randomGrant(t *T, names []string) acl.Grant {
	return acl.Grant{Scope: randomScope(t, names), To: randomPrincipal(t), Rights: acl.Rights(1 + t.Rand.IntN(int(acl.Admin))), By: "root"}
}

// randomPolicy returns a policy whose owner is root, and the edits that make it of an empty one.
func randomPolicy(t *T, names []string) (*acl.Policy, []acl.Edit) {
	p := &acl.Policy{Owners: []acl.Principal{acl.User("root")}, Groups: map[string][]acl.Principal{}, AllowPublic: t.Rand.IntN(2) == 0}
	edits := []acl.Edit{acl.SetAllowPublic(p.AllowPublic)}
	for i := range groups {
		id := fmt.Sprint("g", i)
		var members []acl.Principal
		for range t.Rand.IntN(3) {
			if m := randomPrincipal(t); m != acl.Public && m != acl.Authenticated && !slices.Contains(members, m) {
				members = append(members, m)
			}
		}
		p.Groups[id] = members
		edits = append(edits, acl.SetGroup(id, members...))
	}
	for range 2 + t.Rand.IntN(12) {
		g := randomGrant(t, names)
		p.Grants = append(p.Grants, g)
		edits = append(edits, acl.AddGrant(g))
	}
	for range t.Rand.IntN(4) {
		if scope := randomScope(t, names); scope != "" {
			p.Barriers = append(p.Barriers, scope)
			edits = append(edits, acl.SetBarrier(scope))
		}
	}
	if t.Rand.IntN(4) == 0 {
		p.Suspended = []string{"u3"}
		edits = append(edits, acl.Suspend("u3"))
	}
	if t.Rand.IntN(6) == 0 {
		owner := acl.Group("g2")
		p.Owners = append(p.Owners, owner)
		edits = append(edits, acl.AddOwner(owner))
	}
	return p, edits
}
