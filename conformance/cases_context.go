package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

var contextCases = []Case{
	{ID: "O01", Doc: "with a context that has ended, every call answers its error and changes nothing", Run: endedContext},
	{ID: "O02", Doc: "a deadline that passes in the middle of a read, a write or a listing is DeadlineExceeded, and publishes nothing", Run: func(t *T) { endInTheMiddle(t, context.DeadlineExceeded) }},
	{ID: "O03", Doc: "a cancellation in the middle is context.Canceled through all wrapping", Run: func(t *T) { endInTheMiddle(t, context.Canceled) }},
	{ID: "O04", Doc: "after a cancellation every call under way returns soon, also with an endless body", Run: andThroughProxy(promptCancel, cancelInBlackHole)},
	{ID: "O05", Doc: "a Reader is bound to the context of its Get, other results to none", Run: readerOfEndedContext},
	{ID: "O06", Doc: "the cause of a cancellation: recorded whether errors.Is finds it", Run: cancelCause},
	{ID: "O07", Doc: "calls that succeed, fail, or are abandoned leave no goroutine", Run: noGoroutines},
	{ID: "O09", Doc: "a hundred rounds of calls leave no more open files than one", Run: noFiles},
	{ID: "O12", Doc: "allocations and bytes of a small put, get and stat: recorded", Run: allocations},
	{ID: "O13", Doc: "no call touches the state of the process: directory, environment, log, default HTTP client", Run: noGlobalState},
	{ID: "O14", Doc: "a panic in the caller's body, sequence or loop publishes nothing and leaves the bucket usable", Run: panickingCallbacks},
}

func endedContext(t *T) {
	t.Put("there", "old")
	t.Put(source, "old")
	var u blob.Upload
	if t.Caps.Uploads.Supported {
		var err error
		u, err = t.Bucket.Upload(t.ctx, "unfinished", nil)
		t.WantOK("upload", err)
		t.Cleanup(func() { _ = u.Abort(context.WithoutCancel(t.ctx)) })
	}
	before := t.Snapshot()
	for _, why := range bothEnds {
		ctx := newEndable(t.ctx, why)
		ctx.end()
		for _, c := range calls(t.Caps) {
			for _, key := range []string{"there", "missing"} {
				wantClass(t, c.name, c.run(ctx, t.Bucket, key), why)
			}
		}
		if u == nil {
			continue
		}
		_, err := u.Put(ctx, 1, section("x"))
		wantClass(t, "put of a part", err, why)
		for _, err = range u.Parts(ctx) {
			break
		}
		wantClass(t, "list of parts", err, why)
		_, err = u.Complete(ctx)
		wantClass(t, "complete", err, why)
	}
	if after := t.Snapshot(); !maps.Equal(before, after) {
		t.Errorf("calls with an ended context changed %q to %q", before, after)
	}
	if u != nil {
		for p, err := range u.Parts(t.ctx) {
			t.Errorf("calls with an ended context left part %v, %v", p, err)
		}
	}
}

// endAfter is a body of n bytes that ends a context in the middle and goes on as if nothing were.
type endAfter struct {
	ctx  *endable
	n    int
	left int
}

func newEndAfter(ctx *endable, n int) *endAfter { return &endAfter{ctx, n, n} }

func (e *endAfter) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left, max(1, e.n/10))
	for i := range n {
		p[i] = 'x'
	}
	if e.left > e.n/2 && e.left-n <= e.n/2 {
		e.ctx.end()
	}
	e.left -= n
	return n, nil
}

func endInTheMiddle(t *T, why error) {
	const size = 3 << 20
	t.Put("large", strings.Repeat("x", size))
	keys := 5
	for i := range keys {
		t.Put(fmt.Sprintf("list/%d", i), "x")
	}

	ctx := newEndable(t.ctx, why)
	r, err := t.Bucket.Get(ctx, "large", nil)
	t.WantOK("get", err)
	_, err = io.ReadFull(r, make([]byte, 1000))
	t.WantOK("read", err)
	ctx.end()
	n, err := io.Copy(io.Discard, r)
	wantClass(t, "read after the context has ended", err, why)
	if n > 0 {
		t.Logf("%d bytes were delivered after the end", n)
	}
	r.Close()

	for _, key := range []string{"large", "new"} {
		for _, size := range []int{100, 1 << 20} {
			ctx = newEndable(t.ctx, why)
			_, err = t.Bucket.Put(ctx, key, newEndAfter(ctx, size), nil)
			wantClass(t, fmt.Sprintf("put of %d bytes whose context ends in the middle", size), err, why)
			ctx = newEndable(t.ctx, why)
			_, err = t.Bucket.Put(ctx, key, newEndAfter(ctx, size), &blob.PutOptions{Size: int64(size)})
			wantClass(t, fmt.Sprintf("put of declared %d bytes whose context ends in the middle", size), err, why)
		}
	}
	t.WantMissing("new")
	if t.Stat("large").Size != size {
		t.Errorf("a put whose context ended replaced the object")
	}

	ctx = newEndable(t.ctx, why)
	err, seen := nil, 0
	for _, err = range t.Bucket.List(ctx, &blob.ListOptions{Prefix: "list/"}) {
		if err != nil {
			break
		}
		if seen++; seen == 2 {
			ctx.end()
		}
	}
	wantClass(t, "list whose context ends at the second entry", err, why)
	if seen != 2 {
		t.Errorf("%d entries were listed; the context ended at the second", seen)
	}
}

// endless is a body without an end, that says when so much of it has been read. It fails when the case is over, so that a
// driver which ignores the end of a context does not go on reading.
type endless struct {
	over           context.Context // of the case
	read, signalAt int
	signal         func()
}

func (e *endless) Read(p []byte) (int, error) {
	if err := e.over.Err(); err != nil {
		return 0, fmt.Errorf("the case is over: %w", err)
	}
	p = p[:min(len(p), 64<<10)]
	clear(p)
	if before := e.read; before < e.signalAt && before+len(p) >= e.signalAt {
		e.signal()
	}
	e.read += len(p)
	return len(p), nil
}

// cancelled is how long a call may take after its context has ended. Most return at once; a store may let what is under
// way end, and remove it, so that nothing is left.
const cancelled = 3500 * time.Millisecond

func promptCancel(t *T) {
	t.Put("large", strings.Repeat("x", 2<<20))
	for i := range 20 {
		t.Put(fmt.Sprintf("list/%02d", i), "x")
	}
	forever := func(step func(ctx context.Context) error) func(context.Context, func()) error {
		return func(ctx context.Context, started func()) error {
			for first := true; ; first = false {
				if err := cmp.Or(step(ctx), t.ctx.Err()); err != nil {
					return err
				}
				if first {
					started()
				}
			}
		}
	}
	for name, call := range map[string]func(ctx context.Context, started func()) error{
		"put": func(ctx context.Context, started func()) error {
			_, err := t.Bucket.Put(ctx, "endless", &endless{over: t.ctx, signalAt: 1 << 20, signal: started}, nil)
			return err
		},
		"get": forever(func(ctx context.Context) error {
			r, err := t.Bucket.Get(ctx, "large", nil)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
			return err
		}),
		"list": forever(func(ctx context.Context) error {
			for _, err := range t.Bucket.List(ctx, nil) {
				if err != nil {
					return err
				}
			}
			return nil
		}),
		"delete each": func(ctx context.Context, started func()) error {
			endlessKeys := func(yield func(string) bool) {
				for i := 0; yield(fmt.Sprint("none", i)); i++ {
					if i == 3 {
						started()
					}
					if ctx.Err() != nil && i > 3 {
						return // DeleteEach tries every key, so it is for the caller to stop
					}
				}
			}
			return t.Bucket.DeleteEach(ctx, endlessKeys, nil)
		},
	} {
		ctx, cancel := context.WithCancel(t.ctx)
		started, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- call(ctx, func() { close(started) }) }()
		var err error
		select {
		case <-started:
		case err = <-ended:
			t.Errorf("%s ended by itself: %v", name, err)
			cancel()
			continue
		}
		cancel()
		at := time.Now()
		t.within(10*time.Second, name+" after its cancellation", func() { err = <-ended })
		if took := time.Since(at); took > cancelled {
			t.Errorf("%s returned %v after its cancellation", name, took)
		}
		if err != nil || name != "delete each" { // all keys may have been done before
			wantClass(t, name, err, context.Canceled)
		}
	}
	t.WantMissing("endless")
}

func readerOfEndedContext(t *T) {
	ctx, cancel := context.WithCancel(t.ctx)
	o, err := t.Bucket.Put(ctx, "k", strings.NewReader("content"), nil)
	t.WantOK("put", err)
	r, err := t.Bucket.Get(ctx, "k", nil)
	t.WantOK("get", err)
	listing := t.Bucket.List(ctx, nil)
	cancel()
	_, err = r.Read(make([]byte, 1))
	wantClass(t, "read of a Reader whose context has ended", err, context.Canceled)
	if r.Key != "k" || r.Size != 7 || o.Size != 7 {
		t.Errorf("the attributes are %+v and %+v", r.Object, o)
	}
	t.WantOK("close of a Reader whose context has ended", r.Close())
	for _, err = range listing {
		break
	}
	wantClass(t, "a listing that is ranged over after its context has ended", err, context.Canceled)
	t.WantContent("k", "content")
}

func cancelCause(t *T) {
	cause := errors.New("the caller's reason")
	ctx, cancel := context.WithCancelCause(t.ctx)
	cancel(cause)
	_, err := t.Bucket.Stat(ctx, "k", nil)
	t.Recordf("the cause is found: %t", errors.Is(err, cause))
}

// failingBody fails after n bytes.
func failingBody(n int, err error) io.Reader {
	return io.MultiReader(strings.NewReader(strings.Repeat("x", n)), errorReader{err})
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

// abandoned uses the bucket in all the ways after which something could be left over.
func abandoned(t *T) {
	failure := errors.New("the body fails")
	for _, c := range calls(t.Caps) {
		_ = c.run(t.ctx, t.Bucket, "k")
		_ = c.run(t.ctx, t.Bucket, "missing")
		ended := newEndable(t.ctx, context.Canceled)
		ended.end()
		_ = c.run(ended, t.Bucket, "k")
	}
	for _, n := range []int{0, 1000, 100_000} {
		if _, err := t.Bucket.Put(t.ctx, "failed", failingBody(n, failure), nil); !errors.Is(err, failure) {
			t.Errorf("put whose body fails after %d bytes answers %v", n, err)
		}
		ctx := newEndable(t.ctx, context.Canceled)
		_, _ = t.Bucket.Put(ctx, "failed", newEndAfter(ctx, n+100), nil)
	}
	t.Put("k", strings.Repeat("x", 100_000))
	r, err := t.Bucket.Get(t.ctx, "k", nil)
	t.WantOK("get", err)
	_, err = io.ReadFull(r, make([]byte, 10))
	t.WantOK("read", err)
	t.WantOK("close in the middle", r.Close())
	for range t.Bucket.List(t.ctx, nil) {
		break
	}
	next, stop := iter.Pull2(t.Bucket.List(t.ctx, nil))
	next()
	stop()
}

func noGoroutines(t *T) {
	t.Put(source, "x")
	abandoned(t) // connections that stay open are no leak
	t.NoLeaks(func() { abandoned(t) })
}

func noFiles(t *T) {
	t.Put(source, "x")
	abandoned(t)
	before := openFiles()
	for range t.rounds(100) {
		abandoned(t)
	}
	t.Until(true, "no more open files than before", func() bool { return openFiles() <= before })
}

func allocations(t *T) {
	const calls = 50
	content := strings.Repeat("x", 1024)
	for _, c := range []struct {
		name string
		call func()
	}{
		{"put", func() { t.Put("small", content) }},
		{"get", func() { t.Get("small") }},
		{"stat", func() { t.Stat("small") }},
	} {
		c.call()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range calls {
			c.call()
		}
		runtime.ReadMemStats(&after)
		t.Recordf("%s of 1 KiB: %d allocations, %d bytes", c.name, (after.Mallocs-before.Mallocs)/calls, (after.TotalAlloc-before.TotalAlloc)/calls)
	}
}

// global is the state of the process that a library has no business with.
func global() string {
	dir, _ := os.Getwd()
	return fmt.Sprintf("%q %q %v %d %q %p %p %+v", dir, os.Environ(), log.Writer(), log.Flags(), log.Prefix(),
		slog.Default(), http.DefaultTransport, *http.DefaultClient)
}

func noGlobalState(t *T) {
	t.Put(source, "x")
	before := global()
	type tracing struct{}
	traced := context.WithValue(t.ctx, tracing{}, "trace")
	for _, c := range calls(t.Caps) {
		if err := c.run(traced, t.Bucket, "k"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s with a context that has values: %v", c.name, err)
		}
	}
	if after := global(); before != after {
		t.Errorf("the calls changed the state of the process from %s to %s", before, after)
	}
}

type panicReader struct{}

func (panicReader) Read([]byte) (int, error) { panic("the caller's body panics") }

func panickingCallbacks(t *T) {
	t.Put("k", "old")
	t.Put("l", "old")
	panics := func(what string, f func()) {
		defer func() {
			if recover() == nil {
				t.Errorf("%s: the panic of the callback did not reach its caller", what)
			}
		}()
		f()
	}
	t.within(20*time.Second, "calls with panicking callbacks", func() {
		panics("put", func() {
			_, err := t.Bucket.Put(t.ctx, "k", io.MultiReader(strings.NewReader("half"), panicReader{}), nil)
			t.Errorf("put of a panicking body answers %v", err)
		})
		panics("list", func() {
			for range t.Bucket.List(t.ctx, nil) {
				panic("in the loop")
			}
		})
		panics("delete each, the keys", func() {
			_ = t.Bucket.DeleteEach(t.ctx, func(func(string) bool) { panic("in the sequence") }, nil)
		})
		panics("delete each, the failures", func() {
			_ = t.Bucket.DeleteEach(t.ctx, slices.Values([]string{""}), func(string, error) { panic("in failed") })
		})
	})
	t.within(20*time.Second, "the bucket after panics", func() {
		for _, key := range []string{"k", "l"} {
			if got, _, err := get(t, t.Bucket, key, nil); err != nil || got != "old" {
				t.Errorf("after panics %q reads %q, %v", key, got, err)
			}
			if _, err := t.Bucket.Put(t.ctx, key, strings.NewReader("new"), nil); err != nil {
				t.Errorf("put after panics: %v", err)
			}
			if err := inOrder(t, ""); err != nil {
				t.Errorf("list after panics: %v", err)
			}
			if err := t.Bucket.Delete(t.ctx, key, nil); err != nil {
				t.Errorf("delete after panics: %v", err)
			}
		}
	})
}
