package acl

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// Views check writes by hooks. What a caller's own hook does comes before that, however long it takes.

// writesThroughAView are the ways to replace k, with a hook.
var writesThroughAView = map[string]func(ctx context.Context, v *View, h *blob.Hook) error{
	"put": func(ctx context.Context, v *View, h *blob.Hook) error {
		_, err := v.Put(ctx, "k", strings.NewReader("new"), &blob.PutOptions{Hook: h})
		return err
	},
	"copy": func(ctx context.Context, v *View, h *blob.Hook) error {
		_, err := blob.Copy(ctx, v, "k", v, "source", &blob.CopyOptions{Hook: h})
		return err
	},
	"upload": func(ctx context.Context, v *View, h *blob.Hook) error {
		u, err := v.Upload(ctx, "k", &blob.UploadOptions{Hook: h})
		if err == nil {
			_, err = u.Put(ctx, 1, section("new"))
		}
		if err == nil {
			_, err = u.Complete(ctx)
		}
		return err
	},
	"resumed upload": func(ctx context.Context, v *View, h *blob.Hook) error {
		u, err := v.Upload(ctx, "k", nil)
		if err == nil {
			u, err = v.Upload(ctx, "k", &blob.UploadOptions{ID: u.ID(), Hook: h})
		}
		if err == nil {
			_, err = u.Put(ctx, 1, section("new"))
		}
		if err == nil {
			_, err = u.Complete(ctx)
		}
		return err
	},
}

// hookless is a bucket that calls no hooks, and is not behind Check.
type hookless struct{ blob.Wrapper }

func (h hookless) Capabilities() blob.Capabilities {
	caps := h.Wrapper.Capabilities()
	caps.Hooks = false
	return caps
}

// A right that is revoked when the caller's hook is called last, before the object becomes visible, publishes nothing. It
// does not matter whether the bucket calls hooks itself, nor whether it is behind Check.
func TestRevokedByTheTimeOfPublication(t *testing.T) {
	for name, write := range writesThroughAView {
		for driver, b := range map[string]blob.Bucket{
			"calls hooks": mem.New(nil), "does not": hookless{blob.Wrap(mem.New(nil))},
		} {
			put(t, b, "k", "source")
			g := newTestGuard(t, b, nil)
			both := CreateNew | Write
			for what, rights := range map[string]Rights{"Create and Write": both, "Write": Write} {
				install(t, g, policyOf(grantTo("u", "k", rights|Get), grantTo("u", "source", Get)))
				err := write(t.Context(), g.as("u"), &blob.Hook{OnPublish: func(context.Context) error {
					must(t)(g.as("olga").Revoke(t.Context(), "k", User("u")))
					return nil
				}})
				if !errors.Is(err, fs.ErrPermission) || content(t, b, "k") != "content of k" {
					t.Errorf("%s with %s, to a bucket that %s: %v, and k holds %q", name, what, driver, err, content(t, b, "k"))
				}
				install(t, g, policyOf(grantTo("u", "k", rights|Get), grantTo("u", "source", Get)))
				if err := write(t.Context(), g.as("u"), &blob.Hook{OnPublish: func(context.Context) error { return errBroken }}); !errors.Is(err, errBroken) {
					t.Errorf("%s with %s whose hook fails: %v", name, what, err)
				}
				if got := content(t, b, "k"); got != "content of k" {
					t.Errorf("%s with %s whose hook fails publishes %q", name, what, got)
				}
			}
		}
	}
}

// A caller whose hook is slow sends nothing after a right is gone.
func TestRevokedWhileTheHookWaits(t *testing.T) {
	b := mem.New(nil)
	g := newTestGuard(t, b, nil)
	install(t, g, policyOf(grantTo("u", "k", Writer)))
	var sent int64
	_, err := g.as("u").Put(t.Context(), "k", io.LimitReader(zeros{}, 64<<20), &blob.PutOptions{Hook: &blob.Hook{OnSend: func(_ context.Context, n int64) error {
		if sent += n; sent >= 20<<20 && sent-n < 20<<20 {
			must(t)(g.as("olga").Revoke(t.Context(), "k", User("u")))
		}
		return nil
	}}})
	if !errors.Is(err, fs.ErrPermission) || sent > 28<<20 {
		t.Errorf("%v, after %d bytes", err, sent)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// seekCounter is a file as far as a bucket can tell, and counts the calls of Seek.
type seekCounter struct {
	*strings.Reader
	seeks int
}

func (s *seekCounter) Seek(off int64, whence int) (int64, error) {
	s.seeks++
	return s.Reader.Seek(off, whence)
}

// A Put seeks in the caller's body three times, to learn its size, however many wrappers it passes. There were 6 at the
// driver, 9 below Sub, and 16 below a view and Sub.
func TestSeeksOfAPut(t *testing.T) {
	b := mem.New(nil)
	g := newTestGuard(t, b, nil)
	install(t, g, policyOf(grantTo("u", "", Writer)))
	for name, bucket := range map[string]blob.Bucket{
		"the driver": b, "Sub": blob.Sub(b, "a/"), "a view": g.as("u"), "a view and Sub": blob.Sub(g.as("u"), "a/"),
	} {
		for _, size := range []int64{0, 7} {
			body := &seekCounter{Reader: strings.NewReader("content")}
			if _, err := bucket.Put(t.Context(), "k", body, &blob.PutOptions{Size: size}); err != nil || body.seeks != 3 {
				t.Errorf("%s, Size %d: %v, %d seeks", name, size, err, body.seeks)
			}
		}
	}
}

// The body of a Reader, which WithBody shows to everyone, does not let anybody get behind its checks.
func TestNobodyGetsBehindTheBody(t *testing.T) {
	b := mem.New(nil)
	put(t, b, "k", "content")
	g := newTestGuard(t, b, nil)
	install(t, g, policyOf(grantTo("u", "k", Get)))
	r, err := g.as("u").Get(t.Context(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.WithBody(func(body io.ReadCloser) io.ReadCloser {
		v := reflect.ValueOf(body).Elem()
		for i := range v.NumField() {
			if v.Field(i).CanInterface() {
				t.Errorf("package reflect shows the field %s", v.Type().Field(i).Name)
			}
		}
		return body
	})
}
