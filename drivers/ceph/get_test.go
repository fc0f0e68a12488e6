package ceph

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// A Read with much room is served without buffers between, whatever the range, and goes on as any other.
func TestReadDirect(t *testing.T) {
	b, p := newFake(t)
	put(t, b, "k", string(large), nil)
	size := int64(len(large))
	for _, span := range []blob.Range{{}, blob.From(1), blob.Bytes(chunkSize-1, size-chunkSize), blob.Last(chunkSize + 1)} {
		off, n, err := span.Resolve(size)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []int{directRead, directRead + 1, len(large)} {
			r, err := b.Get(t.Context(), "k", &blob.GetOptions{Range: span})
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			var m int
			for room := make([]byte, step); err == nil; {
				if m, err = r.Read(room); m > 0 {
					got = append(got, room[:m]...)
				}
				if len(got) == step { // a small one between
					m, err = r.Read(room[:7])
					got = append(got, room[:m]...)
				}
			}
			if err != io.EOF || !bytes.Equal(got, large[off:off+n]) {
				t.Errorf("%v by %d: %d bytes, %v", span, step, len(got), err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}

	// What comes before content that is lost is delivered.
	r, err := b.Get(t.Context(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	lost := p.data()[1]
	if err := p.remove(lost); err != nil {
		t.Fatal(err)
	}
	room := make([]byte, len(large))
	n, err := r.Read(room)
	if err != nil || n != chunkSize || !bytes.Equal(room[:n], large[:n]) {
		t.Errorf("before what is lost: %d bytes, %v", n, err)
	}
	var f *failure
	if n, err := r.Read(room); n != 0 || !errors.As(err, &f) && !errors.Is(err, blob.ErrChecksum) {
		t.Errorf("what is lost: %d bytes, %v", n, err)
	}
}
