package blob_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/holdall-go/holdall/blob"
)

var tree = []string{"a.txt", "a-b", "a/b", "a/c/d", "a/c/e.txt", "empty", "ü/x", "z"}

func TestFS(t *testing.T) {
	for name, caps := range map[string]func(*blob.Capabilities){"seekable": nil, "streamed": func(c *blob.Capabilities) { c.If.Read = 0 }} {
		t.Run(name, func(t *testing.T) {
			m := newMem(t)
			for _, k := range tree {
				put(t, m, k, "content of "+k)
			}
			// What is no path is not visible, and does no harm.
			for _, k := range []string{"/", "/x", "a//b", "a/../b", "..", "./x", "dir/", "a/c/", "."} {
				put(t, m, k, "")
			}
			fsys := blob.FS(ctx, checkedFake(t, &fake{Bucket: m, caps: caps}))
			if err := fstest.TestFS(fsys, append(tree, "dir", "a/c")...); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFSErrors(t *testing.T) {
	b := newMem(t)
	put(t, b, "a/b", "abc")
	fsys := blob.FS(ctx, b)
	for _, test := range []struct {
		name string
		want error
	}{{"missing", fs.ErrNotExist}, {"a/b/c", fs.ErrNotExist}, {"../a", fs.ErrInvalid}, {"/a", fs.ErrInvalid}, {"", fs.ErrInvalid}, {"a\x00", fs.ErrInvalid}} {
		_, open := fsys.Open(test.name)
		_, stat := fs.Stat(fsys, test.name)
		_, read := fs.ReadFile(fsys, test.name)
		_, list := fs.ReadDir(fsys, test.name)
		for _, err := range []error{open, stat, read, list} {
			var e *fs.PathError
			if !errors.Is(err, test.want) || !errors.As(err, &e) || e.Path != test.name {
				t.Errorf("%q: %v", test.name, err)
			}
		}
	}
	if _, err := fs.ReadDir(fsys, "a/b"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of a file is %v", err)
	}
	if _, err := fs.ReadFile(fsys, "a"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the content of a directory is %v", err)
	}
	if entries, err := fs.ReadDir(blob.FS(ctx, newMem(t)), "."); err != nil || len(entries) > 0 {
		t.Errorf("an empty bucket holds %v, %v", entries, err)
	}
}

// Where both are there, "a" is a directory.
func TestFSDirectoryHidesFile(t *testing.T) {
	b := newMem(t)
	for _, k := range []string{"a", "a-", "a/b"} {
		put(t, b, k, "")
	}
	var seen []string
	err := fs.WalkDir(blob.FS(ctx, b), ".", func(name string, d fs.DirEntry, err error) error {
		if d.IsDir() {
			name += "/"
		}
		seen = append(seen, name)
		return err
	})
	if got := strings.Join(seen, " "); err != nil || got != "./ a/ a/b a-" {
		t.Errorf("%s, %v", got, err)
	}
	if info, err := fs.Stat(blob.FS(ctx, b), "a"); err != nil || !info.IsDir() {
		t.Error(info, err)
	}
}

func TestFSSubLeavesTheParent(t *testing.T) {
	b := newMem(t)
	put(t, b, "a/b/c", "abc")
	fsys := blob.FS(ctx, b)
	sub, err := fs.Sub(fsys, "a")
	if err == nil {
		sub, err = fs.Sub(sub, "b")
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, err := fs.ReadFile(sub, "c"); string(got) != "abc" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := fs.Sub(fsys, "../a"); !errors.Is(err, fs.ErrInvalid) {
		t.Error(err)
	}
	wantContent(t, b, "a/b/c", "abc")
}

func TestFSFilesAreSeekable(t *testing.T) {
	b := newMem(t)
	put(t, b, "k", "0123456789")
	f, err := blob.FS(ctx, b).Open("k")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := make([]byte, 2)
	if _, err := f.(io.ReaderAt).ReadAt(p, 4); err != nil || string(p) != "45" {
		t.Error(string(p), err)
	}
	if _, err := f.(io.Seeker).Seek(-1, io.SeekEnd); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(f); string(rest) != "9" || err != nil {
		t.Error(string(rest), err)
	}
	info, err := f.Stat()
	if err != nil || info.Sys().(*blob.Object).Key != "k" {
		t.Error(info, err)
	}
}

// A listing that fails half way is an error, and not a smaller directory.
func TestFSOfAListingThatFails(t *testing.T) {
	f := &fake{}
	f.list = func(context.Context, *blob.ListOptions) iter.Seq2[*blob.Object, error] { return entries("a", "!") }
	fsys := blob.FS(ctx, checkedFake(t, f))
	if list, err := fs.ReadDir(fsys, "."); !errors.Is(err, errTest) || list != nil {
		t.Errorf("%v, %v", list, err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := blob.FS(ended, newMem(t)).Open("k"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
