package mem

import (
	"bytes"
	"context"
	"io"
	"iter"
	"maps"

	"github.com/holdall-go/holdall/blob"
)

// A bucket is one handle to a store.
type bucket struct {
	blob.Unsupported
	store *store
}

var _ blob.Bucket = (*bucket)(nil)

func (b *bucket) String() string { return b.store.name }

func (b *bucket) Capabilities() blob.Capabilities {
	return blob.Capabilities{
		If: blob.ConditionRules{
			Put: blob.WriteConditions, Upload: blob.WriteConditions, Copy: blob.WriteConditions,
			Source: blob.Conditions(blob.KindMatch), Delete: blob.Conditions(blob.KindMatch), Read: blob.ReadConditions,
		},
		Objects:   blob.ObjectRules{Headers: true, Metadata: true},
		Uploads:   blob.UploadRules{Supported: true, MinPartSize: 1, MaxParts: maxParts, Listed: true},
		Checksums: blob.ChecksumRules{In: blob.AllAlgorithms, Out: blob.Algorithms(blob.CRC32C)},
		Copy:      true,
		Versions:  b.store.opts.Versions,
		Hooks:     true,
	}
}

func (b *bucket) Stat(_ context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	v, err := b.store.look(key, opts.Version, opts.If)
	if err != nil {
		return nil, err
	}
	return v.object.Clone(), nil
}

func (b *bucket) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	v, err := b.store.look(key, opts.Version, opts.If)
	if err != nil {
		return nil, err
	}
	off, n, err := opts.Range.Resolve(v.object.Size)
	if err != nil {
		return nil, err
	}
	body := &content{}
	body.r.Reset(v.content[off : off+n])
	r := blob.NewReader(ctx, body, &v.object, off, n)
	r.Metadata = maps.Clone(r.Metadata)
	return r, nil
}

// content is the body of a Reader. It has no other methods: a WriteTo would pass the memory of the store to a caller's Write.
type content struct{ r bytes.Reader }

func (c *content) Read(p []byte) (int, error) { return c.r.Read(p) }

func (*content) Close() error { return nil }

func (b *bucket) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	content, err := readAll(ctx, body, opts.Hook)
	if err != nil {
		return nil, err
	}
	if err := verify(content, opts.Checksums); err != nil {
		return nil, err
	}
	sums := checksum(content)
	if err := opts.Hook.Publishing(ctx); err != nil {
		return nil, err
	}
	return b.store.put(key, content, opts.Attributes, sums, opts.If)
}

// mostAhead is how many bytes of memory are allocated before any content has arrived. A section of a file may say that it
// has more than there are.
const mostAhead = 256 << 20

// readAll reads body to its end, into a slice of just its size where that is known. It looks at ctx after each read, so
// that an object of a call that ended is not stored.
func readAll(ctx context.Context, body io.Reader, hook *blob.Hook) ([]byte, error) {
	size, known := blob.BodySize(body)
	if !known {
		size = 512
	}
	content := make([]byte, 0, min(size, mostAhead))
	for !known || int64(len(content)) < size {
		if len(content) == cap(content) {
			content = append(content, 0)[:len(content)]
		}
		n, err := body.Read(content[len(content):min(cap(content), len(content)+1<<20)])
		content = content[:len(content)+n]
		if err := hook.Sending(ctx, int64(n)); err != nil {
			return nil, err
		}
		switch {
		case err == io.EOF && known && int64(len(content)) < size:
			return nil, io.ErrUnexpectedEOF
		case err == io.EOF:
			return content, ctx.Err()
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
	}
	return content, nil
}

func (b *bucket) Delete(_ context.Context, key string, opts *blob.DeleteOptions) error {
	return b.store.delete(key, opts.Version, opts.If)
}

// A source is what a [blob.Source] of this driver holds.
type source struct {
	store   *store
	key     string
	version string
	cond    blob.Condition
}

func (b *bucket) Source(_ context.Context, key string, opts *blob.SourceOptions) (blob.Source, error) {
	return blob.NewSource(key, source{b.store, key, opts.Version, opts.If}), nil
}

func (b *bucket) Copy(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
	from, err := blob.Resolve[source](ctx, src)
	if err != nil {
		return nil, err
	}
	v, err := from.store.look(from.key, from.version, from.cond)
	if err != nil {
		return nil, src.Fail(err)
	}
	attrs := v.object.Attributes
	if opts.Attributes != nil {
		attrs = *opts.Attributes
	}
	if err := opts.Hook.Publishing(ctx); err != nil {
		return nil, err
	}
	return b.store.put(key, v.content, attrs, checksum(v.content), opts.If)
}

func (b *bucket) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		start, more := opts.Start(), true
		for more {
			var page []*blob.Object
			page, start, more = b.store.page(opts, start)
			for _, o := range page {
				if !yield(o, nil) {
					return
				}
			}
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

func (b *bucket) Upload(_ context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	if opts.ID != "" {
		return b.store.resume(key, opts)
	}
	return b.store.begin(key, opts)
}

func (b *bucket) Uploads(_ context.Context, prefix string) iter.Seq2[*blob.UploadInfo, error] {
	return func(yield func(*blob.UploadInfo, error) bool) {
		for _, info := range b.store.unfinished(prefix) {
			if !yield(info, nil) {
				return
			}
		}
	}
}
