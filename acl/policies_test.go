package acl

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// The universe of the random tests is small, so that everything happens, and its keys are neighbours that a prefix
// match, or a comparison off by one, takes for each other.

var (
	epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

	keys = []string{
		"photos", "photos/", "photosx", "photos0/", "photos0/x", "photos-private/", "photos-private/x", "photo", "p",
		"photos/x", "photos/x/", "photos/x/y", "photos/xy", "photos/xy/z", "photos/x0", "photos/2015/", "photos/2015/a",
		"a", "a/", "a/b", "a/b/", "a/bc", "a/bc/", "a/b/c", "a/b/c/", "a/b/c/d", "a/bc/d", "ab/", "ab/c", "a0", "a-", "z",
		"é/ü", "é/", "é",
	}
	scopes = append([]string{""}, keys...)

	users      = []string{"alice", "bob", "carol", "dave"}
	groups     = []string{"alice", "g1", "g2", "g3"} // one is called like a user
	principals = []Principal{
		User("alice"), User("bob"), User("carol"), User("dave"),
		Group("alice"), Group("g1"), Group("g2"), Group("g3"), Authenticated, Public,
	}
	identities = []Identity{
		Nobody, {Groups: []string{"g1"}}, {User: "alice"}, {User: "bob"}, {User: "carol"}, {User: "dave"},
		{User: "stranger"}, {User: "bob", Groups: []string{"g2", "unknown"}}, {User: "g1"},
	}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// randomMoment is an expiry before, at or after the epoch, or none.
func randomMoment(r *rand.Rand) time.Time {
	return pick(r, []time.Time{{}, {}, epoch.Add(-time.Hour), epoch, epoch.Add(time.Hour), epoch.Add(2 * time.Hour)})
}

func randomRights(r *rand.Rand) Rights {
	if r.IntN(2) == 0 {
		return 1 << r.IntN(len(rightNames))
	}
	return Rights(1 + r.IntN(int(Admin)))
}

// randomPolicy returns a valid policy with scopes from a few of those given, so that they meet.
func randomPolicy(r *rand.Rand, from []string) *Policy {
	p := &Policy{ID: "p", Owners: []Principal{User("olga")}, AllowPublic: r.IntN(2) == 0, Groups: map[string][]Principal{}}
	for range r.IntN(8) {
		p.Grants = append(p.Grants, Grant{
			Scope: pick(r, from), To: pick(r, principals), Rights: randomRights(r), Expires: randomMoment(r), By: pick(r, users),
		})
	}
	for range r.IntN(4) {
		if scope := pick(r, from); scope != "" {
			p.Barriers = append(p.Barriers, scope)
		}
	}
	for _, id := range groups {
		if r.IntN(3) == 0 {
			continue
		}
		p.Groups[id] = nil
		for range r.IntN(3) {
			p.Groups[id] = append(p.Groups[id], pick(r, principals[:8]))
		}
	}
	if r.IntN(4) == 0 {
		p.Owners = append(p.Owners, pick(r, principals[:8]))
	}
	if r.IntN(4) == 0 {
		p.Suspended = append(p.Suspended, pick(r, users))
	}
	return p
}

func randomRestrictions(r *rand.Rand) []restriction {
	var all []restriction
	for range max(0, r.IntN(5)-2) {
		rights := randomRights(r)
		rights |= randomRights(r) // more than for a grant, so that something is left
		all = append(all, restriction{pick(r, scopes[:20]), rights, randomMoment(r)})
	}
	return all
}

// restricted narrows rights on key by restrictions, one by one, as their definition has it.
func restricted(rights Rights, key string, now time.Time, all []restriction) Rights {
	for _, r := range all {
		if covers(r.Scope, key) && (r.Expires.IsZero() || now.Before(r.Expires)) {
			rights &= r.Rights
		} else {
			rights = 0
		}
	}
	return rights
}

// cases is how many random cases a test tries: fewer with -short.
func cases(n int) int {
	if testing.Short() {
		return n / 3
	}
	return n
}

// source is the seeded source of a test's randomness; n tells cases apart in failures.
func source(n int) *rand.Rand { return rand.New(rand.NewPCG(uint64(n), 2030)) }

func describe(p *Policy) string {
	s := fmt.Sprintf("owners %v, suspended %q, public %t, groups %v, barriers %q", p.Owners, p.Suspended, p.AllowPublic, p.Groups, p.Barriers)
	for _, g := range p.Grants {
		s += "\n\t" + g.String()
	}
	return s
}
