package blob_test

import (
	"errors"
	"slices"
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
