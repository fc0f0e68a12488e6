package acl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// A fault is what happens to a swap of the manifest.
type fault string

const (
	none      fault = "none"
	dropped   fault = "dropped"    // the request is lost
	lostReply fault = "lost reply" // it is carried out, and the answer is lost
	repeated  fault = "repeated"   // the driver sends it twice, and returns the second answer
	late      fault = "late"       // it seems lost, and is carried out later
	lostRace  fault = "lost race"  // another writer comes first
	undone    fault = "undone"     // its answer is lost, and another writer revokes what it granted
)

var faults = []fault{none, dropped, lostReply, repeated, late, lostRace, undone}

// A faulty store follows a script of what happens to the next swaps.
type faulty struct {
	*spy
	script  []fault
	other   func(undo bool) // another writer edits
	delay   int             // calls until a late request arrives
	pending []func()
	count   int
	busy    bool
}

func (f *faulty) tick(string, string) error {
	if f.count--; f.count <= 0 && !f.busy {
		f.deliver()
	}
	return nil
}

// deliver carries out what is late.
func (f *faulty) deliver() {
	f.busy = true
	for _, request := range f.pending {
		request()
	}
	f.pending, f.busy = nil, false
}

func (f *faulty) Put(ctx context.Context, key string, body io.Reader, o *blob.PutOptions) (*blob.Object, error) {
	if key != headName || len(f.script) == 0 {
		return f.spy.Put(ctx, key, body, o)
	}
	next := f.script[0]
	f.script = f.script[1:]
	data, _ := io.ReadAll(body)
	apply := func() (*blob.Object, error) {
		return f.Wrapper.Put(context.Background(), key, bytes.NewReader(data), o)
	}
	switch next {
	case dropped:
		return nil, errBroken
	case lostReply:
		_, _ = apply()
		return nil, errBroken
	case repeated:
		_, _ = apply()
		return apply()
	case late:
		f.pending, f.count = append(f.pending, func() { _, _ = apply() }), f.delay
		return nil, errBroken
	case lostRace:
		f.other(false)
	case undone:
		_, _ = apply()
		f.other(true)
		return nil, errBroken
	}
	return apply()
}

// TestEveryFaultOfASwap lets three swaps fail in every way, with late requests arriving at every moment. An edit that
// was acknowledged must be in the chain of manifests exactly once; one that failed for sure never; one whose outcome is
// unknown at most once. The policy must be what the chain says.
func TestEveryFaultOfASwap(t *testing.T) {
	delays := []int{1, 2, 3, 4, 5, 6, 7, 8, 100}
	acknowledged, unknown := 0, 0
	for _, a := range faults {
		for _, b := range faults {
			for _, c := range faults {
				for _, delay := range delays {
					script := []fault{a, b, c}
					if a != late && b != late && c != late && delay > 1 {
						continue
					}
					synctest.Test(t, func(t *testing.T) {
						ok, un := faultyEdits(t, script, delay)
						acknowledged += ok
						unknown += un
					})
				}
			}
		}
	}
	if acknowledged < 1000 || unknown > acknowledged/10 {
		t.Errorf("%d edits were acknowledged and %d were of unknown outcome: the protocol gives up too early", acknowledged, unknown)
	}
}

func faultyEdits(t *testing.T, script []fault, delay int) (acknowledged, unknown int) {
	ctx := t.Context()
	f := &faulty{spy: newSpy(), delay: delay}
	clock := newManualClock()
	opts := &Options{Store: f, now: clock.read}
	g := newTestGuard(t, mem.New(nil), opts)
	olga := g.as("olga")

	others := 0
	f.other = func(undo bool) {
		rest := f.script
		f.script = nil
		h, err := Open(ctx, mem.New(nil), &Options{Store: f.Wrapper, now: clock.read})
		if err != nil {
			t.Fatal(err)
		}
		h.editor.probed = true
		others++
		if undo {
			_, err = h.as("olga").RevokeBy(ctx, "olga")
		} else {
			_, err = h.as("olga").Grant(ctx, fmt.Sprint("other", others), User("u"), Get)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.script = rest
	}
	f.script = script
	f.interfere(f.tick, nil)

	results := map[string]error{}
	for i := range 3 {
		scope := fmt.Sprintf("k%d", i)
		_, err := olga.Grant(ctx, scope, User("u"), Get)
		results[scope] = err
	}
	f.deliver()
	f.script = nil
	if _, err := olga.Grant(ctx, "last", User("u"), Get); err != nil {
		t.Fatalf("%q/%d: afterwards: %v", script, delay, err)
	}

	counts, replayed := history(t, &store{bucket: f.Wrapper})
	for scope, err := range results {
		n := counts[scope]
		switch {
		case err == nil && n != 1:
			t.Errorf("%q/%d: the edit of %s was acknowledged, and is there %d times", script, delay, scope, n)
		case errors.Is(err, ErrUnknownOutcome) && n > 1, err != nil && !errors.Is(err, ErrUnknownOutcome) && n > 0:
			t.Errorf("%q/%d: the edit of %s answered %v, and is there %d times", script, delay, scope, err, n)
		}
		if err == nil {
			acknowledged++
		} else if errors.Is(err, ErrUnknownOutcome) {
			unknown++
		}
	}
	h, err := Open(ctx, mem.New(nil), opts)
	if err != nil {
		t.Fatal(err)
	}
	grants, _ := h.as("olga").Grants(ctx, "")
	for _, grant := range grants {
		if !replayed[grant.Scope] {
			t.Errorf("%q/%d: the policy has %v, which is not in its history", script, delay, grant)
		}
		delete(replayed, grant.Scope)
	}
	if len(replayed) > 0 {
		t.Errorf("%q/%d: the policy lacks %v", script, delay, replayed)
	}
	return acknowledged, unknown
}

// history walks the chain: how often each grant was made, and what is left of them by replaying it.
func history(t *testing.T, s *store) (counts map[string]int, left map[string]bool) {
	t.Helper()
	h, err := s.readHead(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var chain []*manifest
	for m := h.manifest; ; {
		chain = append([]*manifest{m}, chain...)
		if m.Parent == nil {
			break
		}
		parent, err := s.readManifest(t.Context(), m.Parent)
		if err != nil {
			t.Fatal(err)
		}
		if parent.Generation != m.Generation-1 {
			t.Fatalf("generation %d follows %d", m.Generation, parent.Generation)
		}
		m = parent
	}
	counts, left = map[string]int{}, map[string]bool{}
	for _, m := range chain {
		for _, e := range m.Edits {
			var scope string
			if _, err := fmt.Sscanf(e.Edit[strings.LastIndex(e.Edit, " in ")+1:], "in %q", &scope); err == nil && strings.HasPrefix(e.Edit, "grant ") {
				counts[scope]++
				left[scope] = true
			} else if strings.HasPrefix(e.Edit, "revoke what") {
				clear(left)
			}
		}
	}
	return counts, left
}

// A crash at any step of an edit leaves the old policy or the new one, and a store that can be edited.
func TestCrashAtEveryStep(t *testing.T) {
	for step := 1; ; step++ {
		s := newSpy()
		g := newTestGuard(t, mem.New(nil), &Options{Store: s})
		left := step
		s.interfere(func(string, string) error {
			if left--; left <= 0 {
				return errBroken
			}
			return nil
		}, nil)
		_, err := g.as("olga").Grant(t.Context(), "k", User("u"), Get)
		s.interfere(nil, nil)
		h, oerr := Open(t.Context(), mem.New(nil), &Options{Store: s})
		if oerr != nil {
			t.Fatalf("step %d: %v", step, oerr)
		}
		made := h.as("u").May(t.Context(), Get, "k") == nil
		if err == nil && !made || err != nil && !errors.Is(err, ErrUnknownOutcome) && made {
			t.Errorf("step %d: answered %v, and is made: %v", step, err, made)
		}
		if _, err := h.as("olga").Grant(t.Context(), "k2", User("u"), Get); err != nil {
			t.Errorf("step %d: afterwards: %v", step, err)
		}
		if err == nil {
			if step < 4 {
				t.Errorf("an edit has only %d steps", step)
			}
			return
		}
	}
}

// An unknown outcome whose base is gone cannot be found out, and is not tried again.
func TestUnknownOutcome(t *testing.T) {
	s := newSpy()
	g := newTestGuard(t, mem.New(nil), &Options{Store: s})
	h, err := Open(t.Context(), mem.New(nil), &Options{Store: s.Wrapper})
	if err != nil {
		t.Fatal(err)
	}
	swaps := 0
	s.interfere(nil, func(op, key string) error {
		if op != "put" || key != headName {
			return nil
		}
		swaps++
		for i := range 3 { // others go on, and the chain is swept
			must(t)(h.as("olga").Grant(t.Context(), fmt.Sprint(i), User("x"), Get))
		}
		if _, err := blob.DeletePrefix(t.Context(), s.Wrapper, manifestsRoot); err != nil {
			t.Error(err)
		}
		return errBroken
	})
	_, err = g.as("olga").Grant(t.Context(), "k", User("u"), Get)
	wantErr(t, "an edit whose base is gone", err, ErrUnknownOutcome)
	wantErr(t, "an edit whose base is gone", err, blob.ErrAmbiguous)
	if swaps != 1 {
		t.Errorf("it was tried %d times", swaps)
	}
}

// Attack 20: an edit whose author lost the right while it was on its way is refused, and the others of its batch are not.
func TestRebaseAuthorisesAgain(t *testing.T) {
	s := newSpy()
	g := newTestGuard(t, mem.New(nil), &Options{Store: s})
	must(t)(g.as("olga").Grant(t.Context(), "a/", User("admin"), Admin))
	h, err := Open(t.Context(), mem.New(nil), &Options{Store: s.Wrapper})
	if err != nil {
		t.Fatal(err)
	}
	once := sync.OnceFunc(func() {
		if _, err := h.as("olga").Revoke(t.Context(), "a/", User("admin")); err != nil {
			t.Error(err)
		}
	})
	s.interfere(func(op, key string) error {
		if op == "put" && key == headName {
			once()
		}
		return nil
	}, nil)
	batch := []*change{
		{asker{Identity: Identity{User: "admin"}}, []Edit{AddGrant(grantTo("friend", "a/", Writer)), SetBarrier("a/b/")}, []string{"1", "2"}},
		{asker{Identity: Identity{User: "olga"}}, []Edit{AddGrant(grantTo("u", "b/", Get))}, []string{"3"}},
	}
	outcomes, err := g.snapshots.commit(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "the grant of a revoked admin", outcomes[0][0].err, fs.ErrPermission)
	wantErr(t, "the barrier of a revoked admin", outcomes[0][1].err, fs.ErrPermission)
	if outcomes[1][0].err != nil || g.as("u").May(t.Context(), Get, "b/x") != nil {
		t.Errorf("the owner's edit was lost: %v", outcomes[1][0].err)
	}
	if g.as("friend").May(t.Context(), Get, "a/x") == nil {
		t.Error("the refused grant is in force")
	}
}

// Attack 20: two owners who remove each other at the same time leave one.
func TestOwnersWhoRemoveEachOther(t *testing.T) {
	for range 20 {
		s := mem.New(nil)
		g := newTestGuard(t, mem.New(nil), &Options{Store: s})
		must(t)(g.as("olga").AddOwner(t.Context(), User("otto")))
		h, err := Open(t.Context(), mem.New(nil), &Options{Store: s})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var errs [2]error
		wg.Go(func() { _, errs[0] = g.as("olga").RemoveOwner(t.Context(), User("otto")) })
		wg.Go(func() { _, errs[1] = h.as("otto").RemoveOwner(t.Context(), User("olga")) })
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("answered %v and %v", errs[0], errs[1])
		}
	}
}

// Attack 23: two writers who make 1,000 edits lose none.
func TestTwoWritersLoseNothing(t *testing.T) {
	s := mem.New(nil)
	a := newTestGuard(t, mem.New(nil), &Options{Store: s})
	b, err := Open(t.Context(), mem.New(nil), &Options{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		g := []*Guard{a, b}[i%2]
		wg.Go(func() {
			for n := range 50 {
				scope := fmt.Sprintf("%d/%d", i, n)
				if _, err := g.as("olga").Grant(t.Context(), scope, User("u"), Get); err != nil {
					t.Error(err)
				}
				if g.as("u").May(t.Context(), Get, scope) != nil {
					t.Errorf("%s is not in force when its edit returns", scope)
				}
			}
		})
	}
	wg.Wait()
	c, err := Open(t.Context(), mem.New(nil), &Options{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	if grants, err := c.as("olga").Grants(t.Context(), ""); err != nil || len(grants) != 1000 {
		t.Errorf("%d of 1000 edits are there, %v", len(grants), err)
	}
}

// Who gives up while his edit is on its way does not know its outcome; one who gave up before does.
func TestEditThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		g := newTestGuard(t, mem.New(nil), &Options{Store: s, now: newManualClock().read})
		gate := make(chan struct{})
		s.interfere(func(op, key string) error {
			if op == "put" && key == headName {
				<-gate
			}
			return nil
		}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var first, second error
		var wg sync.WaitGroup
		wg.Go(func() { _, first = g.as("olga").Grant(ctx, "1", User("u"), Get) })
		synctest.Wait()
		wg.Go(func() { _, second = g.as("olga").Grant(ctx, "2", User("u"), Get) })
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(gate)
		wg.Wait()
		wantErr(t, "an edit on its way", first, ErrUnknownOutcome)
		wantErr(t, "an edit on its way", first, context.Canceled)
		if errors.Is(second, ErrUnknownOutcome) || !errors.Is(second, context.Canceled) {
			t.Errorf("an edit that waited: %v", second)
		}
		s.interfere(nil, nil)
		must(t)(g.as("olga").Grant(t.Context(), "3", User("u"), Get))
		if g.as("u").May(t.Context(), Get, "2") == nil {
			t.Error("what was given up is in force")
		}
	})
}
