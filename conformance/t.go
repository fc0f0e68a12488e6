package conformance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// T is what a case runs with: the bucket, and a way to say what is wrong. It works like testing.T, so that the same
// cases run under go test and from a command. Methods may be called from many goroutines, but FailNow and what calls it
// only from that of the case.
type T struct {
	Bucket  blob.Bucket       // an empty namespace of the case's own
	Caps    blob.Capabilities // of Bucket
	Harness *Harness
	Case    *Case
	Rand    *rand.Rand // from a seed that the report prints; for one goroutine
	Tier    Tier       // the tier of this run, for cases that do more in a longer one

	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	failed   bool
	failures failures // what Errorf said
	log      []string // what Logf said
	recorded []string
	cleanups []func()
}

// Context ends when the case does.
func (t *T) Context() context.Context { return t.ctx }

// Helper is here for the look of testing.T; failures name the case, not a line.
func (t *T) Helper() {}

// Logf adds to what is shown if the case fails.
func (t *T) Logf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log = append(t.log, fmt.Sprintf(format, args...))
}

// Errorf marks the case as failed and goes on.
func (t *T) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = true
	text := fmt.Sprintf(format, args...)
	if _, file, line, ok := caller(); ok {
		text = fmt.Sprintf("%s:%d: %s", file[strings.LastIndexByte(file, '/')+1:], line, text)
	}
	t.failures.add(text)
}

// caller finds the line of the case, past the helpers of this file and of check.go.
func caller() (pc uintptr, file string, line int, ok bool) {
	for skip := 2; skip < 12; skip++ {
		pc, file, line, ok = runtime.Caller(skip)
		if !ok || strings.Contains(file, "cases_") {
			return
		}
	}
	return runtime.Caller(2)
}

// Fatalf marks the case as failed and ends it.
func (t *T) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	t.FailNow()
}

// FailNow ends the case as failed.
func (t *T) FailNow() {
	t.mu.Lock()
	t.failed = true
	t.mu.Unlock()
	runtime.Goexit()
}

// Failed tells whether the case has failed so far.
func (t *T) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

// Recordf records a value for the report of this run, where stores differ and none is wrong.
func (t *T) Recordf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recorded = append(t.recorded, fmt.Sprintf(format, args...))
}

// Cleanup runs f when the case is over, the last one first.
func (t *T) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

// TempDir returns an empty directory that goes with the case.
func (t *T) TempDir() string {
	dir, err := os.MkdirTemp("", "holdall-conformance-")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("what the case left cannot be removed: %v", err)
		}
	})
	return dir
}

// Reopen returns another handle to the bucket's namespace. The case must need HookReopen.
func (t *T) Reopen() blob.Bucket {
	b := t.Harness.Reopen(t, t.Bucket)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// OpenAnother returns a bucket on another empty namespace.
func (t *T) OpenAnother() blob.Bucket {
	b := t.Harness.Open(t)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// Until polls until f returns true, for what a store declares eventual; it fails after half a minute. Where the store
// is consistent, one look must do.
func (t *T) Until(eventual bool, what string, f func() bool) {
	for deadline := time.Now().Add(30 * time.Second); !f(); {
		if !eventual || time.Now().After(deadline) {
			t.Errorf("not seen: %s", what)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// end runs the clean-ups.
func (t *T) end() {
	for {
		t.mu.Lock()
		n := len(t.cleanups)
		if n == 0 {
			t.mu.Unlock()
			break
		}
		f := t.cleanups[n-1]
		t.cleanups = t.cleanups[:n-1]
		t.mu.Unlock()
		f()
	}
	t.cancel()
}
