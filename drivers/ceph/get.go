package ceph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/holdall-go/holdall/blob"
)

const (
	// A Reader of large content reads ahead once it has gone on: the first request is for firstRead bytes at most, and
	// then up to readAhead requests are under way, each for a part of one object.
	firstRead = 512 << 10
	nextRead  = 2 << 20
	readAhead = 8

	// directRead is from how much room on a Read goes straight into it, in requests for whole objects, readAhead of them
	// under way.
	directRead = chunkSize

	// soonRead is up to how many bytes Get reads itself: what is so small is seldom opened and not read, and it can look
	// again if it was overwritten between.
	soonRead = 64 << 10
)

func (b *bucket) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	for again := false; ; again = true {
		h, err := b.read(ctx, key, opts.If, true)
		if err != nil {
			return nil, err
		}
		o := h.object(key)
		off, n, err := opts.Range.Resolve(o.Size)
		if err != nil {
			return nil, err
		}
		if h.entry.Inline {
			if err := h.entry.inline(h.beside); err != nil {
				return nil, err
			}
			return blob.NewReader(ctx, content{bytes.NewReader(h.beside[off : off+n])}, o, off, n), nil
		}
		if err := h.entry.checkPieces(h.beside); err != nil {
			return nil, err
		}
		s := b.newStream(ctx, key, h, off, off+n)
		if n > 0 && n <= soonRead {
			if err := s.fill(); err != nil {
				s.Close()
				if errors.Is(err, blob.ErrChanged) && !again { // it was overwritten between
					continue
				}
				return nil, err
			}
		}
		return blob.NewReader(ctx, s, o, off, n), nil
	}
}

// newStream reads the content of h, which lies in pieces that have been checked, from off to end.
func (b *bucket) newStream(ctx context.Context, key string, h *held, off, end int64) *stream {
	s := &stream{b: b, key: key, held: h, next: off, end: end}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// content is the body of a Reader that has all at hand.
type content struct{ *bytes.Reader }

func (content) Close() error { return nil }

// A stream is the body of a Reader. It asks for the content object by object, several ahead.
type stream struct {
	b      *bucket
	key    string
	held   *held
	ctx    context.Context
	cancel context.CancelFunc

	next, end int64 // what is not asked for yet
	window    int   // how many requests may be under way
	asked     []chan answer
	buffer    []byte // of left
	left      []byte // arrived, and not delivered yet
	err       error
}

type answer struct {
	buffer []byte
	err    error
}

func (s *stream) Read(p []byte) (int, error) {
	if len(p) >= directRead && len(s.left) == 0 && len(s.asked) == 0 && s.err == nil {
		var n int
		if n, s.err = s.direct(p); n > 0 {
			return n, nil
		}
	}
	for len(s.left) == 0 {
		if s.err == nil {
			s.err = s.fill()
		}
		if s.err != nil {
			return 0, s.err
		}
	}
	n := copy(p, s.left)
	if s.left = s.left[n:]; len(s.left) == 0 {
		s.free()
	}
	return n, nil
}

func (s *stream) free() {
	giveBuffer(s.buffer)
	s.buffer = nil
}

// fill takes the next answer, and asks for what comes after it.
func (s *stream) fill() error {
	var a answer
	if s.window == 0 {
		s.window = 1
		if s.next == s.end {
			return io.EOF
		}
		a = s.fetch(s.take(firstRead), nil)
	} else {
		s.window = min(readAhead, 2*s.window)
		for len(s.asked) < s.window && s.next < s.end {
			where := s.take(nextRead)
			one := make(chan answer, 1)
			s.asked = append(s.asked, one)
			go func() { one <- s.fetch(where, nil) }()
		}
		if len(s.asked) == 0 {
			return io.EOF
		}
		a = <-s.asked[0] // it ends with ctx
		s.asked = s.asked[1:]
	}
	if a.err != nil {
		return a.err
	}
	s.buffer, s.left = a.buffer, a.buffer
	return nil
}

// direct reads into p, which belongs to the requests until all of them have ended. What came before an error is delivered.
func (s *stream) direct(p []byte) (n int, err error) {
	type request struct {
		where
		into []byte
		err  error
	}
	var all []*request
	for room := p; len(room) > 0 && s.next < s.end; {
		r := &request{where: s.take(min(chunkSize, int64(len(room))))}
		r.into, room = room[:r.n], room[r.n:]
		all = append(all, r)
	}
	todo := make(chan *request)
	var wait sync.WaitGroup
	for range min(len(all), readAhead) {
		wait.Go(func() {
			for r := range todo {
				r.err = s.fetch(r.where, r.into).err
			}
		})
	}
	for _, r := range all {
		todo <- r
	}
	close(todo)
	wait.Wait()
	for _, r := range all {
		if r.err != nil {
			return n, r.err
		}
		n += r.n
	}
	return n, nil
}

// A where is a part of one object.
type where struct {
	object string
	off    int64
	n      int
}

// take plans the next request, of up to most bytes.
func (s *stream) take(most int64) where {
	size := s.held.entry.pieceSize()
	p, at := s.held.entry.piece(s.next/size, s.held.beside), s.next%size
	chunk, off := at/chunkSize, at%chunkSize
	n := min(most, s.end-s.next, p.objectSize(chunk)-off)
	s.next += n
	return where{p.object(chunk), off, int(n)}
}

// fetch makes a request. The answer comes in a buffer, or in p, if that is given.
func (s *stream) fetch(w where, p []byte) answer {
	own := p == nil
	n, p, err := s.b.fill(s.ctx, w, p)
	switch {
	case is(err, missing):
		err = s.vanished(err)
	case err == nil && n < w.n:
		err = damaged("the content", fmt.Errorf("%s has %d bytes from %d on, and not %d", w.object, n, w.off, w.n))
	}
	if err != nil && own {
		giveBuffer(p)
	}
	return answer{p, err}
}

// fill reads into p, or into a buffer if there is no p.
func (b *bucket) fill(ctx context.Context, w where, p []byte) (int, []byte, error) {
	if err := b.begin(ctx); err != nil {
		return 0, nil, err
	}
	defer b.release()
	if err := b.room.take(ctx, int64(w.n)); err != nil {
		return 0, nil, err
	}
	defer b.room.give(int64(w.n))
	if p == nil {
		p = takeBuffer(int64(w.n))
	}
	n, err := b.data.read(ctx, w.object, p, w.off)
	return n, p, err
}

// vanished tells why an object is missing: the content was replaced, or it was lost.
func (s *stream) vanished(err error) error {
	h, lerr := call(s.ctx, s.b.session, func() (*held, error) { return s.b.look(s.ctx, s.key) })
	switch {
	case lerr != nil:
		return lerr
	case h == nil || h.entry == nil || h.entry.ID != s.held.entry.ID:
		return fmt.Errorf("%w: %w", blob.ErrChanged, err)
	}
	return damaged("the content", err)
}

func (s *stream) Close() error {
	s.cancel()
	return nil
}
