package acl

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// A pair is two guards, of two processes, over one policy, with a clock that the test moves.
type pair struct {
	clock *manualClock
	data  *spy
	store *spy // as the second sees it
	a, b  *Guard
}

func newPair(t *testing.T, opts Options) *pair {
	p := &pair{clock: newManualClock(), data: newSpy(), store: newSpy()}
	put(t, p.data.Wrapper, "k")
	p.a = newTestGuard(t, p.data, &Options{Store: p.store.Wrapper, now: p.clock.read})
	must(t)(p.a.as("olga").Grant(t.Context(), "k", User("u"), Get))
	opts.Store, opts.now = p.store, p.clock.read
	b, err := Open(t.Context(), p.data, &opts)
	if err != nil {
		t.Fatal(err)
	}
	p.b = b
	return p
}

func (p *pair) down() { p.store.interfere(func(string, string) error { return errBroken }, nil) }

func (p *pair) ask(t *testing.T) error {
	_, err := p.b.as("u").Stat(t.Context(), "k", nil)
	return err
}

// Attack 20, R12: a revocation in one process is in force in the other after Δ, by the larger of the clocks.
func TestRevocationBound(t *testing.T) {
	for _, test := range []struct {
		name       string
		wall, mono time.Duration
	}{
		{"both clocks", 5*time.Second + 1, 5*time.Second + 1},
		{"the machine slept", 5*time.Second + 1, 0},
		{"the wall clock was set back", -time.Hour, 5*time.Second + 1},
	} {
		p := newPair(t, Options{})
		p.clock.move(time.Second, time.Second) // after b's reading
		must(t)(p.a.as("olga").Revoke(t.Context(), "k", User("u")))
		wantErr(t, "in its own process", p.a.as("u").May(t.Context(), Get, "k"), fs.ErrPermission)
		if err := p.ask(t); err != nil {
			t.Errorf("%s: within Δ: %v", test.name, err)
		}
		p.clock.move(test.wall, test.mono)
		wantErr(t, test.name, p.ask(t), fs.ErrPermission)
	}
	if got := newPair(t, Options{Freshness: Within(time.Minute), Grace: time.Second}).b.RevocationBound(); got.Views != 61*time.Second || got.Signed != 0 {
		t.Errorf("states %+v", got)
	}
}

func TestEveryCallAsksTheStore(t *testing.T) {
	for _, f := range []Freshness{EveryCall, Within(0)} {
		p := newPair(t, Options{Freshness: f})
		if err := p.ask(t); err != nil {
			t.Error(err)
		}
		must(t)(p.a.as("olga").Revoke(t.Context(), "k", User("u")))
		wantErr(t, "the next call", p.ask(t), fs.ErrPermission)
		p.down()
		wantErr(t, "with the store down", p.ask(t), ErrStale)
	}
	_, err := Open(t.Context(), mem.New(nil), &Options{Freshness: Within(-1)})
	wantErr(t, "a negative freshness", err, blob.ErrInvalid)
}

// Attack 20: while the store is down, what is known serves until Δ, and then nobody passes but recovery users.
func TestStoreDown(t *testing.T) {
	p := newPair(t, Options{Recovery: []string{"rescue"}})
	wantErr(t, "a recovery user while all is well", p.b.as("rescue").May(t.Context(), Get, "k"), fs.ErrPermission)
	p.down()
	if err := p.ask(t); err != nil {
		t.Errorf("within Δ: %v", err)
	}
	p.clock.move(time.Hour, time.Hour)
	for _, user := range []string{"u", "olga", ""} {
		_, err := p.b.as(user).Stat(t.Context(), "k", nil)
		wantErr(t, user, err, ErrStale)
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("an outage looks like a denial or absence: %v", err)
		}
		for _, err := range p.b.as(user).List(t.Context(), nil) {
			wantErr(t, "listing", err, ErrStale)
		}
	}
	if got := content(t, p.b.as("rescue"), "k"); got != "content of k" {
		t.Errorf("the recovery user reads %q", got)
	}
	wantErr(t, "the policy's objects", second(p.b.as("rescue").Stat(t.Context(), headName, nil)), blob.ErrInvalid)
	if h := p.b.Health(); h.Err == nil || h.Generation == 0 || h.Age < time.Hour {
		t.Errorf("health is %+v", h)
	}
	_, err := p.b.as("rescue").Grant(t.Context(), "k", User("u"), Get)
	wantErr(t, "an edit", err, errBroken)
	p.store.interfere(nil, nil)
	if err := p.ask(t); err != nil || p.b.Health().Err != nil {
		t.Errorf("when it is up again: %v, %+v", err, p.b.Health())
	}
	wantErr(t, "the recovery user then", p.b.as("rescue").May(t.Context(), Get, "k"), fs.ErrPermission)
}

// passing is a failure that may be over soon.
type passing struct{}

func (passing) Error() string   { return "connection reset" }
func (passing) Retryable() bool { return true }

// A call that failed for lack of a policy may be made again where the reading of that may.
func TestOutageIsRetryable(t *testing.T) {
	p := newPair(t, Options{Freshness: EveryCall})
	for _, test := range []struct {
		why   error
		again bool
	}{
		{passing{}, true}, {&blob.Error{Op: "get", Err: passing{}}, true}, {errBroken, false}, {fs.ErrPermission, false}, {fs.ErrNotExist, false},
	} {
		p.store.interfere(func(string, string) error { return test.why }, nil)
		err := p.ask(t)
		wantErr(t, test.why.Error(), err, ErrStale)
		var e *blob.Error
		if !errors.As(err, &e) || e.Retryable() != test.again || errors.Is(err, test.why) {
			t.Errorf("%v: retryable is not %t, or the reason shows: %v", test.why, test.again, err)
		}
	}
}

func TestGrace(t *testing.T) {
	p := newPair(t, Options{Grace: time.Minute})
	p.down()
	p.clock.move(30*time.Second, 30*time.Second)
	if err := p.ask(t); err != nil {
		t.Errorf("within the grace: %v", err)
	}
	p.clock.move(40*time.Second, 40*time.Second)
	wantErr(t, "after the grace", p.ask(t), ErrStale)
	p = newPair(t, Options{Grace: time.Minute})
	if err := p.store.Wrapper.Delete(t.Context(), headName, nil); err != nil {
		t.Fatal(err)
	}
	p.clock.move(30*time.Second, 30*time.Second)
	wantErr(t, "a policy that is gone is no outage", p.ask(t), ErrStale)
}

// A call shares only a reading that begins after it: one that is under way may have passed what the call must see.
func TestCallsShareLaterReadingsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, Options{Freshness: EveryCall})
		gate := make(chan struct{})
		var reads atomic.Int32
		p.store.interfere(nil, func(op, key string) error {
			if key == headName {
				reads.Add(1)
				<-gate // the answer is known, and on its way
			}
			return nil
		})
		var wg sync.WaitGroup
		var early error
		var after [5]error
		wg.Go(func() { early = p.ask(t) })
		synctest.Wait()
		must(t)(p.a.as("olga").Revoke(t.Context(), "k", User("u")))
		for i := range after {
			wg.Go(func() { after[i] = p.ask(t) })
		}
		synctest.Wait()
		close(gate)
		wg.Wait()
		_ = early // began before, and may be answered either way
		for _, err := range after {
			wantErr(t, "a call that began after the revocation", err, fs.ErrPermission)
		}
		if n := reads.Load(); n != 2 {
			t.Errorf("six calls made %d readings", n)
		}
	})
}

// A caller who leaves does not fail those who wait for the same reading.
func TestLeavingAReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, Options{Freshness: EveryCall})
		gate := make(chan struct{})
		p.store.interfere(func(op, key string) error { <-gate; return nil }, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var errs [3]error
		for i := range errs {
			wg.Go(func() {
				c := t.Context()
				if i < 2 {
					c = ctx
				}
				errs[i] = p.b.as("u").May(c, Get, "k")
			})
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		close(gate)
		wg.Wait()
		wantErr(t, "who left", errs[0], context.Canceled)
		wantErr(t, "who left", errs[1], context.Canceled)
		if errs[2] != nil {
			t.Errorf("who stayed: %v", errs[2])
		}
	})
}

// A view that was told of an edit knows it at once.
func TestAtLeast(t *testing.T) {
	p := newPair(t, Options{})
	r := must(t)(p.a.as("olga").Revoke(t.Context(), "k", User("u")))
	if err := p.ask(t); err != nil {
		t.Errorf("a view that was not told: %v", err)
	}
	wantErr(t, "a view that was told", p.b.as("u").AtLeast(r.Token).May(t.Context(), Get, "k"), fs.ErrPermission)
	wantErr(t, "a view that was told of what is not there", p.b.as("u").AtLeast(r.Token+1).May(t.Context(), Get, "k"), ErrStale)
}

// Expired grants stay expired when the clock is set back, and a view compiles again when one expires.
func TestExpiry(t *testing.T) {
	p := newPair(t, Options{})
	until := epoch.Add(time.Minute)
	must(t)(p.a.as("olga").Edit(t.Context(), AddGrant(Grant{Scope: "k", To: User("v"), Rights: Get, Expires: until})))
	v := p.a.as("v")
	if err := v.May(t.Context(), Get, "k"); err != nil {
		t.Error(err)
	}
	p.clock.move(time.Minute, time.Minute)
	wantErr(t, "at its end", v.May(t.Context(), Get, "k"), fs.ErrPermission)
	p.clock.move(-30*time.Second, time.Second)
	wantErr(t, "with the clock set back", v.May(t.Context(), Get, "k"), fs.ErrPermission)
}

// Attack 21: a policy that is damaged, cut short, put back, exchanged or gone allows nothing.
func TestBadPolicies(t *testing.T) {
	ctx := t.Context()
	segments := func(s *spy) []string { return entries(t, s.Wrapper, &blob.ListOptions{Prefix: segmentsRoot}) }
	overwrite := func(s *spy, key string, change func([]byte) []byte) {
		data, err := blob.ReadAll(ctx, s.Wrapper, key)
		if err == nil {
			_, err = blob.WriteAll(ctx, s.Wrapper, key, change(data), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	rewrite := func(old, new string) func([]byte) []byte {
		return func(data []byte) []byte { // with the right digest
			_, body, _ := bytes.Cut(data, []byte("\n"))
			if !bytes.Contains(body, []byte(old)) {
				t.Fatalf("%s has no %s", body, old)
			}
			body = bytes.Replace(body, []byte(old), []byte(new), 1)
			return append([]byte(magic+" 1 "+digest(body)+"\n"), body...)
		}
	}
	var old []byte
	for _, test := range []struct {
		name    string
		spoil   func(p *pair)
		corrupt bool // when opened anew; what only a process that saw better can tell is not
	}{
		{"gone", func(p *pair) { _ = p.store.Delete(ctx, headName, nil) }, false},
		{"empty", func(p *pair) { overwrite(p.store, headName, func([]byte) []byte { return nil }) }, true},
		{"cut short", func(p *pair) { overwrite(p.store, headName, func(d []byte) []byte { return d[:len(d)-2] }) }, true},
		{"a bit flipped", func(p *pair) {
			overwrite(p.store, headName, func(d []byte) []byte { d[len(d)-10] ^= 1; return d })
		}, true},
		{"a later format", func(p *pair) {
			overwrite(p.store, headName, func(d []byte) []byte { return bytes.Replace(d, []byte(magic+" 1 "), []byte(magic+" 2 "), 1) })
		}, true},
		{"an unknown field", func(p *pair) { overwrite(p.store, headName, rewrite(`"owners"`, `"deny":true,"owners"`)) }, true},
		{"something after the end", func(p *pair) { overwrite(p.store, headName, rewrite("\n", "{}\n")) }, true},
		{"no owner", func(p *pair) { overwrite(p.store, headName, rewrite(`["user:olga"]`, `[]`)) }, true},
		{"a segment elsewhere", func(p *pair) { overwrite(p.store, headName, rewrite(segmentsRoot, "data/")) }, true},
		{"a segment damaged", func(p *pair) {
			overwrite(p.store, segments(p.store)[0], func(d []byte) []byte { return bytes.Replace(d, []byte("user:u"), []byte("user:w"), 1) })
		}, true},
		{"a segment gone", func(p *pair) { _ = p.store.Delete(ctx, segments(p.store)[0], nil) }, true},
		{"another policy", func(p *pair) {
			_ = p.store.Wrapper.Delete(ctx, headName, nil)
			_, err := Create(ctx, mem.New(nil), &Options{Store: p.store.Wrapper}, User("mallory"))
			if err != nil {
				t.Fatal(err)
			}
		}, false},
		{"an older one", func(p *pair) { overwrite(p.store, headName, func([]byte) []byte { return old }) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPair(t, Options{Recovery: []string{"rescue"}})
			old, _ = blob.ReadAll(ctx, p.store.Wrapper, headName)
			if test.name == "an older one" {
				must(t)(p.a.as("olga").Grant(ctx, "x", User("u"), Get))
				if _, err := p.b.snapshots.revalidate(ctx); err != nil {
					t.Fatal(err)
				}
			}
			segment := strings.Contains(test.name, "segment")
			test.spoil(p)
			fresh, err := Open(ctx, p.data, &Options{Store: p.store, now: p.clock.read, Recovery: []string{"rescue"}})
			if err != nil {
				t.Fatal(err)
			}
			if test.corrupt {
				wantErr(t, "its health", fresh.Health().Err, ErrCorrupt)
				_, err = Open(ctx, p.data, &Options{Store: p.store})
				wantErr(t, "Open", err, ErrCorrupt)
			}
			p.clock.move(time.Hour, time.Hour)
			for _, g := range []*Guard{p.b, fresh} {
				if g == p.b && segment && test.name != "a segment elsewhere" || g == fresh && !test.corrupt && test.name != "gone" {
					continue // it has read the segment before; or has seen nothing better
				}
				for _, user := range []string{"u", "olga", "mallory"} {
					wantErr(t, user, g.as(user).May(ctx, Get, "k"), ErrStale)
				}
				if err := g.as("rescue").May(ctx, Get, "k"); err != nil {
					t.Errorf("the recovery user: %v", err)
				}
			}
		})
	}
	_, err := Open(ctx, mem.New(nil), nil)
	wantErr(t, "Open without a policy", err, fs.ErrNotExist)
}

// A reader that misses a segment reads the manifest again: it may have been replaced, and swept, meanwhile.
func TestMissedSegment(t *testing.T) {
	p := newPair(t, Options{Freshness: EveryCall})
	must(t)(p.a.as("olga").Grant(t.Context(), "x", User("u"), Get))
	gone := entries(t, p.store.Wrapper, &blob.ListOptions{Prefix: segmentsRoot})
	once := sync.OnceFunc(func() {
		must(t)(p.a.as("olga").Revoke(t.Context(), "k", User("u")))
		for _, name := range gone {
			_ = p.store.Wrapper.Delete(t.Context(), name, nil)
		}
	})
	p.store.interfere(func(op, key string) error {
		if strings.HasPrefix(key, segmentsRoot) {
			once()
		}
		return nil
	}, nil)
	wantErr(t, "a call meanwhile", p.ask(t), fs.ErrPermission)
}

func TestCreate(t *testing.T) {
	ctx := t.Context()
	b := mem.New(nil)
	for _, owners := range [][]Principal{nil, {Group("admins")}, {Public}, {User("")}, {User("olga"), Principal{}}} {
		_, err := Create(ctx, b, nil, owners...)
		wantErr(t, "Create", err, blob.ErrInvalid)
	}
	_, err := Create(ctx, nil, nil, User("olga"))
	wantErr(t, "Create of no bucket", err, blob.ErrInvalid)
	if got := entries(t, b, nil); len(got) > 0 {
		t.Errorf("a refused Create left %q", got)
	}
	var wg sync.WaitGroup
	var made atomic.Int32
	for range 8 {
		wg.Go(func() {
			_, err := Create(ctx, b, nil, User("olga"))
			if err == nil {
				made.Add(1)
			} else {
				wantErr(t, "a second Create", err, fs.ErrExist)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d of 8 made the policy", made.Load())
	}
	// The reply is lost: it is made all the same, and known to be.
	s := newSpy()
	s.interfere(nil, func(op, key string) error {
		if op == "put" && key == headName {
			return errBroken
		}
		return nil
	})
	if _, err := Create(ctx, mem.New(nil), &Options{Store: s}, User("olga")); err != nil {
		t.Errorf("Create with a lost reply: %v", err)
	}
}

func TestClose(t *testing.T) {
	b := mem.New(nil)
	put(t, b, "k")
	g := newTestGuard(t, b, nil)
	v := g.as("olga")
	r, err := v.Get(t.Context(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
	wantErr(t, "stat", second(v.Stat(t.Context(), "k", nil)), blob.ErrClosed)
	wantErr(t, "grant", second(v.Grant(t.Context(), "k", User("u"), Get)), blob.ErrClosed)
	wantErr(t, "read", second(r.Read(make([]byte, 1))), blob.ErrClosed)
	if got := content(t, b, "k"); got != "content of k" {
		t.Errorf("it closed the bucket: %q", got)
	}
}

// A view of a bucket that is closed is closed, whatever the policy says.
func TestCloseOfTheBucket(t *testing.T) {
	b, policy := mem.New(nil), mem.New(nil)
	put(t, b, "k")
	v := newTestGuard(t, b, &Options{Store: policy}).as("olga")
	r, err := v.Get(t.Context(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b.Close()
	wantErr(t, "stat", second(v.Stat(t.Context(), "k", nil)), blob.ErrClosed)
	wantErr(t, "sign", second(v.Sign(t.Context(), "k", nil)), blob.ErrClosed)
	wantErr(t, "a denied stat", second(v.v.guard.as("nobody").Stat(t.Context(), "k", nil)), blob.ErrClosed)
	wantErr(t, "read", second(r.Read(make([]byte, 1))), blob.ErrClosed)
}
