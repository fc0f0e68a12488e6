package acl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// What this process knows of the policy, and how old that may be. A decision is made on a snapshot whose reading began
// at most Δ before the call, or after it. So whatever was revoked at t allows nothing that begins after t+Δ.

// ErrStale tells that a call could not be decided, because no policy is known that is fresh enough: its store cannot be
// reached, or what it holds is [ErrCorrupt] or gone. It is no denial, and says nothing about the key. Where the reading
// failed in a way that may pass, the call may be made again ([blob.Error.Retryable]).
var ErrStale = errors.New("no fresh policy")

// readTimeout bounds one reading of the policy, so that a store that hangs fails the calls that wait for it.
const readTimeout = 30 * time.Second

// tidying returns a ctx in which what is of no use any more is removed: that of a caller who may have left, with as much
// time as a reading has.
func tidying(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
}

// A snapshot is a policy as it was read. It is never changed.
type snapshot struct {
	*head
	*index
}

// reading is a snapshot and when the request that fetched it, or confirmed it, began.
type reading struct {
	*snapshot
	begun instant
}

// snapshots keeps the newest snapshot.
type snapshots struct {
	store *store
	clock *clock
	delta time.Duration // how old a reading may be; 0: it must begin after the call
	grace time.Duration // how much older, while the store fails

	newest atomic.Pointer[reading]

	mu     sync.Mutex
	first  string  // the name of the manifest of the first reading; "": there was none
	err    error   // of the last flight
	flying *flight // is under way
	next   *flight // begins when that is over
}

// A flight is a reading of the policy that several calls wait for.
type flight struct {
	done    chan struct{} // closed when it is over; then what follows is set
	reading *reading
	err     error

	waiting int                // calls that still want it
	cancel  context.CancelFunc // set once it is under way
}

// fresh returns a snapshot that may decide a call that begins now, and is of the generation atLeast or later.
func (s *snapshots) fresh(ctx context.Context, now instant, atLeast uint64) (*snapshot, error) {
	r := s.newest.Load()
	if s.delta > 0 && r != nil && r.begun.since(now) <= s.delta && r.Generation >= atLeast {
		return r.snapshot, nil
	}
	r, err := s.revalidate(ctx)
	if err != nil {
		return s.failing(ctx, now, atLeast, err)
	}
	if r.Generation < atLeast {
		return nil, fmt.Errorf("%w: it is of generation %d, and %d was asked for", ErrStale, r.Generation, atLeast)
	}
	return r.snapshot, nil
}

// failing decides what is left when the policy could not be read: what is within the grace, if there is one.
func (s *snapshots) failing(ctx context.Context, now instant, atLeast uint64, err error) (*snapshot, error) {
	if cerr := ctx.Err(); cerr != nil {
		return nil, cerr
	}
	r := s.newest.Load()
	if s.grace > 0 && r != nil && r.begun.since(now) <= s.delta+s.grace && r.Generation >= atLeast &&
		!errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrCorrupt) {
		return r.snapshot, nil
	}
	return nil, stale(err)
}

// stale is the answer where the policy could not be read because of err.
func stale(err error) error {
	switch {
	case errors.Is(err, ErrCorrupt):
		return fmt.Errorf("%w: %w", ErrStale, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrStale, err)
	}
	var may interface{ Retryable() bool }
	return &unread{why: err.Error(), again: errors.As(err, &may) && may.Retryable()}
}

// unread is ErrStale where the policy could not be read. It keeps of the reason only the text, and whether that may pass:
// a policy that is missing must not make it look as if an object were, nor one that may not be read as if the call were
// denied.
type unread struct {
	why   string
	again bool
}

func (e *unread) Error() string        { return ErrStale.Error() + ": " + e.why }
func (e *unread) Is(target error) bool { return target == ErrStale }
func (e *unread) Retryable() bool      { return e.again }

// revalidate returns a reading that begins after this call of it. Calls share one that has not begun yet, never one that
// is under way: that may have passed the moment that the call must see.
func (s *snapshots) revalidate(ctx context.Context) (*reading, error) {
	s.mu.Lock()
	f := s.next
	switch {
	case s.flying == nil:
		f = newFlight()
		s.begin(ctx, f)
	case f == nil:
		f = newFlight()
		s.next = f
	}
	f.waiting++
	s.mu.Unlock()

	select {
	case <-f.done:
		return f.reading, f.err
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		if f.waiting--; f.waiting == 0 && f.cancel != nil {
			f.cancel() // nobody wants it any more
		}
		return nil, ctx.Err()
	}
}

func newFlight() *flight { return &flight{done: make(chan struct{})} }

// begin starts f; s.mu is held. It does not end with the ctx of who happened to start it, but when nobody waits.
func (s *snapshots) begin(ctx context.Context, f *flight) {
	s.flying = f
	ctx, f.cancel = context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	go func() {
		r, err := s.read(ctx)
		f.cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		f.reading, f.err = r, err
		s.err = err
		close(f.done)
		s.flying = nil
		if next := s.next; next != nil {
			s.next = nil
			if next.waiting > 0 {
				s.begin(ctx, next)
			}
		}
	}()
}

// read reads the policy, and returns the newest reading, which may be one that an edit made meanwhile.
func (s *snapshots) read(ctx context.Context) (*reading, error) {
	known := s.newest.Load()
	begun := s.clock.now()
	fetched, err := s.fetch(ctx, known)
	if err != nil {
		return nil, err
	}
	return s.adopt(&reading{fetched, begun}), nil
}

// fetch reads the policy from the store, or finds that it is still what is known.
func (s *snapshots) fetch(ctx context.Context, known *reading) (*snapshot, error) {
	etag := ""
	if known != nil {
		etag = known.etag
	}
	missed := ""
	for {
		h, err := s.store.readHead(ctx, etag)
		if errors.Is(err, blob.ErrNotModified) {
			return known.snapshot, nil
		}
		if err != nil {
			return nil, err
		}
		if err := succeeds(h, known); err != nil {
			return nil, err
		}
		p, err := s.store.readPolicy(ctx, h.manifest)
		switch {
		case err == nil:
			return &snapshot{h, newIndex(p)}, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		case missed == h.Name:
			return nil, fmt.Errorf("%w: a segment is missing: %v", ErrCorrupt, err)
		}
		missed = h.Name // it may have been replaced, and its segments swept, since it was read
	}
}

// succeeds refuses a manifest that cannot have come after the one known: of another policy, older, or another one of the
// same generation. Someone put back an old state, which would bring back what was revoked since.
func succeeds(h *head, known *reading) error {
	switch {
	case known == nil:
		return nil
	case h.Policy != known.Policy:
		return fmt.Errorf("%w: it was replaced by another policy", ErrCorrupt)
	case h.Generation < known.Generation || h.Generation == known.Generation && h.Name != known.manifest.Name:
		return fmt.Errorf("%w: it was put back to generation %d, when %d had been seen", ErrCorrupt, h.Generation, known.Generation)
	}
	return nil
}

// adopt makes r the newest reading unless a newer one is known, and returns the newest.
func (s *snapshots) adopt(r *reading) *reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.newest.Load()
	if n == nil {
		s.first = r.manifest.Name
	}
	if n == nil || r.Generation > n.Generation || r.Generation == n.Generation && r.begun.mono > n.begun.mono {
		s.newest.Store(r)
		return r
	}
	return n
}
