package file

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

func section(s []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(s), 0, int64(len(s)))
}

func TestUpload(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		const partSize = 100_000
		dir := t.TempDir()
		b, second := openMode(t, dir, m), openMode(t, dir, m)
		body := make([]byte, 10*partSize+7)
		for i := range body {
			body[i] = byte(rand.Uint32())
		}
		u, err := b.Upload(t.Context(), "d/a", &blob.UploadOptions{PartSize: partSize, Attributes: someAttributes})
		if err != nil {
			t.Fatal(err)
		}
		part := func(n int) []byte { return body[(n-1)*partSize : min(len(body), n*partSize)] }
		var all sync.WaitGroup
		for n := range 9 { // parts 11 to 3, at the same time
			all.Go(func() {
				p, err := u.Put(t.Context(), 11-n, section(part(11-n)))
				if err != nil || p.Number != 11-n || p.Size != int64(len(part(11-n))) || p.ETag == "" {
					t.Errorf("%+v, %v", p, err)
				}
			})
		}
		all.Wait()
		wantMissing(t, b, "d/a")
		if keys := list(t, b, nil); len(keys) != 0 {
			t.Errorf("listed %q", keys)
		}
		b.Close()

		var infos []blob.UploadInfo
		for i, err := range second.Uploads(t.Context(), "d/") {
			if err != nil {
				t.Fatal(err)
			}
			infos = append(infos, *i)
		}
		if len(infos) != 1 || infos[0].Key != "d/a" || infos[0].ID != u.ID() || infos[0].Initiated.IsZero() {
			t.Fatalf("unfinished: %+v", infos)
		}
		if _, err := second.Upload(t.Context(), "other", &blob.UploadOptions{ID: u.ID()}); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		u, err = second.Upload(t.Context(), "d/a", &blob.UploadOptions{ID: u.ID(), If: blob.IfAbsent})
		if err != nil || u.PartSize() != partSize {
			t.Fatal(u, err)
		}
		if _, err := u.Complete(t.Context()); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("Complete without parts 1 and 2: %v", err)
		}
		u.Put(t.Context(), 2, section([]byte("replaced")))
		for n := 1; n <= 2; n++ {
			if _, err := u.Put(t.Context(), n, section(part(n))); err != nil {
				t.Fatal(err)
			}
		}
		// A part that cannot be read to its end leaves the former.
		if _, err := u.Put(t.Context(), 2, io.NewSectionReader(strings.NewReader("x"), 0, partSize)); err == nil {
			t.Error("a part that ends early was taken")
		}
		next := 0
		for p, err := range u.Parts(t.Context()) {
			next++
			sum, _ := p.Checksums.CRC32C()
			if err != nil || p.Number != next || p.Size != int64(len(part(next))) || sum != crc32.Checksum(part(next), castagnoli) {
				t.Fatalf("part %d: %+v, %v", next, p, err)
			}
		}
		put(t, second, "d/a", "in the way")
		if _, err := u.Complete(t.Context()); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Complete if absent: %v", err)
		}
		second.Delete(t.Context(), "d/a", nil)
		o, err := u.Complete(t.Context())
		if err != nil || o.Size != int64(len(body)) || !sameAttributes(o.Attributes, someAttributes) {
			t.Fatalf("%+v, %v", o, err)
		}
		if sum, _ := o.Checksums.CRC32C(); sum != crc32.Checksum(body, castagnoli) {
			t.Error("the joined checksum is not that of the whole")
		}
		wantBody(t, second, "d/a", string(body))
		if _, err := u.Complete(t.Context()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a second Complete: %v", err)
		}
		if _, err := u.Put(t.Context(), 1, section(nil)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Put after Complete: %v", err)
		}
		if err := u.Abort(t.Context()); err != nil {
			t.Error(err)
		}
		second.Delete(t.Context(), "d/a", nil)
		second.Close()
		if left := onDisk(t, dir); left != nil {
			t.Errorf("left: %q", left)
		}
	})
}

func TestUploadEmptyAndAborted(t *testing.T) {
	dir := t.TempDir()
	b := openMode(t, dir, mode{})
	u, err := b.Upload(t.Context(), "empty", nil)
	if err != nil {
		t.Fatal(err)
	}
	if o, err := u.Complete(t.Context()); err != nil || o.Size != 0 {
		t.Fatal(o, err)
	}
	wantBody(t, b, "empty", "")
	u, _ = b.Upload(t.Context(), "aborted", nil)
	u.Put(t.Context(), 1, section([]byte("x")))
	for range 2 {
		if err := u.Abort(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wantMissing(t, b, "aborted")
	for _, id := range []string{u.ID(), "no", "../tmp", strings.Repeat("A", 26)} {
		if _, err := b.Upload(t.Context(), "aborted", &blob.UploadOptions{ID: id}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("resumed %q: %v", id, err)
		}
	}
	b.Delete(t.Context(), "empty", nil)
	b.Close()
	if left := onDisk(t, dir); left != nil {
		t.Errorf("left: %q", left)
	}
}

func TestRecord(t *testing.T) {
	for _, r := range []record{
		{}, {size: 1 << 40, mtime: -5, crc: 7, hasCRC: true}, {aside: true},
		{attrs: blob.Attributes{CacheControl: "x"}}, {size: 3, attrs: someAttributes},
	} {
		b := r.encode()
		got, ok := decodeRecord(b)
		if !ok || fmt.Sprint(got) != fmt.Sprint(r) {
			t.Errorf("%+v became %+v, %t", r, got, ok)
		}
		for n := range b {
			if got, ok := decodeRecord(b[:n]); ok && !got.attrs.IsZero() && len(got.attrs.Metadata) == len(r.attrs.Metadata) && n > 0 && len(r.attrs.Metadata) > 0 {
				t.Errorf("%d of %d bytes were taken for %+v", n, len(b), got)
			}
		}
	}
}

func FuzzRecord(f *testing.F) {
	r := record{size: 3, attrs: someAttributes}
	f.Add(r.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, ok := decodeRecord(b); ok {
			again, ok := decodeRecord(r.encode())
			if !ok || fmt.Sprint(again) != fmt.Sprint(r) {
				t.Errorf("%+v became %+v", r, again)
			}
		}
		decodeHead(b)
	})
}
