package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// A ReaderAt reads one version of an object, anywhere: it is an [io.ReaderAt], of whose requests many may be under way
// at once, and an [io.ReadSeekCloser]. Every request is pinned to the version that was opened. If that is overwritten
// or removed, reads answer [ErrChanged]; they never mix two versions.
//
// ReadAt makes a request for each call. Read opens a stream to the end of the object, when it is first called, and keeps
// it across short seeks forward. Content that is read in one go from beginning to end is verified as by a [Reader].
type ReaderAt struct {
	pin    pin
	object *Object
	ctx    context.Context
	cancel context.CancelFunc
	closed atomic.Bool

	mu     sync.Mutex // guards what follows, which is for Read and Seek
	pos    int64      // of the next Read
	stream *Reader    // nil, or delivers from at on
	at     int64
	until  int64 // where streams end; a reader who knows that he needs no more sets it
}

// skip is how far Read goes forward in its stream rather than open another, in bytes: what arrives in the time of a
// request anyhow.
const skip = 256 << 10

// OpenAt opens an object, or the version of it that opts selects, for reading anywhere. The object is looked up at
// once; ctx covers all reads until Close. A bucket that cannot pin reads to a version answers [errors.ErrUnsupported].
func OpenAt(ctx context.Context, b Bucket, key string, opts *StatOptions) (*ReaderAt, error) {
	if opts == nil {
		opts = &zeroStat
	}
	if canPin(b) {
		o, err := b.Stat(ctx, key, opts)
		if err != nil {
			return nil, err
		}
		if pin, ok := pinTo(b, key, o, opts.Version); ok {
			r := &ReaderAt{pin: pin, object: o, until: o.Size}
			r.ctx, r.cancel = context.WithCancel(ctx)
			return r, nil
		}
	}
	return nil, &Error{Op: "open", Bucket: bucketName(b), Key: key,
		Err: fmt.Errorf("%w: this bucket cannot pin reads to a version", errors.ErrUnsupported)}
}

// Object returns the attributes of the object.
func (r *ReaderAt) Object() *Object { return r.object.Clone() }

// Size is the number of bytes in the object.
func (r *ReaderAt) Size() int64 { return r.object.Size }

// ReadAt implements io.ReaderAt.
func (r *ReaderAt) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case r.closed.Load():
		return 0, r.fail(ErrClosed)
	case off < 0:
		return 0, r.fail(fmt.Errorf("%w: offset %d is negative", ErrInvalid, off))
	case off >= r.Size():
		return 0, io.EOF
	}
	var end error
	if left := r.Size() - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	s, err := r.pin.open(r.ctx, off, int64(len(p)))
	if err != nil {
		return 0, r.failed(err)
	}
	defer s.Close()
	n, err := io.ReadFull(s, p)
	if err != nil {
		return n, r.failed(err)
	}
	return n, end
}

// Read implements io.Reader.
func (r *ReaderAt) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed.Load() {
		return 0, r.fail(ErrClosed)
	}
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if r.pos >= r.Size() {
			return 0, io.EOF
		}
		if err := r.reach(); err != nil {
			return 0, r.failed(err)
		}
		n, err := r.stream.Read(p)
		r.pos += int64(n)
		r.at = r.pos
		switch {
		case err == io.EOF: // it reached until, and more is wanted after all
			r.until = r.Size()
			r.drop()
		case err != nil:
			r.drop()
			return n, r.failed(err)
		default:
			return n, nil
		}
	}
}

// reach brings the stream to pos.
func (r *ReaderAt) reach() error {
	if gap := r.pos - r.at; r.stream != nil && gap >= 0 && gap <= skip {
		n, err := io.CopyN(io.Discard, r.stream, gap)
		if r.at += n; err == nil {
			return nil
		}
	}
	r.drop()
	end := r.Size()
	if r.pos < r.until {
		end = r.until
	}
	s, err := r.pin.open(r.ctx, r.pos, end-r.pos)
	if err == nil {
		r.stream, r.at = s, r.pos
	}
	return err
}

func (r *ReaderAt) drop() {
	if r.stream != nil {
		r.stream.Close()
		r.stream = nil
	}
}

// Seek implements io.Seeker. It makes no request.
func (r *ReaderAt) Seek(offset int64, whence int) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed.Load() {
		return 0, r.fail(ErrClosed)
	}
	base := int64(0)
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		base = r.pos
	case io.SeekEnd:
		base = r.Size()
	default:
		return 0, r.fail(fmt.Errorf("%w: whence %d", ErrInvalid, whence))
	}
	if offset < -base || offset > maxOffset-base {
		return 0, r.fail(fmt.Errorf("%w: a seek by %d from %d", ErrInvalid, offset, base))
	}
	r.pos = base + offset
	return r.pos, nil
}

// Close releases the ReaderAt and ends its reads, which answer [ErrClosed]. A second Close does nothing.
func (r *ReaderAt) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	r.cancel() // before the lock, which a Read holds
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	return nil
}

func (r *ReaderAt) fail(err error) error {
	return &Error{Op: "read", Bucket: bucketName(r.pin.bucket), Key: r.pin.key, Err: err}
}

// failed gives the answer of a read that Close ended.
func (r *ReaderAt) failed(err error) error {
	if r.closed.Load() {
		return r.fail(ErrClosed)
	}
	return err
}
