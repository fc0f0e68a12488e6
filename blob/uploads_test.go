package blob_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

func TestAbortUploads(t *testing.T) {
	b := newMem(t)
	begin := func(key string) {
		if _, err := b.Upload(ctx, key, nil); err != nil {
			t.Fatal(err)
		}
	}
	open := func() (keys []string) {
		for u, err := range b.Uploads(ctx, "") {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, u.Key)
		}
		slices.Sort(keys)
		return keys
	}
	begin("a/1")
	begin("a/2")
	begin("b")
	var first time.Time
	for u, err := range b.Uploads(ctx, "a/1") {
		if err != nil {
			t.Fatal(err)
		}
		first = u.Initiated
	}
	if n, err := blob.AbortUploads(ctx, b, "", first); n != 0 || err != nil {
		t.Errorf("of those that began before the first: %d, %v", n, err)
	}
	if n, err := blob.AbortUploads(ctx, b, "a/", time.Now().Add(time.Hour)); n != 2 || err != nil || !slices.Equal(open(), []string{"b"}) {
		t.Errorf("below a/: %d, %v; %q are left", n, err, open())
	}
	if n, err := blob.AbortUploads(ctx, b, "", time.Now().Add(time.Hour)); n != 1 || err != nil || open() != nil {
		t.Errorf("all: %d, %v; %q are left", n, err, open())
	}
	_, err := blob.AbortUploads(ctx, checkedFake(t, &fake{caps: func(c *blob.Capabilities) { c.Uploads.Listed = false }}), "", time.Now())
	wantErr(t, err, errors.ErrUnsupported)
}

// A part is the whole section, wherever that stands, so that it can be sent again.
func TestPartIsTheWholeSection(t *testing.T) {
	for name, b := range map[string]blob.Bucket{"calls hooks": newMem(t), "does not": withoutHooks(t), "Sub": blob.Sub(newMem(t), "a/")} {
		for _, hook := range []*blob.Hook{nil, {}} {
			u, err := b.Upload(ctx, "k", &blob.UploadOptions{Hook: hook})
			if err != nil {
				t.Fatal(err)
			}
			section := io.NewSectionReader(strings.NewReader("content"), 0, 7)
			if _, err := section.Seek(3, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			for try := range 2 {
				if p, err := u.Put(ctx, 1, section); err != nil || p.Size != 7 {
					t.Errorf("%s, try %d: a part of %d bytes, %v", name, try, p.Size, err)
				}
			}
			if at, _ := section.Seek(0, io.SeekCurrent); at != 3 {
				t.Errorf("%s: the section is left at %d", name, at)
			}
			if _, err := u.Complete(ctx); err != nil {
				t.Error(err)
			}
			wantContent(t, b, "k", "content")
		}
	}
}
