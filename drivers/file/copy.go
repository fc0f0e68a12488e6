package file

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/holdall-go/holdall/blob"
)

// A source is what a [blob.Source] of this driver holds.
type source struct {
	bucket *bucket
	key    string
	cond   blob.Condition
}

func (b *bucket) Source(_ context.Context, key string, opts *blob.SourceOptions) (blob.Source, error) {
	return blob.NewSource(key, source{b, key, opts.If}), nil
}

func (b *bucket) Copy(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
	from, err := blob.Resolve[source](ctx, src)
	if err != nil {
		return nil, err
	}
	if err := b.tree.use(); err != nil {
		return nil, err
	}
	defer b.tree.leave()
	f, o, err := from.bucket.look(from.key, from.cond, false)
	if err != nil {
		return nil, src.Fail(err)
	}
	defer f.Close()
	d, err := b.tree.newDraft()
	if err != nil {
		return nil, err
	}
	defer d.discard()
	crc, hasCRC := o.Checksums.CRC32C()
	checked := func() error {
		_, err := blob.Resolve[source](ctx, src)
		return err
	}
	before, err := f.stat()
	if err == nil {
		err = d.append(ctx, f, o.Size, checked)
	}
	if err != nil {
		return nil, src.Fail(err)
	}
	// Another program may have written into the file meanwhile.
	if after, err := f.stat(); err != nil || after != before {
		return nil, src.Fail(errors.Join(blob.ErrChanged, err))
	}
	if d.hasCRC && hasCRC && d.crc != crc {
		return nil, src.Fail(fmt.Errorf("%w: the content has crc32c %08x, the object says %08x", blob.ErrChecksum, d.crc, crc))
	}
	if hasCRC {
		d.crc, d.hasCRC = crc, true
	}
	attrs := &o.Attributes
	if opts.Attributes != nil {
		attrs = opts.Attributes
	}
	return b.store(ctx, key, d, opts.If, attrs, opts.Hook)
}

// copyChunk is how much the kernel copies between two looks at the context and the source's checks.
const copyChunk = 16 << 20

// append adds the first n bytes of a file to the draft, in the kernel where it can, which also shares the blocks where
// the file system can. Before each chunk it asks whether it may. It leaves hasCRC set if it saw the bytes and the draft
// was empty.
func (d *draft) append(ctx context.Context, src file, n int64, checked func() error) error {
	for off := int64(0); off < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := checked(); err != nil {
			return err
		}
		copied, err := d.file.copyFrom(src, off, min(copyChunk, n-off))
		if errors.Is(err, errors.ErrUnsupported) {
			return d.stream(ctx, src, off, n, checked)
		}
		if err == nil && copied == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		off += copied
		d.size += copied
	}
	return nil
}

// stream is append without the kernel's help.
func (d *draft) stream(ctx context.Context, src file, off, n int64, checked func() error) error {
	whole := d.size == 0 && off == 0
	s := sink{ctx: ctx, file: d.file}
	for off < n {
		if err := checked(); err != nil {
			return err
		}
		length := min(copyChunk, n-off)
		before := s.size
		if err := s.drain(io.NewSectionReader(src, off, length)); err != nil {
			return err
		}
		if s.size-before != length {
			return io.ErrUnexpectedEOF
		}
		off += length
	}
	d.size += s.size
	d.crc, d.hasCRC = s.crc, whole
	return nil
}
