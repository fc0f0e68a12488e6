package blob_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

func openAt(t testing.TB, b blob.Bucket, key string) *blob.ReaderAt {
	t.Helper()
	r, err := blob.OpenAt(ctx, b, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestReaderAtIsAReader(t *testing.T) {
	b := newMem(t)
	for _, content := range []string{"", "a", noise(1000)} {
		o := put(t, b, "k", content)
		r := openAt(t, b, "k")
		if err := iotest.TestReader(r, []byte(content)); err != nil {
			t.Errorf("%d bytes: %v", len(content), err)
		}
		if r.Size() != o.Size || r.Object().ETag != o.ETag {
			t.Errorf("it tells of %v", r.Object())
		}
	}
}

func TestReaderAtEnds(t *testing.T) {
	b := newMem(t)
	put(t, b, "k", "0123456789")
	r := openAt(t, b, "k")
	for _, test := range []struct {
		off  int64
		n    int
		want string
		err  error
	}{
		{0, 3, "012", nil}, {7, 3, "789", nil}, {7, 4, "789", io.EOF}, {9, 1, "9", nil}, {10, 1, "", io.EOF},
		{11, 1, "", io.EOF}, {1 << 62, 1, "", io.EOF}, {0, 0, "", nil}, {-1, 1, "", blob.ErrInvalid},
	} {
		p := make([]byte, test.n)
		n, err := r.ReadAt(p, test.off)
		if string(p[:n]) != test.want || !errors.Is(err, test.err) {
			t.Errorf("%d bytes at %d are %q, %v", test.n, test.off, p[:n], err)
		}
	}
	for _, test := range []struct {
		off    int64
		whence int
		want   int64
		err    error
	}{
		{3, io.SeekStart, 3, nil}, {2, io.SeekCurrent, 5, nil}, {-1, io.SeekEnd, 9, nil}, {-10, io.SeekCurrent, 0, blob.ErrInvalid},
		{-11, io.SeekEnd, 0, blob.ErrInvalid}, {5, io.SeekEnd, 15, nil}, {1<<63 - 1, io.SeekCurrent, 0, blob.ErrInvalid}, {0, 3, 0, blob.ErrInvalid},
	} {
		if at, err := r.Seek(test.off, test.whence); at != test.want || !errors.Is(err, test.err) {
			t.Errorf("a seek by %d, %d goes to %d, %v", test.off, test.whence, at, err)
		}
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("beyond the end there are %d bytes, %v", n, err)
	}
}

func TestReaderAtKeepsItsStream(t *testing.T) {
	f := &fake{Bucket: newMem(t)}
	content := noise(2 << 20)
	put(t, f.Bucket, "k", content)
	r := openAt(t, blob.Check(f), "k")
	if len(f.gets) > 0 {
		t.Error("content was asked for before it was read")
	}
	read := func(at int64) {
		t.Helper()
		p := make([]byte, 100)
		if _, err := r.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, p); err != nil || string(p) != content[at:at+100] {
			t.Fatalf("at %d: %v", at, err)
		}
	}
	for _, test := range []struct {
		at       int64
		requests int
	}{{0, 1}, {100, 1}, {5000, 1}, {200_000, 1}, {1 << 20, 2}, {1<<20 + 200, 2}, {1 << 20, 3}, {2<<20 - 100, 4}, {0, 5}} {
		if read(test.at); len(f.gets) != test.requests {
			t.Errorf("at %d there were the requests %q; %d would do", test.at, f.gets, test.requests)
		}
	}
}

func TestReaderAtNeverMixesVersions(t *testing.T) {
	b := newMem(t)
	for name, change := range map[string]func(){
		"overwritten": func() { put(t, b, "k", strings.Repeat("b", 1000)) },
		"shorter":     func() { put(t, b, "k", "b") },
		"removed": func() {
			if err := b.Delete(ctx, "k", nil); err != nil {
				t.Fatal(err)
			}
		},
	} {
		put(t, b, "k", strings.Repeat("a", 1000))
		r, stream := openAt(t, b, "k"), openAt(t, b, "k")
		if _, err := io.ReadFull(stream, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		change()
		for _, off := range []int64{0, 990} {
			n, err := r.ReadAt(make([]byte, 10), off)
			if n != 0 || !errors.Is(err, blob.ErrChanged) {
				t.Errorf("%s: ReadAt answers %d, %v", name, n, err)
			}
		}
		_, err := r.Read(make([]byte, 1))
		wantErr(t, err, blob.ErrChanged)
		// A stream that is open holds its version.
		if rest, err := io.ReadAll(stream); err != nil || strings.Contains(string(rest), "b") || len(rest) != 990 {
			t.Errorf("%s: the stream goes on with %d bytes, %v", name, len(rest), err)
		}
	}
}

func TestReaderAtOfAVersion(t *testing.T) {
	b := mem.New(&mem.Options{Versions: true})
	defer b.Close()
	old := put(t, b, "k", "old")
	put(t, b, "k", "new")
	r, err := blob.OpenAt(ctx, b, "k", &blob.StatOptions{Version: old.Version})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); string(got) != "old" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReaderAtIsRefused(t *testing.T) {
	b := newMem(t)
	_, err := blob.OpenAt(ctx, b, "missing", nil)
	wantErr(t, err, fs.ErrNotExist)
	put(t, b, "k", "abc")
	_, err = blob.OpenAt(ctx, checkedFake(t, &fake{Bucket: b, caps: bare}), "k", nil)
	wantErr(t, err, errors.ErrUnsupported)
	f := &fake{Bucket: b}
	f.stat = func(context.Context, string, *blob.StatOptions) (*blob.Object, error) {
		return &blob.Object{Size: 3}, nil
	}
	_, err = blob.OpenAt(ctx, checkedFake(t, f), "k", nil) // without an ETag
	wantErr(t, err, errors.ErrUnsupported)
}

func TestReaderAtInParallelAndClosed(t *testing.T) {
	noMoreGoroutines(t)
	b := newMem(t)
	content := noise(1 << 20)
	put(t, b, "k", content)
	r := openAt(t, b, "k")
	var readers sync.WaitGroup
	for i := range 16 {
		readers.Go(func() {
			for j := range 50 {
				off := (i*50 + j) * 1000
				p := make([]byte, 1000)
				if _, err := r.ReadAt(p, int64(off)); err != nil || string(p) != content[off:off+1000] {
					t.Errorf("at %d: %v", off, err)
				}
			}
		})
	}
	readers.Wait()
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := r.ReadAt(make([]byte, 1), 0)
	wantErr(t, err, blob.ErrClosed)
	_, err = r.Read(make([]byte, 1))
	wantErr(t, err, blob.ErrClosed)
	_, err = r.Seek(0, io.SeekStart)
	wantErr(t, err, blob.ErrClosed)
}

// Close ends a request that is under way.
func TestReaderAtCloseInterrupts(t *testing.T) {
	noMoreGoroutines(t)
	f := &fake{Bucket: newMem(t)}
	put(t, f.Bucket, "k", "abc")
	f.get = func(ctx context.Context, _ string, _ *blob.GetOptions) (*blob.Reader, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, read := range map[string]func(r *blob.ReaderAt) error{
		"Read":   func(r *blob.ReaderAt) error { _, err := r.Read(make([]byte, 1)); return err },
		"ReadAt": func(r *blob.ReaderAt) error { _, err := r.ReadAt(make([]byte, 1), 0); return err },
	} {
		r := openAt(t, blob.Check(f), "k")
		time.AfterFunc(10*time.Millisecond, func() { r.Close() })
		if err := read(r); !errors.Is(err, blob.ErrClosed) {
			t.Errorf("%s answers %v", name, err)
		}
	}
}
