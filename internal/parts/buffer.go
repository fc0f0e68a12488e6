package parts

import (
	"bytes"
	"context"
	"hash/crc32"
	"io"
	"sync"
)

// Budget is how many bytes the parts that are read ahead may take in this process.
const Budget = 64 << 20

const (
	chunkSize = 256 << 10
	allChunks = Budget / chunkSize
)

type chunk = *[chunkSize]byte

// memory is the account of the process, in chunks.
var memory = struct {
	sync.Mutex
	charged int     // to parts, whether filled yet or not
	idle    []chunk // wait to be used again
	waiting []chan struct{}
}{}

// charge takes n chunks from the budget, or more than it has.
func charge(n int) {
	memory.Lock()
	defer memory.Unlock()
	memory.charged += n
}

// reserve takes n chunks from the budget when it has them.
func reserve(ctx context.Context, n int) error {
	n = min(n, allChunks)
	for {
		memory.Lock()
		if memory.charged == 0 || memory.charged+n <= allChunks {
			memory.charged += n
			memory.Unlock()
			return nil
		}
		turn := make(chan struct{})
		memory.waiting = append(memory.waiting, turn)
		memory.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// refund gives n chunks back to the budget.
func refund(n int) {
	memory.Lock()
	defer memory.Unlock()
	memory.charged -= n
	for _, turn := range memory.waiting {
		close(turn)
	}
	memory.waiting = nil
}

func takeChunk() chunk {
	memory.Lock()
	defer memory.Unlock()
	if n := len(memory.idle); n > 0 {
		c := memory.idle[n-1]
		memory.idle = memory.idle[:n-1]
		return c
	}
	return new([chunkSize]byte)
}

// giveChunks keeps chunks for the next part, as many as the budget has.
func giveChunks(chunks ...chunk) {
	memory.Lock()
	defer memory.Unlock()
	n := min(len(chunks), allChunks-len(memory.idle))
	memory.idle = append(memory.idle, chunks[:n]...)
}

// A Stream reads a body into parts that are held in memory.
type Stream struct {
	body   io.Reader
	cut    Cut
	n      int
	off    int64
	held   held // the parts of this stream that are not released
	end    bool
	peeked *Part
}

// held counts parts; Release is called from other goroutines.
type held struct {
	sync.Mutex
	n int
}

func (h *held) add(d int) int {
	h.Lock()
	defer h.Unlock()
	h.n += d
	return h.n
}

// NewStream returns the parts of body.
func NewStream(body io.Reader, cut Cut) *Stream { return &Stream{body: body, cut: cut} }

// Peek reads the first part, without taking it, and tells whether it is the only one. The part of an empty stream has
// no bytes.
func (s *Stream) Peek(ctx context.Context) (p *Part, only bool, err error) {
	if s.peeked == nil {
		if s.peeked, err = s.read(ctx); err != nil {
			return nil, false, err
		}
	}
	if !s.end { // a body that is just as long as a part has not said that it ends
		var next [1]byte
		switch n, err := io.ReadFull(s.body, next[:]); {
		case n == 1:
			s.body = io.MultiReader(bytes.NewReader(next[:]), s.body)
		case err == io.EOF:
			s.end = true
		default:
			return nil, false, err
		}
	}
	return s.peeked, s.end, nil
}

// Next implements Source.
func (s *Stream) Next(ctx context.Context) (*Part, error) {
	p := s.peeked
	if s.peeked = nil; p != nil {
		return p, nil
	}
	if s.end {
		return nil, io.EOF
	}
	p, err := s.read(ctx)
	if err == nil && p.Size == 0 {
		p.Release()
		return nil, io.EOF
	}
	return p, err
}

// Close releases what was read and not taken.
func (s *Stream) Close() {
	if s.peeked != nil {
		s.peeked.Release()
		s.peeked = nil
	}
}

// read reads the next part. It fills a part whole unless the body ends.
func (s *Stream) read(ctx context.Context) (*Part, error) {
	size, err := s.cut.size(s.n + 1)
	if err != nil {
		if s.atEnd() {
			return &Part{}, nil
		}
		return nil, err
	}
	b := &buffer{}
	if s.held.add(1) > 1 {
		b.charged = int(min(size+chunkSize-1, Budget) / chunkSize)
		if err := reserve(ctx, b.charged); err != nil {
			s.held.add(-1)
			return nil, err
		}
	}
	free := func() {
		b.free()
		s.held.add(-1)
	}
	sum, err := b.fill(ctx, s.body, size)
	if err != nil && err != io.EOF {
		free()
		return nil, err
	}
	s.end = err == io.EOF
	s.n++
	p := &Part{Number: s.n, Offset: s.off, Size: b.size, CRC32C: sum, open: b.open, free: free}
	s.off += b.size
	return p, nil
}

// atEnd tells whether nothing follows.
func (s *Stream) atEnd() bool {
	var one [1]byte
	n, err := io.ReadFull(s.body, one[:])
	s.end = n == 0 && err == io.EOF
	return s.end
}

// A buffer is the content of a part, in chunks.
type buffer struct {
	size    int64
	charged int // chunks

	mu     sync.RWMutex // an HTTP client may go on reading a body after its request has failed
	chunks []chunk
}

// fill reads up to size bytes. It returns io.EOF if the body ended, also exactly at size if the body says so by then.
func (b *buffer) fill(ctx context.Context, body io.Reader, size int64) (sum uint32, err error) {
	for empty := 0; b.size < size; {
		if b.size == int64(len(b.chunks))*chunkSize {
			b.grow()
		}
		at := int(b.size % chunkSize)
		c := b.chunks[len(b.chunks)-1]
		n, err := body.Read(c[at:min(chunkSize, at+int(min(size-b.size, chunkSize)))])
		sum = crc32.Update(sum, castagnoli, c[at:at+n])
		b.size += int64(n)
		if err != nil {
			return sum, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if empty++; n > 0 {
			empty = 0
		} else if empty == 100 {
			return 0, io.ErrNoProgress
		}
	}
	return sum, nil
}

func (b *buffer) grow() {
	b.chunks = append(b.chunks, takeChunk())
	if len(b.chunks) > b.charged {
		charge(1)
		b.charged++
	}
}

func (b *buffer) free() {
	b.mu.Lock()
	defer b.mu.Unlock()
	giveChunks(b.chunks...)
	refund(b.charged)
	b.chunks = nil
}

func (b *buffer) open() io.ReadSeeker { return &reader{b: b} }

// reader reads a buffer, until that is freed.
type reader struct {
	b   *buffer
	pos int64
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	r.b.mu.RLock()
	defer r.b.mu.RUnlock()
	if r.b.chunks == nil && r.b.size > 0 {
		return 0, io.ErrClosedPipe
	}
	n := 0
	for n < len(p) && r.pos < r.b.size {
		at := r.pos % chunkSize
		m := copy(p[n:], r.b.chunks[r.pos/chunkSize][at:min(chunkSize, at+r.b.size-r.pos)])
		n += m
		r.pos += int64(m)
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Seek implements io.Seeker.
func (r *reader) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += r.pos
	case io.SeekEnd:
		off += r.b.size
	}
	if off < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	r.pos = off
	return off, nil
}
