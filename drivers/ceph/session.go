package ceph

import (
	"context"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
)

const (
	// maxCalls is how many calls of librados one handle has under way at once. Each takes a thread, and one that was
	// abandoned goes on taking it until it times out.
	maxCalls = 128

	// patience is how long a write that is under way is waited for when its ctx has ended, since it is better to tell
	// what became of it.
	patience = 250 * time.Millisecond

	// closePatience is how long Close waits for librados.
	closePatience = 5 * time.Second
)

// A session is a connection with its two pools. Calls on it are counted, so that the connection outlives those that
// were abandoned, and Close need not wait for them.
type session struct {
	index, data pool
	shut        func() // ends the connection

	slots chan struct{}

	mu     sync.Mutex
	busy   int
	closed bool
	ended  chan struct{} // closed when shut has returned
}

func newSession(index, data pool, shut func()) *session {
	return &session{index: index, data: data, shut: shut, slots: make(chan struct{}, maxCalls), ended: make(chan struct{})}
}

// enter keeps the connection open until leave.
func (s *session) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return blob.ErrClosed
	}
	s.busy++
	return nil
}

func (s *session) leave() {
	s.mu.Lock()
	s.busy--
	last := s.closed && s.busy == 0
	s.mu.Unlock()
	if last {
		s.end()
	}
}

// keep keeps the connection open until leave, for who is between enter and leave already.
func (s *session) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy++
}

func (s *session) end() {
	s.shut()
	close(s.ended)
}

// close ends the connection when the last call on it has ended.
func (s *session) close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	idle := s.busy == 0
	s.mu.Unlock()
	if !idle {
		return
	}
	go s.end()
	within(closePatience, s.ended)
}

// background runs f while the connection stays open, and returns a channel that is closed when f has returned. It is for
// callers that are between enter and leave, or whose bucket is open.
func (s *session) background(f func()) <-chan struct{} {
	done := make(chan struct{})
	if s.enter() != nil {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		defer s.leave()
		f()
	}()
	return done
}

// within waits for done, but no longer than d, and tells whether it came.
func within(d time.Duration, done <-chan struct{}) bool {
	patience := time.NewTimer(d)
	defer patience.Stop()
	select {
	case <-done:
		return true
	case <-patience.C:
		return false
	}
}

// begin takes the right to make calls until release.
func (s *session) begin(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.enter(); err != nil {
		<-s.slots
		return err
	}
	return nil
}

func (s *session) release() {
	<-s.slots
	s.leave()
}

// call runs f, which makes calls that cannot be left. If ctx ends first, f is left to itself, and so is all that it uses:
// its result is dropped.
func call[T any](ctx context.Context, s *session, f func() (T, error)) (v T, err error) {
	if err := s.begin(ctx); err != nil {
		return v, err
	}
	if ctx.Done() == nil {
		defer s.release()
		return f()
	}
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := f()
		s.release()
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.v, o.err
	case <-ctx.Done():
		return v, ctx.Err()
	}
}
