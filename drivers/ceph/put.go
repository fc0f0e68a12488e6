package ceph

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/body"
	"github.com/holdall-go/holdall/internal/crc"
	"github.com/holdall-go/holdall/internal/digest"
	"github.com/holdall-go/holdall/internal/parts"
)

const (
	// putConcurrency is how many objects of one Put or part are written at once, unless the caller hints otherwise.
	putConcurrency = 16

	// maxConcurrency bounds the caller's hint: more would only wait for memory and each other.
	maxConcurrency = 32

	// longestPut is how long a Put may take from its beginning to its publication. What is older and named by nothing is
	// an orphan to Sweep, so a Put that took longer might lose its content.
	longestPut = 12 * time.Hour

	// removePatience is how long a failed write waits for the removal of what it has written.
	removePatience = 2 * time.Second
)

func (b *bucket) Put(ctx context.Context, key string, r io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.leave()
	verify, err := digest.New(opts.Checksums)
	if err != nil {
		return nil, err
	}
	c := &change{key: key, cond: opts.If, hook: opts.Hook, next: &entry{Format: formatVersion, ID: newID(), attributes: storedAttributes(&opts.Attributes)}}
	if _, err := c.next.encode(); err != nil {
		return nil, err
	}
	w := b.newWriter(putPiece(c.next.ID, 0), opts.Hook)
	size, known := blob.BodySize(r)
	if known && size <= inlineSize {
		err = c.inline(readAll(verify.Tee(r), size))
	} else {
		err = b.send(ctx, c, w, r, verify, opts)
	}
	if err == nil {
		err = verify.Check()
	}
	if err == nil && overdue(c.next.ID) {
		err = fmt.Errorf("it took longer than %v, which a Put must not; send it as an Upload", longestPut)
	}
	published := false
	if err == nil {
		published, err = b.publish(ctx, c)
	}
	if !published {
		w.undo()
	}
	if err != nil {
		return nil, err
	}
	return c.next.object(key), nil
}

// overdue tells whether a Put of this ID takes too long. As Sweep does, it asks the clock of the wall: the other one stands
// still while the machine is suspended.
func overdue(id string) bool {
	began, _ := idBegan(id)
	return now().Sub(began) > longestPut
}

// inline makes content that was read what lies beside the entry.
func (c *change) inline(content []byte, err error) error {
	c.beside = content
	c.next.Inline, c.next.Size, c.next.CRC32C = true, int64(len(content)), crcOf(content)
	return err
}

// readAll reads a small body of known size, to its end.
func readAll(body io.Reader, size int64) ([]byte, error) {
	content := make([]byte, size)
	if _, err := io.ReadFull(body, content); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return content, nil
}

// send reads a body whose size is unknown, or too large for an entry. If it turns out to be small, it is left beside the
// entry; otherwise it is written.
func (b *bucket) send(ctx context.Context, c *change, w *writer, r io.Reader, verify *digest.Set, opts *blob.PutOptions) (err error) {
	var src parts.Source
	only := false // there is one part
	at, off, size, ok := blob.BodyAt(r)
	if ok && verify == nil && body.Local(at) {
		src, only = w.from(at, off, size), size <= chunkSize
	} else {
		stream := parts.NewStream(verify.Tee(r), chunks)
		defer stream.Close()
		part, whole, err := stream.Peek(ctx)
		if err != nil {
			return err
		}
		if whole && part.Size <= inlineSize {
			return c.inline(io.ReadAll(part.Open()))
		}
		src, only = stream, whole
	}
	if err := b.foresee(ctx, c, only); err != nil {
		return err
	}
	sent, err := w.write(ctx, src, opts.Concurrency)
	c.next.Size, c.next.CRC32C = sent.size, sent.crc
	return err
}

// foresee looks at the key beside the writing, which saves those who overwrite content in objects two requests one after
// the other. Who creates one object counts on nothing, and need not look. Before more than one object is sent in vain, a
// condition is judged.
func (b *bucket) foresee(ctx context.Context, c *change, only bool) error {
	if only && c.cond.Kind() == blob.KindAbsent {
		return nil
	}
	c.ahead = b.lookAhead(ctx, c.key)
	if only || c.cond.IsZero() {
		return nil
	}
	<-c.ahead.done // which ends with ctx
	if c.ahead.err != nil {
		return c.ahead.err
	}
	return c.ahead.held.judge(c.cond, c.key)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crcOf(content []byte) uint32 { return crc32.Checksum(content, castagnoli) }

// chunks is the cut of content into objects.
var chunks = func() parts.Cut {
	cut, err := parts.Uniform(0, chunkSize, parts.Limits{MinSize: chunkSize, MaxSize: chunkSize, Uniform: true})
	if err != nil {
		panic(err) // of constants
	}
	return cut
}()

// A writer writes the objects of a piece, and can undo that. It is for callers between enter and leave.
type writer struct {
	b    *bucket
	hook *blob.Hook

	at  io.ReaderAt // where the body lies, if it lies at hand; its parts have no content then
	off int64       // in it

	mu    sync.Mutex
	piece piece // its size is that of what has been begun
}

func (b *bucket) newWriter(p piece, hook *blob.Hook) *writer {
	return &writer{b: b, hook: hook, piece: p}
}

// sent is what a piece turned out to be.
type sent struct {
	size int64
	crc  uint32
}

// from returns the parts of a body that lies at hand.
func (w *writer) from(at io.ReaderAt, off, size int64) parts.Source {
	w.at, w.off = at, off
	return parts.Ranges(size, chunkSize)
}

// writeSection writes the body of a part. What is read by something else than memory or a file may take its time, or even
// wait for calls of this bucket; so it is read before the calls that send it begin.
func (w *writer) writeSection(ctx context.Context, section *io.SectionReader) (sent, error) {
	if at, off, size, ok := blob.BodyAt(io.NewSectionReader(section, 0, section.Size())); ok && body.Local(at) {
		return w.write(ctx, w.from(at, off, size), 0)
	}
	stream := parts.NewStream(io.NewSectionReader(section, 0, section.Size()), chunks)
	defer stream.Close()
	sent, err := w.write(ctx, stream, 0)
	if err == nil && sent.size < section.Size() {
		err = io.ErrUnexpectedEOF
	}
	return sent, err
}

// write writes the parts of src, one object each.
func (w *writer) write(ctx context.Context, src parts.Source, concurrency int) (sent, error) {
	if concurrency <= 0 {
		concurrency = putConcurrency
	}
	concurrency = min(concurrency, maxConcurrency)
	var mu sync.Mutex
	sums := map[int]sent{}
	err := parts.Send(ctx, src, concurrency, func(ctx context.Context, part *parts.Part) error {
		crc, err := w.object(ctx, part)
		mu.Lock()
		defer mu.Unlock()
		sums[part.Number] = sent{part.Size, crc}
		return err
	})
	var all sent
	for n := 1; n <= len(sums); n++ {
		all.crc = crc.JoinCastagnoli(all.crc, sums[n].crc, sums[n].size)
		all.size += sums[n].size
	}
	return all, err
}

// object writes one object, and returns its checksum. The part gives up its memory when its turn has come, and the buffer
// after it when librados has a copy, which it makes of everything. The hook comes before the turn, since it may make calls
// of this bucket.
func (w *writer) object(ctx context.Context, part *parts.Part) (crc uint32, err error) {
	if err := w.hook.Sending(ctx, part.Size); err != nil {
		return 0, err
	}
	if err := w.b.begin(ctx); err != nil {
		return 0, err
	}
	defer w.b.release()
	if err := w.b.room.take(ctx, part.Size); err != nil {
		return 0, err
	}
	defer w.b.room.give(part.Size)
	content, free, err := w.read(part)
	if err != nil {
		return 0, err
	}
	if crc = part.CRC32C; w.at != nil {
		crc = crcOf(content)
	}
	part.Release()
	return crc, w.b.data.write(ctx, free, w.begin(part), content)
}

// read returns the content of a part, and what frees it.
func (w *writer) read(part *parts.Part) (content []byte, free func(), err error) {
	if r, ok := w.at.(*bytes.Reader); ok {
		if content := bytesOf(r, w.off+part.Offset, part.Size); content != nil {
			return content, func() {}, nil
		}
	}
	content = takeBuffer(part.Size)
	var n int
	if w.at != nil {
		n, err = w.at.ReadAt(content, w.off+part.Offset)
	} else {
		n, err = io.ReadFull(part.Open(), content)
	}
	if n == len(content) {
		return content, func() { giveBuffer(content) }, nil
	}
	giveBuffer(content)
	if err == io.EOF { // it is being cut off
		err = io.ErrUnexpectedEOF
	}
	return nil, nil, err
}

// bytesOf returns bytes of a reader without a copy, or nil.
func bytesOf(r *bytes.Reader, off, size int64) []byte {
	own := *r // the place in r is the caller's
	var rest lent
	if _, err := own.Seek(off, io.SeekStart); err != nil {
		return nil
	}
	if _, err := own.WriteTo(&rest); err != nil || int64(len(rest)) < size {
		return nil
	}
	return rest[:size]
}

// lent is what was written last, which stays the writer's.
type lent []byte

func (l *lent) Write(p []byte) (int, error) {
	*l = p
	return len(p), nil
}

// begin names the object of a part.
func (w *writer) begin(part *parts.Part) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.piece.size = max(w.piece.size, part.Offset+part.Size)
	return w.piece.object(int64(part.Number) - 1)
}

// undo removes what was written. It is waited for, but not for long: the caller may have ended the call because nothing
// answers.
func (w *writer) undo() {
	if w.piece.size == 0 {
		return
	}
	within(removePatience, w.b.background(func() {
		_ = w.b.removePieces([]piece{w.piece}) // what stays is an orphan, which Sweep finds
	}))
}
