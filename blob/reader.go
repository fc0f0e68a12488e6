package blob

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"
)

// A Reader delivers the content of an object, or of the range that was asked for, and carries the object's attributes.
// It is bound to the ctx of its Get: after that ends, Read fails with the ctx's error. It must be closed. A Reader is
// for one goroutine, but Close may be called at any time.
//
// Where the whole object is read and a digest of it is known, the Read that would deliver the last bytes answers
// [ErrChecksum] instead if the content does not have that digest, so that also who stops at the length hears of it.
type Reader struct {
	Object

	offset, length int64
	left           int64 // bytes that are still to come
	body           io.ReadCloser
	ctx            context.Context
	bucket         *checked   // for the errors, and to know of Close; nil before Check
	within         []*checked // buckets that it came through and bucket's base does not wrap, whose Close counts too
	closed         atomic.Bool
	verify         verifier
	err            error // sticky
}

// NewReader makes a Reader; drivers call it. The body must deliver exactly the length bytes from offset on, and is
// closed with the Reader.
func NewReader(ctx context.Context, body io.ReadCloser, object *Object, offset, length int64) *Reader {
	r := &Reader{Object: *object, offset: offset, length: length, left: length, body: body, ctx: ctx}
	if offset == 0 && length == object.Size {
		r.verify.start(object.Checksums)
	}
	return r
}

// WithBody replaces the body of r by what wrap makes of it, and returns r: for a wrapper that counts, delays or checks
// what is read, or that delivers the same bytes from elsewhere. Call it before the first Read. The new body must
// deliver as many bytes as r.Length says; what it delivers is verified, once, and its Close must close the body that wrap
// was given. An error of its Read is returned by the Read of r. It costs no second Reader: ctx, Close of the bucket and
// the digests are checked as before.
func (r *Reader) WithBody(wrap func(body io.ReadCloser) io.ReadCloser) *Reader {
	r.body = wrap(r.body)
	return r
}

// Offset is where in the object the Reader began.
func (r *Reader) Offset() int64 { return r.offset }

// Length is the number of bytes that the Reader delivers in all. The size of the object is r.Size.
func (r *Reader) Length() int64 { return r.length }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if err := r.usable(); err != nil {
		return 0, err
	}
	if r.left == 0 {
		return 0, r.end()
	}
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.body.Read(p)
	r.left -= int64(n)
	r.verify.write(p[:n])
	switch {
	case r.left == 0 && (err == nil || err == io.EOF):
		if err := r.verify.end(); err != nil {
			return 0, r.fail(err)
		}
		return n, nil
	case err == nil:
		return n, nil
	case err == io.EOF:
		err = fmt.Errorf("%w: %d of %d bytes are missing", io.ErrUnexpectedEOF, r.left, r.length)
	}
	return n, r.fail(err)
}

// copyBuffers serve WriteTo. Reads below 128 KiB cost system calls.
var copyBuffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// WriteTo implements io.WriterTo, in reads of 256 KiB.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	buf := copyBuffers.Get().(*[256 << 10]byte)
	defer copyBuffers.Put(buf)
	var written int64
	for {
		n, err := r.Read(buf[:])
		if n > 0 {
			m, werr := w.Write(buf[:n])
			written += int64(m)
			if werr != nil {
				return written, werr
			}
			if m < n {
				return written, io.ErrShortWrite
			}
		}
		if err == io.EOF {
			return written, nil
		}
		if err != nil {
			return written, err
		}
	}
}

// Close releases the Reader. A second Close does nothing.
func (r *Reader) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	if err := r.body.Close(); err != nil {
		return r.bucket.fail("get", r.Key, err)
	}
	return nil
}

// usable tells why the next Read cannot go on: the Reader or its bucket is closed, ctx ended, or it failed before.
func (r *Reader) usable() error {
	if r.err != nil {
		return r.err
	}
	if err := r.ctx.Err(); err != nil {
		return r.fail(err)
	}
	closed := r.closed.Load() || r.bucket.closed()
	for _, b := range r.within {
		closed = closed || b.closed()
	}
	if closed {
		return r.bucket.fail("get", r.Key, ErrClosed)
	}
	return nil
}

// end is the answer after the last byte.
func (r *Reader) end() error {
	if err := r.verify.end(); err != nil {
		return r.fail(err)
	}
	return io.EOF
}

func (r *Reader) fail(err error) error {
	if cerr := r.ctx.Err(); cerr != nil && !errors.Is(err, cerr) {
		err = fmt.Errorf("%w: %w", cerr, err)
	}
	r.err = r.bucket.fail("get", r.Key, err)
	return r.err
}

// A verifier computes the digest of what passes and compares it at the end. It prefers CRC-32C, which needs no
// allocation and runs at the speed of memory.
type verifier struct {
	crc     uint32
	wantCRC uint32
	hasCRC  bool
	hash    hash.Hash
	want    []byte
	name    Algorithm
}

func (v *verifier) start(c Checksums) {
	if c.IsZero() {
		return
	}
	if v.wantCRC, v.hasCRC = c.CRC32C(); v.hasCRC {
		return
	}
	for name, want := range c.All() { // the first is the quickest
		h, err := name.New()
		if err == nil {
			v.hash, v.want, v.name = h, want, name
		}
		return
	}
}

func (v *verifier) write(p []byte) {
	switch {
	case v.hasCRC:
		v.crc = crc32.Update(v.crc, castagnoli, p)
	case v.hash != nil:
		v.hash.Write(p)
	}
}

func (v *verifier) end() error {
	switch {
	case v.hasCRC && v.crc != v.wantCRC:
		return fmt.Errorf("%w: the content has crc32c %08x, the object says %08x", ErrChecksum, v.crc, v.wantCRC)
	case v.hash != nil:
		if got := v.hash.Sum(nil); string(got) != string(v.want) {
			return fmt.Errorf("%w: the content has %s %x, the object says %x", ErrChecksum, v.name, got, v.want)
		}
	}
	return nil
}
