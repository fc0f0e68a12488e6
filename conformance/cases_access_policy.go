package conformance

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
)

// Access control: the policy itself, who may change it, and where it is kept.

// eventually polls what another guard says, which may lag behind for as long as that guard states.
func (t *T) eventually(guard *acl.Guard, what string, f func() bool) {
	bound := guard.RevocationBound().Views
	for deadline := time.Now().Add(bound); ; time.Sleep(10 * time.Millisecond) {
		late := time.Now().After(deadline) // before f looks, which may take a while
		if f() {
			return
		}
		if late {
			t.Errorf("another guard has not seen %s after its bound of %v", what, bound)
			return
		}
	}
}

func delegationRule(t *T) {
	a := newAccess(t)
	hour := time.Now().Add(time.Hour)
	a.edit(grant("a/", "admin", acl.Reader|acl.Control), grantUntil("b/", "guest", acl.Admin, hour), grant("a/", "reader", acl.Reader), grant("a/", "auditor", acl.Reader|acl.ReadACL),
		acl.SetBarrier("a/private/"), grant("a/", "dave", acl.Reader), grant("c/", "wide", acl.Control), grantTo("c/", acl.User("x"), acl.Reader), acl.SetBarrier("c/d/"))
	for _, test := range []struct {
		who     string
		edit    acl.Edit
		allowed bool
	}{
		{"admin", grant("a/", "bob", acl.Reader), true},
		{"admin", grant("a/b/", "bob", acl.Get), true},
		{"admin", grant("a/", "bob", acl.Write), false},
		{"admin", grant("a/", "admin", acl.Admin), false},
		{"admin", grant("", "bob", acl.Get), false},
		{"admin", grant("ab/", "bob", acl.Get), false},
		{"admin", grant("a/private/", "admin", acl.Get), false}, // which the barrier keeps from him
		{"admin", acl.Revoke("a/", acl.User("dave")), true},
		{"admin", acl.SetBarrier("a/more/"), true},
		{"admin", acl.SetBarrier("x/"), false},
		{"admin", acl.SetGroup("g", acl.User("admin")), false},
		{"admin", acl.AddOwner(acl.User("admin")), false},
		{"admin", acl.Suspend("dave"), false},
		{"admin", acl.SetAllowPublic(true), false},
		{"reader", grant("a/", "bob", acl.Get), false},
		{"reader", acl.Revoke("a/", acl.User("admin")), false},
		{"auditor", grant("a/", "bob", acl.Get), false},
		{"auditor", acl.Revoke("a/", acl.User("reader")), false},
		{"auditor", acl.SetBarrier("a/b/"), false},
		{"guest", grantUntil("b/", "bob", acl.Get, hour.Add(-time.Minute)), true},
		{"guest", grant("b/", "bob", acl.Get), false}, // for ever
		{"guest", grantUntil("b/", "guest", acl.Get, hour.Add(time.Hour)), false},
		{"wide", acl.RemoveBarrier("c/d/"), false}, // it stops rights that he has not
		{"", grant("a/", "bob", acl.Get), false},
		{"stranger", grant("a/", "stranger", acl.Get), false},
	} {
		err := try(t, a.as(test.who), test.edit)[0]
		what := fmt.Sprintf("%q, who would %v", test.who, test.edit)
		if test.allowed {
			wantAllowed(t, what, err)
		} else if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s, is answered %v; that must be fs.ErrPermission", what, err)
		}
	}
	errs := try(t, a.as("admin"), grant("a/", "carol", acl.Write), grant("a/", "carol", acl.Get), grant("z/", "carol", acl.Get))
	if errs[0] == nil || errs[1] != nil || errs[2] == nil {
		t.Errorf("in a batch, a refused edit among good ones: %v", errs)
	}
	wantRights(t, "carol", a.as("carol"), "a/k", acl.Get)
	wantRights(t, "admin", a.as("admin"), "a/k", acl.Reader|acl.Control)
}

func lastOwner(t *T) {
	a := newAccess(t)
	a.edit(acl.AddOwner(acl.Group("owners")), acl.SetGroup("owners", acl.User("olga")))
	for _, edit := range []acl.Edit{acl.RemoveOwner(acl.User("root")), acl.Suspend("root")} {
		if err := try(t, a.root, edit)[0]; err == nil {
			t.Errorf("the last owner who is a user: %v succeeds", edit)
		}
		wantRights(t, "root", a.root, "k", acl.Admin)
	}
	if errs := try(t, a.root, acl.AddOwner(acl.User("second")), acl.Suspend("second"), acl.RemoveOwner(acl.User("root"))); errs[2] == nil {
		t.Errorf("the last owner goes, leaving one who is suspended")
	}
	a.edit(acl.Unsuspend("second"), acl.RemoveOwner(acl.User("root")))
	wantRights(t, "root, who gave it up", a.root, "k", 0)
	wantRights(t, "second", a.as("second"), "k", acl.Admin)
}

func racingAdmins(t *T) {
	a := newAccess(t)
	guards := []*acl.Guard{a.guard}
	guards = append(guards, a.again(quickly).guard)
	const admins = 8
	made := 0
	for round := range t.rounds(25) { // 200 racing edits in the default tier
		var failed [admins]error
		t.crowd(admins, func(i int) {
			view := guards[i%2].As(acl.Identity{User: "root"})
			scope := fmt.Sprintf("r%d/%d/", round, i)
			for _, res := range view.Batch(t.ctx, grant(scope, "alice", acl.Get)) {
				failed[i] = res.Err
			}
		})
		for i, err := range failed {
			if err != nil {
				t.Fatalf("edit %d of round %d: %v", i, round, err)
			}
		}
		made = round + 1
	}
	alice, lost := a.again(quickly).as("alice"), 0
	for round := range made {
		for i := range admins {
			if !may(t, alice, acl.Get, fmt.Sprintf("r%d/%d/k", round, i)) {
				lost++
			}
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged grants are lost", lost, made*admins)
	}
}

// failClosed spoils the objects of the policy in turn; whoever opens it then must not be let in, and no view that is
// already open may go on for longer than the bound.
func failClosed(t *T) {
	t.Put("d/k", "content")
	spoil := map[string]func(store blob.Bucket, key, content string) error{
		"corrupt": func(store blob.Bucket, key, content string) error {
			return putContent(t, store, key, strings.Repeat("?", len(content)))
		},
		"cut short": func(store blob.Bucket, key, content string) error {
			return putContent(t, store, key, content[:len(content)/2])
		},
		"empty": func(store blob.Bucket, key, _ string) error { return putContent(t, store, key, "") },
		"gone":  func(store blob.Bucket, key, _ string) error { return store.Delete(t.ctx, key, nil) },
	}
	for name, spoil := range spoil {
		store := t.OpenAnother()
		a := newAccessOver(t, t.Bucket, store)
		a.edit(grant("d/", "alice", acl.Reader))
		a = a.again(quickly)
		wantAllowed(t, "get before the policy is "+name, getThrough(t, a.as("alice"), "d/k"))
		for _, key := range t.EntriesOf(store, nil) {
			content, _, err := get(t, store, key, nil)
			t.WantOK("get of a part of the policy", err)
			t.WantOK(name, spoil(store, key, content))
		}
		if again, err := acl.Open(t.ctx, t.Bucket, &acl.Options{Store: store}); err == nil {
			t.Errorf("a policy that is %s opens", name)
			again.Close()
		}
		for _, who := range []string{"alice", "root"} {
			t.eventually(a.guard, "that its policy is "+name, func() bool { return getThrough(t, a.as(who), "d/k") != nil })
		}
	}
	f, store := newFaulty(t.OpenAnother())
	a := newAccessOver(t, t.Bucket, store)
	a.edit(grant("d/", "alice", acl.Reader))
	a = a.again(quickly)
	_ = f.breakMethod("Get")
	_ = f.breakMethod("Stat")
	if again, err := acl.Open(t.ctx, t.Bucket, &acl.Options{Store: store}); err == nil {
		t.Errorf("a policy whose store is down opens")
		again.Close()
	}
	t.eventually(a.guard, "that its store is down", func() bool { return getThrough(t, a.as("alice"), "d/k") != nil })
	f.repair()
	t.eventually(a.guard, "that its store is up again", func() bool { return getThrough(t, a.as("alice"), "d/k") == nil })
}

func putContent(t *T, b blob.Bucket, key, content string) error {
	_, err := b.Put(t.ctx, key, strings.NewReader(content), nil)
	return err
}

func unwrittenGrant(t *T) {
	f, store := newFaulty(t.OpenAnother())
	a := newAccessOver(t, t.Bucket, store)
	wantAllowed(t, "put", putThrough(t, a.root, "d/k", blob.Condition{}))
	_ = f.breakMethod("Put")
	if err := try(t, a.root, grant("d/k", "alice", acl.Reader))[0]; err == nil {
		t.Errorf("a grant that cannot be written is acknowledged")
	}
	wantDenied(t, "get without the grant", getThrough(t, a.as("alice"), "d/k"))
	f.repair()
	a.edit(grant("other", "bob", acl.Reader))
	wantDenied(t, "get without the grant, after the store works again", getThrough(t, a.as("alice"), "d/k"))
}

func manyGrants(t *T) {
	a := newAccess(t)
	p := &acl.Policy{Owners: []acl.Principal{acl.User("root")}}
	var edits []acl.Edit
	scope := func(depth, n int) string { return strings.Repeat("d/", depth) + fmt.Sprintf("s%d/", n) }
	for i := range 10_000 {
		g := acl.Grant{Scope: scope(i%100, i/500), To: acl.User(fmt.Sprint("u", i%7)), Rights: acl.Rights(1 + i%31), By: "root"}
		p.Grants = append(p.Grants, g)
		edits = append(edits, acl.AddGrant(g))
	}
	for batch := range slices.Chunk(edits, 1000) {
		a.edit(batch...)
	}
	for i := range 5000 {
		who, key := fmt.Sprint("u", i%8), scope(i%100, i%21)+"k"
		wantRights(t, who, a.as(who), key, acl.Reference(p, acl.Identity{User: who}, key, time.Now()))
	}
}

func opaqueIDs(t *T) {
	a := newAccess(t)
	ids := []string{"*", "%", "user:alice", "group:g", "public", "authenticated", "ALICE", "alice ", "alïce", "al\u0131ce", "a|b", "a#b", "a@b", "a/b", "..", "root/", "日本", strings.Repeat("x", 200)}
	a.edit(grant("d/", "alice", acl.Admin), grantTo("d/", acl.Group("g"), acl.Admin))
	for i, id := range ids {
		scope := fmt.Sprintf("s%d/", i)
		err := try(t, a.root, grant(scope, id, acl.Get))[0]
		if err != nil {
			wantClass(t, fmt.Sprintf("a grant to the user %q", id), err, blob.ErrInvalid) // refused is fine, taken for another is not
			continue
		}
		wantRights(t, id, a.as(id), scope+"k", acl.Get)
		wantRights(t, id, a.as(id), "d/k", 0)
		for _, other := range append(slices.Clone(ids), "alice", "b", "x", "") {
			if other != id {
				wantRights(t, other, a.as(other), scope+"k", 0)
			}
		}
	}
	if err := try(t, a.root, grant("d/", "", acl.Get))[0]; err == nil {
		t.Errorf("a grant to the user without an id is accepted")
	}
}

func literalScopes(t *T) {
	a := newAccess(t)
	scopes := []string{"*/", "a*/", "?/", "[ab]/", "{a,b}/", ".*/", "a.b/", "^a/", "a$/", "%/", "~/", "a+/", "(a)/"}
	var edits []acl.Edit
	for _, scope := range scopes {
		edits = append(edits, grant(scope, "alice", acl.Reader))
	}
	a.edit(edits...)
	alice := a.as("alice")
	for _, scope := range scopes {
		wantRights(t, "alice", alice, scope+"k", acl.Reader)
	}
	for _, key := range []string{"a/k", "b/k", "ab/k", "axb/k", "aa/k", "x/k", "k", "/k"[1:], "home/k"} {
		wantRights(t, "alice", alice, key, 0)
	}
}

// sameEverywhere makes one policy from a seed of its own, which no run changes.
func sameEverywhere(t *T) {
	random := t.Rand
	defer func() { t.Rand = random }()
	t.Rand = rand.New(rand.NewPCG(36, 36))
	names := []string{"a", "b", "c"}
	a := newAccess(t)
	p, edits := randomPolicy(t, names)
	a.edit(edits...)
	h := fnv.New64a()
	for range 500 {
		who, key := randomIdentity(t), randomKey(t, names)
		got := rightsOf(t, a.guard.As(who), key)
		if want := acl.Reference(p, who, key, time.Now()); got != want {
			t.Errorf("%+v may %v %q; the reference says %v", who, got, key, want)
		}
		fmt.Fprintln(h, who.User, who.Groups, key, uint8(got))
	}
	if sum := h.Sum64(); sum != fixedDecisions {
		t.Errorf("the decisions of the fixed policy have the sum %#x, not %#x", sum, uint64(fixedDecisions))
	}
}

// fixedDecisions is the sum of the decisions of sameEverywhere, as every store must have it.
const fixedDecisions = 0x7cd95973204d8b9d

func differential(t *T) {
	checks := [...]int{10_000, 100_000, 1_000_000}[t.Tier]
	const each = 5000
	names := []string{"a", "a-b", "b", "c"}
	for done := 0; done < checks; {
		a := newAccessOver(t, t.Bucket, t.OpenAnother())
		p, edits := randomPolicy(t, names)
		a.edit(edits...)
		views := map[string]*acl.View{}
		for range each / len(singleRights) {
			who, key := randomIdentity(t), randomKey(t, names)
			view := views[fmt.Sprint(who)]
			if view == nil {
				view = a.guard.As(who)
				views[fmt.Sprint(who)] = view
			}
			want, got := acl.Reference(p, who, key, time.Now()), rightsOf(t, view, key)
			done += len(singleRights)
			if got != want {
				t.Errorf("%+v may %v %q; the reference says %v of %+v", who, got, key, want, p)
				return
			}
		}
	}
}

func monotone(t *T) {
	names := []string{"a", "b", "c"}
	for range t.rounds(20) {
		a := newAccessOver(t, t.Bucket, t.OpenAnother())
		_, edits := randomPolicy(t, names)
		a.edit(edits...)
		var who []acl.Identity
		var keys []string
		for range 10 {
			who, keys = append(who, randomIdentity(t)), append(keys, randomKey(t, names))
		}
		look := func() (all []acl.Rights) {
			for _, w := range who {
				for _, key := range keys {
					all = append(all, rightsOf(t, a.guard.As(w), key))
				}
			}
			return all
		}
		before := look()
		g := randomGrant(t, names)
		a.edit(acl.AddGrant(g))
		granted := look()
		barrier := randomScope(t, names)
		if barrier == "" {
			continue
		}
		a.edit(acl.SetBarrier(barrier))
		stopped := look()
		for i := range before {
			if before[i]&^granted[i] != 0 {
				t.Errorf("the grant %v takes %v of %v from %+v on %q", g, before[i]&^granted[i], before[i], who[i/10], keys[i%10])
			}
			if stopped[i]&^granted[i] != 0 {
				t.Errorf("a barrier at %q gives %v to %+v on %q", barrier, stopped[i]&^granted[i], who[i/10], keys[i%10])
			}
		}
	}
}

// chainOfScopes computes rights in another way than the definition says them: by walking down to the key, letting go of
// all but control at each barrier, and taking up what each scope gives.
func chainOfScopes(t *T) {
	names := []string{"a", "b", "c"}
	for range t.rounds(10) {
		a := newAccessOver(t, t.Bucket, t.OpenAnother())
		p, edits := randomPolicy(t, names)
		a.edit(edits...)
		for range 100 {
			key := randomKey(t, names)
			who := fmt.Sprint("u", t.Rand.IntN(users))
			if slices.Contains(p.Suspended, who) {
				continue
			}
			is := []acl.Principal{acl.User(who)}
			if p.AllowPublic {
				is = append(is, acl.Public, acl.Authenticated)
			}
			for grown := true; grown; {
				grown = false
				for id, members := range p.Groups {
					if !slices.Contains(is, acl.Group(id)) && slices.ContainsFunc(members, func(m acl.Principal) bool { return slices.Contains(is, m) }) {
						is, grown = append(is, acl.Group(id)), true
					}
				}
			}
			if slices.ContainsFunc(p.Owners, func(o acl.Principal) bool { return slices.Contains(is, o) }) {
				continue
			}
			var rights acl.Rights
			scopes := []string{""}
			for i, c := range key {
				if c == '/' {
					scopes = append(scopes, key[:i+1])
				}
			}
			if last := scopes[len(scopes)-1]; last != key {
				scopes = append(scopes, key)
			}
			for _, scope := range scopes {
				if slices.Contains(p.Barriers, scope) {
					rights &= acl.Control
				}
				for _, g := range p.Grants {
					if g.Scope == scope && slices.Contains(is, g.To) {
						rights |= g.Rights
					}
				}
			}
			wantRights(t, who, a.as(who), key, rights)
		}
	}
}

// twelveCells are the pairs of a grant on the bucket and one on the object that S3's canned lists make.
func twelveCells(t *T) {
	public := map[string]acl.Rights{"private": 0, "public-read": acl.List, "public-read-write": acl.List | acl.CreateNew | acl.Write | acl.Delete}
	for bucketList, onBucket := range public {
		for _, object := range []struct {
			list string
			to   acl.Principal
			can  acl.Rights
		}{{"private", acl.Public, 0}, {"public-read", acl.Public, acl.Get}, {"public-read-write", acl.Public, acl.Get | acl.Write}, {"authenticated-read", acl.Authenticated, acl.Get}} {
			a := newAccessOver(t, t.Bucket, t.OpenAnother())
			edits := []acl.Edit{acl.SetAllowPublic(true)}
			if onBucket != 0 {
				edits = append(edits, grantTo("", acl.Public, onBucket))
			}
			if object.can != 0 {
				edits = append(edits, grantTo("foo", object.to, object.can))
			}
			t.Put("foo", "foo")
			t.Put("bar", "bar")
			a.edit(edits...)
			cell := bucketList + " × " + object.list
			anybody := onBucket
			if object.to == acl.Public {
				anybody |= object.can
			}
			wantRights(t, cell+": anybody", a.as(""), "foo", anybody)
			wantRights(t, cell+": anybody", a.as(""), "bar", onBucket)
			wantRights(t, cell+": a user", a.as("alice"), "foo", onBucket|object.can)
			if err := getThrough(t, a.as(""), "foo"); (err == nil) != anybody.Has(acl.Get) {
				t.Errorf("%s: anybody gets foo with %v", cell, err)
			}
			if onBucket.Has(acl.List) {
				wantListed(t, cell+": anybody", a.as(""), nil, "bar", "foo")
			} else {
				wantListed(t, cell+": anybody", a.as(""), nil)
			}
		}
	}
}
