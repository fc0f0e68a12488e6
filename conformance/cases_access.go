package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
)

// Access control over the store: first what is decided, then what calls do (cases_access_calls.go), then the policy
// itself (cases_access_policy.go).
var accessCases = []Case{
	{ID: "R01", Doc: "without a grant every call is refused, lists show nothing, and nothing changes", Needs: []Need{notGuarded, needPolicy}, Run: nothingGranted},
	{ID: "R02", Doc: "each set of data rights allows just the calls that the table of operations says", Needs: []Need{notGuarded, needPolicy}, Run: verbMatrix},
	{ID: "R03", Doc: "a grant on a subtree reaches every depth", Needs: []Need{notGuarded, needPolicy}, Run: grantReachesDown},
	{ID: "R04", Doc: "a grant on a/ says nothing about ab, a, A/, a0 or a-b", Needs: []Need{notGuarded, needPolicy}, Run: grantStaysInside},
	{ID: "R05", Doc: "grants add up over depths and principals, in any order", Needs: []Need{notGuarded, needPolicy}, Run: grantsAddUp},
	{ID: "R06", Doc: "below a barrier its own grants count, those above it do not, and control passes", Needs: []Need{notGuarded, needPolicy}, Run: barrierStops},
	{ID: "R07", Doc: "a barrier stops nothing beside it, and its removal restores just what it stopped", Needs: []Need{notGuarded, needPolicy}, Run: barrierRemoved},
	{ID: "R08", Doc: "a new object is under the grants of its place at once, and one that moved under those of the new place", Needs: []Need{notGuarded, needPolicy}, Run: placeDecides},
	{ID: "R09", Doc: "groups: two at once, nested, in a circle; who is taken out loses the rights at once", Needs: []Need{notGuarded, needPolicy}, Run: groupRights},
	{ID: "R10", Doc: "anybody, any named user, and owners", Needs: []Need{notGuarded, needPolicy}, Run: publicAndOwners},
	{ID: "R11", Doc: "a creator gets nothing by creating; an overwrite keeps grants, a copy carries none", Needs: []Need{notGuarded, needPolicy}, Run: nothingImplicit},
	{ID: "R12", Doc: "a revocation holds for the next call, and elsewhere within the bound that is stated", Needs: []Need{notGuarded, needPolicy}, Run: revocationHolds},
	{ID: "R13", Doc: "a revocation ends a read under way, and publishes nothing of a write under way", Needs: []Need{notGuarded, needPolicy}, Run: revokedUnderWay},
	{ID: "R14", Doc: "no other spelling of a key gets around a grant or a barrier", Needs: []Need{notGuarded, needPolicy}, Run: noAliases},
	{ID: "R15", Doc: "listing through a view equals listing a bucket of just the visible keys", Needs: []Need{notGuarded, needPolicy, strongList}, Run: viewListsVisible},
	{ID: "R16", Doc: "what a listing shows does not depend on hidden keys", Needs: []Need{notGuarded, needPolicy, strongList}, Run: hiddenKeysDoNotShow},
	{ID: "R17", Doc: "a denial is the same whether the key exists or not, and makes no call", Needs: []Need{notGuarded, needPolicy}, Run: denialTellsNothing},
	{ID: "R18", Doc: "a copy needs Get on the source and Put's right on the destination, when it is made", Needs: []Need{notGuarded, needPolicy, needCopy}, Run: copyRights},
	{ID: "R19", Doc: "a move needs Delete on the source as well", Needs: []Need{notGuarded, needPolicy}, Run: moveRights},
	{ID: "R20", Doc: "of many deletions each is decided by itself", Needs: []Need{notGuarded, needPolicy}, Run: bulkRights},
	{ID: "R21", Doc: "conditions on a denied key tell nothing about it", Needs: []Need{notGuarded, needPolicy}, Run: conditionsTellNothing},
	{ID: "R22", Doc: "a signed request needs the right and Share, and does not outlive the grant", Needs: []Need{notGuarded, needPolicy, needSign}, Run: signRights},
	{ID: "R23", Doc: "an upload is checked at its beginning, at each part, and at its completion", Needs: []Need{notGuarded, needPolicy, needMultipart}, Run: uploadRights},
	{ID: "R24", Doc: "ranges of every form need Get", Needs: []Need{notGuarded, needPolicy}, Run: rangesNeedGet},
	{ID: "R25", Doc: "attributes need Get: List, Write and all others together show none", Needs: []Need{notGuarded, needPolicy}, Run: statNeedsGet},
	{ID: "R26", Doc: "the policy's own objects are no keys of any view, in any spelling, for owners too", Needs: []Need{notGuarded, needPolicy}, Run: reservedKeys},
	{ID: "R27", Doc: "an edit needs WriteACL there, and nobody gives more, or for longer, than he has", Needs: []Need{notGuarded, needPolicy}, Run: delegationRule},
	{ID: "R28", Doc: "the last owner who is a user and not suspended stays", Needs: []Need{notGuarded, needPolicy}, Run: lastOwner},
	{ID: "R29", Doc: "admins who edit at once, through two guards, lose no grant", Needs: []Need{notGuarded, needPolicy, strongRead}, Run: racingAdmins},
	{ID: "R30", Doc: "a policy that is unreadable, corrupt, cut short or gone lets nobody in", Needs: []Need{notGuarded, needPolicy}, Run: failClosed},
	{ID: "R31", Doc: "an object whose grant could not be written is denied", Needs: []Need{notGuarded, needPolicy}, Run: unwrittenGrant},
	{ID: "R32", Doc: "ten thousand grants, a hundred deep, are decided as the reference does", Needs: []Need{notGuarded, needPolicy}, Tier: Long, Run: manyGrants},
	{ID: "R33", Doc: "ids of users are opaque: no letter of them means anything", Needs: []Need{notGuarded, needPolicy}, Run: opaqueIDs},
	{ID: "R34", Doc: "no letter of a scope means anything but itself", Needs: []Need{notGuarded, needPolicy}, Run: literalScopes},
	{ID: "R36", Doc: "a fixed policy gives the same decisions on every store", Needs: []Need{notGuarded, needPolicy}, Run: sameEverywhere},
	{ID: "R37", Doc: "random policies are decided as the reference does", Needs: []Need{notGuarded, needPolicy}, Run: differential},
	{ID: "R38", Doc: "a grant more takes nothing away, a barrier more gives nothing", Needs: []Need{notGuarded, needPolicy}, Run: monotone},
	{ID: "R39", Doc: "rights found by walking down from the root are those that views have", Needs: []Need{notGuarded, needPolicy}, Run: chainOfScopes},
	{ID: "R40", Doc: "twelve pairs of bucket and object grants, to anybody and to named users", Needs: []Need{notGuarded, needPolicy}, Run: twelveCells},
}

func nothingGranted(t *T) {
	a := newAccess(t)
	a.tree("there", source)
	a.edit(grant("elsewhere/", "alice", acl.Admin))
	before := t.Snapshot()
	for _, who := range []string{"", "alice", "bob"} {
		view := a.as(who)
		for _, c := range calls(view.Capabilities()) {
			for _, key := range []string{"there", "missing"} {
				what, err := fmt.Sprintf("%s of %q by %q", c.name, key, who), c.run(t.ctx, view, key)
				if c.key {
					wantDenied(t, what, err)
				} else {
					wantAllowed(t, what, err)
				}
			}
		}
		wantListed(t, who, view, nil)
		wantListed(t, who, view, &blob.ListOptions{Delimiter: "/"})
		wantRights(t, who, view, "there", 0)
	}
	if after := t.Snapshot(); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("refused calls changed %q to %q", before, after)
	}
}

// verbMatrix gives each set of the five data rights to a user of its own, and tries all that they are for.
func verbMatrix(t *T) {
	a := newAccess(t)
	sets := []acl.Rights{0, acl.Get, acl.List, acl.CreateNew, acl.Write, acl.Delete, acl.Reader, acl.Contributor, acl.Writer, acl.Admin}
	if t.Tier > Short {
		sets = nil
		for set := range acl.Rights(acl.Get|acl.List|acl.CreateNew|acl.Write|acl.Delete) + 1 {
			sets = append(sets, set)
		}
	}
	var edits []acl.Edit
	for i, set := range sets {
		if set != 0 {
			edits = append(edits, grant("d/", fmt.Sprint("user", i), set))
		}
	}
	a.edit(edits...)
	for i, set := range sets {
		t.tryAll(set, a.as(fmt.Sprint("user", i)))
	}
}

// tryAll makes each call on what is there and on what is missing, as the holder of a set of rights.
func (t *T) tryAll(set acl.Rights, view *acl.View) {
	permission := []error{fs.ErrPermission}
	exist := []error{fs.ErrExist, blob.ErrPrecondition}
	needs := func(right acl.Rights, otherwise ...error) []error {
		if set.Has(right) {
			return otherwise
		}
		return permission
	}
	putOld, putNew := []error{}, []error{} // a plain Put of what is there, and of what is missing
	switch create, write := set.Has(acl.CreateNew), set.Has(acl.Write); {
	case create && !write:
		putOld = exist
	case write && !create:
		putNew = permission
	case !create && !write:
		putOld, putNew = permission, permission
	}
	for _, c := range []struct {
		what string
		want []error
		call func() error
	}{
		{"get", needs(acl.Get), func() error { return getThrough(t, view, "d/old") }},
		{"get of a missing key", needs(acl.Get, fs.ErrNotExist), func() error { return getThrough(t, view, "d/new") }},
		{"stat", needs(acl.Get), func() error { _, err := view.Stat(t.ctx, "d/old", nil); return err }},
		{"put of what is there", putOld, func() error { return putThrough(t, view, "d/old", blob.Condition{}) }},
		{"put of a missing key", putNew, func() error { return putThrough(t, view, "d/new", blob.Condition{}) }},
		{"put if-absent", needs(acl.CreateNew), func() error { return putThrough(t, view, "d/new", blob.IfAbsent) }},
		{"put if-absent of what is there", needs(acl.CreateNew, exist...), func() error { return putThrough(t, view, "d/old", blob.IfAbsent) }},
		{"put if-match", needs(acl.Write), func() error { return putThrough(t, view, "d/old", blob.IfMatch(t.Stat("d/old").ETag)) }},
		{"put if-match of another ETag", needs(acl.Write, blob.ErrPrecondition), func() error { return putThrough(t, view, "d/old", blob.IfMatch(`"other"`)) }},
		{"delete", needs(acl.Delete), func() error { return view.Delete(t.ctx, "d/old", nil) }},
		{"delete of a missing key", needs(acl.Delete), func() error { return view.Delete(t.ctx, "d/new", nil) }},
	} {
		t.Put("d/old", "old")
		t.Delete("d/new")
		what, err := fmt.Sprintf("%s with %v", c.what, set), c.call()
		if len(c.want) == 0 {
			wantAllowed(t, what, err)
		} else {
			wantClass(t, what, err, c.want...)
		}
	}
	t.Put("d/old", "old")
	t.Delete("d/new")
	if set.Has(acl.List) {
		wantListed(t, set.String(), view, nil, "d/old")
	} else {
		wantListed(t, set.String(), view, nil)
	}
}

func grantReachesDown(t *T) {
	a := newAccess(t)
	a.edit(grant("a/", "alice", acl.Reader))
	alice := a.as("alice")
	for _, depth := range []int{1, 2, 50} {
		key := strings.Repeat("a/", depth) + "leaf"
		t.Put(key, "x")
		wantAllowed(t, fmt.Sprintf("get at depth %d", depth), getThrough(t, alice, key))
		wantRights(t, "alice", alice, key, acl.Reader)
		wantDenied(t, fmt.Sprintf("put at depth %d", depth), putThrough(t, alice, key, blob.Condition{}))
	}
}

func grantStaysInside(t *T) {
	a := newAccess(t)
	a.edit(grant("a/", "alice", acl.Admin), grant("exact", "alice", acl.Admin))
	alice := a.as("alice")
	for _, key := range []string{"ab", "a", "A/x", "a0", "a-b", "a.txt", "b/a/x", "aa/x", "exact/x", "exactly", "exac"} {
		if !(t.Caps.Keys.NoFileBesideDir && (key == "a" || key == "exact/x")) {
			t.Put(key, "x")
		}
		wantRights(t, "alice", alice, key, 0)
		wantDenied(t, "get of "+key, getThrough(t, alice, key))
	}
	for _, key := range []string{"a/x", "a/", "exact"} {
		wantRights(t, "alice", alice, key, acl.Admin)
	}
}

func grantsAddUp(t *T) {
	edits := []acl.Edit{
		acl.SetGroup("g", acl.User("alice")),
		grant("", "alice", acl.List),
		grant("a/", "alice", acl.Get),
		grantTo("a/b/", acl.Group("g"), acl.CreateNew),
		grant("a/b/c", "alice", acl.Delete),
		grantTo("a/", acl.Group("vouched"), acl.Share),
		grant("a/b/", "bob", acl.Admin),
	}
	want := map[string]acl.Rights{
		"x": acl.List, "a/x": acl.Reader | acl.Share, "a/b/x": acl.Reader | acl.CreateNew | acl.Share,
		"a/b/c": acl.Reader | acl.CreateNew | acl.Delete | acl.Share,
	}
	for range 3 {
		a := newAccessOver(t, t.Bucket, t.OpenAnother())
		t.Rand.Shuffle(len(edits), func(i, j int) { edits[i], edits[j] = edits[j], edits[i] })
		a.edit(edits...)
		for key, rights := range want {
			wantRights(t, "alice", a.as("alice", "vouched"), key, rights)
			wantRights(t, "alice without the group", a.as("alice"), key, rights&^acl.Share)
		}
	}
}

func barrierStops(t *T) {
	a := newAccess(t)
	a.tree("a/x", "a/secret/x")
	a.edit(grant("a/", "alice", acl.Admin), acl.SetBarrier("a/secret/"), grant("a/secret/", "bob", acl.Reader),
		grant("a/secret/deep/", "alice", acl.Get))
	alice := a.as("alice")
	wantRights(t, "alice", alice, "a/x", acl.Admin)
	wantRights(t, "alice", alice, "a/secret/x", acl.Control)
	wantRights(t, "alice", alice, "a/secret/deep/x", acl.Control|acl.Get)
	wantRights(t, "bob", a.as("bob"), "a/secret/x", acl.Reader)
	wantRights(t, "bob", a.as("bob"), "a/secret/deep/x", acl.Reader)
	wantRights(t, "root", a.root, "a/secret/x", acl.Admin)
	wantAllowed(t, "get above the barrier", getThrough(t, alice, "a/x"))
	wantDenied(t, "get below the barrier", getThrough(t, alice, "a/secret/x"))
	wantAllowed(t, "get by the grant at the barrier", getThrough(t, a.as("bob"), "a/secret/x"))
	wantListed(t, "alice", alice, nil, "a/x")
}

func barrierRemoved(t *T) {
	a := newAccess(t)
	keys := []string{"a/b/x", "a/b/c/x", "a/bc/x", "a/x", "a/b0", "x"}
	a.edit(grant("a/", "alice", acl.Writer), grant("a/b/", "bob", acl.Reader), grantTo("", acl.Group("g"), acl.Get), acl.SetGroup("g", acl.User("carol")))
	look := func() map[string]acl.Rights {
		all := map[string]acl.Rights{}
		for _, who := range []string{"alice", "bob", "carol"} {
			for _, key := range keys {
				all[who+" "+key] = rightsOf(t, a.as(who), key)
			}
		}
		return all
	}
	before := look()
	a.edit(acl.SetBarrier("a/b/"))
	for what, rights := range look() {
		below := strings.Contains(what, " a/b/")
		switch {
		case !below && rights != before[what], strings.HasPrefix(what, "bob") && rights != before[what]:
			t.Errorf("a barrier at a/b/ changed %s from %v to %v", what, before[what], rights)
		case below && !strings.HasPrefix(what, "bob") && rights&^acl.Control != 0:
			t.Errorf("a barrier at a/b/ leaves %s with %v", what, rights)
		}
	}
	a.edit(acl.RemoveBarrier("a/b/"))
	if after := look(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the barrier came and went, and %v became %v", before, after)
	}
}

func placeDecides(t *T) {
	a := newAccess(t)
	a.edit(grant("a/", "alice", acl.Reader), grant("b/", "bob", acl.Reader))
	alice, bob := a.as("alice"), a.as("bob")
	wantAllowed(t, "put by the owner", putThrough(t, a.root, "a/new", blob.Condition{}))
	wantAllowed(t, "get of a new object under the grant", getThrough(t, alice, "a/new"))
	wantAllowed(t, "move by the owner", moveThrough(t, a.root, "a/new", "b/new"))
	wantAllowed(t, "get where it moved", getThrough(t, bob, "b/new"))
	wantDenied(t, "get where it moved, by who could read it before", getThrough(t, alice, "b/new"))
	wantClass(t, "get where it was", getThrough(t, alice, "a/new"), fs.ErrNotExist)
}

func groupRights(t *T) {
	a := newAccess(t)
	a.edit(acl.SetGroup("g", acl.User("alice")), acl.SetGroup("h", acl.User("alice"), acl.User("bob")),
		acl.SetGroup("outer", acl.Group("h")), acl.SetGroup("x", acl.Group("y"), acl.User("carol")), acl.SetGroup("y", acl.Group("x")),
		grantTo("d/", acl.Group("g"), acl.Get), grantTo("d/", acl.Group("outer"), acl.List), grantTo("d/", acl.Group("y"), acl.Delete),
		grantTo("d/", acl.Group("nobody made it"), acl.Admin))
	wantRights(t, "alice, of two groups", a.as("alice"), "d/k", acl.Reader)
	wantRights(t, "bob, of a nested group", a.as("bob"), "d/k", acl.List)
	wantRights(t, "carol, of a circle", a.as("carol"), "d/k", acl.Delete)
	wantRights(t, "dave", a.as("dave"), "d/k", 0)
	wantRights(t, "dave, vouched for", a.as("dave", "g"), "d/k", acl.Get)
	alice := a.as("alice")
	a.edit(acl.SetGroup("g"), acl.SetGroup("h", acl.User("bob")))
	wantRights(t, "alice, out of both", alice, "d/k", 0)
	a.edit(acl.DeleteGroup("outer"))
	wantRights(t, "bob, whose outer group is gone", a.as("bob"), "d/k", 0)
}

func publicAndOwners(t *T) {
	a := newAccess(t)
	a.tree("p/x", "n/x", "o/x")
	a.edit(grantTo("p/", acl.Public, acl.Reader), grantTo("n/", acl.Authenticated, acl.Reader), grantTo("o/", acl.User("alice"), acl.Reader))
	for _, open := range []bool{false, true, false} {
		a.edit(acl.SetAllowPublic(open))
		public := acl.Rights(0)
		if open {
			public = acl.Reader
		}
		wantRights(t, "anybody", a.as(""), "p/x", public)
		wantRights(t, "alice", a.as("alice"), "p/x", public)
		wantRights(t, "anybody", a.as(""), "n/x", 0)
		wantRights(t, "bob", a.as("bob"), "n/x", public)
		wantRights(t, "anybody", a.as(""), "o/x", 0)
		wantRights(t, "alice", a.as("alice"), "o/x", acl.Reader)
		wantRights(t, "root", a.root, "n/x", acl.Admin)
	}
	a.edit(acl.AddOwner(acl.Group("owners")), acl.SetGroup("owners", acl.User("olga")))
	wantRights(t, "olga, of a group of owners", a.as("olga"), "any/key", acl.Admin)
	a.edit(acl.Suspend("olga"))
	wantRights(t, "olga, suspended", a.as("olga"), "any/key", 0)
	a.edit(acl.Suspend("alice"))
	wantRights(t, "alice, suspended", a.as("alice"), "o/x", 0)
	wantDenied(t, "get by a suspended user", getThrough(t, a.as("alice"), "o/x"))
}

func nothingImplicit(t *T) {
	a := newAccess(t)
	a.edit(grant("d/", "alice", acl.CreateNew), grant("d/mine", "bob", acl.Reader), grant("", "carol", acl.Writer))
	alice, bob, carol := a.as("alice"), a.as("bob"), a.as("carol")
	wantAllowed(t, "create", putThrough(t, alice, "d/mine", blob.Condition{}))
	wantRights(t, "the creator", alice, "d/mine", acl.CreateNew)
	wantDenied(t, "get by the creator", getThrough(t, alice, "d/mine"))
	wantDenied(t, "delete by the creator", alice.Delete(t.ctx, "d/mine", nil))
	wantAllowed(t, "overwrite by another", putThrough(t, carol, "d/mine", blob.Condition{}))
	wantRights(t, "who had a grant before the overwrite", bob, "d/mine", acl.Reader)
	_, err := blob.Copy(t.ctx, carol, "e/copy", carol, "d/mine", nil)
	wantAllowed(t, "copy", err)
	wantRights(t, "who had a grant on the source", bob, "e/copy", 0)
	wantAllowed(t, "move", moveThrough(t, carol, "d/mine", "e/moved"))
	wantRights(t, "who had a grant where it was", bob, "e/moved", 0)
}

func noAliases(t *T) {
	a := newAccess(t)
	a.edit(grant("a/", "alice", acl.Admin), acl.SetBarrier("a/secret/"), grant("b/ü/", "alice", acl.Reader), // composed
		grant(source, "alice", acl.Reader))
	a.tree("a/secret/x", "top", "b/ü/x", source)
	alice := a.as("alice")
	for _, key := range []string{"/a/x", "./a/x", "a//x", "a/./x", "a/../top", "a/../a/secret/x", "a/x/..", `a\x`, "a/\x00", "a/\x01", "../a/x", "//", "/"} {
		for _, view := range []*acl.View{alice, a.root} {
			for _, c := range calls(view.Capabilities()) {
				if c.key {
					wantClass(t, fmt.Sprintf("%s of %q", c.name, key), c.run(t.ctx, view, key), blob.ErrInvalid)
				}
			}
		}
	}
	for _, key := range []string{"a/Secret/x", "A/x", "a%2fx", "%61/x", "b/u\u0308/x", "B/ü/x", "a/secret%2fx"} {
		want := acl.Rights(0)
		if strings.HasPrefix(key, "a/") {
			want = acl.Admin // other keys than a/secret/x, as literal as that
		}
		wantRights(t, "alice", alice, key, want)
		if err := getThrough(t, alice, key); err == nil {
			t.Errorf("get of %q reads something", key)
		} else if want != 0 && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("get of %q answers %v", key, err)
		}
	}
}

// revocationHolds asks one guard after edits through another.
func revocationHolds(t *T) {
	a := newAccess(t)
	a.tree("d/k")
	other := a.again(quickly)
	here, there := a.as("alice"), other.as("alice")
	a.edit(grant("d/", "alice", acl.Reader))
	wantAllowed(t, "get after the grant", getThrough(t, here, "d/k"))
	t.eventually(other.guard, "the grant", func() bool { return may(t, there, acl.Get, "d/k") })
	a.edit(acl.Revoke("d/", acl.User("alice")))
	wantDenied(t, "get after the revocation", getThrough(t, here, "d/k"))
	wantListed(t, "alice", here, nil)
	t.eventually(other.guard, "the revocation", func() bool { return !may(t, there, acl.Get, "d/k") })
	wantDenied(t, "get through the other guard after the bound", getThrough(t, there, "d/k"))
	a.edit(grantUntil("d/", "alice", acl.Reader, time.Now().Add(time.Hour)), grant("d/e/", "alice", acl.Get), grant("dd/", "alice", acl.Get))
	wantAllowed(t, "get before the grant expires", getThrough(t, here, "d/k"))
	a.edit(acl.Revoke("d/", acl.User("alice")))
	for key, rights := range map[string]acl.Rights{"d/k": 0, "d/e/k": acl.Get, "dd/k": acl.Get} {
		wantRights(t, "alice, after a revocation at d/ alone", here, key, rights)
	}
}
