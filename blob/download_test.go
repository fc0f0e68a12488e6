package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// memory is an io.WriterAt of a fixed size.
type memory []byte

func (m memory) WriteAt(p []byte, off int64) (int, error) {
	if n := copy(m[off:], p); n < len(p) {
		return n, io.ErrShortWrite
	}
	return len(p), nil
}

func TestDownload(t *testing.T) {
	noMoreGoroutines(t)
	content := noise(100_000)
	unpinned := func(c *blob.Capabilities) { c.If.Read = 0 }
	for name, test := range map[string]struct {
		size     int
		opts     *blob.DownloadOptions
		caps     func(*blob.Capabilities)
		requests int
	}{
		"empty":             {0, nil, nil, 1},
		"small":             {5000, nil, nil, 1},
		"just one part":     {5000, &blob.DownloadOptions{PartSize: 5000}, nil, 1},
		"one byte more":     {5001, &blob.DownloadOptions{PartSize: 5000}, nil, 2},
		"parts":             {100_000, &blob.DownloadOptions{PartSize: 3333}, nil, 31},
		"one after another": {100_000, &blob.DownloadOptions{PartSize: 3333, Concurrency: 1}, nil, 31},
		"more than parts":   {100_000, &blob.DownloadOptions{PartSize: 50_000, Concurrency: 99}, nil, 2},
		"bytes":             {20_000, &blob.DownloadOptions{PartSize: 1}, nil, 1 + 10_000}, // at most 10,000 after the first
		"cannot be pinned":  {100_000, &blob.DownloadOptions{PartSize: 3333}, unpinned, 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMem(t)
			put(t, m, "k", content[:test.size])
			f := &fake{Bucket: m, caps: test.caps}
			var mu sync.Mutex
			requests := 0
			f.get = func(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
				mu.Lock()
				requests++
				mu.Unlock()
				return m.Get(ctx, key, opts)
			}
			got := make(memory, test.size)
			o, err := blob.Download(ctx, blob.Check(&parallel{f}), "k", got, test.opts)
			if err != nil || o.Size != int64(test.size) || o.Key != "k" {
				t.Fatal(o, err)
			}
			if string(got) != content[:test.size] {
				t.Error("the content differs")
			}
			if requests != test.requests {
				t.Errorf("%d requests, want %d", requests, test.requests)
			}
		})
	}
}

// parallel is a fake whose Gets come from many goroutines, which it does not count.
type parallel struct{ *fake }

func (p *parallel) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	return p.get(ctx, key, opts)
}

// TestDownloadPartSizes has the size of the parts follow from that of the object.
func TestDownloadPartSizes(t *testing.T) {
	const MiB = 1 << 20
	for size, want := range map[int64]int64{9 * MiB: 4 * MiB, 160 * MiB: 5 * MiB} {
		m := newMem(t)
		put(t, m, "k", strings.Repeat("x", int(size)))
		var largest atomic.Int64
		f := &fake{Bucket: m}
		f.get = func(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
			r, err := m.Get(ctx, key, opts)
			if err == nil {
				for {
					most := largest.Load()
					if r.Length() <= most || largest.CompareAndSwap(most, r.Length()) {
						break
					}
				}
			}
			return r, err
		}
		if _, err := blob.Download(ctx, blob.Check(&parallel{f}), "k", make(memory, size), nil); err != nil {
			t.Fatal(err)
		}
		if largest.Load() != want {
			t.Errorf("%d bytes came in parts of %d, want %d", size, largest.Load(), want)
		}
	}
}

func TestDownloadByVersion(t *testing.T) {
	m := mem.New(&mem.Options{Versions: true})
	defer m.Close()
	content := noise(10_000)
	put(t, m, "k", content)
	b := checkedFake(t, &fake{Bucket: m, caps: func(c *blob.Capabilities) { c.If.Read = 0 }})
	got := make(memory, len(content))
	if _, err := blob.Download(ctx, b, "k", got, &blob.DownloadOptions{PartSize: 1000, Concurrency: 1}); err != nil || string(got) != content {
		t.Error(err)
	}
}

func TestDownloadFails(t *testing.T) {
	noMoreGoroutines(t)
	small := &blob.DownloadOptions{PartSize: 1000, Concurrency: 4}
	content := noise(100_000)
	for name, test := range map[string]struct {
		get  func(m blob.Bucket, n int) error // what happens to request n; it may change m
		bad  bool                             // content is corrupt from request 5 on
		want error
	}{
		"denied":      {func(_ blob.Bucket, n int) error { return fs.ErrPermission }, false, fs.ErrPermission},
		"in a part":   {func(_ blob.Bucket, n int) error { return []error{nil, errTest}[n/7] }, false, errTest},
		"overwritten": {func(m blob.Bucket, n int) error { _, err := m.Put(ctx, "k", nil, nil); return err }, false, blob.ErrChanged},
		"removed":     {func(m blob.Bucket, n int) error { return m.Delete(ctx, "k", nil) }, false, blob.ErrChanged},
		"corrupt":     {func(blob.Bucket, int) error { return nil }, true, blob.ErrChecksum},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMem(t)
			put(t, m, "k", content)
			var mu sync.Mutex
			requests := 0
			f := &fake{Bucket: m}
			f.get = func(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
				mu.Lock()
				defer mu.Unlock()
				requests++
				n := min(requests, 13)
				if n > 1 || name == "denied" {
					if err := test.get(m, n); err != nil {
						return nil, err
					}
				}
				r, err := m.Get(ctx, key, opts)
				if err == nil && test.bad && n == 5 {
					r = corrupt(ctx, r)
				}
				return r, err
			}
			_, err := blob.Download(ctx, blob.Check(&parallel{f}), "k", make(memory, len(content)), small)
			wantErr(t, err, test.want)
			if !test.bad && requests > 20 {
				t.Errorf("%d requests were made in spite of the error", requests)
			}
		})
	}
}

func TestDownloadIsBoundToItsArguments(t *testing.T) {
	m := newMem(t)
	put(t, m, "k", noise(10_000))
	small := &blob.DownloadOptions{PartSize: 1000}
	if _, err := blob.Download(ctx, m, "k", failingWriter{}, small); err != errTest {
		t.Errorf("the error of the writer comes back as %v", err)
	}
	if _, err := blob.Download(ctx, m, "k", failingWriter{}, nil); err != errTest {
		t.Errorf("the error of the writer comes back as %v", err)
	}
	_, err := blob.Download(ctx, m, "missing", make(memory, 0), nil)
	wantErr(t, err, fs.ErrNotExist)
	_, err = blob.Download(ctx, m, "k", nil, &blob.DownloadOptions{PartSize: -1})
	wantErr(t, err, blob.ErrInvalid)
	ended, cancel := context.WithCancel(ctx)
	w := cancelWriter{make(memory, 10_000), cancel}
	_, err = blob.Download(ended, m, "k", w, small)
	wantErr(t, err, context.Canceled)
}

type cancelWriter struct {
	memory
	cancel func()
}

func (c cancelWriter) WriteAt(p []byte, off int64) (int, error) {
	c.cancel()
	return c.memory.WriteAt(p, off)
}

// A digest that is no crc still verifies what comes in one request.
func TestDownloadVerifiesOneRequestByAnyDigest(t *testing.T) {
	sum := sha256.Sum256([]byte("abc"))
	f := &fake{}
	f.get = func(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
		o := &blob.Object{Size: 3, ETag: `"x"`, Checksums: blob.Checksums{}.With(blob.SHA256, sum[:])}
		return blob.NewReader(ctx, io.NopCloser(bytes.NewReader([]byte("abd"))), o, 0, 3), nil
	}
	_, err := blob.Download(ctx, checkedFake(t, f), "k", make(memory, 3), nil)
	wantErr(t, err, blob.ErrChecksum)
}
