package acl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// A spy is a bucket that notes the calls that reach it, and lets a test interfere: before a call, with an error in its
// place, and after it, with an error in place of its answer.
type spy struct {
	blob.Wrapper
	before func(op, key string) error
	after  func(op, key string) error

	mu    sync.Mutex
	calls []string
}

func newSpy() *spy { return &spy{Wrapper: blob.Wrap(mem.New(nil))} }

func (s *spy) enter(op, key string) error {
	s.mu.Lock()
	s.calls = append(s.calls, op+" "+key)
	before := s.before
	s.mu.Unlock()
	if before != nil {
		return before(op, key)
	}
	return nil
}

func (s *spy) leave(op, key string, err error) error {
	s.mu.Lock()
	after := s.after
	s.mu.Unlock()
	if after != nil && (err == nil || errors.Is(err, blob.ErrNotModified)) {
		if aerr := after(op, key); aerr != nil {
			return aerr
		}
	}
	return err
}

func (s *spy) interfere(before, after func(op, key string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

// taken returns the calls since the last time, but those for the policy.
func (s *spy) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := slices.DeleteFunc(s.calls, func(c string) bool { return strings.Contains(c, " "+root) })
	s.calls = nil
	return calls
}

func spied[T any](s *spy, op, key string, call func() (T, error)) (T, error) {
	var zero T
	if err := s.enter(op, key); err != nil {
		return zero, err
	}
	v, err := call()
	if err = s.leave(op, key, err); err != nil {
		return zero, err
	}
	return v, nil
}

func (s *spy) Stat(ctx context.Context, key string, o *blob.StatOptions) (*blob.Object, error) {
	return spied(s, "stat", key, func() (*blob.Object, error) { return s.Wrapper.Stat(ctx, key, o) })
}

func (s *spy) Get(ctx context.Context, key string, o *blob.GetOptions) (*blob.Reader, error) {
	return spied(s, "get", key, func() (*blob.Reader, error) { return s.Wrapper.Get(ctx, key, o) })
}

func (s *spy) Put(ctx context.Context, key string, body io.Reader, o *blob.PutOptions) (*blob.Object, error) {
	return spied(s, "put", key, func() (*blob.Object, error) { return s.Wrapper.Put(ctx, key, body, o) })
}

func (s *spy) Source(ctx context.Context, key string, o *blob.SourceOptions) (blob.Source, error) {
	return spied(s, "source", key, func() (blob.Source, error) { return s.Wrapper.Source(ctx, key, o) })
}

func (s *spy) Copy(ctx context.Context, key string, src blob.Source, o *blob.CopyOptions) (*blob.Object, error) {
	return spied(s, "copy", key, func() (*blob.Object, error) { return s.Wrapper.Copy(ctx, key, src, o) })
}

func (s *spy) Delete(ctx context.Context, key string, o *blob.DeleteOptions) error {
	_, err := spied(s, "delete", key, func() (any, error) { return nil, s.Wrapper.Delete(ctx, key, o) })
	return err
}

func (s *spy) List(ctx context.Context, o *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		if err := s.enter("list", o.Prefix); err != nil {
			yield(nil, err)
			return
		}
		s.Wrapper.List(ctx, o)(yield)
	}
}

func (s *spy) Upload(ctx context.Context, key string, o *blob.UploadOptions) (blob.Upload, error) {
	return spied(s, "upload", key, func() (blob.Upload, error) {
		u, err := s.Wrapper.Upload(ctx, key, o)
		return &spiedUpload{u, s, key}, err
	})
}

type spiedUpload struct {
	blob.Upload
	s   *spy
	key string
}

func (u *spiedUpload) Put(ctx context.Context, n int, body *io.SectionReader) (blob.Part, error) {
	return spied(u.s, "part", u.key, func() (blob.Part, error) { return u.Upload.Put(ctx, n, body) })
}

func (u *spiedUpload) Complete(ctx context.Context) (*blob.Object, error) {
	return spied(u.s, "complete", u.key, func() (*blob.Object, error) { return u.Upload.Complete(ctx) })
}

// A manualClock stands still until a test moves it.
type manualClock struct {
	mu  sync.Mutex
	now instant
}

func newManualClock() *manualClock { return &manualClock{now: instant{wall: epoch.UnixNano()}} }

func (c *manualClock) read() instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) move(wall, mono time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.wall += int64(wall)
	c.now.mono += int64(mono)
}

// newTestGuard guards b, with olga as the owner, and with the policy in a bucket of its own unless opts say otherwise.
func newTestGuard(t testing.TB, b blob.Bucket, opts *Options) *Guard {
	t.Helper()
	if opts == nil {
		opts = &Options{Store: mem.New(nil)}
	}
	g, err := Create(t.Context(), b, opts, User("olga"))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// install makes p the policy of g without asking anyone.
func install(t testing.TB, g *Guard, p *Policy) {
	t.Helper()
	base, err := g.snapshots.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p = p.Clone()
	p.ID = base.Policy
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	p.normalize()
	a := &attempt{base: base}
	m := &manifest{Policy: base.Policy, Generation: base.Generation + 1, Parent: &reference{base.manifest.Name, base.sum}, Secret: base.Secret}
	if err := a.write(m, p, nil); err != nil {
		t.Fatal(err)
	}
	if err := g.snapshots.send(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	g.snapshots.adopt(a.made())
}

func grantTo(user, scope string, rights Rights) Grant {
	return Grant{Scope: scope, To: User(user), Rights: rights}
}

// policyOf is a policy of olga's with these grants.
func policyOf(grants ...Grant) *Policy {
	return &Policy{Owners: []Principal{User("olga")}, Grants: grants}
}

func (g *Guard) as(user string) *View { return g.As(Identity{User: user}) }

func put(t testing.TB, b blob.Bucket, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if _, err := b.Put(t.Context(), key, strings.NewReader("content of "+key), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func entries(t testing.TB, b blob.Bucket, opts *blob.ListOptions) []string {
	t.Helper()
	got := []string{}
	for o, err := range b.List(t.Context(), opts) {
		if err != nil {
			t.Fatalf("list %+v: %v", opts, err)
		}
		got = append(got, o.Key)
	}
	return got
}

func content(t testing.TB, b blob.Bucket, key string) string {
	t.Helper()
	data, err := blob.ReadAll(t.Context(), b, key)
	if errors.Is(err, blob.ErrNotExist) {
		return "nothing"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func section(s string) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader([]byte(s)), 0, int64(len(s)))
}

// must fails the test if an edit fails.
func must(t testing.TB) func(Result, error) Result {
	return func(r Result, err error) Result {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

var errBroken = fmt.Errorf("the store is broken")
