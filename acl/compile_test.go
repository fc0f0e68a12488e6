package acl

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCompiledEqualsReference compares every way in which rights are computed on random policies: the compiled form, the
// holding that delegation goes by, and the explanation, with the reference.
func TestCompiledEqualsReference(t *testing.T) {
	for n := range cases(4_000) {
		r := source(n)
		p := randomPolicy(r, scopes)
		ix := newIndex(p.Clone())
		who := pick(r, identities)
		restrictions := randomRestrictions(r)
		c := compile(ix, who, epoch, restrictions...)
		for _, key := range scopes {
			want := restricted(Reference(p, who, key, epoch), key, epoch, restrictions)
			if got := c.rights(key); got != want {
				t.Fatalf("case %d: %+v on %q under %v has %v, want %v, in\n%s", n, who, key, restrictions, got, want, describe(p))
			}
			if got := ix.policy.hold(ix.membership, asker{who, restrictions}, key, epoch); got.rights != want {
				t.Fatalf("case %d: %+v on %q under %v holds %v, want %v, in\n%s", n, who, key, restrictions, got.rights, want, describe(p))
			}
			right := randomRights(r)
			if e := explain(ix, who, right, key, epoch, restrictions...); e.Allowed != want.Has(right) {
				t.Fatalf("case %d: %+v explained as %v, want %v", n, who, e, want.Has(right))
			}
		}
	}
}

// TestUntil compares until when a right is held with the reference, a moment before and at each expiry.
func TestUntil(t *testing.T) {
	for n := range cases(6_000) {
		r := source(n)
		p := randomPolicy(r, scopes[:6])
		ix := newIndex(p.Clone())
		who, restrictions := pick(r, identities), randomRestrictions(r)
		for _, key := range scopes[:6] {
			right := Rights(1) << r.IntN(len(rightNames))
			has := func(now time.Time) bool {
				return restricted(Reference(p, who, key, now), key, now, restrictions).Has(right)
			}
			until, ok := ix.until(who, right, key, epoch, restrictions...)
			if ok != has(epoch) {
				t.Fatalf("case %d: %v on %q held: %v, want %v", n, right, key, ok, has(epoch))
			}
			if !ok {
				continue
			}
			if until.IsZero() {
				until = epoch.Add(1000 * time.Hour)
			} else if has(until) {
				t.Fatalf("case %d: %v on %q is held at %v, when it should end", n, right, key, until)
			}
			if !has(until.Add(-1)) {
				t.Fatalf("case %d: %v on %q is not held until %v", n, right, key, until)
			}
		}
	}
}

// TestValidUntil checks that nothing changes before a compiled form says so.
func TestValidUntil(t *testing.T) {
	for n := range cases(2_000) {
		r := source(n)
		p := randomPolicy(r, scopes[:20])
		who, restrictions := pick(r, identities), randomRestrictions(r)
		c := compile(newIndex(p.Clone()), who, epoch, restrictions...)
		if !c.validUntil.IsZero() && !c.validUntil.After(epoch) {
			t.Fatalf("case %d: valid until %v, which is over", n, c.validUntil)
		}
		last := c.validUntil
		if last.IsZero() {
			last = epoch.Add(1000 * time.Hour)
		}
		for _, key := range scopes[:20] {
			if want := restricted(Reference(p, who, key, last.Add(-1)), key, last.Add(-1), restrictions); c.rights(key) != want {
				t.Fatalf("case %d: %q changed before %v: %v, then %v", n, key, c.validUntil, c.rights(key), want)
			}
		}
	}
}

func rightsOf(p *Policy, who Identity, key string) Rights {
	return compile(newIndex(p.Clone()), who, epoch).rights(key)
}

// TestEditsOfPoliciesAreMonotone: adding a grant takes nothing, adding a barrier gives nothing, neither touches a key
// outside its scope, and the order of a policy's parts means nothing.
func TestEditsOfPoliciesAreMonotone(t *testing.T) {
	for n := range cases(2_000) {
		r := source(n)
		p := randomPolicy(r, scopes)
		who, scope := pick(r, identities), pick(r, scopes)
		granted := p.Clone()
		granted.Grants = append(granted.Grants, Grant{Scope: scope, To: pick(r, principals), Rights: randomRights(r)})
		walled := p.Clone()
		if scope != "" {
			walled.Barriers = append(walled.Barriers, scope)
		}
		shuffled := p.Clone()
		r.Shuffle(len(p.Grants), func(i, j int) {
			shuffled.Grants[i], shuffled.Grants[j] = shuffled.Grants[j], shuffled.Grants[i]
		})
		slices.Reverse(shuffled.Barriers)
		for _, key := range keys {
			before := rightsOf(p, who, key)
			with, behind := rightsOf(granted, who, key), rightsOf(walled, who, key)
			switch {
			case !with.Has(before):
				t.Fatalf("case %d: a grant at %q took %v from %q", n, scope, before&^with, key)
			case !before.Has(behind):
				t.Fatalf("case %d: a barrier at %q gave %v on %q", n, scope, behind&^before, key)
			case !covers(scope, key) && (with != before || behind != before):
				t.Fatalf("case %d: an edit at %q changed %q", n, scope, key)
			case behind&Control != before&Control:
				t.Fatalf("case %d: a barrier at %q changed Control on %q", n, scope, key)
			}
		}
		for _, key := range keys {
			if got, want := rightsOf(shuffled, who, key), rightsOf(p, who, key); got != want {
				t.Fatalf("case %d: order matters on %q: %v, %v", n, key, got, want)
			}
		}
	}
}

func TestOwnersHaveEverything(t *testing.T) {
	for n := range cases(1_000) {
		r := source(n)
		p := randomPolicy(r, scopes)
		ix := newIndex(p)
		olga := compile(ix, Identity{User: "olga"}, epoch)
		if !olga.owner || olga.suspended || !olga.validUntil.IsZero() {
			t.Fatalf("case %d: olga is no owner", n)
		}
		for _, key := range scopes {
			if olga.rights(key) != Admin {
				t.Fatalf("case %d: an owner has only %v on %q", n, olga.rights(key), key)
			}
		}
		narrow := compile(ix, Identity{User: "olga"}, epoch, restriction{Scope: "a/", Rights: Reader})
		if narrow.owner || narrow.rights("a/b") != Reader || narrow.rights("b") != 0 {
			t.Fatalf("case %d: a restricted owner is still one", n)
		}
	}
}

func TestNeighboursOfAScope(t *testing.T) {
	p := &Policy{Owners: []Principal{User("o")}, Grants: []Grant{
		{Scope: "photos/", To: User("u"), Rights: Get}, {Scope: "a/b/", To: User("u"), Rights: Get}, {Scope: "k", To: User("u"), Rights: Get},
	}}
	c := compile(newIndex(p), Identity{User: "u"}, epoch)
	for key, want := range map[string]Rights{
		"photos/": Get, "photos/x": Get, "photos/x/y": Get, "photos": 0, "photosx": 0, "photos0/": 0, "photos-private/x": 0, "": 0,
		"a/b/": Get, "a/b/c": Get, "a/b": 0, "a/bc/": 0, "a/": 0, "k": Get, "k/": 0, "kk": 0, "k/x": 0,
	} {
		if got := c.rights(key); got != want {
			t.Errorf("%q: %v, want %v", key, got, want)
		}
	}
}

// TestLongKeys: no scope is longer than a key may be, and asking about a longer one is harmless.
func TestLongKeys(t *testing.T) {
	longest := strings.Repeat("a/", maxKey/2)
	p := &Policy{Owners: []Principal{User("o")}, Grants: []Grant{{Scope: longest, To: User("u"), Rights: Get}}, Barriers: []string{longest[:maxKey-2]}}
	c := compile(newIndex(p), Identity{User: "u"}, epoch)
	if c.rights(longest) != Get || c.rights(longest+"a") != Get || c.rights(longest[:maxKey-2]) != 0 || c.rights(strings.Repeat("b", 5000)) != 0 {
		t.Error("wrong at the longest key")
	}
}

// benchmarkPolicy is a tree of 10 × 10 × 10 × 10 directories with a grant on each, up to n grants, half of them to
// users, half to groups, which nest two deep; "alice" has the one that the benchmark asks about.
func benchmarkPolicy(n int) *Policy {
	p := &Policy{ID: "bench", Owners: []Principal{User("olga")}, Groups: map[string][]Principal{}}
	for g := range 110 {
		var members []Principal
		if g >= 100 {
			for inner := range 10 {
				members = append(members, Group(fmt.Sprint("group", (g-100)*10+inner)))
			}
		} else {
			for u := range 10 {
				members = append(members, User(fmt.Sprint("user", g*10+u)))
			}
		}
		p.Groups[fmt.Sprint("group", g)] = members
	}
	p.Groups["group7"] = append(p.Groups["group7"], User("alice"))
	for i := range n - 1 {
		scope := ""
		for rest, depth := i, 0; depth < 4 || rest > 0; depth++ {
			scope = fmt.Sprintf("dir%d/", rest%10) + scope
			rest /= 10
		}
		to := User(fmt.Sprint("user", i%1000))
		if i%2 == 0 {
			to = Group(fmt.Sprint("group", i%110))
		}
		p.Grants = append(p.Grants, Grant{Scope: scope, To: to, Rights: Reader, By: "olga"})
	}
	p.Grants = append(p.Grants, Grant{Scope: "photos/2015/", To: User("alice"), Rights: Reader, By: "olga"})
	return p
}

const eightSegments = "photos/2015/summer/italy/rome/day1/raw/IMG_0001.jpg"

func TestCheckAllocatesNothing(t *testing.T) {
	p := benchmarkPolicy(1000)
	p.Barriers = []string{"photos/2015/summer/italy/"}
	c := compile(newIndex(p), Identity{User: "alice"}, epoch, restriction{Rights: Admin})
	for what, f := range map[string]func(){
		"rights":    func() { c.rights(eightSegments) },
		"CheckKey":  func() { _ = CheckKey(eightSegments) },
		"next":      func() { c.next(eightSegments) },
		"coversAll": func() { c.coversAll(eightSegments, Get) },
	} {
		if allocs := testing.AllocsPerRun(100, f); allocs != 0 {
			t.Errorf("%s allocates %v times", what, allocs)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{11_111, 1_000_000} {
		p := benchmarkPolicy(n)
		ix := newIndex(p)
		for _, who := range []struct {
			name string
			Identity
			key string
		}{
			{"direct", Identity{User: "alice"}, eightSegments},
			{"group", Identity{User: "alice"}, "dir0/dir0/dir0/dir7/x/y/z/IMG_0001.jpg"},
			{"absent", Identity{User: "alice"}, "dir0/dir9/dir9/dir9/x/y/z/IMG_0001.jpg"},
		} {
			c := compile(ix, who.Identity, epoch)
			b.Run(fmt.Sprintf("grants=%d/%s", n, who.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if CheckKey(who.key) != nil {
						b.Fatal("bad key")
					}
					c.rights(who.key)
				}
			})
		}
	}
}

// BenchmarkCheckDeep asks where each of the eight ancestors has a grant, and every other one a barrier.
func BenchmarkCheckDeep(b *testing.B) {
	p := &Policy{Owners: []Principal{User("olga")}}
	for n := 0; n < len(eightSegments); {
		n = nextAncestor(eightSegments, n)
		p.Grants = append(p.Grants, Grant{Scope: eightSegments[:n], To: User("alice"), Rights: Reader})
		if len(p.Grants)%2 == 0 {
			p.Barriers = append(p.Barriers, eightSegments[:n])
		}
	}
	c := compile(newIndex(p), Identity{User: "alice"}, epoch)
	b.ReportAllocs()
	for b.Loop() {
		c.rights(eightSegments)
	}
}

func BenchmarkCompile1000Scopes(b *testing.B) {
	p := benchmarkPolicy(100_000)
	for i := range 1000 {
		p.Grants = append(p.Grants, Grant{Scope: fmt.Sprintf("dir%d/dir%d/dir%d/own%d/", i%10, i%7, i%3, i), To: User("many"), Rights: Reader})
	}
	ix := newIndex(p)
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			compile(ix, Identity{User: "many"}, epoch)
		}
	})
	b.Run("list", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			compile(ix, Identity{User: "many"}, epoch).next("")
		}
	})
}

func BenchmarkIndex(b *testing.B) {
	p := benchmarkPolicy(1_000_000)
	p.normalize()
	b.Run("stored", func(b *testing.B) { // as it comes from the store, in normal form
		for b.Loop() {
			newIndex(p)
		}
	})
	b.Run("shuffled", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			q := p.Clone()
			rand.Shuffle(len(q.Grants), func(i, j int) { q.Grants[i], q.Grants[j] = q.Grants[j], q.Grants[i] })
			b.StartTimer()
			newIndex(q)
		}
	})
}
