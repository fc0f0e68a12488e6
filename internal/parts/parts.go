// Package parts sends a stream in parts, for the drivers whose stores take large objects that way. It cuts the stream,
// holds the parts in memory that all Puts of the process share, and keeps several under way at once. What a part is to
// the provider is the driver's business.
//
// # Memory
//
// Parts are held in chunks of 256 KiB, which are used again. A stream that is read ahead of the network takes its parts
// from one budget of the process, [Budget]; it waits while that is used up. The one part that a stream needs to make
// progress at all is always granted, chunk by chunk as it is filled, so streams that wait for each other's memory cannot
// block each other, and a slow body holds no more than what it has delivered.
package parts

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"sync"
)

// A Part is a piece of a stream.
type Part struct {
	Number int   // from 1
	Offset int64 // in the stream
	Size   int64 // in bytes
	CRC32C uint32

	open func() io.ReadSeeker
	free func()
}

// Open returns the content of the part from its beginning. It may be called again, for another attempt.
func (p *Part) Open() io.ReadSeeker { return p.open() }

// Release gives back the memory of the part, whose content nobody may read any longer.
func (p *Part) Release() {
	if p.free != nil {
		p.free()
		p.free = nil
	}
}

// A Source yields the parts of a stream in order, and io.EOF after the last. An empty stream has none.
type Source interface {
	Next(ctx context.Context) (*Part, error)
}

// Send takes the parts from src and hands each to send, up to concurrency at once. It returns when all that were begun
// have ended: nil if src came to its end and every send succeeded, else the first error. The ctx of the other sends ends
// with the first error.
func Send(ctx context.Context, src Source, concurrency int, send func(context.Context, *Part) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wait  sync.WaitGroup
		once  sync.Once
		first error
	)
	fail := func(err error) {
		once.Do(func() {
			first = err
			cancel()
		})
	}
	slots := make(chan struct{}, max(1, concurrency))
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		p, err := src.Next(ctx)
		if err != nil {
			if err != io.EOF {
				fail(err)
			}
			break
		}
		wait.Go(func() {
			if err := send(ctx, p); err != nil {
				fail(err)
			}
			p.Release()
			<-slots
		})
	}
	wait.Wait()
	if first == nil {
		first = ctx.Err()
	}
	return first
}

// Sections returns the parts of content that lies at hand, such as a file. Nothing is held in memory: each part is read
// once for its checksum, and once for each attempt to send it.
func Sections(r io.ReaderAt, off, size int64, cut Cut) Source {
	return &sections{r: r, at: off, begin: off, end: off + size, cut: cut}
}

type sections struct {
	r              io.ReaderAt
	at, begin, end int64
	n              int
	cut            Cut
}

func (s *sections) Next(ctx context.Context) (*Part, error) {
	if s.at == s.end {
		return nil, io.EOF
	}
	s.n++
	size, err := s.cut.size(s.n)
	if err != nil {
		return nil, err
	}
	part := io.NewSectionReader(s.r, s.at, min(size, s.end-s.at))
	sum, err := Sum(ctx, part)
	if err != nil {
		return nil, err
	}
	p := &Part{Number: s.n, Offset: s.at - s.begin, Size: part.Size(), CRC32C: sum,
		open: func() io.ReadSeeker { return io.NewSectionReader(part, 0, part.Size()) }}
	s.at += part.Size()
	return p, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Sum reads r, all of whose bytes must be there, and returns its CRC-32C. What it reads it also writes to the others,
// whose errors are ignored, as digests have none.
func Sum(ctx context.Context, r *io.SectionReader, others ...io.Writer) (uint32, error) {
	c := takeChunk()
	defer giveChunks(c)
	var sum uint32
	for off := int64(0); off < r.Size(); {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := r.ReadAt(c[:min(chunkSize, r.Size()-off)], off)
		sum = crc32.Update(sum, castagnoli, c[:n])
		for _, w := range others {
			_, _ = w.Write(c[:n])
		}
		off += int64(n)
		if err != nil && off < r.Size() {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
	return sum, nil
}
