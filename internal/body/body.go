// Package body holds what drivers do with the body of a Put before they send it: find out whether it lies at hand, keep
// an HTTP client away from it when the call has ended, and compute its digests.
package body

import (
	"bytes"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/holdall-go/holdall/blob"
)

// AtHand returns a body that can be read again, anywhere and cheaply, and where in it the content is. R is nil for
// every other body.
func AtHand(body io.Reader) (r io.ReaderAt, at, size int64) {
	switch r := body.(type) {
	case *bytes.Reader:
		return r, r.Size() - int64(r.Len()), int64(r.Len())
	case *strings.Reader:
		return r, r.Size() - int64(r.Len()), int64(r.Len())
	case *os.File:
		size, known := blob.BodySize(r)
		at, err := r.Seek(0, io.SeekCurrent)
		if known && err == nil {
			return r, at, size
		}
	}
	return nil, 0, 0
}

// A Gate passes reads on until it is shut. An HTTP client may go on reading a body after its request has failed, and
// the body is the caller's again by then.
type Gate struct {
	r      io.ReaderAt
	mu     sync.RWMutex
	closed bool
}

// NewGate returns an open gate before r.
func NewGate(r io.ReaderAt) *Gate { return &Gate{r: r} }

// ReadAt implements io.ReaderAt.
func (g *Gate) ReadAt(p []byte, off int64) (int, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return 0, io.ErrClosedPipe
	}
	return g.r.ReadAt(p, off)
}

// Shut waits for the reads that are under way and lets no other pass.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// Digests compute what the caller says that the content has. A nil one is for none.
type Digests struct {
	want   blob.Checksums
	hashes map[blob.Algorithm]hash.Hash
}

// NewDigests returns the digests to compute for want, and those by the algorithms also; nil if there is none.
func NewDigests(want blob.Checksums, also ...blob.Algorithm) (*Digests, error) {
	if want.IsZero() && len(also) == 0 {
		return nil, nil
	}
	d := &Digests{want: want, hashes: map[blob.Algorithm]hash.Hash{}}
	for name := range want.All() {
		also = append(also, name)
	}
	for _, name := range also {
		h, err := name.New()
		if err != nil {
			return nil, err
		}
		d.hashes[name] = h
	}
	return d, nil
}

// Write implements io.Writer, and never fails.
func (d *Digests) Write(p []byte) (int, error) {
	for _, h := range d.hashes {
		h.Write(p)
	}
	return len(p), nil
}

// Tee returns a reader of body that d hears too.
func (d *Digests) Tee(body io.Reader) io.Reader {
	if d == nil {
		return body
	}
	return io.TeeReader(body, d)
}

// Check compares, when all is read. A digest that is not the one wanted is [blob.ErrChecksum].
func (d *Digests) Check() error {
	if d == nil {
		return nil
	}
	for name, want := range d.want.All() {
		if got := d.hashes[name].Sum(nil); !bytes.Equal(got, want) {
			return fmt.Errorf("%w: the body has %s %x, and should have %x", blob.ErrChecksum, name, got, want)
		}
	}
	return nil
}

// Sum returns a digest that was computed, when all is read.
func (d *Digests) Sum(name blob.Algorithm) []byte { return d.hashes[name].Sum(nil) }
