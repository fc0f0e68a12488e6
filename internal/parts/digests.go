package parts

import (
	"bytes"
	"fmt"
	"hash"
	"io"

	"github.com/holdall-go/holdall/blob"
)

// Digests compute what the caller of a Put says that the content has. A nil one is for none.
type Digests struct {
	want   blob.Checksums
	hashes map[blob.Algorithm]hash.Hash
}

// NewDigests returns the digests of the algorithms in want, or nil if that is empty.
func NewDigests(want blob.Checksums) (*Digests, error) {
	if want.IsZero() {
		return nil, nil
	}
	d := &Digests{want: want, hashes: map[blob.Algorithm]hash.Hash{}}
	for name := range want.All() {
		h, err := name.New()
		if err != nil {
			return nil, err
		}
		d.hashes[name] = h
	}
	return d, nil
}

// Write implements io.Writer.
func (d *Digests) Write(p []byte) (int, error) {
	for _, h := range d.hashes {
		h.Write(p)
	}
	return len(p), nil
}

// Tee returns body, and has digested what is read of it.
func (d *Digests) Tee(body io.Reader) io.Reader {
	if d == nil {
		return body
	}
	return io.TeeReader(body, d)
}

// Check compares, when all is read. What does not agree is ErrChecksum.
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
