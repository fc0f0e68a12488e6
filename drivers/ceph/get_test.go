package ceph

import (
	"bytes"
	"errors"
	"io"
	"strings"
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

// A reader whose content was replaced hears of it; one whose content was lost hears of that.
func TestContentVanishes(t *testing.T) {
	b, p := newFake(t)
	open := func() *blob.Reader {
		put(t, b, "k", string(large), nil)
		r, err := b.Get(t.Context(), "k", nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := open()
	put(t, b, "k", "small", nil)
	if _, err := io.ReadAll(r); !errors.Is(err, blob.ErrChanged) {
		t.Errorf("reading what was replaced: %v", err)
	}
	r = open()
	if err := b.Delete(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, blob.ErrChanged) {
		t.Errorf("reading what was deleted: %v", err)
	}
	r = open()
	for _, object := range p.data()[1:] {
		if err := p.remove(object); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.ReadAll(r); err == nil || errors.Is(err, blob.ErrChanged) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("reading what was lost: %v", err)
	}
	r = open()
	p.objects[p.data()[0]].content = []byte("short")
	if _, err := io.ReadAll(r); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("reading what was cut off: %v", err)
	}
}

// Who reads small content in objects while it is overwritten gets the one or the other.
func TestGetBesidePut(t *testing.T) {
	b, p := newFake(t)
	old, next := string(large[:10_000]), string(large[1:30_000])
	put(t, b, "k", old, nil)
	p.hook(once("read", func(string) error {
		put(t, b, "k", next, nil)
		return nil
	}), nil)
	wantContent(t, b, "k", next)
	o := put(t, b, "k", old, nil)
	p.hook(once("read", func(string) error {
		put(t, b, "k", next, nil)
		return nil
	}), nil)
	if r, err := b.Get(t.Context(), "k", &blob.GetOptions{If: blob.IfMatch(o.ETag)}); !errors.Is(err, blob.ErrPrecondition) {
		t.Errorf("what was overwritten is got: %v, %v", r, err)
	}
	p.hook(func(call, object string) error { // it is overwritten each time
		if call == "read" {
			put(t, b, "k", old, nil)
		}
		return nil
	}, nil)
	if r, err := b.Get(t.Context(), "k", nil); !errors.Is(err, blob.ErrChanged) {
		t.Errorf("what never stays is got: %v, %v", r, err)
	}
}
