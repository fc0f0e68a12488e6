package acl

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

func TestParsePrincipal(t *testing.T) {
	for s, want := range map[string]Principal{
		"user:alice": User("alice"), "group:staff": Group("staff"), "authenticated": Authenticated, "public": Public,
		"user:a:b": User("a:b"), "user::": User(":"), "user:group:x": User("group:x"), "group:user:x": Group("user:x"),
		"user:public": User("public"), "user:a#b@c|d/e": User("a#b@c|d/e"), "user:\x00": User("\x00"), "user: ": User(" "),
	} {
		if got, err := ParsePrincipal(s); err != nil || got != want || got.String() != s {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "alice", "user", "user:", "group:", ":alice", "User:alice", "users:alice", "public:", "authenticated:x", " user:a",
		"user:\xff", "user:" + strings.Repeat("a", maxID+1),
	} {
		if got, err := ParsePrincipal(s); !errors.Is(err, blob.ErrInvalid) || got != (Principal{}) {
			t.Errorf("%.40q is %v, %v", s, got, err)
		}
	}
	if _, err := json.Marshal(Principal{}); err == nil {
		t.Error("no principal was marshaled")
	}
}

// TestIdsAreOpaque: ids that join, quote or cut to the same string are still different people.
func TestIdsAreOpaque(t *testing.T) {
	ids := []string{
		"a", "a:", "a:b", ":a", "a#b", "a@b", "a|b", "a/b", "a/", "/a", "a\x00", "a\x00b", "\x00", "A", "\u00e1", "a\u0301", "a ", " a",
		"user:a", "group:a", "public", "authenticated", "*", "a,b", `a"b`, "a\\b", "a%00",
	}
	p := &Policy{ID: "p", Owners: []Principal{User("o")}, AllowPublic: true}
	for i, id := range ids {
		scope := strings.Repeat("x", i+1) + "/"
		p.Grants = append(p.Grants, Grant{Scope: scope, To: User(id), Rights: Get}, Grant{Scope: scope, To: Group(id), Rights: List})
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	stored := new(Policy)
	if err := json.Unmarshal(text, stored); err != nil {
		t.Fatal(err)
	}
	ix := newIndex(stored)
	for i, id := range ids {
		user, member := compile(ix, Identity{User: id}, epoch), compile(ix, Identity{Groups: []string{id}}, epoch)
		for j := range ids {
			var asUser, asMember Rights
			if i == j {
				asUser, asMember = Get, List
			}
			scope := strings.Repeat("x", j+1) + "/"
			if user.rights(scope) != asUser || member.rights(scope) != asMember {
				t.Errorf("%q has rights of %q", id, ids[j])
			}
		}
	}
}

func TestIdentityValidate(t *testing.T) {
	for _, who := range []Identity{Nobody, {User: "a"}, {Groups: []string{"g"}}, {User: "a", Groups: []string{"g", "h"}}} {
		if err := who.Validate(); err != nil {
			t.Errorf("%+v: %v", who, err)
		}
	}
	for _, who := range []Identity{{User: "\xff"}, {User: "a", Groups: []string{""}}, {Groups: []string{"g", "\xff"}}} {
		if err := who.Validate(); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("%+v is allowed", who)
		}
	}
}

func FuzzParsePrincipal(f *testing.F) {
	for _, s := range []string{"user:alice", "group:a:b", "public", "authenticated", "user:", ":", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePrincipal(s)
		if err != nil {
			return
		}
		if p.String() != s || p.Validate() != nil {
			t.Fatalf("%q became %q", s, p)
		}
		text, err := json.Marshal(p)
		var again Principal
		if err != nil || json.Unmarshal(text, &again) != nil || again != p {
			t.Fatalf("%q was stored as %s and came back as %q: %v", s, text, again, err)
		}
	})
}
