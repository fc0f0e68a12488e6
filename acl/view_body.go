package acl

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// Bodies are checked while they pass, so that a right that is revoked meanwhile ends a long download, and fails an upload
// before it is published.

// A stream is checked again after so many bytes, or so much time, whichever is first.
const (
	checkBytes = 8 << 20
	checkAfter = time.Second
)

// A pace says when a stream is to be checked again.
type pace struct {
	guard *Guard
	check func() error

	mu    sync.Mutex
	last  instant
	bytes int
	err   error // what a check answered; the stream is over
}

func (v *view) pace(check func() error) *pace {
	return &pace{guard: v.guard, check: check, last: v.guard.clock.now()}
}

// passed notes n bytes, and checks if it is time to, or if they are the last.
func (p *pace) passed(n int, last bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	if p.guard.closed.Load() {
		p.err = blob.ErrClosed
		return p.err
	}
	p.bytes += n
	now := p.guard.clock.now()
	if last || p.bytes >= checkBytes || p.last.since(now) >= checkAfter {
		p.err = p.check()
		p.last, p.bytes = now, 0
	}
	return p.err
}

// putBody is the body of a Put. The bytes that end it pass only after a check, since a store publishes once it has them.
type putBody struct {
	r    io.Reader
	pace *pace
	read bool  // anything was asked for
	at   int64 // of the next byte, where the body can seek as the body counts
	end  int64 // where the body ends, or -1
	from int64 // where it began
}

// guarded wraps the body of a Put. It can seek and be read anywhere if body can, as drivers like it, and size is its
// length, or 0 if that is unknown. Rewind goes back to the beginning, if the body can.
func guarded(body io.Reader, p *pace) (wrapped io.Reader, size int64, rewind func() error) {
	b := &putBody{r: body, pace: p, end: -1}
	rewind = b.rewind
	size, known := blob.BodySize(body)
	if !known {
		return b, 0, rewind
	}
	b.end = size
	seeker, ok := body.(io.Seeker)
	if !ok {
		return b, size, rewind
	}
	at, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return b, size, rewind
	}
	b.at, b.from, b.end = at, at, at+size
	seekable := &seekableBody{b, seeker}
	if reader, ok := body.(io.ReaderAt); ok {
		return &randomBody{seekableBody: seekable, reader: reader}, size, rewind
	}
	return seekable, size, rewind
}

func (b *putBody) Read(p []byte) (int, error) {
	b.read = true
	n, err := b.r.Read(p[:min(len(p), checkBytes)])
	b.at += int64(n)
	if cerr := b.pace.passed(n, err == io.EOF || b.end >= 0 && b.at >= b.end); cerr != nil {
		return 0, cerr
	}
	return n, err
}

func (b *putBody) rewind() error {
	if !b.read {
		return nil
	}
	seeker, ok := b.r.(io.Seeker)
	if !ok || b.end < 0 {
		return fmt.Errorf("%w: the body cannot be read again", blob.ErrPrecondition)
	}
	_, err := seeker.Seek(b.from, io.SeekStart)
	b.at = b.from
	return err
}

// seekableBody is a putBody that can seek.
type seekableBody struct {
	*putBody
	seeker io.Seeker
}

func (b *seekableBody) Seek(offset int64, whence int) (int64, error) {
	at, err := b.seeker.Seek(offset, whence)
	if err == nil {
		b.at = at
	}
	return at, err
}

// randomBody is a putBody that can be read anywhere, and in parallel.
type randomBody struct {
	*seekableBody
	reader io.ReaderAt
	passed atomic.Int64 // bytes read so
}

func (b *randomBody) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.reader.ReadAt(p, off)
	// Which read is the last depends on the driver: the one at the end, or that which makes the bytes as many as there are,
	// or twice as many for one that digests them first.
	size, passed := b.end-b.from, b.passed.Add(int64(n))
	whole := size > 0 && passed/size > (passed-int64(n))/size
	if cerr := b.pace.passed(n, whole || off+int64(n) >= b.end); cerr != nil {
		return 0, cerr
	}
	return n, err
}
