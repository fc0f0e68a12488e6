package acl

import (
	"strings"
	"testing"
	"time"
)

func TestExplain(t *testing.T) {
	p := team()
	p.Groups["all"] = []Principal{Group("staff")}
	p.Grants = append(p.Grants,
		Grant{Scope: "a/", To: Group("all"), Rights: List},
		Grant{Scope: "a/x", To: User("carol"), Rights: Get, Expires: epoch})
	ix := newIndex(p)
	for _, c := range []struct {
		who   Identity
		right Rights
		key   string
		limit []restriction
		want  string
	}{
		{Identity{User: "stranger"}, Get, "a/x", nil, `Get on "a/x": denied
	nothing grants it`},
		{Identity{User: "olga"}, Get, "a/x", nil, `Get on "a/x": allowed
	owner, as user:olga`},
		{Identity{User: "berta"}, Get, "a/x", nil, `Get on "a/x": allowed
	owner, as user:berta in group:board`},
		{Identity{User: "sam"}, Get, "a/x", nil, `Get on "a/x": denied
	the user is suspended`},
		{Identity{User: "carol"}, List, "a/x", nil, `List on "a/x": allowed
	granted: group:all List in "a/", as user:carol in group:staff in group:all`},
		{Identity{User: "carol"}, Get, "a/x", nil, `Get on "a/x": allowed
	granted: group:staff Get+WriteACL in "a/" until 2030-01-01T01:00:00Z, by alice, as user:carol in group:staff
	expired: user:carol Get in "a/x" until 2030-01-01T00:00:00Z`},
		{Identity{User: "alice"}, Get, "a/secret/x", nil, `Get on "a/secret/x": denied
	stopped by the barrier at "a/secret/": user:alice Get+List+ReadACL+WriteACL in ""`},
		{Identity{User: "alice"}, ReadACL, "a/secret/x", nil, `ReadACL on "a/secret/x": allowed
	granted: user:alice Get+List+ReadACL+WriteACL in ""`},
		{Identity{User: "alice"}, Get, "b", []restriction{{Scope: "a/", Rights: Get}}, `Get on "b": denied
	granted: user:alice Get+List+ReadACL+WriteACL in ""
	the view is restricted`},
	} {
		if got := explain(ix, c.who, c.right, c.key, epoch, c.limit...).String(); got != c.want {
			t.Errorf("got %s\nwant %s", got, c.want)
		}
	}
}

func TestResidual(t *testing.T) {
	p := team()
	p.Groups["all"] = []Principal{Group("staff")}
	p.AllowPublic = true
	p.Grants = append(p.Grants,
		Grant{Scope: "", To: Group("all"), Rights: Get},
		Grant{Scope: "a/", To: Authenticated, Rights: Get},
		Grant{Scope: "a/", To: User("reader"), Rights: ReadACL},
		Grant{Scope: "a/x", To: User("bob"), Rights: Get, Expires: epoch})
	ix := newIndex(p)
	for _, c := range []struct {
		who    string
		scope  string
		from   Principal
		rights Rights
		want   string
	}{
		{"alice", "a/x", User("bob"), Get, `Get: all Get in "", staff Get+WriteACL in "a/", authenticated Get in "a/"`},
		{"reader", "a/x", User("bob"), Get | Write, `Get: staff Get+WriteACL in "a/", authenticated Get in "a/", from above`},
		{"stranger", "a/x", User("bob"), Get, `Get: from above`},
		{"alice", "a/x", User("bob"), Delete, `none:`},
		{"alice", "d/x", User("bob"), Delete, `Delete: public Delete in "d/"`},
		{"alice", "d/in/x", User("bob"), Delete, `none:`},
		{"alice", "a/x", User("olga"), Get | Share, `Get+Share: authenticated Get in "a/", from above`},
		{"alice", "a/x", User("berta"), Share, `Share: from above`},
		{"alice", "a/x", Group("staff"), Get, `Get: all Get in "", staff Get+WriteACL in "a/", authenticated Get in "a/"`},
		{"alice", "a/x", Public, Get, `none:`},
		{"alice", "d/x", Public, Delete, `Delete: public Delete in "d/"`},
		{"alice", "a/x", Authenticated, Get, `Get: authenticated Get in "a/"`},
	} {
		left := residual(ix, asker{Identity: Identity{User: c.who}}, c.scope, c.from, c.rights, epoch)
		var parts []string
		for _, g := range left.Grants {
			g.Expires, g.By = time.Time{}, ""
			parts = append(parts, strings.TrimPrefix(g.String(), "group:"))
		}
		if left.FromAbove {
			parts = append(parts, "from above")
		}
		if got := strings.TrimSpace(left.Rights.String() + ": " + strings.Join(parts, ", ")); got != c.want {
			t.Errorf("%s asks what is left of %v for %v in %q: got %s\nwant %s", c.who, c.rights, c.from, c.scope, got, c.want)
		}
	}
}

// TestResidualIsComplete: what it says is left is what the reference says, for everyone but the suspended.
func TestResidualIsComplete(t *testing.T) {
	for n := range cases(2_000) {
		r := source(n)
		p := randomPolicy(r, scopes[:20])
		p.Suspended = nil
		ix := newIndex(p.Clone())
		id, scope, rights := pick(r, users), pick(r, scopes[:20]), randomRights(r)
		asks := pick(r, identities)
		left := residual(ix, asker{Identity: asks}, scope, User(id), rights, epoch)
		if want := Reference(p, Identity{User: id}, scope, epoch) & rights; left.Rights != want {
			t.Fatalf("case %d: %v is left, want %v", n, left.Rights, want)
		}
		for _, g := range left.Grants {
			if !Reference(p, asks, g.Scope, epoch).Has(ReadACL) {
				t.Fatalf("case %d: %+v is shown %v", n, asks, g)
			}
		}
	}
}
