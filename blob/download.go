package blob

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// DownloadOptions tell how [Download] works; nil, and zeros, are defaults.
type DownloadOptions struct {
	PartSize    int64 // bytes in one request; zero is a 32nd of the object, but from 4 to 16 MiB
	Concurrency int   // requests at once; zero is 16
}

const (
	downloadPartSize    = 4 << 20  // of the first request, before the size is known, and the least of the others
	downloadMaxPartSize = 16 << 20 // beyond, a broken request costs more than its fewer answers save
	downloadConcurrency = 16       // with a window of 256 KiB and 100 ms to the store, what fills 300 Mbit/s
	downloadParts       = 10_000   // most; larger objects have larger parts
)

// Download writes an object to w, in parallel requests for its parts, and returns its attributes. All parts are of one
// version: if the object is overwritten or removed meanwhile, the answer is [ErrChanged]. The first error stops all
// requests; an error of w is returned as it is. After an error, w holds anything.
//
// An object of one part takes one request, and so does any object of a bucket that cannot pin reads to a version.
// Content that comes in one request is verified by any digest that is known; content that comes in parts by its
// CRC-32C, CRC-32 or CRC-64, and not at all if the store knows none of them. A mismatch is [ErrChecksum].
func Download(ctx context.Context, b Bucket, key string, w io.WriterAt, opts *DownloadOptions) (*Object, error) {
	var o DownloadOptions
	if opts != nil {
		o = *opts
	}
	var err error
	switch {
	case ctx == nil:
		err = errNoContext
	case o.PartSize < 0 || o.Concurrency < 0:
		err = fmt.Errorf("%w: PartSize %d or Concurrency %d is negative", ErrInvalid, o.PartSize, o.Concurrency)
	}
	if err != nil {
		return nil, &Error{Op: "download", Bucket: bucketName(b), Key: key, Err: err}
	}
	if o.Concurrency == 0 {
		o.Concurrency = downloadConcurrency
	}
	if !canPin(b) {
		return downloadWhole(ctx, b, key, w)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	head := o.PartSize
	if head == 0 {
		head = downloadPartSize
	}
	first, err := b.Get(ctx, key, &GetOptions{Range: Bytes(0, head)})
	if err != nil {
		return nil, err
	}
	defer first.Close()
	if first.Length() == first.Size {
		return writeWhole(first, w)
	}
	pin, ok := pinTo(b, key, &first.Object, "")
	if !ok {
		first.Close()
		return downloadWhole(ctx, b, key, w)
	}
	d := &download{pin: pin, w: w, cancel: cancel, object: first.Object.Clone(), head: first.Length()}
	return d.run(ctx, first, &o)
}

func downloadWhole(ctx context.Context, b Bucket, key string, w io.WriterAt) (*Object, error) {
	r, err := b.Get(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return writeWhole(r, w)
}

func writeWhole(r *Reader, w io.WriterAt) (*Object, error) {
	if _, err := r.WriteTo(&partWriter{w: w}); err != nil {
		return nil, err
	}
	return r.Object.Clone(), nil
}

// A download is one that comes in parts: the head, whose answer told the size, and the others after it.
type download struct {
	pin    pin
	w      io.WriterAt
	cancel context.CancelFunc
	object *Object
	head   int64 // bytes in the first part
	part   int64 // bytes in each of the others, but the last

	crc  *joinableSum // nil if the parts cannot be verified
	want uint64
	sums []uint64 // of the parts

	next atomic.Int64 // the part that nobody has begun
	once sync.Once
	err  error // the first
}

func (d *download) run(ctx context.Context, first *Reader, o *DownloadOptions) (*Object, error) {
	rest := d.object.Size - d.head
	part := o.PartSize
	if part == 0 {
		part = min(max(d.object.Size/32, downloadPartSize), downloadMaxPartSize)
	}
	d.part = max(part, (rest-1)/downloadParts+1)
	d.sums = make([]uint64, 1+(rest-1)/d.part+1)
	d.crc, d.want = joinable(d.object.Checksums)
	d.next.Store(1)

	var workers sync.WaitGroup
	for range min(o.Concurrency, len(d.sums)) - 1 {
		workers.Go(func() { d.work(ctx) })
	}
	d.fetch(0, first)
	d.work(ctx)
	workers.Wait()
	if d.err != nil {
		return nil, d.err
	}
	if err := d.verify(); err != nil {
		return nil, d.error(err)
	}
	return d.object, nil
}

func (d *download) error(err error) error {
	return &Error{Op: "download", Bucket: bucketName(d.pin.bucket), Key: d.pin.key, Err: err}
}

// work fetches parts until none is left, or something failed.
func (d *download) work(ctx context.Context) {
	for ctx.Err() == nil {
		i := d.next.Add(1) - 1
		if i >= int64(len(d.sums)) {
			return
		}
		off, n := d.span(i)
		r, err := d.pin.open(ctx, off, n)
		if err != nil {
			d.fail(err)
			return
		}
		d.fetch(i, r)
		r.Close()
	}
	d.fail(d.error(ctx.Err()))
}

// span returns where part i lies.
func (d *download) span(i int64) (off, n int64) {
	if i == 0 {
		return 0, d.head
	}
	off = d.head + (i-1)*d.part
	return off, min(d.part, d.object.Size-off)
}

func (d *download) fetch(i int64, r *Reader) {
	off, _ := d.span(i)
	part := &partWriter{w: d.w, off: off, crc: d.crc}
	if _, err := r.WriteTo(part); err != nil {
		d.fail(err)
	}
	d.sums[i] = part.sum
}

// fail keeps the first error and stops the other requests, whose errors are its consequence.
func (d *download) fail(err error) {
	d.once.Do(func() {
		d.err = err
		d.cancel()
	})
}

// verify puts the sums of the parts together.
func (d *download) verify() error {
	if d.crc == nil {
		return nil
	}
	sum, shift := d.sums[0], d.crc.Shift(d.part)
	for i, part := range d.sums[1:] {
		if i == len(d.sums)-2 {
			_, n := d.span(int64(i + 1))
			shift = d.crc.Shift(n)
		}
		sum = d.crc.Append(sum, part, shift)
	}
	if sum != d.want {
		return fmt.Errorf("%w: the content has %s %0*x, the object says %0*x", ErrChecksum, d.crc.name, d.crc.Bits/4, sum, d.crc.Bits/4, d.want)
	}
	return nil
}

// A partWriter writes one part where it belongs, and sums it up.
type partWriter struct {
	w   io.WriterAt
	off int64
	crc *joinableSum
	sum uint64
}

func (p *partWriter) Write(b []byte) (int, error) {
	n, err := p.w.WriteAt(b, p.off)
	p.off += int64(n)
	if p.crc != nil {
		p.sum = p.crc.Update(p.sum, b[:n])
	}
	return n, err
}
