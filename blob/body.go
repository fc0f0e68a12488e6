package blob

import (
	"bytes"
	"fmt"
	"io"

	"github.com/holdall-go/holdall/internal/body"
)

// The bodies of Put. The outermost [Check] makes one value of the caller's reader, which wrappers pass on and which the
// driver asks by [BodySize] and [BodyAt]. So a wrapper must not wrap the body, which would hide what is known of it:
// what it wants to learn of the bytes, it says in a [Hook].

// bodyOf returns body as the value that all layers share, and whether it was one already.
func bodyOf(r io.Reader) (b *body.Body, shared bool) {
	switch r := r.(type) {
	case *body.Body:
		return r, true
	case *Reader:
		return body.Sized(r, r.left), false
	case nil:
		return body.New(new(bytes.Reader)), false
	}
	return body.New(r), false
}

// BodySize returns how many bytes body will deliver, if that can be known without reading: for bytes and strings
// readers, buffers, section readers, regular files that are not empty, Readers of this package, and everything else that
// can seek. A driver asks it of the body of a Put.
func BodySize(body io.Reader) (n int64, known bool) {
	b, _ := bodyOf(body)
	return b.Size()
}

// BodyAt returns a reader of the content of body that works at any offset, as often as needed and in parallel, with the
// offset in r at which the content begins and its size in bytes. It is ok for bytes and strings readers, section
// readers, regular files that are not empty, and everything else that is an io.Seeker and an io.ReaderAt. A driver asks
// it of the body of a Put, to compute a digest before it sends, to send parts in parallel without holding them in
// memory, and to send them again. It must not read r after its Put has returned.
func BodyAt(body io.Reader) (r io.ReaderAt, off, size int64, ok bool) {
	b, _ := bodyOf(body)
	r, off = b.At()
	size, _ = b.Size()
	return r, off, size, r != nil
}

// errBegun is the error of a Put that would store what another one has left of its body.
var errBegun = fmt.Errorf("%w: a wrapper passes on a body that was read already; RewindBody makes it whole again", ErrInvalid)

// RewindBody makes the body of a Put deliver its content from the beginning once more, for a wrapper that has read it or
// calls Put again. Without it, a Put of a body that was read is [ErrInvalid]. It fails if content was read and the caller's reader cannot go back. Body is what the wrapper was given by
// [Check]; any other is ErrInvalid.
func RewindBody(r io.Reader) error {
	b, shared := r.(*body.Body)
	if !shared {
		return fmt.Errorf("%w: the body of a %T was not passed on by Check", ErrInvalid, r)
	}
	return b.Rewind()
}
