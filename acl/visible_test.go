package acl

import (
	"strings"
	"testing"
)

// TestVisibleRanges compares the ranges with a check of each key, and asks from every key, scope and edge on.
func TestVisibleRanges(t *testing.T) {
	var edges []string
	for _, scope := range scopes {
		edges = append(edges, scope, scope+"\x00", strings.TrimSuffix(scope, "/")+"0", scope+"x", scope+"~")
	}
	for n := range cases(3_000) {
		r := source(n)
		p := randomPolicy(r, scopes)
		for i := range p.Grants {
			p.Grants[i].Rights ^= List & Rights(r.IntN(256))
			p.Grants[i].Rights |= Get
		}
		who := pick(r, identities)
		c := compile(newIndex(p), who, epoch, randomRestrictions(r)...)
		for _, key := range edges {
			lo, hi, ok := c.next(key)
			if visible := ok && lo == key; key != "" && visible != c.rights(key).Has(List) {
				t.Fatalf("case %d: %+v: %q visible: %v, want %v, by %q in\n%s", n, who, key, visible, !visible, c.visible, describe(p))
			}
			if ok && !endsAfter(hi, lo) {
				t.Fatalf("case %d: the range from %q to %q is empty", n, lo, hi)
			}
			below := false
			for _, other := range edges {
				below = below || other != "" && strings.HasPrefix(other, key) && c.rights(other).Has(List)
			}
			if got := c.anyBelow(key); got != below {
				t.Fatalf("case %d: below %q visible: %v, want %v, by %q in\n%s", n, key, got, below, c.visible, describe(p))
			}
		}
		for i := 1; i < len(c.visible); i++ {
			if last := c.visible[i-1].hi; last == "" || last >= c.visible[i].lo {
				t.Fatalf("case %d: %q are not sorted, apart and maximal", n, c.visible)
			}
		}
	}
}

func TestVisibleRangesOfATree(t *testing.T) {
	p := &Policy{
		Owners: []Principal{User("o")},
		Grants: []Grant{
			{Scope: "a/", To: User("u"), Rights: List}, {Scope: "a0", To: User("u"), Rights: List},
			{Scope: "a/b/c/", To: User("u"), Rights: List}, {Scope: "z/", To: User("u"), Rights: Get},
			{Scope: "k", To: User("u"), Rights: List}, {Scope: "k\x00", To: User("u"), Rights: List},
		},
		Barriers: []string{"a/b/", "a/b/c/d", "b/", "z/z/"},
	}
	c := compile(newIndex(p), Identity{User: "u"}, epoch)
	c.next("")
	want := []keyRange{
		{"a/", "a/b/"}, {"a/b/c/", "a/b/c/d"}, {"a/b/c/d\x00", "a/b/c0"}, {"a/b0", "a0\x00"}, {"k", "k\x00\x00"},
	}
	if len(c.visible) != len(want) {
		t.Fatalf("got %q, want %q", c.visible, want)
	}
	for i := range want {
		if c.visible[i] != want[i] {
			t.Errorf("got %q, want %q", c.visible[i], want[i])
		}
	}
}

// TestCoversAllPastBarriers: neither owners nor Control stop at one.
func TestCoversAllPastBarriers(t *testing.T) {
	ix := newIndex(&Policy{
		Owners: []Principal{User("o")}, Barriers: []string{"a/b/"}, Grants: []Grant{{To: User("u"), Rights: Admin}},
	})
	owner, user := compile(ix, Identity{User: "o"}, epoch), compile(ix, Identity{User: "u"}, epoch)
	for prefix, all := range map[string]bool{"": false, "a/": false, "a/b": false, "a/b/": false, "a/b/c": false, "a/bc": true, "b": true} {
		if !owner.coversAll(prefix, Admin) || !user.coversAll(prefix, Control) || user.coversAll(prefix, Get) != all {
			t.Errorf("below %q: owner %v, Control %v, Get %v",
				prefix, owner.coversAll(prefix, Admin), user.coversAll(prefix, Control), user.coversAll(prefix, Get))
		}
	}
}

// TestCoversAll: it is never wrong when it says yes, and says yes where no barrier lies below.
func TestCoversAll(t *testing.T) {
	for n := range cases(3_000) {
		r := source(n)
		p := randomPolicy(r, scopes)
		if r.IntN(3) == 0 {
			p.Barriers = nil
		}
		c := compile(newIndex(p), pick(r, identities), epoch, randomRestrictions(r)...)
		right := randomRights(r)
		for _, prefix := range append([]string{"ph", "photos/x", "a/bc"}, scopes...) {
			all := c.coversAll(prefix, right)
			for _, key := range keys {
				for _, k := range []string{key, key + "x", key + "/x"} {
					if strings.HasPrefix(k, prefix) && all && !c.rights(k).Has(right) {
						t.Fatalf("case %d: %v is not on %q, but on all below %q", n, right, k, prefix)
					}
				}
			}
			if subtree := strings.HasSuffix(prefix, "/") || prefix == ""; subtree && len(p.Barriers) == 0 && all != c.rights(prefix).Has(right) {
				t.Fatalf("case %d: without barriers, %v on %q is said not to be on all below", n, right, prefix)
			}
		}
	}
}
