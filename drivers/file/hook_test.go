package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// beginUpload returns an upload of one part.
func beginUpload(t *testing.T, b blob.Bucket, key string, hook *blob.Hook) blob.Upload {
	t.Helper()
	u, err := b.Upload(t.Context(), key, &blob.UploadOptions{Hook: hook})
	if err == nil {
		_, err = u.Put(t.Context(), 1, io.NewSectionReader(strings.NewReader("new"), 0, 3))
	}
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A hook that waits before an upload is published holds up no other upload, nor an abort of its own.
func TestHookHoldsUpNobody(t *testing.T) {
	b := openMode(t, t.TempDir(), mode{})
	put(t, b, "k", "old")
	entered, proceed := make(chan struct{}), make(chan struct{})
	u := beginUpload(t, b, "k", &blob.Hook{OnPublish: func(context.Context) error {
		close(entered)
		<-proceed
		return nil
	}})
	completed := make(chan error, 1)
	go func() {
		_, err := u.Complete(t.Context())
		completed <- err
	}()
	<-entered
	others := make(chan error, 1)
	go func() {
		var err error
		for range 5 * len(b.raw.tree.ends) { // so many that one has the same lock
			other, oerr := b.Upload(t.Context(), "other", nil)
			if oerr == nil {
				oerr = other.Abort(t.Context())
			}
			err = errors.Join(err, oerr)
		}
		others <- errors.Join(err, u.Abort(t.Context()))
	}()
	select {
	case err := <-others:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("other uploads wait for the hook")
	}
	close(proceed)
	if err := <-completed; !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an upload that was aborted before it is published: %v", err)
	}
	wantBody(t, b, "k", "old")
}

// A hook that fails leaves the upload, which can still be completed.
func TestHookOfAnUploadFails(t *testing.T) {
	dir := t.TempDir()
	b := openMode(t, dir, mode{noUnnamed: true})
	put(t, b, "k", "old")
	stop := errors.New("stop")
	hook := &blob.Hook{OnPublish: func(context.Context) error { return stop }}
	u := beginUpload(t, b, "k", hook)
	if _, err := u.Complete(t.Context()); !errors.Is(err, stop) {
		t.Errorf("the hook fails: %v", err)
	}
	wantBody(t, b, "k", "old")
	if left := drafts(t, dir); len(left) > 0 {
		t.Errorf("temporary files are left: %q", left)
	}
	hook.OnPublish = nil
	if _, err := u.Complete(t.Context()); err != nil {
		t.Error(err)
	}
	wantBody(t, b, "k", "new")
}

// Of several goroutines that complete an upload while another aborts it, one at most succeeds, and the others learn that
// the upload is gone.
func TestUploadEndsOnce(t *testing.T) {
	b := openMode(t, t.TempDir(), mode{})
	for range 20 {
		u := beginUpload(t, b, "k", nil)
		ends := make(chan error, 4)
		for range cap(ends) {
			go func() {
				_, err := u.Complete(t.Context())
				ends <- err
			}()
		}
		if err := u.Abort(t.Context()); err != nil {
			t.Error(err)
		}
		done := 0
		for range cap(ends) {
			switch err := <-ends; {
			case err == nil:
				done++
			case !errors.Is(err, fs.ErrNotExist):
				t.Error(err)
			}
		}
		if done > 1 {
			t.Errorf("it was completed %d times", done)
		}
	}
}
