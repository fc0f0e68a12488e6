package conformance

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// What cases with many goroutines share.

// crowd runs f(0) to f(n-1) at once, each in a goroutine that waits for the others to be there, and returns when all
// have. F must not end the case; it uses Errorf and returns.
func (t *T) crowd(n int, f func(i int)) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("panic: %v\n%s", p, debug.Stack())
				}
			}()
			<-start
			f(i)
		})
	}
	close(start)
	all.Wait()
}

// sideBySide runs parts of a case at once, which must use different keys and not t.Rand, and returns when all have ended.
// If one of them has ended the case, the case ends then.
func (t *T) sideBySide(parts ...func()) {
	var cut atomic.Bool
	t.crowd(len(parts), func(i int) {
		cutShort := true
		defer func() {
			if cutShort {
				cut.Store(true)
			}
		}()
		parts[i]()
		cutShort = false
	})
	if cut.Load() {
		t.FailNow()
	}
}

// rounds yields the numbers of the rounds of a race: n in the default tier, a tenth of that in the short one and ten
// times as many in the long one. A store that is too slow for them does what fits in the time, which is recorded. A
// failed case has no further round.
func (t *T) rounds(n int) iter.Seq[int] {
	n = max(5, n*[...]int{1, 10, 100}[t.Tier]/10)
	budget := [...]time.Duration{time.Second, 5 * time.Second, 2 * time.Minute}[t.Tier]
	return func(yield func(int) bool) {
		begin := time.Now()
		for i := range n {
			if i >= 5 && time.Since(begin) > budget {
				t.Recordf("%d of %d rounds in %v", i, n, budget)
				return
			}
			if t.Failed() || !yield(i) {
				return
			}
		}
	}
}

// rands returns one source of random numbers for each of n goroutines.
func (t *T) rands(n int) []*rand.Rand {
	all := make([]*rand.Rand, n)
	for i := range all {
		all[i] = rand.New(rand.NewPCG(t.Rand.Uint64(), t.Rand.Uint64()))
	}
	return all
}

// handles returns the bucket, and a second handle to it where the harness can reopen it.
func (t *T) handles() []blob.Bucket {
	all := []blob.Bucket{t.Bucket}
	if t.Harness.has(HookReopen) {
		all = append(all, t.Reopen())
	}
	return all
}

// within reports f if it is not done after limit, which is the end of the case: f goes on.
func (t *T) within(limit time.Duration, what string, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("%s: not done after %v\n%s", what, limit, stacks())
	}
}

// stampSize is the length of a stamp, and so the least size of stamped content.
const stampSize = 24

// stamped returns content that tells by itself whether it is whole and unmixed: who wrote it, which of his it is, and
// its size, over and over.
func stamped(writer, serial, size int) string {
	stamp := fmt.Sprintf("%06d %07d %08d\n", writer, serial, size)
	return strings.Repeat(stamp, size/stampSize+1)[:size]
}

// checkStamped returns why content is not what stamped made, or nil.
func checkStamped(content string) error {
	var writer, serial, size int
	if len(content) < stampSize {
		return fmt.Errorf("%s is shorter than a stamp", brief(content))
	}
	if _, err := fmt.Sscanf(content, "%d %d %d\n", &writer, &serial, &size); err != nil {
		return fmt.Errorf("%s begins with no stamp: %v", brief(content), err)
	}
	if size != len(content) {
		return fmt.Errorf("%d bytes of an object that was written with %d (writer %d, number %d)", len(content), size, writer, serial)
	}
	if content[stampSize:] != content[:size-stampSize] {
		return fmt.Errorf("%d bytes begin as number %d of writer %d and go on as something else", size, serial, writer)
	}
	return nil
}
