package acl

import (
	"slices"
	"strings"
	"time"
)

// Reference is the semantics in executable form, and the judge of the evaluator that views use: tests, here and in
// applications, compare the two. It returns what who may do with key at the moment now. It is written to be read,
// takes any valid policy as it is, and costs time in proportion to its size.
func Reference(p *Policy, who Identity, key string, now time.Time) Rights {
	is := map[Principal]bool{Public: p.AllowPublic, Authenticated: p.AllowPublic && who.User != ""}
	if who.User != "" {
		if slices.Contains(p.Suspended, who.User) {
			return 0
		}
		is[User(who.User)] = true
	}
	for _, id := range who.Groups {
		is[Group(id)] = true
	}
	isOne := func(p Principal) bool { return is[p] }
	for range p.Groups { // each round adds a group, or no further one would
		for id, members := range p.Groups {
			is[Group(id)] = is[Group(id)] || slices.ContainsFunc(members, isOne)
		}
	}
	if slices.ContainsFunc(p.Owners, isOne) {
		return Admin
	}
	applies := func(scope string) bool {
		return scope == "" || scope == key || strings.HasSuffix(scope, "/") && strings.HasPrefix(key, scope)
	}
	barrier := "" // the longest that applies
	for _, scope := range p.Barriers {
		if applies(scope) && len(scope) > len(barrier) {
			barrier = scope
		}
	}
	var rights Rights
	for _, g := range p.Grants {
		switch live := g.Expires.IsZero() || now.Before(g.Expires); {
		case !live || !is[g.To] || !applies(g.Scope):
		case len(g.Scope) >= len(barrier):
			rights |= g.Rights
		default:
			rights |= g.Rights & Control
		}
	}
	return rights
}
