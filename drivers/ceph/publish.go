package ceph

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/holdall-go/holdall/blob"
)

// A change is what a write makes of a key.
type change struct {
	key    string
	cond   blob.Condition
	hook   *blob.Hook
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
	a.done = b.background(func() { a.held, a.err = b.lookAside(ctx, key) })
	return a
}

// lookAside is look for callers between enter and leave that have not begun a call.
func (b *bucket) lookAside(ctx context.Context, key string) (*held, error) {
	return aside(ctx, b.session, func() (*held, error) { return b.look(ctx, key) })
}

// current returns what the key of the change holds: first what was seen ahead.
func (b *bucket) current(ctx context.Context, c *change) (*held, error) {
	if a := c.ahead; a != nil {
		return a.held, a.err
	}
	return b.look(ctx, c.key)
}

// A basis is what a change takes for granted, and what its operation compares therefore.
type basis struct {
	unseen bool  // nothing was looked at: the key has no content in objects of its own, which would have to be removed
	held   *held // what the key holds, unless it is unseen
}

// begin returns the basis that a change can have without looking, which saves a request: who creates counts on nothing
// being there, and who sets no condition on no content in objects. If that is wrong, the operation says so. What is looked
// at anyhow needs no guess.
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
	steps := []step{check}
	nothing := !on.unseen && on.held == nil
	if c.next != nil {
		c.next.stamp(on.held)
		raw, err := c.next.encode()
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{set, tagEntry + c.key, raw})
	} else {
		steps = append(steps, step{do: unset, key: tagEntry + c.key})
	}
	if c.next != nil && len(c.beside) > 0 {
		steps = append(steps, step{set, tagContent + c.key, c.beside})
	} else if !nothing {
		steps = append(steps, step{do: unset, key: tagContent + c.key})
	}
	if c.next != nil && !c.next.Inline {
		steps = append(steps, step{set, tagLarge + c.key, []byte{'1'}})
	} else if !on.unseen && !nothing { // if it is unseen, this is compared
		steps = append(steps, step{do: unset, key: tagLarge + c.key})
	}
	if c.upload != nil {
		steps = append(steps, c.upload.alive(), step{do: unset, key: c.upload.key()})
	}
	return steps, nil
}

// publish makes a change, if its condition holds. What it replaces is removed. Published tells whether the new content may
// be in use: always after success, and where the outcome is unknown. It is for callers between enter and leave.
func (b *bucket) publish(ctx context.Context, c *change) (published bool, err error) {
	if c.ahead != nil {
		<-c.ahead.done // which ends with ctx, and takes its turn beside us
	}
	on, unsure, err := b.exchange(ctx, c)
	switch {
	case err == nil:
		b.waitRemoved(ctx, on.held)
		return true, nil
	case !unsure:
		return false, err
	case is(err, late):
		return b.settle(ctx, c, on, err)
	}
	cause := err
	b.background(func() {
		if published, _ := b.settle(context.Background(), c, on, cause); !published && c.upload == nil {
			b.removeReplaced(&held{entry: c.next})
		}
	})
	return true, ambiguous(cause)
}

// exchange makes a change in one operation that compares what the key holds with what the change counts on, and sets what
// it shall hold. It returns what it counted on in the end. Unsure tells, beside an error, that the operation may have been
// carried out: it was not answered, or with a mismatch that may be its own doing, and nothing more could be learned.
func (b *bucket) exchange(ctx context.Context, c *change) (on basis, unsure bool, err error) {
	on, ready := c.begin()
	for sent := false; ; sent = true {
		if !ready {
			var done bool
			if on, done, unsure, err = b.basisOf(ctx, c, on, sent); done || err != nil {
				return on, unsure, err
			}
		}
		steps, err := c.steps(on)
		if err == nil {
			err = c.publishing(ctx)
		}
		if err != nil {
			return on, false, err
		}
		left, err := b.applyChange(ctx, c, steps)
		if !is(err, mismatch) {
			return on, left || is(err, late), err
		}
		ready, c.ahead = false, nil
	}
}

// basisOf looks at the key and returns the basis that the change has by that, if its condition holds. Done tells that
// nothing is left to do. Sent tells that the operation was sent before, on the basis given.
func (b *bucket) basisOf(ctx context.Context, c *change, on basis, sent bool) (_ basis, done, unsure bool, err error) {
	if err := b.begin(ctx); err != nil {
		return on, false, sent, err
	}
	defer b.release()
	now, err := b.current(ctx, c)
	if err != nil {
		return on, false, sent, err
	}
	if sent && c.made(now) {
		return on, true, false, nil
	}
	if sent && c.upload != nil {
		if err := c.upload.stillThere(ctx); err != nil {
			return on, false, false, err
		}
	}
	if err := now.judge(c.cond, c.key); err != nil {
		return on, false, false, err
	}
	return basis{held: now}, now == nil && c.next == nil, false, nil
}

// publishing calls the hook before the operation is sent, with the content that goes with it. It is not called between
// begin and release: a hook may make calls of this bucket.
func (c *change) publishing(ctx context.Context) error {
	if c.next != nil && c.next.Inline {
		if err := c.hook.Sending(ctx, int64(len(c.beside))); err != nil {
			return err
		}
	}
	return c.hook.Publishing(ctx)
}

// applyChange carries out the operation of a change.
func (b *bucket) applyChange(ctx context.Context, c *change, steps []step) (left bool, err error) {
	if err := b.begin(ctx); err != nil {
		return false, err
	}
	defer b.release()
	return b.apply(ctx, b.shard(c.key), steps)
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

// settle looks what became of an operation that was not answered. If it is not seen, it may still be carried out later,
// unless it counts on an entry that has been replaced: no entry comes back.
func (b *bucket) settle(ctx context.Context, c *change, on basis, cause error) (published bool, err error) {
	now, err := b.lookAside(ctx, c.key)
	if err != nil {
		return true, ambiguous(cause)
	}
	replaced := on.held != nil && !on.held.equal(now)
	if replaced {
		b.waitRemoved(ctx, on.held)
	}
	if c.made(now) {
		return true, nil
	}
	return !replaced, ambiguous(cause)
}

// equal tells whether two looks at a key saw the same. No two entries are equal.
func (h *held) equal(other *held) bool { return other != nil && bytes.Equal(h.raw, other.raw) }

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
	_ = b.removePieces(pieces)
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

// removePieces removes the objects of pieces, those that are there, and returns the first error. When the cluster does not
// answer, it asks for no more. It is for callers between enter and leave that have not begun a call.
func (b *bucket) removePieces(pieces []piece) error {
	objects, stop := make(chan string), make(chan struct{})
	var wait sync.WaitGroup
	var once, silent sync.Once
	var first error
	var n int64
	for _, p := range pieces {
		n += p.objects()
	}
	for range min(n, removals) {
		wait.Go(func() {
			for object := range objects {
				err := b.remove(object)
				if err != nil && !is(err, missing) {
					once.Do(func() { first = err })
				}
				if is(err, late) {
					silent.Do(func() { close(stop) })
					return
				}
			}
		})
	}
	for object := range objectsOf(pieces) {
		select {
		case objects <- object:
			continue
		case <-stop:
		}
		break
	}
	close(objects)
	wait.Wait()
	if first != nil {
		return fmt.Errorf("content that is no longer used could not be removed: %w", first)
	}
	return nil
}

func objectsOf(pieces []piece) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range pieces {
			for i := range p.objects() {
				if !yield(p.object(i)) {
					return
				}
			}
		}
	}
}

// remove removes an object of content.
func (b *bucket) remove(object string) error {
	_, err := aside(context.Background(), b.session, func() (struct{}, error) { return struct{}{}, b.data.remove(object) })
	return err
}
