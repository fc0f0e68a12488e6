package digest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

func TestSet(t *testing.T) {
	right := map[blob.Algorithm]bool{blob.SHA1: true, blob.MD5: true, blob.CRC32C: true}
	var want blob.Checksums
	for name := range right {
		h, err := name.New()
		if err != nil {
			t.Fatal(err)
		}
		h.Write([]byte("content"))
		want = want.With(name, h.Sum(nil))
	}
	for content, ok := range map[string]bool{"content": true, "conten": false, "": false} {
		d, err := New(want, blob.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(d.Tee(strings.NewReader(content))); err != nil || string(got) != content {
			t.Errorf("through the digests came %q, %v", got, err)
		}
		if err := d.Check(); ok != (err == nil) || !ok && !errors.Is(err, blob.ErrChecksum) {
			t.Errorf("%q: %v", content, err)
		}
		all := d.All()
		if sum, known := all.Get(blob.SHA256); !known || len(sum) != 32 {
			t.Errorf("what was asked for is not computed, but %v", all)
		}
		for name, sum := range want.All() {
			if got, _ := all.Get(name); ok != bytes.Equal(got, sum) {
				t.Errorf("%q has the %s %x", content, name, got)
			}
		}
	}
	none, err := New(blob.Checksums{})
	if none != nil || err != nil || none.Check() != nil || !none.All().IsZero() {
		t.Errorf("of nothing: %v, %v", none, err)
	}
	if body := strings.NewReader(""); none.Tee(body) != io.Reader(body) {
		t.Error("nobody listens, and yet the body is wrapped")
	}
	if _, err := New(blob.Checksums{}, "sha3"); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("an unknown algorithm answers %v", err)
	}
}
