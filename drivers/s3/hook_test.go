package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
	"github.com/holdall-go/holdall/internal/remote"
)

// hooked is a hook that notes its calls, and fails one of them.
type hooked struct {
	mu                    sync.Mutex
	sent                  int64
	published             int
	failSend, failPublish error
}

func (h *hooked) hook() *blob.Hook {
	return &blob.Hook{
		OnSend: func(_ context.Context, n int64) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.sent += n
			return h.failSend
		},
		OnPublish: func(context.Context) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.published++
			return h.failPublish
		},
	}
}

// retryableHook is an error of a hook that looks like one of the network, as that of a policy in a store may.
type retryableHook struct{ error }

func (retryableHook) Timeout() bool   { return true }
func (retryableHook) Temporary() bool { return true }

var errHook = &remote.Failure{Meaning: remote.Meaning{Transient: true, Ambiguous: true}, Message: "a store that the hook asked is busy",
	Cause: retryableHook{errors.New("timeout")}}

// A hook is called for what is sent, not for what is digested; its error stops a write for good, whatever it looks like.
func TestHooks(t *testing.T) {
	ctx := context.Background()
	for _, flavour := range []string{"aws", "ceph", "versitygw"} { // of which some sign a digest of each body
		for _, size := range []int{0, 10, 5<<20 + 10} {
			content := pattern(size)
			for name, body := range map[string]func() io.Reader{
				"bytes":  func() io.Reader { return bytes.NewReader(content) },
				"stream": func() io.Reader { return io.MultiReader(bytes.NewReader(content)) },
			} {
				s, f := newStore(t)
				b := f.open(t, flavour)
				put := func(h *hooked, cond blob.Condition) error {
					_, err := b.Put(ctx, "k", body(), &blob.PutOptions{PartSize: 5 << 20, Hook: h.hook(), If: cond})
					return err
				}
				for _, cond := range []blob.Condition{{}, blob.IfAbsent} {
					h := &hooked{}
					if err := put(h, cond); err != nil || h.sent != int64(size) || h.published != 1 || s.objects["/b/k"] != string(content) {
						t.Errorf("%s, %s of %d bytes: %v; %d were sent, %d published, %d stored", flavour, name, size, err, h.sent, h.published, len(s.objects["/b/k"]))
					}
					delete(s.objects, "/b/k")
					h = &hooked{failPublish: errHook}
					if err := put(h, cond); !errors.Is(err, errHook) || errors.Is(err, blob.ErrAmbiguous) || h.published != 1 {
						t.Errorf("%s, %s of %d bytes that is not published: %v after %d attempts", flavour, name, size, err, h.published)
					}
					h = &hooked{failSend: errHook}
					if err := put(h, cond); size > 0 && !errors.Is(err, errHook) {
						t.Errorf("%s, %s of %d bytes that is not sent: %v", flavour, name, size, err)
					}
					if _, stored := s.objects["/b/k"]; stored && size > 0 || len(s.uploads) > 0 {
						t.Errorf("%s, %s of %d bytes is stored although the hook refused it; uploads: %d", flavour, name, size, len(s.uploads))
					}
					delete(s.objects, "/b/k")
				}
			}
		}
	}
}

// Bytes that are sent again count again, and each attempt is published only if the hook agrees.
func TestHooksOfRetries(t *testing.T) {
	ctx := context.Background()
	f := failFirst(t, 2, slowDown, ordinary)
	h := &hooked{}
	if _, err := f.open(t, "aws").Put(ctx, "k", strings.NewReader("content"), &blob.PutOptions{Hook: h.hook()}); err != nil || h.sent != 21 || h.published != 3 {
		t.Errorf("%v; %d bytes were sent, and %d times published", err, h.sent, h.published)
	}
	// The first attempt may have published; the second is stopped by the hook.
	f = failFirst(t, 1, breakOff, func(w http.ResponseWriter, r request) { answerError(w, 404, "NoSuchKey", "") })
	n := 0
	stops := &blob.Hook{OnPublish: func(context.Context) error {
		if n++; n > 1 {
			return errHook
		}
		return nil
	}}
	_, err := f.open(t, "aws").Put(ctx, "k", strings.NewReader("content"), &blob.PutOptions{Hook: stops, If: blob.IfAbsent})
	if !errors.Is(err, errHook) || !errors.Is(err, blob.ErrAmbiguous) {
		t.Errorf("after an attempt whose outcome is unknown: %v", err)
	}
}

// A hook of a copy is asked before it.
func TestHookOfACopy(t *testing.T) {
	f := newFake(t, ordinary)
	b := f.open(t, "aws")
	h := &hooked{failPublish: errHook}
	_, err := blob.Copy(context.Background(), b, "copy", b, "k", &blob.CopyOptions{Hook: h.hook()})
	if !errors.Is(err, errHook) || h.published != 1 || h.sent != 0 {
		t.Errorf("%v; %d times published, %d bytes", err, h.published, h.sent)
	}
	for _, r := range f.requests() {
		if r.method == http.MethodPut {
			t.Errorf("the request %v was sent", r)
		}
	}
}

// A Put through a view and a Sub makes the requests that it makes directly, and a conditional one is tried again.
func TestRequestsThroughAView(t *testing.T) {
	ctx := context.Background()
	requests := func(wrap func(blob.Bucket) blob.Bucket, flavour string, size int, opts blob.PutOptions) string {
		s, _ := newStore(t)
		failed := false
		f := newFake(t, func(w http.ResponseWriter, r request) {
			if !failed && r.method == http.MethodPut {
				failed = true
				slowDown(w)
				return
			}
			s.answer(w, r)
		})
		opts.PartSize, opts.Concurrency = 5<<20, 1
		if _, err := wrap(f.open(t, flavour)).Put(ctx, "k", bytes.NewReader(pattern(size)), &opts); err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, r := range f.requests() {
			all = append(all, r.method)
		}
		return strings.Join(all, " ")
	}
	direct := func(b blob.Bucket) blob.Bucket { return b }
	viewAndSub := func(b blob.Bucket) blob.Bucket {
		policy := mem.New(nil)
		guard, err := acl.Create(ctx, b, &acl.Options{Store: policy, SingleWriter: true}, acl.User("u"))
		if err != nil {
			t.Fatal(err)
		}
		view := guard.As(acl.Identity{User: "u"})
		if _, err := view.Grant(ctx, "", acl.User("u"), acl.Writer); err != nil {
			t.Fatal(err)
		}
		return blob.Sub(view, "x/")
	}
	for _, test := range []struct {
		flavour string
		size    int
		opts    blob.PutOptions
		want    string
	}{
		{"aws", 10, blob.PutOptions{}, "PUT PUT"},
		{"aws", 5<<20 + 1, blob.PutOptions{}, "POST PUT PUT PUT POST"},
		{"ceph", 65 << 20, blob.PutOptions{If: blob.IfAbsent}, "PUT PUT"},
	} {
		for name, wrap := range map[string]func(blob.Bucket) blob.Bucket{"directly": direct, "through a view and Sub": viewAndSub} {
			if got := requests(wrap, test.flavour, test.size, test.opts); got != test.want {
				t.Errorf("%s, %d bytes %s: %s, want %s", test.flavour, test.size, name, got, test.want)
			}
		}
	}
}
