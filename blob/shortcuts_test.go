package blob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

func TestReadAllAndWriteAll(t *testing.T) {
	b := newMem(t)
	for _, content := range []string{"", "abc", noise(1 << 20)} {
		o, err := blob.WriteAll(ctx, b, "k", []byte(content), &blob.PutOptions{Size: int64(len(content))})
		if err != nil || o.Size != int64(len(content)) {
			t.Fatal(o, err)
		}
		got, err := blob.ReadAll(ctx, b, "k")
		if err != nil || string(got) != content || cap(got) != len(got) {
			t.Errorf("%d bytes come back as %d in %d, %v", len(content), len(got), cap(got), err)
		}
	}
	_, err := blob.ReadAll(ctx, b, "missing")
	wantErr(t, err, fs.ErrNotExist)
	_, err = blob.WriteAll(ctx, b, "k", nil, &blob.PutOptions{If: blob.IfAbsent})
	wantErr(t, err, fs.ErrExist)
}

// A size that is not true costs an error, and not the memory of the machine.
func TestReadAllOfAFalseSize(t *testing.T) {
	f := &fake{}
	f.get = func(ctx context.Context, key string, _ *blob.GetOptions) (*blob.Reader, error) {
		return blob.NewReader(ctx, io.NopCloser(strings.NewReader("abc")), &blob.Object{Size: 1 << 50}, 0, 1<<50), nil
	}
	_, err := blob.ReadAll(ctx, checkedFake(t, f), "k")
	wantErr(t, err, io.ErrUnexpectedEOF)
}

func TestReadAllGrows(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 200 MiB")
	}
	const size = 150 << 20
	f := &fake{}
	f.get = func(ctx context.Context, key string, _ *blob.GetOptions) (*blob.Reader, error) {
		return blob.NewReader(ctx, io.NopCloser(zeros{}), &blob.Object{Size: size}, 0, size), nil
	}
	got, err := blob.ReadAll(ctx, checkedFake(t, f), "k")
	if err != nil || len(got) != size {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestExists(t *testing.T) {
	f := &fake{Bucket: newMem(t)}
	put(t, f.Bucket, "k", "")
	b := blob.Check(f)
	for key, want := range map[string]bool{"k": true, "missing": false} {
		if got, err := blob.Exists(ctx, b, key); got != want || err != nil {
			t.Errorf("%q exists: %t, %v", key, got, err)
		}
	}
	f.stat = func(context.Context, string, *blob.StatOptions) (*blob.Object, error) { return nil, fs.ErrPermission }
	got, err := blob.Exists(ctx, b, "k")
	if got {
		t.Error("a denial says that it exists")
	}
	wantErr(t, err, fs.ErrPermission)
}

func TestWalk(t *testing.T) {
	b := newMem(t)
	for _, k := range []string{"a", "a-b", "a/b", "a/c/d", "a0", "b"} {
		put(t, b, k, "")
	}
	visit := func(prefix string, answer func(key string) error) (seen []string, err error) {
		err = blob.Walk(ctx, b, prefix, func(o *blob.Object) error {
			seen = append(seen, o.Key)
			return answer(o.Key)
		})
		return seen, err
	}
	seen, err := visit("a/", func(string) error { return nil })
	if !slices.Equal(seen, []string{"a/b", "a/c/d"}) || err != nil {
		t.Errorf("%q, %v", seen, err)
	}
	seen, err = visit("", func(key string) error {
		if key == "a-b" {
			return fs.SkipAll
		}
		return nil
	})
	if !slices.Equal(seen, []string{"a", "a-b"}) || err != nil {
		t.Errorf("%q, %v", seen, err)
	}
	if _, err = visit("", func(string) error { return errTest }); err != errTest {
		t.Errorf("the error of the callback comes back as %v", err)
	}
	_, err = visit("\xff", func(string) error { return nil })
	wantErr(t, err, blob.ErrInvalid)
}

func TestDeletePrefix(t *testing.T) {
	f := &fake{Bucket: newMem(t)}
	b := blob.Check(f)
	var rest []string
	for i := range 2500 {
		put(t, b, fmt.Sprintf("a/%d", i), "")
	}
	for _, k := range []string{"a", "a-", "a0", "A/x", "b/a/"} {
		put(t, b, k, "")
		rest = append(rest, k)
	}
	slices.Sort(rest)
	f.delete = func(ctx context.Context, key string, opts *blob.DeleteOptions) error {
		if key == "a/7" || key == "a/8" {
			return errTest
		}
		return f.Bucket.Delete(ctx, key, opts)
	}
	n, err := blob.DeletePrefix(ctx, b, "a/")
	if n != 2498 || !strings.Contains(err.Error(), "2 objects") {
		t.Errorf("%d are removed, %v", n, err)
	}
	wantErr(t, err, errTest)
	f.delete = nil
	if n, err = blob.DeletePrefix(ctx, b, "a/"); n != 2 || err != nil {
		t.Errorf("the second time %d are removed, %v", n, err)
	}
	wantKeys(t, b, nil, rest...)

	f.list = func(context.Context, *blob.ListOptions) iter.Seq2[*blob.Object, error] { return entries("a", "!") }
	if n, err = blob.DeletePrefix(ctx, b, "a"); n != 1 || !errors.Is(err, errTest) {
		t.Errorf("with a listing that fails, %d are removed, %v", n, err)
	}
	f.list = nil
	if n, err = blob.DeletePrefix(ctx, b, ""); n != 4 || err != nil {
		t.Errorf("emptying removes %d, %v", n, err)
	}
}
