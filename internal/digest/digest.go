// Package digest computes the digests of content on its way to a store, and compares them with those that the caller
// says it has.
package digest

import (
	"bytes"
	"fmt"
	"hash"
	"io"

	"github.com/holdall-go/holdall/blob"
)

// A Set computes digests of what is written to it. A nil Set computes none.
type Set struct {
	want   blob.Checksums
	hashes map[blob.Algorithm]hash.Hash
}

// New returns the Set that computes the digests in want, and those by the algorithms also. It is nil if there are none.
func New(want blob.Checksums, also ...blob.Algorithm) (*Set, error) {
	if want.IsZero() && len(also) == 0 {
		return nil, nil
	}
	d := &Set{want: want, hashes: map[blob.Algorithm]hash.Hash{}}
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
func (d *Set) Write(p []byte) (int, error) {
	if d == nil {
		return len(p), nil
	}
	for _, h := range d.hashes {
		h.Write(p)
	}
	return len(p), nil
}

// Tee returns a reader of body that also writes what is read to d.
func (d *Set) Tee(body io.Reader) io.Reader {
	if d == nil {
		return body
	}
	return io.TeeReader(body, d)
}

// Check compares the digests with those that are wanted, when all content was written. A difference is
// [blob.ErrChecksum].
func (d *Set) Check() error {
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

// All returns every digest of the content, when all of it was written.
func (d *Set) All() (all blob.Checksums) {
	if d == nil {
		return all
	}
	for name, h := range d.hashes {
		all = all.With(name, h.Sum(nil))
	}
	return all
}
