package blob_test

import (
	"context"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A store whose answer to a pinned request has another length than the object that it told of has changed it, whatever
// it says of the ETag. That must not look like the end of the content, nor be asked for again and again.
func TestPinnedReadsOfAnotherLength(t *testing.T) {
	for name, length := range map[string]int64{"none": 0, "fewer": 5, "more": 20} {
		f := &fake{Bucket: newMem(t)}
		put(t, f.Bucket, "k", "0123456789")
		f.get = func(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
			if f.calls > 100 {
				return nil, errTest // it would go on for ever
			}
			o := &blob.Object{Key: key, Size: length, ETag: opts.If.ETag()}
			return blob.NewReader(ctx, io.NopCloser(strings.NewReader(strings.Repeat("x", int(length)))), o, 0, length), nil
		}
		r := openAt(t, blob.Check(f), "k")
		n, err := r.ReadAt(make([]byte, 10), 0)
		if n != 0 {
			t.Errorf("%s: ReadAt has %d bytes", name, n)
		}
		wantErr(t, err, blob.ErrChanged)
		_, err = io.ReadAll(r)
		wantErr(t, err, blob.ErrChanged)
	}
}

// A size that no object has makes a Download fail, and the arithmetic of its parts hold.
func TestDownloadOfAnImpossibleSize(t *testing.T) {
	f := &fake{Bucket: newMem(t)}
	f.get = func(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
		if !opts.If.IsZero() {
			return nil, errTest
		}
		o := &blob.Object{Key: key, Size: math.MaxInt64, ETag: `"x"`, ModTime: time.Now()}
		return blob.NewReader(ctx, io.NopCloser(strings.NewReader("0123456789")), o, 0, 10), nil
	}
	_, err := blob.Download(ctx, checkedFake(t, f), "k", make(memory, 10), &blob.DownloadOptions{PartSize: 10, Concurrency: 1})
	wantErr(t, err, errTest)
}
