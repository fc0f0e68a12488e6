// Package put is the engine of a Put to a store behind a network: from a body to one request, or to parts that are sent in
// parallel. It decides which of the two by what is known of the body, holds streams in the memory that all Puts of the
// process share (package parts), computes digests, verifies those that the caller gives before anything is published,
// calls the caller's hook, and removes the upload when a Put of parts fails. What a request is, and what its response
// means, is the business of the driver, a [Store].
//
// # Bodies
//
// Content that can be read at any offset, such as a file, is read once for its digests and once for each attempt to send
// it, which costs less than to hold it in memory. It must not change meanwhile; if it does, the Put fails and publishes
// nothing. Of a stream, one part is read to learn whether it is all; parts are held in memory until they are sent. In both cases
// the body is not read after the call has returned, whatever an HTTP client does.
package put

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/body"
	"github.com/holdall-go/holdall/internal/digest"
	"github.com/holdall-go/holdall/internal/parts"
)

// A Store stores the content of one object, under a key and with attributes and a condition that the driver knows.
type Store interface {
	// One stores the object with one request, whose attempts go through [Content.Send].
	One(ctx context.Context, whole *Content) (*blob.Object, error)

	// Begin starts an upload in parts. Known has the digests of the whole content as far as they are known: those that
	// were computed, or, of a stream, those that the caller gives and that are verified before the upload is completed.
	Begin(ctx context.Context, known blob.Checksums) (Upload, error)
}

// A Request is one Put.
type Request struct {
	Body    io.Reader
	Options *blob.PutOptions
	Limits  parts.Limits

	// Digests are those of the whole content that the store needs in addition to its CRC-32C.
	Digests []blob.Algorithm

	// Single says that the object must be stored with one request. Nil: it may be stored in parts.
	Single *Single
}

// A Single is the reason why an object must be stored with one request, such as a condition that the store does not honour
// when it completes parts. A stream of at most [parts.MaxBuffered] is held in memory, so that it can be sent again. A longer
// one must have a declared size, and is sent while it is read, once ([Content.Once]).
type Single struct {
	Max    int64  // how many bytes one request takes
	Reason string // for the error of longer content, such as "the server does not honour If-Match on uploads in parts"
}

func (s *Single) tooLong() error {
	return fmt.Errorf("%w: %s; one request takes %d bytes at most, and %d where the Size is not declared",
		errors.ErrUnsupported, s.Reason, s.Max, parts.MaxBuffered)
}

// Put stores the body of r.
func Put(ctx context.Context, s Store, r *Request) (*blob.Object, error) {
	digests, err := digest.New(r.Options.Checksums, r.Digests...)
	if err != nil {
		return nil, err
	}
	if at, off, size, ok := blob.BodyAt(r.Body); ok {
		gate := body.NewGate(at)
		defer gate.Shut()
		return r.putAt(ctx, s, io.NewSectionReader(gate, off, size), digests)
	}
	return r.putStream(ctx, s, digests)
}

// putAt stores content that can be read again.
func (r *Request) putAt(ctx context.Context, s Store, content *io.SectionReader, digests *digest.Set) (*blob.Object, error) {
	size := content.Size()
	if r.Single != nil && size > r.Single.Max {
		return nil, r.Single.tooLong()
	}
	cut, err := parts.Uniform(size, r.Options.PartSize, r.Limits)
	if err != nil {
		return nil, err
	}
	single := r.Single != nil || size <= cut.First
	var whole *Content
	if single || digests != nil {
		if whole, err = section(ctx, 0, content, r.Options.Hook, digests); err != nil {
			return nil, err
		}
		if err := digests.Check(); err != nil {
			return nil, err
		}
	}
	if single {
		return s.One(ctx, whole)
	}
	return r.putParts(ctx, s, parts.Sections(content, 0, size, cut), true, digests.All(), func(all []Sent) error {
		if _, sum, _ := Joined(all); whole != nil && sum != whole.CRC32C {
			return errChanged
		}
		return nil
	}, digests)
}

// putStream stores content that can be read once.
func (r *Request) putStream(ctx context.Context, s Store, digests *digest.Set) (*blob.Object, error) {
	size := r.Options.Size
	if n, known := blob.BodySize(r.Body); known {
		size = n
	}
	content := digests.Tee(r.Body)
	cut := parts.Whole()
	var err error
	switch {
	case r.Single == nil:
		cut, err = parts.Streamed(size, r.Options.PartSize, r.Limits)
	case size > r.Single.Max:
		err = r.Single.tooLong()
	case size > parts.MaxBuffered:
		return s.One(ctx, &Content{Size: size, Once: true, stream: content, verify: digests.Check, hook: r.Options.Hook})
	}
	if err != nil {
		return nil, err
	}
	stream := parts.NewStream(content, cut)
	defer stream.Close()
	first, only, err := stream.Peek(ctx)
	switch {
	case err != nil:
		return nil, err
	case !only && r.Single != nil:
		return nil, r.Single.tooLong()
	case !only:
		return r.putParts(ctx, s, stream, false, r.Options.Checksums, func([]Sent) error { return digests.Check() }, digests)
	}
	if err := digests.Check(); err != nil {
		return nil, err
	}
	return s.One(ctx, &Content{Size: first.Size, CRC32C: first.CRC32C, Checksums: digests.All(), open: first.Open, hook: r.Options.Hook})
}

// putParts stores the parts of src. Known are the digests of the whole that are known at the beginning; at the end, those
// that digests has computed are.
func (r *Request) putParts(ctx context.Context, s Store, src parts.Source, foreign bool, known blob.Checksums,
	verify func([]Sent) error, digests *digest.Set) (*blob.Object, error) {
	return inParts(ctx, func(ctx context.Context) (Upload, error) { return s.Begin(ctx, known) }, src, r.Options.Concurrency,
		func(p *parts.Part) *Content { return ofPart(p, r.Options.Hook, foreign) },
		func(all []Sent) (blob.Checksums, error) { return digests.All(), verify(all) })
}
