package ceph

import (
	"context"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
)

const (
	// maxCalls is how many calls of librados one handle has under way at once. Each takes a thread.
	maxCalls = 128

	// patience is how long a write that is under way is waited for when its ctx has ended, since it is better to tell
	// what became of it.
	patience = 250 * time.Millisecond

	// closePatience is how long Close waits for librados.
	closePatience = 5 * time.Second
)

// A session is a connection with its two pools. Who uses it is counted, so that it outlives what goes on in the
// background, and Close need not wait for that.
type session struct {
	index, data pool
	shut        func() // ends the connection

	slots chan struct{}
	room  room

	mu     sync.Mutex
	busy   int
	closed bool
	ended  chan struct{} // closed when shut has returned
}

func newSession(index, data pool, shut func()) *session {
	return &session{index: index, data: data, shut: shut, slots: make(chan struct{}, maxCalls), room: room{free: contentInFlight},
		ended: make(chan struct{})}
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
		go s.end() // it may take long, and who leaves has his answer
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

// background runs f, for who is between enter and leave, keeps the connection open for it, and returns a channel that is
// closed when f has returned.
func (s *session) background(f func()) <-chan struct{} {
	done := make(chan struct{})
	s.keep()
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

// begin takes the right to make calls, one at a time, until release. Who has it waits for nobody else to get it.
func (s *session) begin(ctx context.Context) error {
	if err := s.slot(ctx); err != nil {
		return err
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

// slot is begin, until a receive from slots, for who is between enter and leave already: a Close does not keep him from
// ending what he has begun.
func (s *session) slot(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
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

// aside is call for who is between enter and leave already: it is not left, and not kept from its end by a Close.
func aside[T any](ctx context.Context, s *session, f func() (T, error)) (v T, err error) {
	if err := s.slot(ctx); err != nil {
		return v, err
	}
	defer func() { <-s.slots }()
	return f()
}
