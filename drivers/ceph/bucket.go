package ceph

import (
	"context"
	"fmt"

	"github.com/holdall-go/holdall/blob"
)

// A bucket is one handle to a namespace.
type bucket struct {
	blob.Unsupported
	*session
	name      string // as in a URL
	namespace string
	shards    int
	record    record // as it was read
}

var _ blob.Bucket = (*bucket)(nil)

func (b *bucket) String() string { return b.name }

func (b *bucket) Capabilities() blob.Capabilities {
	return blob.Capabilities{
		If: blob.ConditionRules{
			Put: blob.WriteConditions, Upload: blob.WriteConditions, Delete: blob.Conditions(blob.KindMatch), Read: blob.ReadConditions,
		},
		Objects:    blob.ObjectRules{MaxSize: maxObject, Headers: true, Metadata: true, MaxMetadataBytes: maxMetadata},
		Uploads:    blob.UploadRules{Supported: true, MinPartSize: 1, MaxPartSize: maxPartSize, MaxParts: maxParts, Listed: true},
		Checksums:  blob.ChecksumRules{In: blob.AllAlgorithms, Out: blob.Algorithms(blob.CRC32C)},
		BulkDelete: bulkDelete,
		Hooks:      true,
	}
}

func (b *bucket) Close() error {
	b.close()
	return nil
}

// shard is the object whose omap has what belongs to key.
func (b *bucket) shard(key string) string { return shardObject(shardOf(key, b.shards)) }

// gone gives the answer of a shard that is missing its meaning: they are all made with the namespace.
func gone(err error) error {
	if is(err, missing) {
		return fmt.Errorf("the bucket is gone, or was never whole: %w: %w", blob.ErrNotExist, err)
	}
	return err
}

// held is what a key holds, as it was read. A nil one is nothing.
type held struct {
	raw    []byte
	entry  *entry // nil if it cannot be decoded
	beside []byte
	damage error // why
}

func (h *held) object(key string) *blob.Object {
	if h == nil {
		return nil
	}
	return h.entry.object(key)
}

// judge evaluates a condition.
func (h *held) judge(cond blob.Condition, key string) error {
	if h != nil && h.damage != nil && !cond.IsZero() {
		return h.damage
	}
	return cond.Eval(h.object(key))
}

// look reads what key holds: its entry, and what lies beside it. Like all that follows, it is for callers between begin
// and release.
func (b *bucket) look(ctx context.Context, key string) (*held, error) {
	return b.lookAt(ctx, key, tagEntry+key, tagContent+key)
}

// lookAt is look at some of what belongs to the key.
func (b *bucket) lookAt(ctx context.Context, key string, omapKeys ...string) (*held, error) {
	values, err := b.values(ctx, b.shard(key), omapKeys...)
	return newHeld(values[tagEntry+key], values[tagContent+key]), err
}

// values returns values of a shard.
func (b *bucket) values(ctx context.Context, shard string, keys ...string) (map[string][]byte, error) {
	values, err := b.index.values(ctx, shard, keys...)
	return values, gone(err)
}

// value returns one value of the shard of key, or nil.
func (b *bucket) value(ctx context.Context, key, omapKey string) ([]byte, error) {
	values, err := b.values(ctx, b.shard(key), omapKey)
	return values[omapKey], err
}

// A page is what was listed of an omap at once.
type page struct {
	pairs []pair
	more  bool
}

// page lists a shard.
func (b *bucket) page(shard, prefix, after, include string, most int) (page, error) {
	pairs, more, err := b.index.page(shard, prefix, after, include, most)
	return page{pairs, more}, gone(err)
}

// apply carries out an operation on a shard. If it is left, it is unknown whether it is carried out.
func (b *bucket) apply(ctx context.Context, shard string, steps []step) (left bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	left, err = b.index.apply(ctx, shard, steps)
	return left, gone(err)
}

// applyNow is apply for what is not left before its end.
func (b *bucket) applyNow(shard string, steps []step) error {
	_, err := b.apply(context.Background(), shard, steps)
	return err
}

// newHeld takes what was read. Without an entry it is nil.
func newHeld(raw, beside []byte) *held {
	if raw == nil {
		return nil
	}
	h := &held{raw: raw, beside: beside}
	h.entry, h.damage = decodeEntry(raw)
	return h
}

// read is look for a reader, at the entry alone unless content is true.
func (b *bucket) read(ctx context.Context, key string, cond blob.Condition, content bool) (*held, error) {
	if err := b.begin(ctx); err != nil {
		return nil, err
	}
	defer b.release()
	names := []string{tagEntry + key, tagContent + key}
	if !content {
		names = names[:1]
	}
	h, err := b.lookAt(ctx, key, names...)
	if err != nil {
		return nil, err
	}
	if h != nil && h.damage != nil {
		return nil, h.damage
	}
	if err := cond.Eval(h.object(key)); err != nil {
		return nil, err
	}
	if h == nil {
		return nil, blob.ErrNotExist
	}
	return h, nil
}

func (b *bucket) Stat(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	h, err := b.read(ctx, key, opts.If, false)
	if err != nil {
		return nil, err
	}
	return h.object(key), nil
}
