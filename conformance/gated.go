package conformance

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A gated body delivers its first half, and waits with the second until the case opens the gate: what is seen meanwhile
// is seen in the middle of a Put.
type gated struct {
	first, rest io.Reader
	reached     chan struct{} // closed when the first half is read
	opened      chan struct{}
	reach, once sync.Once
}

func newGated(first, rest string) *gated {
	return &gated{first: strings.NewReader(first), rest: strings.NewReader(rest), reached: make(chan struct{}), opened: make(chan struct{})}
}

// open opens the gate.
func (g *gated) open() { g.once.Do(func() { close(g.opened) }) }

func (g *gated) Read(p []byte) (int, error) {
	if n, err := g.first.Read(p); err == nil {
		return n, nil
	}
	g.reach.Do(func() { close(g.reached) })
	<-g.opened
	return g.rest.Read(p)
}

// A pendingPut is one that is under way.
type pendingPut struct {
	t    *T
	done chan struct{}
	o    *blob.Object
	err  error
}

// putBehind begins a Put of a gated body, and returns when it stands at the gate.
func (t *T) putBehind(ctx context.Context, b blob.Bucket, key string, g *gated, opts *blob.PutOptions) *pendingPut {
	p := &pendingPut{t: t, done: make(chan struct{})}
	t.Cleanup(g.open)
	go func() {
		defer close(p.done)
		p.o, p.err = b.Put(ctx, key, g, opts)
	}()
	select {
	case <-g.reached:
	case <-p.done:
		t.Fatalf("a Put ended before its body did: %v", p.err)
	case <-time.After(time.Minute):
		t.Fatalf("a Put did not read half of its body within a minute\n%s", stacks())
	}
	return p
}

// wait returns how the Put ended.
func (p *pendingPut) wait() *pendingPut {
	p.t.within(time.Minute, "a Put whose body has ended", func() { <-p.done })
	return p
}
