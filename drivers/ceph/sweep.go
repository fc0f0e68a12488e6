package ceph

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// MinSweepAge is the least age of what [Bucket.Sweep] takes for an orphan, unless nobody else is writing. It is twice as
// long as a Put may take, so that clocks may differ by half a day.
const MinSweepAge = 2 * longestPut

// SweepOptions tell what [Bucket.Sweep] removes.
type SweepOptions struct {
	// OlderThan is the age from which on content that nothing names is removed, and records of parts whose upload has
	// ended; the age of a part is that of its upload. Zero is [MinSweepAge]; less is refused, unless Alone is set.
	OlderThan time.Duration

	// Alone is the caller's word that nobody else is writing to the bucket, and nobody has been for the cluster's
	// timeout. Then OlderThan may be less, and zero takes what is of any age.
	Alone bool

	// Uploads is the age from which on unfinished uploads are aborted. Zero leaves them.
	Uploads time.Duration
}

// Swept counts what a [Bucket.Sweep] has removed.
type Swept struct {
	Uploads int64 // unfinished uploads
	Records int64 // records of parts whose upload has ended
	Objects int64 // objects of RADOS that nothing named
}

// Sweep removes what interrupted writes have left: content that no entry and no unfinished upload names, and records of
// parts without an upload, both by age. It may run at any time, beside readers and writers, and in several processes. It
// lists all objects in the pool of the content that are in the namespace, and reads every entry once for each 100,000 of
// those whose age makes them worth a look. What was removed before an error stays removed, and is counted.
func (b *Bucket) Sweep(ctx context.Context, opts *SweepOptions) (Swept, error) {
	if opts == nil {
		opts = &SweepOptions{}
	}
	swept, err := b.raw.sweep(ctx, *opts)
	if err != nil {
		err = &blob.Error{Op: "sweep", Bucket: b.raw.name, Err: err}
	}
	return swept, err
}

func (b *bucket) sweep(ctx context.Context, opts SweepOptions) (swept Swept, err error) {
	switch {
	case opts.OlderThan < 0 || opts.Uploads < 0:
		return swept, fmt.Errorf("%w: OlderThan %v or Uploads %v is negative", blob.ErrInvalid, opts.OlderThan, opts.Uploads)
	case opts.OlderThan == 0 && !opts.Alone:
		opts.OlderThan = MinSweepAge
	case opts.OlderThan < MinSweepAge && !opts.Alone:
		return swept, fmt.Errorf("%w: OlderThan is %v; what a Put is writing may be %v old, so give at least %v, or Alone if nobody writes",
			blob.ErrInvalid, opts.OlderThan, longestPut, MinSweepAge)
	}
	wrong, err := b.verify(ctx)
	if err = errors.Join(err, wrong); err != nil {
		return swept, err
	}
	if opts.Uploads > 0 {
		if swept.Uploads, err = b.abortOld(ctx, time.Now().Add(-opts.Uploads)); err != nil {
			return swept, err
		}
	}
	then := time.Now().Add(-opts.OlderThan)
	for o, err := range b.leftRecords(ctx, then) {
		if err != nil {
			return swept, err
		}
		_, err := call(ctx, b.session, func() (struct{}, error) {
			return struct{}{}, b.applyNow(o.shard, []step{{do: unset, key: o.name}})
		})
		if err != nil {
			return swept, err
		}
		swept.Records++
	}
	for o, err := range b.orphans(ctx, then) {
		if err != nil {
			return swept, err
		}
		_, err := call(ctx, b.session, func() (struct{}, error) { return struct{}{}, b.data.remove(o.name) })
		switch {
		case err == nil:
			swept.Objects++
		case !is(err, missing):
			return swept, err
		}
	}
	return swept, nil
}

// abortOld aborts the uploads that began before then.
func (b *bucket) abortOld(ctx context.Context, then time.Time) (n int64, err error) {
	for info, err := range b.Uploads(ctx, "") {
		if err != nil {
			return n, err
		}
		if !info.Initiated.Before(then) {
			continue
		}
		u, err := b.Upload(ctx, info.Key, &blob.UploadOptions{ID: info.ID})
		if errors.Is(err, blob.ErrNotExist) { // it ended meanwhile
			continue
		}
		if err == nil {
			err = u.Abort(ctx)
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// A leftover is an object of content that nothing names, or a key in the omap of a shard.
type leftover struct {
	id    string // of its write
	shard string // of a key
	name  string
}

// leftRecords yields the records of parts whose upload began before then, and has ended. The parts are read before the
// uploads: a part that was seen then belongs to an upload that is seen now, or has ended.
func (b *bucket) leftRecords(ctx context.Context, then time.Time) iter.Seq2[leftover, error] {
	return func(yield func(leftover, error) bool) {
		for n := range b.shards {
			shard := shardObject(n)
			records := map[string][]string{} // by the ID of the upload
			for p, err := range b.scan(ctx, shard, tagPart) {
				if err != nil {
					yield(leftover{}, err)
					return
				}
				id := p.key[len(tagPart):min(len(p.key), len(tagPart)+idLength)]
				if began, _ := idBegan(id); began.Before(then) {
					records[id] = append(records[id], p.key)
				}
			}
			if len(records) == 0 {
				continue
			}
			for p, err := range b.scan(ctx, shard, tagUpload) {
				if err != nil {
					yield(leftover{}, err)
					return
				}
				if _, id, ok := parseUploadKey(p.key[len(tagUpload):]); ok {
					delete(records, id)
				}
			}
			for id, keys := range records {
				for _, key := range keys {
					if !yield(leftover{id, shard, key}, nil) {
						return
					}
				}
			}
		}
	}
}

// batch is how many objects are compared with all the entries at once.
const batch = 100_000

// suspects are objects of content that may be orphans, by the ID and the name of their piece.
type suspects map[string]map[string][]string

// orphans yields the objects of content whose ID was made before then, and that no entry and no upload names.
func (b *bucket) orphans(ctx context.Context, then time.Time) iter.Seq2[leftover, error] {
	return func(yield func(leftover, error) bool) {
		found, n := suspects{}, 0
		report := func() bool {
			if err := b.acquit(ctx, found); err != nil {
				yield(leftover{}, err)
				return false
			}
			for id, pieces := range found {
				for _, objects := range pieces {
					for _, o := range objects {
						if !yield(leftover{id: id, name: o}, nil) {
							return false
						}
					}
				}
			}
			found, n = suspects{}, 0
			return true
		}
		for object, err := range b.contents(ctx) {
			if err != nil {
				yield(leftover{}, err)
				return
			}
			piece, id, ok := parseData(object)
			if began, _ := idBegan(id); !ok || !began.Before(then) {
				continue
			}
			if found[id] == nil {
				found[id] = map[string][]string{}
			}
			found[id][piece] = append(found[id][piece], object)
			if n++; n == batch && !report() {
				return
			}
		}
		if n > 0 {
			report()
		}
	}
}

// acquit takes those out of the suspects that an upload or an entry names. In each shard the uploads are read before the
// entries: one that is completed between is seen as an entry.
func (b *bucket) acquit(ctx context.Context, found suspects) error {
	for n := range b.shards {
		for p, err := range b.scan(ctx, shardObject(n), tagUpload) {
			if err != nil {
				return err
			}
			if _, id, ok := parseUploadKey(p.key[len(tagUpload):]); ok {
				delete(found, id)
			}
		}
		for p, err := range b.scan(ctx, shardObject(n), tagEntry) {
			if err != nil {
				return err
			}
			if err := b.acquitEntry(ctx, found, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bucket) acquitEntry(ctx context.Context, found suspects, p pair) error {
	key := p.key[len(tagEntry):]
	e, err := decodeEntry(p.value)
	if err != nil { // what it names cannot be known, so nothing is an orphan
		return fmt.Errorf("%q: %w", key, err)
	}
	if len(found[e.ID]) == 0 {
		return nil
	}
	// What lies beside may have been replaced since, so both are read together.
	h, err := call(ctx, b.session, func() (*held, error) { return b.look(ctx, key) })
	if err != nil || h == nil || h.entry == nil || h.entry.ID != e.ID {
		return err
	}
	pieces, err := h.entry.pieces(h.beside)
	if err != nil {
		return fmt.Errorf("%q: %w", key, err)
	}
	for _, p := range pieces {
		delete(found[e.ID], p.name)
	}
	return nil
}

// contents lists all objects in the pool of the content that are in the namespace.
func (b *bucket) contents(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := b.enter(); err != nil {
			yield("", err)
			return
		}
		defer b.leave()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		objects := make(chan string, maxPage)
		var err error
		b.background(func() {
			defer close(objects)
			closed := false
			err = b.data.each(func(object string) bool {
				if closed = b.enter() != nil; closed {
					return false
				}
				b.leave()
				select {
				case objects <- object:
					return true
				case <-ctx.Done():
					return false
				}
			})
			if closed {
				err = blob.ErrClosed
			}
		})
		for {
			select {
			case o, more := <-objects:
				if more {
					if !yield(o, nil) {
						return
					}
					continue
				}
				if err != nil {
					yield("", err)
				}
				return
			case <-ctx.Done():
				yield("", ctx.Err())
				return
			}
		}
	}
}
