package acl

import (
	"context"
	"fmt"
	"sync"
)

// Edits that are asked for at the same time are carried out together, since each write replaces the manifest, and those
// that ran side by side would only defeat one another.

// editor carries out changes in batches, one batch at a time.
type editor struct {
	snapshots *snapshots
	probe     func(ctx context.Context) error // must succeed before the first edit

	mu      sync.Mutex
	waiting []*request
	busy    bool // a goroutine is at work
	probed  bool // used by that goroutine only
}

// A request is a change that someone waits for.
type request struct {
	change
	ctx      context.Context
	taken    bool          // it is in a batch
	done     chan struct{} // closed when it is over; then what follows is set
	outcomes []outcome
	err      error // of the whole change
}

// edit makes a change, and returns what became of each of its edits, or why none could be tried. If ctx ends while the
// change is under way, the outcome is unknown.
func (e *editor) edit(ctx context.Context, c change) ([]outcome, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &request{change: c, ctx: ctx, done: make(chan struct{})}
	e.mu.Lock()
	e.waiting = append(e.waiting, r)
	if !e.busy {
		e.busy = true
		go e.work()
	}
	e.mu.Unlock()

	select {
	case <-r.done:
		return r.outcomes, r.err
	case <-ctx.Done():
		e.mu.Lock()
		defer e.mu.Unlock()
		if r.taken {
			return nil, fmt.Errorf("%w: %w", ErrUnknownOutcome, ctx.Err())
		}
		return nil, ctx.Err() // work passes over it
	}
}

// work carries out what is waiting until nothing is.
func (e *editor) work() {
	for {
		batch := e.take()
		if batch == nil {
			return
		}
		ctx, cancel := whileWanted(batch)
		outcomes, err := e.commit(ctx, batch)
		cancel()
		for i, r := range batch {
			if r.err = err; err == nil {
				r.outcomes = outcomes[i]
			}
			close(r.done)
		}
	}
}

// take returns the changes of the next batch, or nil if there are none, and then work is over.
func (e *editor) take() []*request {
	e.mu.Lock()
	defer e.mu.Unlock()
	var batch []*request
	for _, r := range e.waiting {
		if r.ctx.Err() == nil {
			r.taken = true
			batch = append(batch, r)
		}
	}
	e.waiting = nil
	e.busy = batch != nil
	return batch
}

func (e *editor) commit(ctx context.Context, batch []*request) ([][]outcome, error) {
	if !e.probed {
		if err := e.probe(ctx); err != nil {
			return nil, err
		}
		e.probed = true
	}
	changes := make([]*change, len(batch))
	for i, r := range batch {
		changes[i] = &r.change
	}
	return e.snapshots.commit(ctx, changes)
}

// whileWanted returns a ctx that ends when that of every request has ended: one caller who leaves must not fail the
// others.
func whileWanted(batch []*request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(batch[0].ctx))
	var mu sync.Mutex
	wanted := len(batch)
	stops := make([]func() bool, len(batch))
	for i, r := range batch {
		stops[i] = context.AfterFunc(r.ctx, func() {
			mu.Lock()
			defer mu.Unlock()
			if wanted--; wanted == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}
