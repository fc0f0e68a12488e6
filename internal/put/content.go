package put

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/body"
	"github.com/holdall-go/holdall/internal/digest"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/remote"
)

// A Content is what one request carries: a whole object, or a part of one.
type Content struct {
	Number int   // of the part, from 1; 0: it is the whole object
	Offset int64 // of the part in the object, in bytes
	Size   int64 // in bytes

	// Once says that the content cannot be read again: it can be sent by one attempt, and its digests are not known before.
	Once bool

	CRC32C    uint32
	Checksums blob.Checksums // of the content, those that were computed

	open    func() io.ReadSeeker // nil: there is no content, as of a part that the store copies
	stream  io.Reader            // the content, if Once
	verify  func() error         // is called when the last byte was read, before it is sent; nil: nothing is verified
	foreign bool                 // the content is the caller's, and may change between two reads
	hook    *blob.Hook
	gate    *body.Gate // before the caller's reader, of a Section
}

// Section returns the content of a part with that number, or of a whole object if the number is 0. It reads r once, for its
// CRC-32C and digests by the other algorithms, and once more for each attempt to send it, until Close is called. The hook
// is called by the rules of [Content.Send].
func Section(ctx context.Context, number int, r *io.SectionReader, hook *blob.Hook, also ...blob.Algorithm) (*Content, error) {
	digests, err := digest.New(blob.Checksums{}, also...)
	if err != nil {
		return nil, err
	}
	gate := body.NewGate(r)
	c, err := section(ctx, number, io.NewSectionReader(gate, 0, r.Size()), hook, digests)
	if err == nil {
		c.gate = gate
	}
	return c, err
}

// Close sees to it that the reader of a [Section] is read no more, whatever an HTTP client does. It must be called before
// the call of the driver returns.
func (c *Content) Close() { c.gate.Shut() }

func section(ctx context.Context, number int, r *io.SectionReader, hook *blob.Hook, digests *digest.Set) (*Content, error) {
	sum, err := parts.Sum(ctx, r, digests)
	if err != nil {
		return nil, err
	}
	return &Content{Number: number, Size: r.Size(), CRC32C: sum, Checksums: digests.All(), hook: hook, foreign: true,
		open: func() io.ReadSeeker { return io.NewSectionReader(r, 0, r.Size()) }}, nil
}

// ofPart returns the content of a part.
func ofPart(p *parts.Part, hook *blob.Hook, foreign bool) *Content {
	return &Content{Number: p.Number, Offset: p.Offset, Size: p.Size, CRC32C: p.CRC32C, open: p.Open, hook: hook, foreign: foreign}
}

// Digest returns a digest of the content, which is read for it unless it is known.
func (c *Content) Digest(name blob.Algorithm) ([]byte, error) {
	if sum, known := c.Checksums.Get(name); known {
		return sum, nil
	}
	h, err := name.New()
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(h, c.open()); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// Sent returns the part that the content has become. Tag is what the store needs to complete the upload, such as an ETag.
func (c *Content) Sent(tag string) Sent {
	return Sent{Number: c.Number, Size: c.Size, CRC32C: c.CRC32C, Summed: true, Tag: tag}
}

// Send makes one attempt to send the content: it calls send, whose request has the body b. The error of send must be the
// [*remote.Failure] that it means. Send is for the function that a [remote.Caller] calls: its error is that of send,
// or a [remote.Final] one if the attempt was stopped here.
//
// The hook is called with what is read of b and, if the content is a whole object, before its last byte is read. An attempt is
// stopped by the hook, by the end of ctx, by a reader of the caller's that fails, and by content that is not what was
// verified: then b does not deliver its last byte, and without it no server stores anything. For the same reason a
// failure is not ambiguous if b was not read to its end. (A server may respond early and close the connection, as some do
// to refuse a write whose condition does not hold: then the response may be lost while the body is being sent.)
func (c *Content) Send(ctx context.Context, send func(b *Body) error) error {
	b := &Body{ctx: ctx, content: c, r: c.stream}
	if !c.Once {
		b.seeker = c.open()
		b.r = b.seeker
	}
	if c.Size == 0 { // nothing reads the body
		if err := b.last(); err != nil {
			return remote.Final{Err: &stopped{err}}
		}
	}
	err := send(b)
	whole, stop := b.end()
	switch f := remote.AsFailure(err); {
	case ctx.Err() != nil && errors.Is(stop, ctx.Err()):
		return remote.Final{Err: stop}
	case stop != nil && err == nil && c.Number == 0:
		return remote.Final{Err: fmt.Errorf("%w: the store reports success for content that was not sent to its end: %w", blob.ErrAmbiguous, stop)}
	case stop != nil:
		return remote.Final{Err: &stopped{stop}}
	case err == nil && !whole:
		return &remote.Failure{Meaning: remote.Meaning{Transient: true, Ambiguous: true}, Message: "success was reported before the content was sent to its end"}
	case f != nil && !whole:
		f.Ambiguous = false
	}
	return err
}

// A Body is the body of one request. An HTTP client may go on reading it when the request has failed, which then fails.
type Body struct {
	ctx     context.Context
	content *Content

	mu     sync.Mutex
	r      io.Reader
	seeker io.ReadSeeker // r, if the content can be read again
	at     int64         // where the next Read begins
	sum    uint32        // CRC-32C of what was read
	err    error         // of every further Read
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = b.ctx.Err()
	}
	left := b.content.Size - b.at
	switch {
	case b.err != nil:
		return 0, b.err
	case left == 0:
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), left)])
	if err == io.EOF {
		if err = nil; int64(n) < left {
			err = io.ErrUnexpectedEOF
		}
	}
	if err == nil {
		err = b.passing(p[:n], int64(n) == left)
	}
	if err != nil {
		b.err = err
		return 0, err
	}
	b.at += int64(n)
	return n, nil
}

// passing is called with bytes that are about to be sent. Last says that they are the last ones.
func (b *Body) passing(p []byte, last bool) error {
	c := b.content
	if c.foreign {
		if b.sum = crc32.Update(b.sum, castagnoli, p); last && b.sum != c.CRC32C {
			return errChanged
		}
	}
	if err := c.hook.Sending(b.ctx, int64(len(p))); err != nil || !last {
		return err
	}
	return b.last()
}

// last is called before the last byte is sent.
func (b *Body) last() error {
	if c := b.content; c.verify != nil {
		if err := c.verify(); err != nil {
			return err
		}
	}
	if b.content.Number > 0 {
		return nil
	}
	return b.content.hook.Publishing(b.ctx)
}

// errChanged is the error of a file that was written while it was read.
var errChanged = fmt.Errorf("%w: the body changed while it was sent", blob.ErrChecksum)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Seek implements io.Seeker. It can go back to the beginning only, and tell the position and the size.
func (b *Body) Seek(offset int64, whence int) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case offset == 0 && whence == io.SeekCurrent:
		return b.at, nil
	case offset == 0 && whence == io.SeekEnd:
		return b.content.Size, nil
	case offset != 0 || whence != io.SeekStart || b.seeker == nil:
		return 0, errors.ErrUnsupported
	}
	return 0, b.rewind()
}

func (b *Body) rewind() error {
	b.at, b.sum = 0, 0
	_, err := b.seeker.Seek(0, io.SeekStart)
	return err
}

// WriteDigest writes the whole content to h, for a request that is signed with its digest. The hook is not called, since
// nothing is sent.
func (b *Body) WriteDigest(h io.Writer) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	if _, b.err = io.Copy(h, b.r); b.err == nil {
		b.err = b.rewind()
	}
	return b.err
}

// end ends the body. Whole reports whether it was read to its end. The error is the reason why it broke off, if that was
// not the end of the request.
func (b *Body) end() (whole bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	err = b.err
	if b.err == nil {
		b.err = io.ErrClosedPipe
	}
	return b.at == b.content.Size, err
}
