package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

var ctx = context.Background()

func newMem(t testing.TB) blob.Bucket {
	b := mem.New(nil)
	t.Cleanup(func() { b.Close() })
	return b
}

func put(t testing.TB, b blob.Bucket, key, content string) *blob.Object {
	t.Helper()
	o, err := b.Put(ctx, key, strings.NewReader(content), nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func wantContent(t testing.TB, b blob.Bucket, key, want string) {
	t.Helper()
	if got, err := blob.ReadAll(ctx, b, key); err != nil || string(got) != want {
		t.Errorf("%q holds %.60q, %v; want %.60q", key, got, err, want)
	}
}

// wantErr checks that err answers to target, and is an *Error.
func wantErr(t testing.TB, err, target error) {
	t.Helper()
	var e *blob.Error
	if !errors.Is(err, target) || !errors.As(err, &e) {
		t.Errorf("the answer is %v; want %v in an *Error", err, target)
	}
}

func keys(t testing.TB, b blob.Bucket, opts *blob.ListOptions) []string {
	t.Helper()
	list := []string{}
	for o, err := range b.List(ctx, opts) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, o.Key)
	}
	return list
}

func wantKeys(t testing.TB, b blob.Bucket, opts *blob.ListOptions, want ...string) {
	t.Helper()
	if got := keys(t, b, opts); !slices.Equal(got, want) {
		t.Errorf("%+v lists %q; want %q", opts, got, want)
	}
}

// noMoreGoroutines checks at the end of a test that none is left that was not there at its beginning.
func noMoreGoroutines(t testing.TB) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 200 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Errorf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
	})
}

// noise is content in which a byte in the wrong place shows.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

// A fake is a driver whose calls a test can replace or change; the other calls go to another bucket. It counts calls.
type fake struct {
	blob.Unsupported
	Bucket blob.Bucket
	caps   func(*blob.Capabilities)
	get    func(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error)
	stat   func(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error)
	put    func(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error)
	copy   func(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error)
	delete func(ctx context.Context, key string, opts *blob.DeleteOptions) error
	list   func(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error]
	each   func(ctx context.Context, keys iter.Seq[string], failed func(string, error)) error
	gets   []string // the ranges that were asked for
	calls  int
}

// checkedFake returns f through Check, around a bucket in memory if it has none.
func checkedFake(t testing.TB, f *fake) blob.Bucket {
	if f.Bucket == nil {
		f.Bucket = newMem(t)
	}
	return blob.Check(f)
}

func (f *fake) Capabilities() blob.Capabilities {
	caps := f.Bucket.Capabilities()
	if f.caps != nil {
		f.caps(&caps)
	}
	return caps
}

func (f *fake) Stat(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	f.calls++
	if f.stat != nil {
		return f.stat(ctx, key, opts)
	}
	return f.Bucket.Stat(ctx, key, opts)
}

func (f *fake) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	f.calls++
	f.gets = append(f.gets, opts.Range.String())
	if f.get != nil {
		return f.get(ctx, key, opts)
	}
	return f.Bucket.Get(ctx, key, opts)
}

func (f *fake) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	f.calls++
	if f.put != nil {
		return f.put(ctx, key, body, opts)
	}
	return f.Bucket.Put(ctx, key, body, opts)
}

func (f *fake) Copy(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
	f.calls++
	if f.copy != nil {
		return f.copy(ctx, key, src, opts)
	}
	return f.Bucket.Copy(ctx, key, src, opts)
}

func (f *fake) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	f.calls++
	if f.delete != nil {
		return f.delete(ctx, key, opts)
	}
	return f.Bucket.Delete(ctx, key, opts)
}

func (f *fake) DeleteEach(ctx context.Context, keys iter.Seq[string], failed func(string, error)) error {
	f.calls++
	return f.each(ctx, keys, failed)
}

func (f *fake) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	f.calls++
	if f.list != nil {
		return f.list(ctx, opts)
	}
	return f.Bucket.List(ctx, opts)
}

func (f *fake) Upload(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	f.calls++
	return f.Bucket.Upload(ctx, key, opts)
}

func (f *fake) Uploads(ctx context.Context, prefix string) iter.Seq2[*blob.UploadInfo, error] {
	return f.Bucket.Uploads(ctx, prefix)
}

func (f *fake) Source(ctx context.Context, key string, opts *blob.SourceOptions) (blob.Source, error) {
	f.calls++
	return f.Bucket.Source(ctx, key, opts)
}

func (f *fake) Sign(_ context.Context, key string, opts *blob.SignOptions) (*blob.SignedRequest, error) {
	f.calls++
	return &blob.SignedRequest{Method: opts.Method, URL: "https://store/" + key}, nil
}

func (f *fake) String() string { return "fake://" }

// Close leaves the other bucket to the test.
func (f *fake) Close() error { return nil }

// failing is a body that ends in an error.
func failing(content string, err error) io.Reader {
	return io.MultiReader(strings.NewReader(content), errReader{err})
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

var errTest = errors.New("as the test wants")

// unsized hides what a body is, and so its size.
func unsized(s string) io.Reader { return struct{ io.Reader }{strings.NewReader(s)} }

// corrupt gives the Reader of a Get another content than its checksums promise.
func corrupt(ctx context.Context, r *blob.Reader) *blob.Reader {
	content := bytes.Repeat([]byte("x"), int(r.Length()))
	return blob.NewReader(ctx, io.NopCloser(bytes.NewReader(content)), &r.Object, r.Offset(), r.Length())
}
