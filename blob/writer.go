package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"sync"
)

// A Writer is for content that is produced piece by piece, where [Bucket.Put] wants a reader of it all. What is written
// is published by Commit alone, whole; everything else publishes nothing.
//
// A Writer is for one goroutine, but Abort and Close may be called at any time. One that is dropped is aborted when its
// ctx ends or when it is collected, whichever is first.
type Writer struct{ *writing }

// NewWriter makes a Writer of the object key. The ctx covers all that it does; when ctx ends, Write and Commit return.
// An error of the store, such as a denial or a lost condition, may come from Write or from Commit.
func NewWriter(ctx context.Context, b Bucket, key string, opts *PutOptions) *Writer {
	if opts == nil {
		opts = &zeroPut
	}
	s := &writing{bucket: b, key: key, opts: *opts, done: make(chan struct{})}
	s.opts.Metadata = maps.Clone(opts.Metadata) // the caller may go on with his
	if ctx == nil {
		ctx, s.ended = context.Background(), errNoContext
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.body, s.pipe = io.Pipe()
	w := &Writer{s}
	runtime.AddCleanup(w, func(s *writing) { s.stop(errDropped) }, s)
	return w
}

// writing is what a Writer shares with the goroutine of its Put, which must not keep the Writer from being collected.
type writing struct {
	bucket Bucket
	key    string
	opts   PutOptions
	ctx    context.Context
	cancel context.CancelFunc
	body   *io.PipeReader
	pipe   *io.PipeWriter

	mu    sync.Mutex
	begun bool  // the Put is under way, or over
	ended error // why nothing more can be written: errCommitted, errAborted, or what failed

	done   chan struct{} // closed when the Put is over; then what follows is set
	object *Object
	err    error
}

var (
	errCommitted = fmt.Errorf("writer: %w by Commit", ErrClosed)
	errAborted   = fmt.Errorf("writer: %w by Abort", ErrClosed)
	errDropped   = fmt.Errorf("writer: %w; it was dropped", ErrClosed)
)

// begin starts the Put with the first of n bytes, and tells why nothing more can be written.
func (s *writing) begin(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return s.fail(s.ended)
	}
	if !s.begun && n > 0 {
		s.begun = true
		go s.put()
	}
	return nil
}

func (s *writing) put() {
	defer close(s.done)
	// A Put that waits for its body does not look at its ctx.
	unblock := context.AfterFunc(s.ctx, func() { s.body.CloseWithError(s.ctx.Err()) })
	s.object, s.err = s.bucket.Put(s.ctx, s.key, s.body, &s.opts)
	unblock()
	s.body.CloseWithError(s.err) // whoever still writes hears of it
	s.cancel()
}

// Write implements io.Writer. It does not keep p.
func (w *Writer) Write(p []byte) (int, error) {
	defer runtime.KeepAlive(w)
	if err := w.begin(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	n, err := w.pipe.Write(p)
	if err != nil {
		return n, w.fail(err)
	}
	return n, nil
}

// ReadFrom implements io.ReaderFrom, in reads of 256 KiB. After an error of r the content is incomplete, and Commit
// answers that error.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	buf := copyBuffers.Get().(*[256 << 10]byte)
	defer copyBuffers.Put(buf)
	var read int64
	for {
		n, err := r.Read(buf[:])
		if n > 0 {
			m, werr := w.Write(buf[:n])
			read += int64(m)
			if werr != nil {
				return read, werr
			}
		}
		if err == io.EOF {
			return read, nil
		}
		if err != nil {
			w.stop(err)
			return read, err
		}
	}
}

// Commit publishes what was written, and returns what it made. A second Commit returns the same. After Abort, or after
// a ReadFrom whose reader failed, nothing is published and Commit answers why, when nothing of it is left in this
// process.
func (w *Writer) Commit() (*Object, error) {
	defer runtime.KeepAlive(w)
	if err := w.end(); err != nil {
		w.mu.Lock()
		begun := w.begun
		w.mu.Unlock()
		if begun {
			<-w.done
		}
		return nil, err
	}
	w.pipe.Close()
	<-w.done
	if w.err != nil {
		return nil, w.err
	}
	return w.object.Clone(), nil
}

// end turns the writing into a committed one. An empty object is begun here.
func (s *writing) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil && s.ended != errCommitted {
		return s.fail(s.ended)
	}
	s.ended = errCommitted
	if !s.begun {
		s.begun = true
		go s.put()
	}
	return nil
}

// Abort gives up what was written, and returns when nothing of it is left in this process. After Commit it does
// nothing. Its error is one of a store that published all the same.
func (w *Writer) Abort() error {
	defer runtime.KeepAlive(w)
	if !w.stop(errAborted) {
		return nil
	}
	<-w.done
	if w.err == nil && w.object != nil {
		return w.fail(fmt.Errorf("%w: the store published content whose end was an error", ErrAmbiguous))
	}
	return nil
}

// Close aborts what is not committed. It answers an error if that was to be feared: if something was written, and
// neither Commit nor Abort was called.
func (w *Writer) Close() error {
	w.mu.Lock()
	lost := w.begun && w.ended == nil
	w.mu.Unlock()
	if err := w.Abort(); err != nil || !lost {
		return err
	}
	return w.fail(fmt.Errorf("%w: the writer was closed without Commit; nothing is stored", ErrClosed))
}

// stop ends the writing without publishing, for the reason given, and tells whether the Put, if one was begun, has to
// be waited for. It does nothing after Commit.
func (s *writing) stop(why error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == errCommitted {
		return false
	}
	if s.ended == nil {
		s.ended = why
	}
	s.pipe.CloseWithError(why)
	s.cancel()
	return s.begun
}

// fail wraps an error that is not yet one of the bucket's.
func (s *writing) fail(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Op: "write", Bucket: bucketName(s.bucket), Key: s.key, Err: err}
}
