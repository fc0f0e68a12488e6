package body

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// What lies in memory or in a regular file is at hand, from where it was read to on. Whatever else can seek is not.
func TestAtHand(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for what, r := range map[string]io.ReadSeeker{"bytes": bytes.NewReader([]byte("0123456789")), "strings": strings.NewReader("0123456789"), "a file": file} {
		if _, err := r.Seek(4, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		at, off, size := AtHand(r)
		if at == nil || off != 4 || size != 6 {
			t.Errorf("%s: %v from %d, %d bytes", what, at, off, size)
			continue
		}
		if got, err := io.ReadAll(io.NewSectionReader(at, off, size)); err != nil || string(got) != "456789" {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	if at, _, _ := AtHand(io.NewSectionReader(strings.NewReader("x"), 0, 1)); at != nil {
		t.Error("a section reader, whose source may be anything, is at hand")
	}
}

func TestGate(t *testing.T) {
	g := NewGate(strings.NewReader("content"))
	var p [7]byte
	if n, err := g.ReadAt(p[:], 0); n != 7 || err != nil {
		t.Errorf("open: %d, %v", n, err)
	}
	g.Shut()
	if n, err := g.ReadAt(p[:], 0); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("shut: %d, %v", n, err)
	}
}

func TestDigests(t *testing.T) {
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
		d, err := NewDigests(want, blob.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(d.Tee(strings.NewReader(content))); err != nil || string(got) != content {
			t.Errorf("through the digests came %q, %v", got, err)
		}
		if err := d.Check(); ok != (err == nil) || !ok && !errors.Is(err, blob.ErrChecksum) {
			t.Errorf("%q: %v", content, err)
		}
		if len(d.Sum(blob.SHA256)) != 32 {
			t.Error("what was asked for is not computed")
		}
	}
	none, err := NewDigests(blob.Checksums{})
	if none != nil || err != nil || none.Check() != nil {
		t.Errorf("of nothing: %v, %v", none, err)
	}
	if body := strings.NewReader(""); none.Tee(body) != io.Reader(body) {
		t.Error("nobody listens, and yet the body is wrapped")
	}
	if _, err := NewDigests(blob.Checksums{}, "sha3"); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("an unknown algorithm answers %v", err)
	}
}
