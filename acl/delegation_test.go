package acl

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

var (
	hour = epoch.Add(time.Hour)
	day  = epoch.Add(24 * time.Hour)
)

// team is the policy that the tables start from.
func team() *Policy {
	return &Policy{
		ID:     "team",
		Owners: []Principal{User("olga"), Group("board")},
		Groups: map[string][]Principal{"staff": {User("bob"), User("carol")}, "board": {User("berta")}},
		Grants: []Grant{
			{Scope: "", To: User("alice"), Rights: Reader | Control},
			{Scope: "", To: User("temp"), Rights: Write, Expires: day},
			{Scope: "a/", To: Group("staff"), Rights: Get | WriteACL, Expires: hour, By: "alice"},
			{Scope: "a/secret/", To: User("carol"), Rights: Get | Write | WriteACL, By: "olga"},
			{Scope: "a/secret/", To: User("eve"), Rights: Reader | Write | WriteACL},
			{Scope: "k", To: User("bob"), Rights: Get | WriteACL},
			{Scope: "d/", To: User("bob"), Rights: WriteACL},
			{Scope: "d/", To: Public, Rights: Delete},
			{Scope: "s/", To: User("wes"), Rights: Admin &^ WriteACL},
		},
		Barriers:  []string{"a/secret/", "d/in/", "s/"},
		Suspended: []string{"sam"},
	}
}

func give(scope string, to Principal, rights Rights, expires time.Time) Edit {
	return AddGrant(Grant{Scope: scope, To: to, Rights: rights, Expires: expires})
}

const (
	allowed = "allowed" // and changes something
	already = "already" // allowed, and is so already
	refused = "refused"
	invalid = "invalid"
)

func TestDelegation(t *testing.T) {
	dan := User("dan")
	for _, c := range []struct {
		who  string
		edit Edit
		want string
	}{
		// One needs WriteACL, and gives what one has, where one has it.
		{"alice", give("x/", dan, Get, time.Time{}), allowed},
		{"alice", give("", dan, Reader|Control, time.Time{}), allowed},
		{"alice", give("", dan, Write, time.Time{}), refused},
		{"alice", give("", dan, Get|Write, time.Time{}), refused},
		{"alice", give("", dan, Share, time.Time{}), refused},
		{"temp", give("x/", dan, Write, hour), refused},
		{"stranger", give("x/", dan, Get, time.Time{}), refused},
		{"", give("x/", dan, Get, time.Time{}), refused},
		{"sam", give("x/", dan, Get, time.Time{}), refused},
		{"olga", give("x/", dan, Admin, time.Time{}), allowed},
		{"berta", give("x/", dan, Admin, time.Time{}), allowed},
		{"alice", give("x/", Public, Get, time.Time{}), allowed},
		// Scopes are not prefixes.
		{"bob", give("a", dan, Get, hour), refused},
		{"bob", give("ab/", dan, Get, hour), refused},
		{"bob", give("", dan, Get, hour), refused},
		{"bob", give("k", dan, Get, time.Time{}), allowed},
		{"bob", give("k/", dan, Get, time.Time{}), refused},
		// For no longer than one has it.
		{"bob", give("a/", dan, Get, hour), allowed},
		{"bob", give("a/x", dan, Get, epoch.Add(time.Minute)), allowed},
		{"bob", give("a/", dan, Get, hour.Add(1)), refused},
		{"bob", give("a/", dan, Get, time.Time{}), refused},
		{"bob", give("a/", User("bob"), Get, time.Time{}), refused},
		{"olga", give("a/", dan, Get, epoch), invalid},
		{"olga", give("a/", dan, Get, epoch.Add(1)), allowed},
		// Barriers stop data rights, so one does not hold them behind one.
		{"alice", give("a/secret/", dan, Get, time.Time{}), refused},
		{"alice", give("a/secret/", dan, Control, time.Time{}), allowed},
		{"carol", give("a/secret/", dan, Get|Write, time.Time{}), allowed},
		// Taking away needs WriteACL alone.
		{"alice", Revoke("a/secret/", User("eve")), allowed},
		{"alice", Revoke("a/secret/", dan), already},
		{"alice", Revoke("", User("carol")), already}, // what she has below is another grant
		{"carol", Revoke("", User("alice")), refused},
		{"bob", Revoke("a/secret/", User("eve")), allowed},
		{"temp", Revoke("", User("temp")), refused},
		{"alice", SetBarrier("x/"), allowed},
		{"alice", SetBarrier("a/secret/"), already},
		{"bob", SetBarrier("x/"), refused},
		{"bob", SetBarrier("k"), allowed},
		{"carol", RevokeBy("olga"), allowed},
		{"carol", RevokeBy("bob"), already},
		{"stranger", RevokeBy("olga"), already}, // he cannot tell
		// Removing a barrier gives what it stops: alice's Reader, temp's Write for a day, and staff's Get.
		{"alice", RemoveBarrier("a/secret/"), refused},
		{"carol", RemoveBarrier("a/secret/"), refused}, // without List
		{"eve", RemoveBarrier("a/secret/"), allowed},
		{"bob", RemoveBarrier("d/in/"), refused}, // Delete is public's, while that is off
		{"alice", RemoveBarrier("s/"), refused},
		{"wes", RemoveBarrier("s/"), refused}, // without WriteACL
		{"olga", RemoveBarrier("s/"), allowed},
		{"alice", RemoveBarrier("none/"), already},
		{"stranger", RemoveBarrier("none/"), refused},
		// Owners alone decide who is who.
		{"alice", SetGroup("staff"), refused},
		{"alice", DeleteGroup("none"), refused},
		{"alice", AddOwner(User("alice")), refused},
		{"alice", RemoveOwner(User("nobody")), refused},
		{"alice", Suspend("sam"), refused},
		{"sam", Unsuspend("sam"), refused},
		{"alice", SetAllowPublic(false), refused},
		{"olga", SetGroup("staff", User("carol"), User("bob"), User("bob")), already},
		{"olga", SetGroup("staff"), allowed},
		{"olga", SetGroup("new"), allowed},
		{"berta", DeleteGroup("board"), allowed},
		{"olga", DeleteGroup("none"), already},
		{"olga", AddOwner(User("olga")), already},
		{"berta", AddOwner(dan), allowed},
		{"olga", RemoveOwner(Group("board")), allowed},
		{"olga", RemoveOwner(dan), already},
		{"olga", Suspend("alice"), allowed},
		{"olga", Suspend("sam"), already},
		{"olga", Unsuspend("sam"), allowed},
		{"olga", SetAllowPublic(true), allowed},
		{"olga", SetAllowPublic(false), already},
		// The last owner stays: berta is one by a group only.
		{"olga", RemoveOwner(User("olga")), invalid},
		{"berta", RemoveOwner(User("olga")), invalid},
		{"berta", Suspend("olga"), invalid},
		// What would be wrong in any policy.
		{"olga", give("a//", dan, Get, time.Time{}), invalid},
		{"olga", give("a", Principal{}, Get, time.Time{}), invalid},
		{"olga", give("a", User(""), Get, time.Time{}), invalid},
		{"olga", give("a", dan, 0, time.Time{}), invalid},
		{"olga", give("a", dan, Get, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), invalid},
		{"olga", give(".holdall/", dan, Get, time.Time{}), invalid},
		{"olga", SetBarrier(""), invalid},
		{"olga", SetBarrier("../"), invalid},
		{"olga", RemoveBarrier(""), invalid},
		{"olga", Revoke("/", dan), invalid},
		{"olga", Revoke("a", Principal{}), invalid},
		{"olga", RevokeBy(""), invalid},
		{"olga", SetGroup("g", Public), invalid},
		{"olga", SetGroup("g", Authenticated), invalid},
		{"olga", SetGroup(""), invalid},
		{"olga", AddOwner(Public), invalid},
		{"olga", Suspend(""), invalid},
	} {
		ix := newIndex(team())
		before := describe(ix.policy)
		d := newDraft(ix)
		did, err := d.apply(asker{Identity: Identity{User: c.who}}, c.edit, epoch)
		got := already
		switch {
		case errors.Is(err, fs.ErrPermission):
			got = refused
		case errors.Is(err, blob.ErrInvalid):
			got = invalid
		case err != nil:
			got = err.Error()
		case did.changed:
			got = allowed
		}
		if got != c.want {
			t.Errorf("%q, to %v: %s, want %s (%v)", c.who, c.edit, got, c.want, err)
		}
		if describe(ix.policy) != before {
			t.Errorf("%q, to %v: changed what it began from", c.who, c.edit)
		}
		if changed := describe(d.policy) != before; changed != did.changed || err != nil && changed {
			t.Errorf("%q, to %v: changed is %v, and reported %v with %v", c.who, c.edit, changed, did.changed, err)
		}
		if err := d.policy.Validate(); err != nil {
			t.Errorf("%q, to %v: left what is invalid: %v", c.who, c.edit, err)
		}
	}
}

// TestRemoveBarrierLooksPastTheMoment: what counts is every live grant above, whether or not anyone has it now.
func TestRemoveBarrierLooksPastTheMoment(t *testing.T) {
	stopped := Grant{Scope: "", To: User("x"), Rights: Write}
	for _, c := range []struct {
		what   string
		change func(p *Policy, g *Grant)
		want   bool
	}{
		{"a grant", func(*Policy, *Grant) {}, false},
		{"to a suspended user", func(p *Policy, g *Grant) { p.Suspended = []string{"x"} }, false},
		{"to a group without members", func(_ *Policy, g *Grant) { g.To = Group("empty") }, false},
		{"to public while that is off", func(_ *Policy, g *Grant) { g.To = Public }, false},
		{"to an owner", func(_ *Policy, g *Grant) { g.To = User("olga") }, false},
		{"stopped further up too", func(p *Policy, g *Grant) { p.Barriers = append(p.Barriers, "a/") }, false},
		{"of Control alone", func(_ *Policy, g *Grant) { g.Rights = Control }, true},
		{"of what she has", func(_ *Policy, g *Grant) { g.Rights = Get | ReadACL }, true},
		{"of Share", func(_ *Policy, g *Grant) { g.Rights = Share }, false},
		{"of what she has, for longer", func(_ *Policy, g *Grant) { g.Rights, g.Expires = Get, hour.Add(1) }, true},
		{"that is over", func(_ *Policy, g *Grant) { g.Expires = epoch }, true},
		{"that is nearly over", func(_ *Policy, g *Grant) { g.Expires = epoch.Add(1) }, false},
		{"at the barrier", func(_ *Policy, g *Grant) { g.Scope = "a/b/" }, true},
		{"below the barrier", func(_ *Policy, g *Grant) { g.Scope = "a/b/c" }, true},
		{"beside the barrier", func(_ *Policy, g *Grant) { g.Scope = "a/bc/" }, true},
		{"between", func(_ *Policy, g *Grant) { g.Scope = "a/" }, false},
	} {
		g := stopped
		p := &Policy{Owners: []Principal{User("olga")}, Barriers: []string{"a/b/"}}
		c.change(p, &g)
		p.Grants = []Grant{g, {Scope: "a/b/", To: User("c"), Rights: Get | WriteACL}}
		_, _, err := applyEdit(newIndex(p), asker{Identity: Identity{User: "c"}}, RemoveBarrier("a/b/"), epoch)
		if (err == nil) != c.want {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	// For at least as long.
	p := &Policy{Owners: []Principal{User("olga")}, Barriers: []string{"a/"}, Grants: []Grant{
		{Scope: "", To: User("x"), Rights: Get, Expires: hour}, {Scope: "a/", To: User("c"), Rights: Get | WriteACL, Expires: hour.Add(-1)},
	}}
	if _, _, err := applyEdit(newIndex(p), asker{Identity: Identity{User: "c"}}, RemoveBarrier("a/"), epoch); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a barrier fell to one whose right ends sooner: %v", err)
	}
}

func TestRestrictedEdits(t *testing.T) {
	ix := newIndex(team())
	olga := Identity{User: "olga"}
	for _, c := range []struct {
		limit restriction
		edit  Edit
		want  bool
	}{
		{restriction{Scope: "x/", Rights: Admin}, give("x/y/", User("dan"), Get, time.Time{}), true},
		{restriction{Scope: "x/", Rights: Admin}, give("y/", User("dan"), Get, time.Time{}), false},
		{restriction{Scope: "x/", Rights: Admin}, give("", User("dan"), Get, time.Time{}), false},
		{restriction{Scope: "x/", Rights: Reader | WriteACL}, give("x/", User("dan"), Write, time.Time{}), false},
		{restriction{Scope: "", Rights: Writer}, give("x/", User("dan"), Get, time.Time{}), false},
		{restriction{Scope: "", Rights: Admin, Expires: hour}, give("x/", User("dan"), Get, hour), true},
		{restriction{Scope: "", Rights: Admin, Expires: hour}, give("x/", User("dan"), Get, hour.Add(1)), false},
		{restriction{Scope: "", Rights: Admin, Expires: hour}, give("x/", User("dan"), Get, time.Time{}), false},
		{restriction{Scope: "", Rights: Admin, Expires: epoch}, give("x/", User("dan"), Get, hour), false},
		{restriction{Scope: "", Rights: Admin}, AddOwner(User("dan")), false},
		{restriction{Scope: "", Rights: Admin}, SetGroup("staff"), false},
		{restriction{Scope: "", Rights: Admin}, SetAllowPublic(true), false},
	} {
		if _, _, err := applyEdit(ix, asker{olga, []restriction{c.limit}}, c.edit, epoch); (err == nil) != c.want {
			t.Errorf("under %v, to %v: %v", c.limit, c.edit, err)
		}
	}
}

// TestBatch: each edit is authorised after those before it, and one that is refused does not stop the next.
func TestBatch(t *testing.T) {
	d := newDraft(newIndex(team()))
	as := func(user string) asker { return asker{Identity: Identity{User: user}} }
	for i, c := range []struct {
		who  string
		edit Edit
		ok   bool
	}{
		{"dan", give("x/", User("erin"), Get, time.Time{}), false},
		{"alice", give("x/", User("dan"), Reader|Control, time.Time{}), true},
		{"dan", give("x/", User("erin"), Get, time.Time{}), true},
		{"olga", Suspend("dan"), true},
		{"dan", give("x/", User("frank"), Get, time.Time{}), false},
		{"olga", SetGroup("board", User("berta"), User("dan")), true},
		{"dan", SetAllowPublic(true), false},
		{"olga", Unsuspend("dan"), true},
		{"dan", SetAllowPublic(true), true},
		{"dan", AddOwner(User("dan")), true},
		{"dan", RemoveOwner(User("olga")), true},
		{"olga", RemoveOwner(User("dan")), false}, // two owners remove each other: the second is none
		{"dan", DeleteGroup("board"), true},
		{"berta", SetAllowPublic(false), false},
	} {
		if _, err := d.apply(as(c.who), c.edit, epoch); (err == nil) != c.ok {
			t.Errorf("%d: %s, to %v: %v", i, c.who, c.edit, err)
		}
	}
}

// TestNobodyEdits: an anonymous caller may hold WriteACL, and still makes no edits, since each has an author.
func TestNobodyEdits(t *testing.T) {
	p := &Policy{Owners: []Principal{User("olga"), Group("board")}, AllowPublic: true, Grants: []Grant{{To: Public, Rights: Admin}}}
	for _, e := range []Edit{give("x", User("dan"), Get, time.Time{}), Revoke("x", User("dan")), AddOwner(User("dan"))} {
		if _, _, err := applyEdit(newIndex(p.Clone()), asker{Identity: Identity{Groups: []string{"board"}}}, e, epoch); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("nobody could %v: %v", e, err)
		}
	}
}

// TestRefusedEditsChangeNothing: not even what spare capacity of a slice would show later.
func TestRefusedEditsChangeNothing(t *testing.T) {
	d := newDraft(newIndex(team()))
	berta := asker{Identity: Identity{User: "berta"}}
	for _, id := range []string{"w", "x", "y", "z"} {
		if _, err := d.apply(berta, Suspend(id), epoch); err != nil {
			t.Fatal(err)
		}
	}
	before := describe(d.policy)
	for _, e := range []Edit{Suspend("olga"), RemoveOwner(User("olga")), SetGroup("loop", Public)} {
		if _, err := d.apply(berta, e, epoch); err == nil || describe(d.policy) != before {
			t.Errorf("%v: %v, and left\n%s\nof\n%s", e, err, describe(d.policy), before)
		}
	}
}

// TestGifts: giving again extends, in any order; what others gave is untouched; RevokeBy takes what one gave.
func TestGifts(t *testing.T) {
	edits := []Edit{
		give("x/", User("dan"), Get, hour), give("x/", User("dan"), Get|List, day), give("x/", User("dan"), Write, time.Time{}),
		give("x/", User("dan"), Get, epoch.Add(time.Minute)), give("x/", User("dan"), Delete, hour),
	}
	var want string
	for n := range 50 {
		r := source(n)
		d := newDraft(newIndex(&Policy{Owners: []Principal{User("olga"), User("otto")}}))
		r.Shuffle(len(edits), func(i, j int) { edits[i], edits[j] = edits[j], edits[i] })
		for _, e := range edits {
			if _, err := d.apply(asker{Identity: Identity{User: "olga"}}, e, epoch); err != nil {
				t.Fatal(err)
			}
		}
		got := describe(d.policy)
		if want == "" {
			want = got
		}
		if got != want || len(d.policy.Grants) != 3 {
			t.Fatalf("in another order:\n%s\nnot\n%s", got, want)
		}
		otto := give("x/", User("dan"), Get, hour)
		if _, err := d.apply(asker{Identity: Identity{User: "otto"}}, otto, epoch); err != nil || len(d.policy.Grants) != 4 {
			t.Fatalf("otto's gift is not kept apart: %v", err)
		}
		did, err := d.apply(asker{Identity: Identity{User: "otto"}}, RevokeBy("olga"), epoch)
		if err != nil || did.removed != 3 || len(d.policy.Grants) != 1 || d.policy.Grants[0].By != "otto" {
			t.Fatalf("after RevokeBy: %v, %v, %v", did, err, d.policy.Grants)
		}
	}
}

// TestRevokeByReach: it takes what lies where one administers, as things were before, and nothing else.
func TestRevokeByReach(t *testing.T) {
	p := &Policy{Owners: []Principal{User("olga")}, Grants: []Grant{
		{Scope: "a/", To: User("bob"), Rights: WriteACL, By: "alice"}, {Scope: "a/b/", To: User("x"), Rights: Get, By: "alice"},
		{Scope: "b/", To: User("x"), Rights: Get, By: "alice"}, {Scope: "a/", To: User("x"), Rights: Get, By: "other"},
	}}
	after, did, err := applyEdit(newIndex(p), asker{Identity: Identity{User: "bob"}}, RevokeBy("alice"), epoch)
	if err != nil || did.removed != 2 {
		t.Fatalf("removed %d, %v", did.removed, err)
	}
	left := slices.Collect(func(yield func(string) bool) {
		for _, g := range after.Grants {
			yield(g.Scope + " by " + g.By)
		}
	})
	if !slices.Equal(left, []string{"a/ by other", "b/ by alice"}) {
		t.Errorf("left are %q", left)
	}
}

// TestDeletedGroupLeavesNothing: neither to those who were in it, nor to a group of the same name later.
func TestDeletedGroupLeavesNothing(t *testing.T) {
	p := team()
	p.Groups["staff"] = append(p.Groups["staff"], Group("board"))
	d := newDraft(newIndex(p))
	olga := asker{Identity: Identity{User: "olga"}}
	for _, e := range []Edit{give("z/", Group("board"), Get, time.Time{}), DeleteGroup("board")} {
		if _, err := d.apply(olga, e, epoch); err != nil {
			t.Fatal(err)
		}
	}
	_, err := d.apply(asker{Identity: Identity{User: "berta"}}, give("a/x", User("dan"), Get, hour), epoch)
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("berta is on the staff still, by the board: %v", err)
	}
	if _, err := d.apply(olga, SetGroup("board", User("new")), epoch); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"", "a/x", "z/x"} {
		if got := rightsOf(d.policy, Identity{User: "new"}, key); got != 0 {
			t.Errorf("the new board has %v on %q", got, key)
		}
	}
}

func TestGroupDepth(t *testing.T) {
	d := newDraft(newIndex(&Policy{Owners: []Principal{User("olga")}}))
	set := func(id string, members ...Principal) error {
		_, err := d.apply(asker{Identity: Identity{User: "olga"}}, SetGroup(id, members...), epoch)
		return err
	}
	id := func(n int) string { return fmt.Sprint("g", n) }
	if err := set(id(1), User("u")); err != nil {
		t.Fatal(err)
	}
	for n := 2; n <= maxGroupDepth; n++ {
		if err := set(id(n), Group(id(n-1))); err != nil {
			t.Fatalf("%d deep: %v", n, err)
		}
	}
	before := describe(d.policy)
	if err := set("over", Group(id(maxGroupDepth))); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("one more above: %v", err)
	}
	if err := set(id(1), Group("vouched")); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("one more below: %v", err)
	}
	if describe(d.policy) != before {
		t.Error("a refused group was made")
	}
	// A ring is as deep as the way around it, and everyone in it is in all of it.
	if err := set(id(1), User("u"), Group(id(maxGroupDepth))); err != nil {
		t.Fatalf("a ring: %v", err)
	}
	d.policy.Grants = []Grant{{Scope: "x", To: Group(id(7)), Rights: Get}}
	for _, who := range []Identity{{User: "u"}, {Groups: []string{id(20)}}} {
		if rightsOf(d.policy, who, "x") != Get {
			t.Errorf("%+v is not in the ring", who)
		}
	}
}

// TestRefusalsNameNoGrant: the text of a refused removal is the same whatever stands in its way.
func TestRefusalsNameNoGrant(t *testing.T) {
	var texts []string
	for _, hidden := range []Grant{{Scope: "", To: User("mallory"), Rights: Write}, {Scope: "a/", To: Group("spies"), Rights: Delete, Expires: day}} {
		p := &Policy{Owners: []Principal{User("olga")}, Barriers: []string{"a/b/"}, Grants: []Grant{hidden, {Scope: "a/b/", To: User("c"), Rights: WriteACL}}}
		_, _, err := applyEdit(newIndex(p), asker{Identity: Identity{User: "c"}}, RemoveBarrier("a/b/"), epoch)
		if e, ok := errors.AsType[*RefusedError](err); !ok || !strings.Contains(e.Rule, "barrier") {
			t.Fatalf("not refused: %v", err)
		}
		texts = append(texts, err.Error())
	}
	if texts[0] != texts[1] {
		t.Errorf("refusals differ: %q", texts)
	}
}
