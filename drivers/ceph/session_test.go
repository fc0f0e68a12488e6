package ceph

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// Close interrupts a Put, which leaves nothing all the same.
func TestClosedDuringPut(t *testing.T) {
	b, p := newFake(t)
	var removed atomic.Int64
	closing := once("write", func(string) error { return b.Close() })
	p.hook(func(call, object string) error {
		if call == "remove" {
			removed.Add(1)
			select {
			case <-b.raw.ended:
				t.Errorf("%s is removed when the connection is shut", object)
			case <-time.After(10 * time.Millisecond):
			}
		}
		return closing(call, object)
	}, nil)
	_, err := b.Put(t.Context(), "k", bytes.NewReader(large), &blob.PutOptions{Concurrency: 1})
	if !errors.Is(err, blob.ErrClosed) {
		t.Errorf("a Put that is interrupted by Close: %v", err)
	}
	<-b.raw.ended
	if left := p.data(); len(left) > 0 || removed.Load() == 0 {
		t.Errorf("it left %v", left)
	}
}

// To shut the connection may take long. Who is the last to use it does not wait for that.
func TestLastLeaves(t *testing.T) {
	gate := make(chan struct{})
	s := newSession(nil, nil, func() { <-gate })
	if err := s.enter(); err != nil {
		t.Fatal(err)
	}
	s.close()
	left := make(chan struct{})
	go func() {
		s.leave()
		close(left)
	}()
	if !within(10*time.Second, left) {
		t.Error("who leaves last waits for the connection to be shut")
	}
	close(gate)
	<-s.ended
}

// Who comes after Close hears so, and waits for nothing.
func TestAfterClose(t *testing.T) {
	b, _ := newFake(t)
	u := begin(t, b, "k", 10, nil)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	<-b.raw.ended
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, swept := b.Sweep(ctx, &SweepOptions{Alone: true})
	_, checked := b.Fsck(ctx, nil, nil)
	var listed error
	for _, listed = range b.raw.contents(ctx) {
	}
	_, written := b.raw.Put(ctx, "k", bytes.NewReader(large), &blob.PutOptions{})
	for call, err := range map[string]error{
		"abort": u.Abort(ctx), "sweep": swept, "fsck": checked, "contents": listed, "put": written,
		"delete": b.raw.Delete(ctx, "k", &blob.DeleteOptions{}),
	} {
		if !errors.Is(err, blob.ErrClosed) {
			t.Errorf("%s: %v", call, err)
		}
	}
}
