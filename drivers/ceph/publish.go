package ceph

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/holdall-go/holdall/blob"
)

// A change is what a write makes of a key.
type change struct {
	key    string
	cond   blob.Condition
	next   *entry  // nil removes the key
	beside []byte  // what lies beside the entry
	upload *handle // the upload that this completes, or nil
	ahead  *ahead  // what the key held a moment ago, or nil
}

// An ahead is a look at a key while the content that shall replace it is being written. What was seen so is compared like
// anything else.
type ahead struct {
	done <-chan struct{}
	held *held
	err  error
}

// lookAhead begins to look at a key.
func (b *bucket) lookAhead(ctx context.Context, key string) *ahead {
	a := &ahead{}
	a.done = b.background(func() { a.held, a.err = b.look(ctx, key) })
	return a
}

// current returns what the key of the change holds: first what was seen ahead.
func (b *bucket) current(ctx context.Context, c *change) (*held, error) {
	a := c.ahead
	if c.ahead = nil; a == nil {
		return b.look(ctx, c.key)
	}
	<-a.done // which ends with ctx
	return a.held, a.err
}

// A basis is what a change takes for granted, and what its operation compares therefore.
type basis struct {
	unseen bool  // nothing was looked at: the key has no content in objects of its own, which would have to be removed
	held   *held // what the key holds, unless it is unseen
}

// begin returns the basis that a change can have without looking, which saves a request: who creates counts on nothing
// being there, and who sets no condition on no content in objects. If that is wrong, the operation says so. What has been
// looked at anyhow needs no guess.
func (c *change) begin() (_ basis, ok bool) {
	if c.cond.Kind() == blob.KindAbsent {
		return basis{}, true
	}
	return basis{unseen: true}, c.cond.IsZero() && c.ahead == nil
}

// steps are the operation that makes the change.
func (c *change) steps(on basis) ([]step, error) {
	check := step{do: compare, key: tagEntry + c.key}
	switch {
	case on.unseen:
		check.key = tagLarge + c.key
	case on.held != nil:
		check.value = on.held.raw
	}
	e, content, large := step{unset, tagEntry + c.key, nil}, step{unset, tagContent + c.key, nil}, step{unset, tagLarge + c.key, nil}
	if c.next != nil {
		c.next.stamp(on.held)
		raw, err := c.next.encode()
		if err != nil {
			return nil, err
		}
		e.do, e.value = set, raw
		if len(c.beside) > 0 {
			content.do, content.value = set, c.beside
		}
		if !c.next.Inline {
			large.do, large.value = set, []byte{'1'}
		}
	}
	steps := []step{check, e, content, large}
	if c.upload != nil {
		steps = append(steps, c.upload.alive(), step{do: unset, key: c.upload.key()})
	}
	return steps, nil
}

// publish makes a change, if its condition holds, in one operation that compares what the key holds with what the change
// counts on, and sets what it shall hold. What the change replaces is removed. Published tells whether the new content may be in
// use: always after success, and where the outcome is unknown.
func (b *bucket) publish(ctx context.Context, c *change) (published bool, err error) {
	if err := b.begin(ctx); err != nil {
		return false, err
	}
	defer b.release()
	on, ready := c.begin()
	for sent := false; ; sent = true {
		if !ready {
			old, err := b.current(ctx, c)
			if err != nil {
				return false, err
			}
			if sent && c.made(old) {
				return true, nil
			}
			if sent && c.upload != nil {
				if err := c.upload.stillThere(ctx); err != nil {
					return false, err
				}
			}
			if err := old.judge(c.cond, c.key); err != nil {
				return false, err
			}
			if old == nil && c.next == nil {
				return false, nil
			}
			on = basis{held: old}
		}
		left, err := b.replace(ctx, c, on)
		switch {
		case err == nil:
			return true, nil
		case left:
			return true, ambiguous(err)
		case is(err, late):
			return b.settle(ctx, c, err)
		case !is(err, mismatch):
			return false, err
		}
		ready = false
	}
}

// replace makes the change if its basis still holds, and removes the content that it replaces.
func (b *bucket) replace(ctx context.Context, c *change, on basis) (left bool, err error) {
	steps, err := c.steps(on)
	if err != nil {
		return false, err
	}
	left, err = b.apply(ctx, b.shard(c.key), steps, func(err error) {
		if err == nil {
			b.removeReplaced(on.held)
		}
	})
	if !left && err == nil {
		b.waitRemoved(ctx, on.held)
	}
	return left, err
}

// made tells whether the key holds what the change set, and takes its time from there. Of one upload there may be several
// changes, each of parts of its own.
func (c *change) made(now *held) bool {
	if c.next == nil || now == nil || now.entry == nil || now.entry.ID != c.next.ID {
		return false
	}
	if now.entry.Size != c.next.Size || !bytes.Equal(now.beside, c.beside) {
		return false
	}
	*c.next = *now.entry
	return true
}

// settle looks whether an operation that was not answered in time was carried out. If that cannot be seen, it may still
// be, later.
func (b *bucket) settle(ctx context.Context, c *change, err error) (published bool, _ error) {
	if now, lerr := b.look(ctx, c.key); lerr == nil && c.made(now) {
		return true, nil
	}
	return true, ambiguous(err)
}

// hasObjects tells whether the content lies in objects of its own.
func (h *held) hasObjects() bool { return h != nil && h.entry != nil && !h.entry.Inline }

// removeReplaced removes the content that an entry had. What cannot be removed is an orphan, which Sweep finds.
func (b *bucket) removeReplaced(old *held) {
	if !old.hasObjects() {
		return
	}
	pieces, err := old.entry.pieces(old.beside)
	if err != nil {
		return
	}
	b.removePieces(pieces)
}

// waitRemoved is removeReplaced that is waited for until ctx ends.
func (b *bucket) waitRemoved(ctx context.Context, old ...*held) {
	if !slices.ContainsFunc(old, (*held).hasObjects) {
		return
	}
	done := b.background(func() {
		for _, h := range old {
			b.removeReplaced(h)
		}
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// removals is how many objects are removed at once.
const removals = 16

// removePieces removes the objects of pieces, those that are there, and returns the first error.
func (b *bucket) removePieces(pieces []piece) error {
	objects := make(chan string)
	var wait sync.WaitGroup
	var once sync.Once
	var first error
	var n int64
	for _, p := range pieces {
		n += p.objects()
	}
	for range min(n, removals) {
		wait.Go(func() {
			for object := range objects {
				if err := b.data.remove(object); err != nil && !is(err, missing) {
					once.Do(func() { first = err })
				}
			}
		})
	}
	for _, p := range pieces {
		for i := range p.objects() {
			objects <- p.object(i)
		}
	}
	close(objects)
	wait.Wait()
	if first != nil {
		return fmt.Errorf("content that is no longer used could not be removed: %w", first)
	}
	return nil
}
