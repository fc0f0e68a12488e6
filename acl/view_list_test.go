package acl

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
	"github.com/holdall-go/holdall/internal/keyspace"
)

// What the bucket holds beside the keys: what views must not see.
var hiddenKeys = []string{
	"a//b", "/a", "photos//x", "a/../b", "photos/./x", ".holdall/x", ".holdall/acl/y", "a/.HOLDALL/z", "photos/.holdall./x",
	"a/b/.holdall/1", "back\\slash", "ctl\x01", "z/.holdall", "only-hidden/.holdall/x", "only-hidden2//x",
}

// listed is what a listing must show, computed from the definition: roll up what is visible.
func listed(objects []string, visible func(string) bool, all func(prefix string) bool, o *blob.ListOptions) []string {
	got := []string{}
	for _, key := range objects {
		if !strings.HasPrefix(key, o.Prefix) {
			continue
		}
		entry, rolled := keyspace.RollUp(key, o.Prefix, o.Delimiter)
		if !rolled {
			entry = key
		}
		shown := visible(key)
		if !shown && rolled && o.Delimiter == "/" { // the one exception
			shown = all(entry) && checkPrefix(entry) == nil
		}
		if shown && entry >= o.Start() && !slices.Contains(got, entry) {
			got = append(got, entry)
		}
	}
	slices.Sort(got)
	if o.Limit > 0 && len(got) > o.Limit {
		got = got[:o.Limit]
	}
	return got
}

// TestListingEqualsOneOfTheVisibleKeys compares listings by every prefix, delimiter, start and limit, over random
// policies, with the definition.
func TestListingEqualsOneOfTheVisibleKeys(t *testing.T) {
	policies := 250
	if testing.Short() {
		policies = 40
	}
	b := mem.New(nil)
	objects := append(slices.Clone(keys), hiddenKeys...)
	put(t, b, objects...)
	slices.Sort(objects)
	clock := newManualClock()
	g := newTestGuard(t, b, &Options{Store: mem.New(nil), now: clock.read})
	edges := []string{"", "a", "a/", "a/b", "a/b/", "a/b0", "a/bc/", "p", "ph", "photos", "photos/", "photos/x", "photos0", "é", "z", "~", "only-hidden/", ".h"}
	delimiters := []string{"", "/", "o", "/x", "ph", "é", "-", "b/"}
	for n := range policies {
		r := source(n)
		p := randomPolicy(r, scopes)
		for i := range p.Grants {
			if r.IntN(3) > 0 {
				p.Grants[i].Rights |= List
			}
		}
		install(t, g, p)
		who := pick(r, append(identities, Identity{User: "olga"}))
		view := g.As(who)
		c := compile(newIndex(p.Clone()), who, epoch)
		visible := func(key string) bool { return CheckKey(key) == nil && c.rights(key).Has(List) }
		all := func(prefix string) bool { return c.coversAll(prefix, List) }
		for range 120 {
			o := &blob.ListOptions{Prefix: pick(r, edges), Delimiter: pick(r, delimiters), Limit: r.IntN(4), PageSize: r.IntN(3)}
			switch start := pick(r, append(edges, keys...)); r.IntN(3) {
			case 0:
				o.StartAfter = start
			case 1:
				o.StartAt = start
			}
			want := listed(objects, visible, all, o)
			got := []string{}
			for e, err := range view.List(t.Context(), o) {
				if err != nil {
					t.Fatalf("case %d: %+v: %v", n, o, err)
				}
				if _, rolled := keyspace.RollUp(e.Key, o.Prefix, o.Delimiter); e.IsPrefix != rolled {
					t.Fatalf("case %d: %+v: entry %q is a prefix: %v", n, o, e.Key, e.IsPrefix)
				}
				got = append(got, e.Key)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("case %d: %+v lists by %+v\n%q, want\n%q in\n%s", n, who, o, got, want, describe(p))
			}
		}
	}
}

// Attack 12: what is hidden changes nothing of what is listed.
func TestHiddenKeysDoNotShowInListings(t *testing.T) {
	shown := func(hidden ...string) string {
		b := mem.New(nil)
		put(t, b, "a/1", "a/2", "b/x/3", "c")
		put(t, b, hidden...)
		g := newTestGuard(t, b, nil)
		install(t, g, policyOf(grantTo("u", "a/", List), grantTo("u", "b/x/", List), grantTo("u", "c", List)))
		var s []string
		for _, delimiter := range []string{"", "/", "x"} {
			for limit := range 5 {
				for _, start := range []string{"", "a/1", "b/"} {
					s = append(s, fmt.Sprint(entries(t, g.as("u"), &blob.ListOptions{Delimiter: delimiter, Limit: limit, StartAfter: start})))
				}
			}
		}
		return strings.Join(s, "\n")
	}
	want := shown()
	many := []string{"0", "a", "a0", "b/", "b/w", "b/x", "b/y", "bb/x", "c/", "d/e/f", "~"}
	for i := range 100 {
		many = append(many, fmt.Sprintf("b/w%d/k", i))
	}
	if got := shown(many...); got != want {
		t.Errorf("with hidden keys the listings are\n%s\nwithout\n%s", got, want)
	}
}

// A listing asks the store only for what is visible.
func TestListingSkipsWhatIsHidden(t *testing.T) {
	s := newSpy()
	for i := range 100 {
		put(t, s.Wrapper, fmt.Sprintf("d%02d/a", i), fmt.Sprintf("d%02d/b", i))
	}
	g := newTestGuard(t, s, nil)
	install(t, g, policyOf(grantTo("u", "d07/", List), grantTo("u", "d42/", List)))
	if got := entries(t, g.as("u"), nil); !slices.Equal(got, []string{"d07/a", "d07/b", "d42/a", "d42/b"}) {
		t.Errorf("lists %q", got)
	}
	if calls := s.taken(); !slices.Equal(calls, []string{"list d07/", "list d42/"}) {
		t.Errorf("asked for %q", calls)
	}
	if got := entries(t, g.as("u"), &blob.ListOptions{Delimiter: "/"}); !slices.Equal(got, []string{"d07/", "d42/"}) {
		t.Errorf("lists %q", got)
	}
	if calls := s.taken(); len(calls) != 2 {
		t.Errorf("asked for %q", calls)
	}
	if got := entries(t, g.as("olga"), &blob.ListOptions{Delimiter: "/"}); len(got) != 100 {
		t.Errorf("lists %q", got)
	}
	if calls := s.taken(); !slices.Equal(calls, []string{"list "}) {
		t.Errorf("asked for %q", calls)
	}
}

// What is revoked while a listing goes on is not listed after it was noticed.
func TestListingEndsWhereListIsRevoked(t *testing.T) {
	b := mem.New(nil)
	for i := range 5000 {
		put(t, b, fmt.Sprintf("a/%05d", i))
	}
	g := newTestGuard(t, b, nil)
	install(t, g, policyOf(grantTo("u", "a/", List), grantTo("u", "a/00100", List), grantTo("u", "a/04999", List)))
	n := 0
	for o, err := range g.as("u").List(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 50 {
			must(t)(g.as("olga").Revoke(t.Context(), "a/", User("u")))
		}
		if n > checkEntries && o.Key != "a/04999" {
			t.Fatalf("entry %d is %q", n, o.Key)
		}
	}
	if n != checkEntries+1 {
		t.Errorf("listed %d", n)
	}
}

func TestVersionsNeedWrite(t *testing.T) {
	b := mem.New(&mem.Options{Versions: true})
	put(t, b, "a/x", "a/x", "a/gone", "b/x", "b/x")
	if err := b.Delete(t.Context(), "a/gone", nil); err != nil {
		t.Fatal(err)
	}
	g := newTestGuard(t, b, nil)
	install(t, g, policyOf(grantTo("u", "a/", Reader), grantTo("u", "b/", Reader|Write)))
	got := entries(t, g.as("u"), &blob.ListOptions{Versions: true})
	if want := []string{"a/x", "b/x", "b/x"}; !slices.Equal(got, want) {
		t.Errorf("lists %q, want %q", got, want)
	}
}
