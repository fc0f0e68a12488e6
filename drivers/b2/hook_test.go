package b2

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
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

// errHook looks like an error of B2 that a call may be tried again after, as that of a policy in a bucket may.
var errHook = &remote.Failure{Meaning: remote.Meaning{Transient: true, Ambiguous: true}, Call: "b2_download_file_by_name", Message: "busy"}

// A hook is called for what is sent and before what publishes, and its error ends all attempts.
func TestHooks(t *testing.T) {
	ctx := context.Background()
	for _, size := range []int{0, 10, minPart + 10} {
		content := bytes.Repeat([]byte("x"), size)
		for name, body := range map[string]func() io.Reader{
			"bytes":  func() io.Reader { return bytes.NewReader(content) },
			"stream": func() io.Reader { return io.MultiReader(bytes.NewReader(content)) },
		} {
			put := func(h *hooked) (calls []string, err error) {
				s := &largeStore{versions: []map[string]any{version("large", "k", "upload")}}
				f := newFake(t, s.answer)
				_, err = f.open(t).Put(ctx, "k", body(), &blob.PutOptions{PartSize: minPart, Hook: h.hook()})
				return f.calls(), err
			}
			h := &hooked{}
			if _, err := put(h); err != nil || h.sent != int64(size) || h.published != 1 {
				t.Errorf("%s of %d bytes: %v; %d were sent, %d published", name, size, err, h.sent, h.published)
			}
			for _, h := range []*hooked{{failPublish: errHook}, {failSend: errHook}} {
				calls, err := put(h)
				if h.failSend != nil && size == 0 {
					continue
				}
				if !errors.Is(err, errHook) || h.published > 1 {
					t.Errorf("%s of %d bytes that the hook refuses: %v, after %d attempts", name, size, err, h.published)
				}
				if slices.Contains(calls, "b2_upload_file") || slices.Contains(calls, "b2_finish_large_file") || size > minPart && !slices.Contains(calls, "b2_cancel_large_file") {
					t.Errorf("%s of %d bytes that the hook refuses makes the calls %q", name, size, calls)
				}
			}
		}
	}
}

// What is copied above a newer version is published by that copy; if the hook refuses it, the finished file goes.
func TestHookOfACopyAboveANewerVersion(t *testing.T) {
	s := &largeStore{versions: []map[string]any{version("newer", "k", "upload"), version("large", "k", "upload")}}
	f := newFake(t, s.answer)
	b := f.open(t)
	h := &hooked{}
	first := true
	refuses := h.hook().Then(&blob.Hook{OnPublish: func(context.Context) error {
		if !first {
			return errHook
		}
		first = false
		return nil
	}})
	_, err := b.Put(context.Background(), "k", bytes.NewReader(make([]byte, minPart+10)), &blob.PutOptions{PartSize: minPart, Hook: refuses})
	calls := f.calls()
	if !errors.Is(err, errHook) || errors.Is(err, blob.ErrAmbiguous) || slices.Contains(calls, "b2_copy_file") || !slices.Contains(calls, "b2_delete_file_version") {
		t.Errorf("%v, after the calls %q", err, calls)
	}
}

// A hook of a copy is asked before each attempt.
func TestHookOfACopy(t *testing.T) {
	refused := 0
	f := newFake(t, func(w http.ResponseWriter, r request) bool {
		if r.call == "b2_copy_file" && refused == 0 {
			refused++
			answerError(w, http.StatusServiceUnavailable, "service_unavailable", "busy")
			return true
		}
		return false
	})
	b := f.open(t)
	h := &hooked{}
	if _, err := blob.Copy(context.Background(), b, "copy", b, "k", &blob.CopyOptions{Hook: h.hook()}); err != nil || h.published != 2 || h.sent != 0 {
		t.Errorf("%v; %d times published, %d bytes", err, h.published, h.sent)
	}
	h.failPublish = errHook
	f.requests()
	_, err := blob.Copy(context.Background(), b, "copy", b, "k", &blob.CopyOptions{Hook: h.hook()})
	if calls := f.calls(); !errors.Is(err, errHook) || slices.Contains(calls, "b2_copy_file") {
		t.Errorf("%v, after the calls %q", err, calls)
	}
}

// A large Put through a view and a Sub makes the calls that it makes directly, and stores the SHA-1 of the whole.
func TestLargePutThroughAView(t *testing.T) {
	ctx := context.Background()
	content := bytes.Repeat([]byte("0123456789"), 900_000)
	calls := map[bool][]string{}
	for _, through := range []bool{false, true} {
		s := &largeStore{versions: []map[string]any{version("large", "x/k", "upload")}}
		f := newFake(t, s.answer)
		var b blob.Bucket = blob.Sub(f.open(t), "x/")
		if through {
			guard, err := acl.Create(ctx, b, &acl.Options{Store: mem.New(nil), SingleWriter: true}, acl.User("u"))
			if err != nil {
				t.Fatal(err)
			}
			view := guard.As(acl.Identity{User: "u"})
			if _, err := view.Grant(ctx, "", acl.User("u"), acl.Writer); err != nil {
				t.Fatal(err)
			}
			b = view
		}
		if _, err := b.Put(ctx, "k", bytes.NewReader(content), &blob.PutOptions{PartSize: minPart, Concurrency: 1}); err != nil {
			t.Fatal(err)
		}
		calls[through] = f.calls()
		if info, _ := s.started.param("fileInfo").(map[string]any); info[infoSHA1] == nil {
			t.Errorf("through a view %v: the upload begins with the info %v", through, info)
		}
	}
	if !slices.Equal(calls[true], calls[false]) {
		t.Errorf("through a view the calls are %q, directly %q", calls[true], calls[false])
	}
	t.Logf("%d calls: %q", len(calls[true]), calls[true])
}
