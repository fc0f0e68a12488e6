package ceph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/crc"
	"github.com/holdall-go/holdall/internal/parts"
)

func (b *bucket) Upload(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	if opts.ID != "" {
		return b.resume(ctx, key, opts)
	}
	cut, err := parts.Uniform(opts.Size, opts.PartSize, parts.Limits{MinSize: 1, MaxSize: maxPartSize, Parts: maxParts, Uniform: true})
	if err != nil {
		return nil, err
	}
	r := &uploadRecord{Format: formatVersion, ID: newID(), PartSize: cut.First, attributes: storedAttributes(&opts.Attributes)}
	if _, err := (&entry{attributes: r.attributes}).encode(); err != nil {
		return nil, err
	}
	h := &handle{b: b, objectKey: key, uploadRecord: r, raw: encodeJSON(r), cond: opts.If, hook: opts.Hook}
	if err := b.begin(ctx); err != nil {
		return nil, err
	}
	defer b.release()
	left, err := b.apply(ctx, b.shard(key), []step{{do: compare, key: h.key()}, {set, h.key(), h.raw}})
	if left || is(err, late) { // it may begin yet, and nobody would know its ID
		b.background(func() { _ = h.end() })
	}
	if err != nil {
		return nil, err
	}
	return h, nil
}

func (b *bucket) resume(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	if _, ok := idBegan(opts.ID); !ok {
		return nil, noUpload(opts.ID)
	}
	h := &handle{b: b, objectKey: key, uploadRecord: &uploadRecord{ID: opts.ID}, cond: opts.If, hook: opts.Hook}
	raw, err := call(ctx, b.session, func() ([]byte, error) { return b.value(ctx, key, h.key()) })
	switch {
	case err != nil:
		return nil, err
	case raw == nil:
		return nil, noUpload(opts.ID)
	}
	if h.uploadRecord, err = decodeUpload(raw); err != nil {
		return nil, err
	}
	h.raw = raw
	return h, nil
}

func noUpload(id string) error { return fmt.Errorf("upload %.100q: %w", id, blob.ErrNotExist) }

func (b *bucket) Uploads(ctx context.Context, prefix string) iter.Seq2[*blob.UploadInfo, error] {
	return func(yield func(*blob.UploadInfo, error) bool) {
		m := b.merge(ctx, tagUpload+escaper.Replace(prefix), "", maxPage)
		for p := range m.all {
			key, id, ok := parseUploadKey(p.key[len(tagUpload):])
			if !ok {
				continue // Fsck tells of it
			}
			if !strings.HasPrefix(key, prefix) {
				continue
			}
			began, _ := idBegan(id)
			if !yield(&blob.UploadInfo{Key: key, ID: id, Initiated: began.UTC()}, nil) {
				return
			}
		}
		if m.err != nil {
			yield(nil, m.err)
		}
	}
}

// A handle is what a caller has of an upload, with the caller's own condition and hook. All else is in the namespace.
type handle struct {
	b         *bucket
	objectKey string
	*uploadRecord
	raw  []byte // the record, as it is stored
	cond blob.Condition
	hook *blob.Hook

	unsure atomic.Bool // a Complete was not answered
}

func (h *handle) ID() string      { return h.uploadRecord.ID }
func (h *handle) PartSize() int64 { return h.uploadRecord.PartSize }

// key is the omap key of the record.
func (h *handle) key() string { return uploadKey(h.objectKey, h.ID()) }

// alive is the step that holds an operation to the life of the upload.
func (h *handle) alive() step { return step{compare, h.key(), h.raw} }

// stillThere returns why the upload has ended, or nil.
func (h *handle) stillThere(ctx context.Context) error {
	raw, err := h.b.value(ctx, h.objectKey, h.key())
	if err == nil && raw == nil {
		err = noUpload(h.ID())
	}
	return err
}

// Put writes the content of a part under a name of its own, and then makes it the part.
func (h *handle) Put(ctx context.Context, n int, body *io.SectionReader) (blob.Part, error) {
	if err := h.b.enter(); err != nil {
		return blob.Part{}, err
	}
	defer h.b.leave()
	generation := newGeneration()
	w := h.b.newWriter(partPiece(h.ID(), n, generation, 0), h.hook)
	sent, err := w.writeSection(ctx, body)
	published := false
	if err == nil {
		published, err = h.publishPart(ctx, n, generation, sent)
	}
	if !published {
		w.undo()
	}
	if err != nil {
		return blob.Part{}, err
	}
	return blob.Part{Number: n, Size: sent.size, ETag: partTag(generation), Checksums: blob.CRC32CSum(sent.crc)}, nil
}

func partTag(generation string) string { return `"` + generation + `"` }

// publishPart makes what was sent the part n. Published tells whether it may be.
func (h *handle) publishPart(ctx context.Context, n int, generation string, s sent) (published bool, err error) {
	if err := h.b.begin(ctx); err != nil {
		return false, err
	}
	defer h.b.release()
	shard, key := h.b.shard(h.objectKey), partKey(h.ID(), n)
	var old []byte // nearly always, a part is sent once
	next := &partRecord{}
	for {
		next.Size, next.CRC32C = s.size, s.crc
		next.Generations, next.Sizes = append(next.Generations, generation), append(next.Sizes, s.size)
		left, err := h.b.apply(ctx, shard, []step{h.alive(), {compare, key, old}, {set, key, encodeJSON(next)}})
		switch {
		case err == nil:
			return true, nil
		case left || is(err, late):
			return true, ambiguous(err)
		case !is(err, mismatch):
			return false, err
		}
		values, err := h.b.values(ctx, shard, key, h.key())
		if err != nil { // the mismatch may be of what the operation did
			return true, ambiguous(err)
		}
		next = &partRecord{}
		if old = values[key]; old != nil {
			if next, err = decodePart(old); err != nil {
				return false, err
			}
		}
		switch {
		case len(next.Generations) > 0 && next.current() == generation: // of an operation that seemed to fail
			return true, nil
		case values[h.key()] == nil:
			return false, noUpload(h.ID())
		case len(next.Generations) >= maxGenerations:
			return false, fmt.Errorf("%w: part %d was sent %d times; begin another upload", blob.ErrInvalid, n, maxGenerations)
		}
	}
}

// maxGenerations is how often a part may be sent: each time is kept until the upload ends.
const maxGenerations = 1000

func (h *handle) Parts(ctx context.Context) iter.Seq2[blob.Part, error] {
	return func(yield func(blob.Part, error) bool) {
		_, err := call(ctx, h.b.session, func() (struct{}, error) { return struct{}{}, h.stillThere(ctx) })
		if err != nil {
			yield(blob.Part{}, err)
			return
		}
		for p, err := range h.parts(ctx) {
			if err != nil {
				yield(blob.Part{}, err)
				return
			}
			part := blob.Part{Number: p.number, Size: p.Size, ETag: partTag(p.current()), Checksums: blob.CRC32CSum(p.CRC32C)}
			if !yield(part, nil) {
				return
			}
		}
	}
}

// A numbered is a part that has arrived.
type numbered struct {
	number int
	*partRecord
}

// parts yields the parts that have arrived, by number.
func (h *handle) parts(ctx context.Context) iter.Seq2[numbered, error] {
	return h.numbered(h.b.scan(ctx, h.b.shard(h.objectKey), partPrefix(h.ID())))
}

// numbered reads the records of the parts.
func (h *handle) numbered(records iter.Seq2[pair, error]) iter.Seq2[numbered, error] {
	return func(yield func(numbered, error) bool) {
		for p, err := range records {
			var one numbered
			if err == nil {
				if one.number, err = strconv.Atoi(p.key[len(partPrefix(h.ID())):]); err == nil {
					one.partRecord, err = decodePart(p.value)
				}
			}
			if !yield(one, err) || err != nil {
				return
			}
		}
	}
}

// scan yields the omap keys of one shard that begin with prefix.
func (b *bucket) scan(ctx context.Context, shard, prefix string) iter.Seq2[pair, error] {
	return b.scanBy(ctx, call[page], shard, prefix)
}

// scanBy is scan by a function that makes the calls.
func (b *bucket) scanBy(ctx context.Context, by func(context.Context, *session, func() (page, error)) (page, error), shard, prefix string) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		after := ""
		for more := true; more; {
			o, err := by(ctx, b.session, func() (page, error) { return b.page(shard, prefix, after, "", maxPage) })
			if err != nil {
				yield(pair{}, err)
				return
			}
			for _, p := range o.pairs {
				if !yield(p, nil) {
					return
				}
				after = p.key
			}
			more = o.more
			if more && len(o.pairs) == 0 {
				yield(pair{}, damaged("the listing of a shard", errNoProgress))
				return
			}
		}
	}
}

// Complete publishes the entry of the object and removes the record of the upload in one operation.
func (h *handle) Complete(ctx context.Context) (*blob.Object, error) {
	if err := h.b.enter(); err != nil {
		return nil, err
	}
	defer h.b.leave()
	next := &entry{Format: formatVersion, ID: h.ID(), PartSize: h.PartSize(), attributes: h.attributes}
	var generations []byte
	n := 0
	for p, err := range h.parts(ctx) {
		if err != nil {
			return nil, err
		}
		n++
		if p.number != n {
			return nil, fmt.Errorf("%w: part %d has not arrived, but part %d has", blob.ErrInvalid, n, p.number)
		}
		if next.Size != int64(n-1)*h.PartSize() {
			return nil, fmt.Errorf("%w: part %d is shorter than %d bytes, which all but the last have", blob.ErrInvalid, n-1, h.PartSize())
		}
		next.CRC32C = crc.JoinCastagnoli(next.CRC32C, p.CRC32C, p.Size)
		next.Size += p.Size
		if p.Size > 0 {
			generations = append(generations, p.current()...)
		}
	}
	if next.Size == 0 {
		next.Inline, next.PartSize, generations = true, 0, nil
	}
	if h.unsure.Load() {
		if o, err := h.completed(ctx); o != nil || err != nil {
			return o, err
		}
	}
	// Asking costs a request, and tells an upload that has ended from one whose condition is lost.
	if _, err := call(ctx, h.b.session, func() (struct{}, error) { return struct{}{}, h.stillThere(ctx) }); err != nil {
		return nil, err
	}
	_, err := h.b.publish(ctx, &change{key: h.objectKey, cond: h.cond, hook: h.hook, next: next, beside: generations, upload: h})
	if err != nil {
		h.unsure.Store(errors.Is(err, blob.ErrAmbiguous))
		return nil, err
	}
	chosen := map[string]bool{}
	for g := range slices.Chunk(generations, generationLength) {
		chosen[string(g)] = true
	}
	within(removePatience, h.b.background(func() { _ = h.removeParts(chosen) })) // what stays is found by Sweep
	return next.object(h.objectKey), nil
}

// completed returns the object if an earlier Complete that was not answered has made it.
func (h *handle) completed(ctx context.Context) (*blob.Object, error) {
	now, err := call(ctx, h.b.session, func() (*held, error) { return h.b.look(ctx, h.objectKey) })
	if err != nil || now == nil || now.entry == nil || now.entry.ID != h.ID() {
		return nil, err
	}
	return now.object(h.objectKey), nil
}

func (h *handle) Abort(ctx context.Context) error {
	err := h.b.enter()
	if err != nil {
		return err
	}
	defer h.b.leave()
	done := h.b.background(func() { err = h.end() })
	select {
	case <-done:
		return err
	case <-ctx.Done():
	}
	if !within(patience, done) {
		return ambiguous(ctx.Err())
	}
	return err
}

// end removes the upload and its parts. One that has ended is left as it is. It is for callers between enter and leave.
func (h *handle) end() error {
	err := h.applyAside([]step{h.alive(), {do: unset, key: h.key()}})
	switch {
	case is(err, mismatch):
		return nil
	case is(err, late):
		return ambiguous(err)
	case err != nil:
		return err
	}
	return h.removeParts(nil)
}

// removeParts removes the records of the parts, when no more can arrive, and the content of those whose generation is not
// chosen.
func (h *handle) removeParts(chosen map[string]bool) error {
	var unused []piece
	var unsets []step
	records := h.b.scanBy(context.Background(), aside[page], h.b.shard(h.objectKey), partPrefix(h.ID()))
	for p, err := range h.numbered(records) {
		if err != nil {
			return err
		}
		for i, g := range p.Generations {
			if !chosen[g] {
				unused = append(unused, partPiece(h.ID(), p.number, g, p.Sizes[i]))
			}
		}
		unsets = append(unsets, step{do: unset, key: partKey(h.ID(), p.number)})
	}
	if err := h.b.removePieces(unused); err != nil {
		return err
	}
	for some := range slices.Chunk(unsets, maxPage) {
		if err := h.applyAside(some); err != nil {
			return err
		}
	}
	return nil
}

// applyAside is applyNow for who is between enter and leave, and has not begun a call.
func (h *handle) applyAside(steps []step) error {
	_, err := aside(context.Background(), h.b.session, func() (struct{}, error) {
		return struct{}{}, h.b.applyNow(h.b.shard(h.objectKey), steps)
	})
	return err
}
