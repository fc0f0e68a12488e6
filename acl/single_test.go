package acl

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// An unconditional store has no conditional writes, as B2 has none, and refuses whoever asks for one.
type unconditional struct{ *spy }

func newUnconditional() *unconditional { return &unconditional{newSpy()} }

func (u *unconditional) Capabilities() blob.Capabilities {
	caps := u.spy.Capabilities()
	caps.If.Put, caps.If.Upload, caps.If.Copy, caps.If.Delete = 0, 0, 0, 0
	return caps
}

func (u *unconditional) Put(ctx context.Context, key string, body io.Reader, o *blob.PutOptions) (*blob.Object, error) {
	if o != nil && !o.If.IsZero() {
		return nil, errors.ErrUnsupported
	}
	return u.spy.Put(ctx, key, body, o)
}

// single opens another guard that promises to be the only writer.
func single(t *testing.T, store blob.Bucket) *Guard {
	t.Helper()
	g, err := Open(t.Context(), mem.New(nil), &Options{Store: store, SingleWriter: true})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func grant(t *testing.T, g *Guard, scope string) error {
	t.Helper()
	_, err := g.as("olga").Grant(t.Context(), scope, User("u"), Get)
	return err
}

// Without conditional writes a policy is made and edited under the promise alone, and others read it.
func TestSingleWriter(t *testing.T) {
	store := newUnconditional()
	_, err := Create(t.Context(), mem.New(nil), &Options{Store: store}, User("olga"))
	if wantErr(t, "Create without the promise", err, errors.ErrUnsupported); !strings.Contains(err.Error(), "SingleWriter") {
		t.Errorf("it does not say what would help: %v", err)
	}
	opts := &Options{Store: store, SingleWriter: true}
	g := newTestGuard(t, mem.New(nil), opts)
	_, err = Create(t.Context(), mem.New(nil), opts, User("eve"))
	wantErr(t, "a second Create", err, fs.ErrExist)
	for _, scope := range []string{"a/", "b/", "a/"} { // the last one changes nothing
		if err := grant(t, g, scope); err != nil {
			t.Fatal(err)
		}
	}
	must(t)(g.as("olga").Revoke(t.Context(), "a/", User("u")))
	reader, err := Open(t.Context(), mem.New(nil), &Options{Store: store, Freshness: EveryCall})
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []*Guard{g, reader} {
		wantErr(t, "a right that was revoked", of.as("u").May(t.Context(), Get, "a/k"), fs.ErrPermission)
		if err := of.as("u").May(t.Context(), Get, "b/k"); err != nil {
			t.Errorf("a right that was granted: %v", err)
		}
	}
	wantErr(t, "an edit by who has promised nothing", grant(t, reader, "c/"), errors.ErrUnsupported)
	if err := grant(t, single(t, store), "d/"); err != nil {
		t.Errorf("a later writer: %v", err)
	}
	counts, _ := history(t, g.store)
	if counts["b/"] != 1 || counts["d/"] != 1 {
		t.Errorf("the history has the edits %v", counts)
	}
}

// A writer that sees another's edit stops, and stays stopped, and what the other did is not touched. It can begin
// again.
func TestSingleWriterStops(t *testing.T) {
	store := newUnconditional()
	first := newTestGuard(t, mem.New(nil), &Options{Store: store, SingleWriter: true})
	second := single(t, store)
	if err := grant(t, second, "second/"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		wantErr(t, "an edit after another's", grant(t, first, "first/"), ErrOtherWriter)
	}
	if err := second.as("u").May(t.Context(), Get, "second/k"); err != nil {
		t.Errorf("what the other granted: %v", err)
	}
	if err := grant(t, single(t, store), "again/"); err != nil {
		t.Errorf("opened again: %v", err)
	}
	wantErr(t, "the second, after that", grant(t, second, "more/"), ErrOtherWriter)
}

// Another's edit is seen from the moment on when the policy was first read, edited or not. That is when the guard is
// opened, or later if there is none to be read then.
func TestSingleWriterStopsBeforeItsFirstEdit(t *testing.T) {
	store := newUnconditional()
	newTestGuard(t, mem.New(nil), &Options{Store: store, SingleWriter: true})
	other, late := single(t, store), single(t, store)
	if err := grant(t, other, "other/"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "the first edit after another's", grant(t, late, "late/"), ErrOtherWriter)
	if err := grant(t, other, "more/"); err != nil {
		t.Errorf("the other: %v", err)
	}

	for _, want := range []error{nil, ErrOtherWriter} {
		store := newUnconditional()
		opts := &Options{Store: store, SingleWriter: true, Recovery: []string{"olga"}, Freshness: EveryCall}
		recovering, err := Open(t.Context(), mem.New(nil), opts)
		if err != nil {
			t.Fatal(err)
		}
		made := newTestGuard(t, mem.New(nil), &Options{Store: store, SingleWriter: true})
		if err := recovering.as("olga").May(t.Context(), Get, "k"); err != nil {
			t.Errorf("under the policy that was made: %v", err)
		}
		if want != nil {
			if err := grant(t, made, "made/"); err != nil {
				t.Fatal(err)
			}
		}
		if err := grant(t, recovering, "first/"); !errors.Is(err, want) {
			t.Errorf("the first edit of what was made answers %v, not %v", err, want)
		}
	}
}

// A write whose answer is lost is looked for. If it is not found it may still arrive, and nothing would hold it back:
// so no other follows.
func TestSingleWriterWithoutAnAnswer(t *testing.T) {
	for _, done := range []bool{true, false} {
		store := newUnconditional()
		g := newTestGuard(t, mem.New(nil), &Options{Store: store, SingleWriter: true})
		lose := func(op, key string) error {
			if op == "put" && key == headName {
				return errBroken
			}
			return nil
		}
		if done {
			store.interfere(nil, lose)
		} else {
			store.interfere(lose, nil)
		}
		err := grant(t, g, "lost/")
		store.interfere(nil, nil)
		if done {
			if err != nil {
				t.Errorf("an edit that was carried out: %v", err)
			}
			if err := grant(t, g, "next/"); err != nil {
				t.Errorf("the next one: %v", err)
			}
			continue
		}
		wantErr(t, "an edit that was not seen to be carried out", err, ErrUnknownOutcome)
		wantErr(t, "the next one", grant(t, g, "next/"), ErrUnknownOutcome)
		if err := grant(t, single(t, store), "next/"); err != nil {
			t.Errorf("opened again: %v", err)
		}
	}
}

// A hurried store has whoever asked leave while the manifest is written, and gives up what its ctx gives up.
type hurried struct {
	*unconditional
	leave context.CancelFunc
}

func (h *hurried) Put(ctx context.Context, key string, body io.Reader, o *blob.PutOptions) (*blob.Object, error) {
	if key == headName && h.leave != nil {
		h.leave()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return h.unconditional.Put(ctx, key, body, o)
}

// Who leaves while his edit is written does not stop the edits of others.
func TestSingleWriterWhenWhoAskedLeaves(t *testing.T) {
	store := &hurried{unconditional: newUnconditional()}
	g := newTestGuard(t, mem.New(nil), &Options{Store: store, SingleWriter: true})
	ctx, leave := context.WithCancel(t.Context())
	store.leave = leave
	_, err := g.as("olga").Grant(ctx, "a/", User("u"), Get)
	wantErr(t, "an edit that is not waited for", err, ErrUnknownOutcome)
	if err := grant(t, g, "b/"); err != nil {
		t.Errorf("the next one: %v", err)
	}
	if err := g.as("u").May(t.Context(), Get, "a/k"); err != nil {
		t.Errorf("what was not waited for: %v", err)
	}
}

// What is refused before the manifest is asked for changes nothing, and does not stop the writer.
func TestSingleWriterGoesOnAfterARefusal(t *testing.T) {
	store := newUnconditional()
	g := newTestGuard(t, mem.New(nil), &Options{Store: store, SingleWriter: true})
	store.interfere(func(op, key string) error {
		if op == "put" && strings.HasPrefix(key, segmentsRoot) {
			return errBroken
		}
		return nil
	}, nil)
	if err := grant(t, g, "a/"); err == nil || errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("an edit whose segment is not stored answers %v", err)
	}
	store.interfere(nil, nil)
	if err := grant(t, g, "a/"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A store that may answer with an old state would hide another writer.
func TestSingleWriterNeedsFreshReads(t *testing.T) {
	store := &broken{Wrapper: blob.Wrap(mem.New(nil)), caps: func(c *blob.Capabilities) { c.Deviations.EventualRead = true }}
	_, err := Create(t.Context(), mem.New(nil), &Options{Store: store, SingleWriter: true}, User("olga"))
	wantErr(t, "Create", err, errors.ErrUnsupported)
}
