package ceph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// Content in flight is bounded, whoever writes it, so that librados never has so much that small calls wait; and who waits
// for room may go.
func TestContentInFlight(t *testing.T) {
	b, p := newFake(t)
	begun, release := block(p, "write")
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	const puts, each = 10, 3 * chunkSize
	for i := range puts {
		go func() {
			_, err := b.Put(ctx, fmt.Sprint(i), bytes.NewReader(make([]byte, each)), nil)
			ended <- err
		}()
	}
	for range contentInFlight / chunkSize {
		<-begun
	}
	select {
	case <-begun:
		t.Errorf("more than %d bytes are in flight", contentInFlight)
	case <-time.After(50 * time.Millisecond):
	}
	put(t, b, "small", "x", nil)
	cancel()
	for range puts {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("a Put whose ctx has ended: %v", err)
		}
	}
	release()
	if b.raw.room.free != contentInFlight {
		t.Errorf("%d bytes of room are lost", contentInFlight-b.raw.room.free)
	}
}

// Room is given in turn: a large wish is not put off for ever by small ones.
func TestRoom(t *testing.T) {
	r := &room{free: 10}
	ctx, cancel := context.WithCancel(t.Context())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.take(ctx, 6))
	large, small := make(chan error, 1), make(chan error, 1)
	waiting := func(n int) {
		for {
			r.mu.Lock()
			now := len(r.waiting)
			r.mu.Unlock()
			if now == n {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	go func() { large <- r.take(ctx, 8) }()
	waiting(1)
	go func() { small <- r.take(t.Context(), 1) }()
	waiting(2)
	select {
	case <-small:
		t.Error("the small one came first")
	default:
	}
	cancel() // the large one goes, and the small one need not wait any longer
	if err := <-large; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	must(<-small)
	r.give(6)
	r.give(1)
	if r.free != 10 {
		t.Errorf("%d of 10 are free", r.free)
	}
}
