package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/holdall-go/holdall/blob"
)

// A recorder is a Hook that notes its calls, and fails one of them.
type recorder struct {
	blob.Hook
	mu        sync.Mutex
	sent      int64
	most      int64 // in one call
	published int

	failSend, failPublish error
}

func record() *recorder {
	r := &recorder{}
	r.OnSend = func(_ context.Context, n int64) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sent, r.most = r.sent+n, max(r.most, n)
		return r.failSend
	}
	r.OnPublish = func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.published++
		return r.failPublish
	}
	return r
}

// withoutHooks is a bucket whose driver does not call hooks, so that Check does.
func withoutHooks(t *testing.T) blob.Bucket {
	return checkedFake(t, &fake{caps: func(c *blob.Capabilities) { c.Hooks = false }})
}

// writes are the ways to write content, each with a Hook. They replace what k holds.
var writes = map[string]func(b blob.Bucket, content string, h *blob.Hook) error{
	"put": func(b blob.Bucket, content string, h *blob.Hook) error {
		_, err := b.Put(ctx, "k", strings.NewReader(content), &blob.PutOptions{Hook: h})
		return err
	},
	"put of a stream": func(b blob.Bucket, content string, h *blob.Hook) error {
		_, err := b.Put(ctx, "k", iotest.HalfReader(strings.NewReader(content)), &blob.PutOptions{Hook: h})
		return err
	},
	"put of a declared stream": func(b blob.Bucket, content string, h *blob.Hook) error {
		_, err := b.Put(ctx, "k", unsized(content), &blob.PutOptions{Hook: h, Size: int64(len(content))})
		return err
	},
	"writer": func(b blob.Bucket, content string, h *blob.Hook) error {
		w := blob.NewWriter(ctx, b, "k", &blob.PutOptions{Hook: h})
		defer w.Abort()
		_, err := io.WriteString(w, content)
		if err == nil {
			_, err = w.Commit()
		}
		return err
	},
	"upload": func(b blob.Bucket, content string, h *blob.Hook) error {
		u, err := b.Upload(ctx, "k", &blob.UploadOptions{PartSize: 4, Hook: h})
		if err != nil {
			return err
		}
		return uploadTo(u, content)
	},
	"resumed upload": func(b blob.Bucket, content string, h *blob.Hook) error {
		u, err := b.Upload(ctx, "k", &blob.UploadOptions{PartSize: 4})
		if err != nil {
			return err
		}
		if u, err = b.Upload(ctx, "k", &blob.UploadOptions{ID: u.ID(), Hook: h}); err != nil {
			return err
		}
		return uploadTo(u, content)
	},
	"streamed copy": func(b blob.Bucket, content string, h *blob.Hook) error {
		src := unshared{blob.Wrap(b)}
		if _, err := b.Put(ctx, "source", strings.NewReader(content), nil); err != nil {
			return err
		}
		_, err := blob.Copy(ctx, b, "k", src, "source", &blob.CopyOptions{Hook: h})
		return err
	},
}

// unshared is a bucket that no other copies from.
type unshared struct{ blob.Wrapper }

func (unshared) Source(context.Context, string, *blob.SourceOptions) (blob.Source, error) {
	return blob.Source{}, errors.ErrUnsupported
}

func uploadTo(u blob.Upload, content string) error {
	r := strings.NewReader(content)
	for n, off := 1, int64(0); off < r.Size(); n, off = n+1, off+4 {
		if _, err := u.Put(ctx, n, io.NewSectionReader(r, off, min(4, r.Size()-off))); err != nil {
			return err
		}
	}
	_, err := u.Complete(ctx)
	return err
}

// What hooks are promised holds for a driver that calls them, for one that does not, and through wrappers.
func TestHooks(t *testing.T) {
	for driver, open := range map[string]func(t *testing.T) blob.Bucket{
		"calls hooks": func(t *testing.T) blob.Bucket { return newMem(t) },
		"does not":    withoutHooks,
		"within layers": func(t *testing.T) blob.Bucket {
			return blob.Sub(embedding{blob.Wrap(blob.Sub(withoutHooks(t), "a/"))}, "b/")
		},
	} {
		for name, write := range writes {
			for _, content := range []string{"", "x", "0123456789"} {
				b := open(t)
				put(t, b, "k", "old")
				h := record()
				if err := write(b, content, &h.Hook); err != nil {
					t.Errorf("%s, %s: %v", driver, name, err)
				}
				if h.sent != int64(len(content)) || h.published != 1 {
					t.Errorf("%s, %s of %d bytes: %d were sent, and %d published", driver, name, len(content), h.sent, h.published)
				}
				wantContent(t, b, "k", content)

				put(t, b, "k", "old")
				h = record()
				h.failPublish = errTest
				wantErr(t, write(b, content, &h.Hook), errTest)
				wantContent(t, b, "k", "old")

				h = record()
				h.failSend = errTest
				if err := write(b, content, &h.Hook); (err == nil) != (content == "") || err != nil && !errors.Is(err, errTest) {
					t.Errorf("%s, %s of %d bytes whose sending fails: %v", driver, name, len(content), err)
				}
				if content != "" {
					wantContent(t, b, "k", "old")
				}
			}
		}
	}
}

// embedding is what a wrapper of somebody else's is at least.
type embedding struct{ blob.Wrapper }

// A copy that the store makes sends nothing, and is published once.
func TestHookOfACopy(t *testing.T) {
	for _, b := range []blob.Bucket{newMem(t), withoutHooks(t)} {
		put(t, b, "source", "new")
		put(t, b, "k", "old")
		h := record()
		h.failPublish = errTest
		_, err := blob.Copy(ctx, b, "k", b, "source", &blob.CopyOptions{Hook: &h.Hook})
		wantErr(t, err, errTest)
		wantContent(t, b, "k", "old")
		h = record()
		if _, err := blob.Copy(ctx, b, "k", b, "source", &blob.CopyOptions{Hook: &h.Hook}); err != nil || h.sent != 0 || h.published != 1 {
			t.Errorf("%v; %d bytes were sent, %d published", err, h.sent, h.published)
		}
		wantContent(t, b, "k", "new")
	}
}

// No call of OnSend is of more than 8 MiB, also where a driver sends more at once.
func TestHookOfMuch(t *testing.T) {
	h := record()
	if err := h.Sending(ctx, 20<<20); err != nil || h.sent != 20<<20 || h.most != 8<<20 {
		t.Errorf("%v; %d bytes, and at most %d in a call", err, h.sent, h.most)
	}
}

// Hooks are called in the order of the layers, and the first error is the last call.
func TestHookThen(t *testing.T) {
	var calls []string
	hook := func(name string, err error) *blob.Hook {
		return &blob.Hook{
			OnSend:    func(context.Context, int64) error { calls = append(calls, name+" sends"); return err },
			OnPublish: func(context.Context) error { calls = append(calls, name+" publishes"); return err },
		}
	}
	var none *blob.Hook
	both := none.Then(hook("outer", nil)).Then(none).Then(&blob.Hook{}).Then(hook("inner", errTest)).Then(hook("none", nil))
	for _, err := range []error{both.Sending(ctx, 1), both.Publishing(ctx)} {
		if err == nil || err.Error() != errTest.Error() || errors.Is(err, errTest) {
			t.Errorf("a driver gets %#v, which it may take for an error of the store", err)
		}
	}
	if got := strings.Join(calls, ", "); got != "outer sends, inner sends, outer publishes, inner publishes" {
		t.Errorf("calls: %s", got)
	}
	if none.Then(none) != nil || none.Sending(ctx, 1) != nil || none.Publishing(ctx) != nil {
		t.Error("no hook does something")
	}
}

// A driver that hides the error of its body, or takes it for the end, does not hide that of the hook.
func TestHookErrorIsTheCalls(t *testing.T) {
	for published, want := range map[bool]error{false: errTest, true: blob.ErrAmbiguous} {
		f := &fake{caps: func(c *blob.Capabilities) { c.Hooks = false }}
		f.put = func(_ context.Context, _ string, body io.Reader, _ *blob.PutOptions) (*blob.Object, error) {
			for range 2 {
				if _, err := io.Copy(io.Discard, body); err == nil {
					t.Error("the body looks whole")
				}
			}
			if published {
				return &blob.Object{}, nil
			}
			return nil, errors.New("the driver says something else")
		}
		h := record()
		h.failPublish = errTest
		_, err := checkedFake(t, f).Put(ctx, "k", strings.NewReader("abc"), &blob.PutOptions{Hook: &h.Hook})
		wantErr(t, err, errTest)
		wantErr(t, err, want)
	}
}

// A driver is given what is known of the caller's body, through any wrappers; with a hook that it does not call, only
// its size.
func TestBodiesThroughLayers(t *testing.T) {
	for hooks, wantAt := range map[bool]bool{true: true, false: false} {
		var size, off int64
		var at bool
		f := &fake{caps: func(c *blob.Capabilities) { c.Hooks = hooks }}
		f.put = func(_ context.Context, _ string, body io.Reader, _ *blob.PutOptions) (*blob.Object, error) {
			_, off, _, at = blob.BodyAt(body)
			size, _ = blob.BodySize(body)
			_, err := io.Copy(io.Discard, body)
			return &blob.Object{}, err
		}
		b := blob.Sub(embedding{blob.Wrap(blob.Sub(blob.Check(embedding{blob.Wrap(checkedFake(t, f))}), "a/"))}, "b/")
		body := bytes.NewReader([]byte("0123456789"))
		body.Seek(3, io.SeekStart)
		if _, err := b.Put(ctx, "k", body, &blob.PutOptions{Hook: &record().Hook, Size: 7}); err != nil {
			t.Fatal(err)
		}
		if size != 7 || at != wantAt || at && off != 3 || body.Len() != 0 {
			t.Errorf("the driver sees %d bytes, from %d on, %v; %d are left", size, off, at, body.Len())
		}
		body.Seek(3, io.SeekStart)
		_, err := b.Put(ctx, "k", body, &blob.PutOptions{Size: 8})
		wantErr(t, err, blob.ErrInvalid)
	}
}

// A wrapper that puts again starts the body again, if it can be read again.
func TestRewindBody(t *testing.T) {
	for _, test := range []struct {
		body io.Reader
		ok   bool
	}{{strings.NewReader("abc"), true}, {struct{ io.ReadSeeker }{strings.NewReader("abc")}, true}, {unsized("abc"), false}} {
		m := newMem(t)
		f := &fake{Bucket: m}
		f.put = func(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
			if _, err := m.Put(ctx, "first", body, opts); err != nil {
				t.Fatal(err)
			}
			if err := blob.RewindBody(body); err != nil {
				return nil, err
			}
			return m.Put(ctx, key, body, opts)
		}
		if _, err := checkedFake(t, f).Put(ctx, "k", test.body, nil); (err == nil) != test.ok {
			t.Errorf("%T: %v", test.body, err)
		}
		if test.ok {
			wantContent(t, m, "k", "abc")
		}
	}
	if err := blob.RewindBody(strings.NewReader("")); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("what is no body of a Put: %v", err)
	}
}

// A wrapper that puts again and does not start the body again stores nothing, and above all no empty object.
func TestBodyThatWasRead(t *testing.T) {
	for name, body := range map[string]io.Reader{"string": strings.NewReader("abc"), "bytes": bytes.NewReader([]byte("abc")), "stream": unsized("abc")} {
		m := newMem(t)
		put(t, m, "k", "old")
		f := &fake{Bucket: m}
		f.put = func(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
			if _, err := m.Put(ctx, "first", body, opts); err != nil {
				t.Fatal(err)
			}
			return m.Put(ctx, key, body, opts)
		}
		if _, err := checkedFake(t, f).Put(ctx, "k", body, nil); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		wantContent(t, m, "k", "old")
	}
}

// retrying is a bucket that calls no hooks, and reads a part again when that fails.
type retrying struct{ blob.Wrapper }

func (r retrying) Capabilities() blob.Capabilities {
	caps := r.Wrapper.Capabilities()
	caps.Hooks = false
	return caps
}

func (r retrying) Upload(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	u, err := r.Wrapper.Upload(ctx, key, opts)
	return retryingUpload{u}, err
}

type retryingUpload struct{ blob.Upload }

func (u retryingUpload) Put(ctx context.Context, n int, body *io.SectionReader) (blob.Part, error) {
	p, err := u.Upload.Put(ctx, n, body)
	if err != nil {
		_, _ = body.Seek(0, io.SeekStart)
		p, err = u.Upload.Put(ctx, n, body)
	}
	return p, err
}

// A hook that fails once is the error of the part, whatever a driver tries that does not call hooks.
func TestHookOfAPartFailsOnce(t *testing.T) {
	b := blob.Check(retrying{blob.Wrap(newMem(t))})
	calls := 0
	hook := &blob.Hook{OnSend: func(context.Context, int64) error {
		if calls++; calls == 1 {
			return errTest
		}
		return nil
	}}
	u, err := b.Upload(ctx, "k", &blob.UploadOptions{Hook: hook})
	if err != nil {
		t.Fatal(err)
	}
	_, err = u.Put(ctx, 1, io.NewSectionReader(strings.NewReader("abc"), 0, 3))
	wantErr(t, err, errTest)
	for p := range u.Parts(ctx) {
		t.Errorf("part %d was stored", p.Number)
	}
}

// What a wrapper makes of the body of a Reader is what is read, and is verified once.
func TestWithBody(t *testing.T) {
	read := 0
	f := &fake{}
	wrapped := func(wrap func(io.ReadCloser) io.ReadCloser) blob.Bucket {
		f.get = func(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
			r, err := f.Bucket.Get(ctx, key, opts)
			if err != nil {
				return nil, err
			}
			return r.WithBody(wrap), nil
		}
		return checkedFake(t, f)
	}
	b := wrapped(func(body io.ReadCloser) io.ReadCloser { return &readCounter{body, &read} })
	o := put(t, b, "k", "abc")
	r, err := b.Get(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "abc" || read != 3 || r.ETag != o.ETag || r.Checksums != o.Checksums {
		t.Errorf("%q, %v; %d bytes were seen", got, err, read)
	}
	b = wrapped(func(io.ReadCloser) io.ReadCloser { return io.NopCloser(strings.NewReader("xyz")) })
	_, err = blob.ReadAll(ctx, b, "k")
	wantErr(t, err, blob.ErrChecksum)
}

type readCounter struct {
	io.ReadCloser
	n *int
}

func (c *readCounter) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	*c.n += n
	return n, err
}
