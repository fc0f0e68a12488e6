package ceph

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/holdall-go/holdall/blob"
)

// bulkDelete is how many keys of one shard are removed by one operation.
const bulkDelete = 256

func (b *bucket) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	_, err := b.publish(ctx, &change{key: key, cond: opts.If})
	return err
}

// DeleteEach collects keys by shard, and removes those of a shard together.
func (b *bucket) DeleteEach(ctx context.Context, keys iter.Seq[string], failed func(string, error)) error {
	var mu sync.Mutex
	var first error
	report := func(key string, err error) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = err
		}
		failed(key, err)
	}
	pending := map[int][]string{}
	for key := range keys {
		n := shardOf(key, b.shards)
		if pending[n] = append(pending[n], key); len(pending[n]) == bulkDelete {
			b.deleteSome(ctx, pending[n], report)
			pending[n] = nil
		}
	}
	var wait sync.WaitGroup
	slots := make(chan struct{}, removals)
	for _, some := range pending {
		slots <- struct{}{}
		wait.Go(func() {
			b.deleteSome(ctx, some, report)
			<-slots
		})
	}
	wait.Wait()
	return first
}

// deleteSome removes keys of one shard. If one of them is written meanwhile, the comparison of all fails, and they are
// removed one by one.
func (b *bucket) deleteSome(ctx context.Context, keys []string, report func(string, error)) {
	if len(keys) == 0 {
		return
	}
	done, err := false, b.enter()
	if err == nil {
		defer b.leave()
		done, err = b.removeTogether(ctx, keys)
	}
	for _, key := range keys {
		if err == nil && !done {
			if err := b.Delete(ctx, key, &blob.DeleteOptions{}); err != nil {
				report(key, err)
			}
		} else if err != nil {
			report(key, err)
		}
	}
}

// removeTogether removes keys of one shard by one operation, or none of them if one changes meanwhile.
func (b *bucket) removeTogether(ctx context.Context, keys []string) (done bool, err error) {
	old, unsure, err := b.unsetTogether(ctx, keys)
	switch {
	case is(err, mismatch):
		return false, nil
	case unsure:
		b.background(func() { b.removeUnset(old) })
		return false, ambiguous(err)
	case err != nil:
		return false, err
	}
	b.waitRemoved(ctx, slices.Collect(maps.Values(old))...)
	return true, nil
}

// unsetTogether removes the entries, and returns what those held that had content in objects of its own. Unsure tells,
// beside an error, that the operation was sent and not answered.
func (b *bucket) unsetTogether(ctx context.Context, keys []string) (old map[string]*held, unsure bool, err error) {
	if err := b.begin(ctx); err != nil {
		return nil, false, err
	}
	defer b.release()
	names := make([]string, 0, 2*len(keys))
	for _, key := range keys {
		names = append(names, tagEntry+key, tagContent+key)
	}
	shard := b.shard(keys[0])
	values, err := b.values(ctx, shard, names...)
	if err != nil {
		return nil, false, err
	}
	var compares, unsets []step
	old = map[string]*held{}
	for _, key := range keys {
		if raw, found := values[tagEntry+key]; found {
			compares = append(compares, step{compare, tagEntry + key, raw})
			unsets = append(unsets, step{do: unset, key: tagEntry + key}, step{do: unset, key: tagContent + key}, step{do: unset, key: tagLarge + key})
			if h := newHeld(raw, values[tagContent+key]); h.hasObjects() {
				old[key] = h
			}
		}
	}
	if len(compares) == 0 {
		return nil, false, nil
	}
	left, err := b.apply(ctx, shard, append(compares, unsets...))
	return old, left || is(err, late), err
}

// removeUnset removes the content of those that are seen to have been removed, after an operation that was not answered.
func (b *bucket) removeUnset(old map[string]*held) {
	for key, h := range old {
		now, err := b.lookAside(context.Background(), key)
		switch {
		case is(err, late):
			return
		case err == nil && !h.equal(now):
			b.removeReplaced(h)
		}
	}
}
