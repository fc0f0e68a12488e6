package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	os.WriteFile(path, nil, 0o666)
	for _, c := range []struct {
		dir  string
		opts *Options
		want error
		says string
	}{
		{filepath.Join(dir, "missing"), nil, fs.ErrNotExist, "Create"},
		{path, nil, blob.ErrInvalid, "is a file"},
		{path, &Options{Create: true}, blob.ErrInvalid, "is a file"},
		{filepath.Join(path, "beneath"), &Options{Create: true}, nil, "file"},
		{"", nil, blob.ErrInvalid, "no directory"},
		{dir, &Options{Sync: 9}, blob.ErrInvalid, "SyncAll"},
	} {
		b, err := Open(c.dir, c.opts)
		if err == nil {
			t.Errorf("Open(%q, %+v) = %v", c.dir, c.opts, b)
			continue
		}
		var e *blob.Error
		if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || !errors.As(err, &e) || e.Op != "open" {
			t.Errorf("Open(%q): %v", c.dir, err)
		}
	}
}

func TestURL(t *testing.T) {
	dir := t.TempDir()
	for _, url := range []string{
		"file://" + dir + "/a b/c%23d?create=true", "file://localhost" + dir + "/x?create=true&sync=none", "file://" + dir + "?sync=all&create=false",
	} {
		b, err := blob.Open(t.Context(), url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		put(t, b, "k", "")
		b.Close()
	}
	if _, err := os.Stat(dir + "/a b/c#d/k"); err != nil {
		t.Error(err)
	}
	for _, url := range []string{
		"file://" + dir + "/missing", "file://relative/dir", "file:relative", "file:///x?create=maybe", "file:///x?sync=often", "file:///x?mode=1", "file:///x#y", "file://user@localhost/x", "file://",
	} {
		if b, err := blob.Open(t.Context(), url); err == nil {
			t.Errorf("%s was opened as %v", url, b)
		}
	}
}

func TestClosed(t *testing.T) {
	dir := t.TempDir()
	a, b := openMode(t, dir, mode{}), openMode(t, dir, mode{})
	put(t, a, "k", "x")
	r, err := a.Get(t.Context(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	a.Close()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, blob.ErrClosed) {
		t.Error(err)
	}
	r.Close()
	if _, err := a.Stat(t.Context(), "k", nil); !errors.Is(err, blob.ErrClosed) {
		t.Error(err)
	}
	wantBody(t, b, "k", "x")
}

// Old files in the work directory are of processes that died; young ones may be of live ones.
func TestStaleDrafts(t *testing.T) {
	dir := t.TempDir()
	tmp := filepath.Join(dir, workName, tmpFolder)
	os.MkdirAll(tmp, 0o777)
	for name, age := range map[string]time.Duration{"old": 48 * time.Hour, "young": time.Hour} {
		path := filepath.Join(tmp, name)
		os.WriteFile(path, nil, 0o666)
		os.Chtimes(path, time.Time{}, time.Now().Add(-age))
	}
	openMode(t, dir, mode{})
	if left := drafts(t, dir); !slices.Equal(left, []string{"young"}) {
		t.Errorf("left: %q", left)
	}
}

// TestInterruptedMove opens a tree as a crash in the middle of moveIn leaves it.
func TestInterruptedMove(t *testing.T) {
	for _, state := range []string{"noted", "out", "in", "replaced"} {
		dir := t.TempDir()
		b := openMode(t, dir, mode{portable: true})
		put(t, b, "d/a", "object")
		b.Close()
		move := filepath.Join(dir, workName, movesFolder, "1")
		object := filepath.Join(dir, "d/a")
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.MkdirAll(filepath.Join(move, "dir"), 0o777))
		must(os.WriteFile(filepath.Join(move, "path"), []byte("d/a"), 0o666))
		if state != "noted" {
			must(os.Rename(object, filepath.Join(move, "dir", selfName)))
		}
		want := "object"
		switch state {
		case "in":
			must(os.Rename(filepath.Join(move, "dir"), object))
		case "replaced":
			want = "newer"
			must(os.WriteFile(object, []byte(want), 0o666))
		}
		b = openMode(t, dir, mode{portable: true})
		wantBody(t, b, "d/a", want)
		if left, _ := os.ReadDir(filepath.Join(dir, workName, movesFolder)); len(left) != 0 {
			t.Errorf("%s: left: %v", state, left)
		}
		put(t, b, "d/a/b", "")
		wantBody(t, b, "d/a", want)
	}
}

// TestSyncs counts what is synced, and fails each of them in turn.
func TestSyncs(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		b, err := Open(t.TempDir(), &Options{mode: m})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		files, folders, failAt := 0, 0, -1
		failed := errors.New("sync failed")
		b.raw.tree.beforeSync = func(what any) error {
			if _, ok := what.(folder); ok {
				folders++
			} else {
				files++
			}
			if files+folders == failAt {
				return failed
			}
			return nil
		}
		count := func(what string, wantFiles, wantFolders int, call func()) {
			t.Helper()
			files, folders = 0, 0
			call()
			if !m.portable && !m.noXattr && (files != wantFiles || folders != wantFolders) {
				t.Errorf("%s synced %d files and %d directories, want %d and %d", what, files, folders, wantFiles, wantFolders)
			}
		}
		count("a put in the root", 1, 1, func() { put(t, b, "a", "") })
		count("a put three directories down", 1, 1+3, func() { put(t, b, "x/y/z/a", "") })
		count("one more there", 1, 1, func() { put(t, b, "x/y/z/b", "") })
		count("an overwrite", 1, 1, func() { put(t, b, "x/y/z/b", "") })
		count("a delete", 0, 1, func() { b.Delete(t.Context(), "x/y/z/a", nil) })
		count("a delete that empties directories", 0, 1, func() { b.Delete(t.Context(), "x/y/z/b", nil) })
		count("a put where they were", 1, 1+3, func() { put(t, b, "x/y/z/a", "") })
		count("a delete of what is missing", 0, 1, func() { b.Delete(t.Context(), "no/where", nil) })

		for failAt = 1; ; failAt++ {
			b.raw.tree.durable.known = nil
			files, folders = 0, 0
			_, err := b.Put(t.Context(), "n/e/w", strings.NewReader("x"), nil)
			if err == nil {
				break
			}
			if !errors.Is(err, failed) || failAt > 20 {
				t.Fatal(err)
			}
			if failAt == 1 { // of the file itself: it was never published
				wantMissing(t, b, "n/e/w")
			} else if !m.noXattr && !m.portable && !errors.Is(err, blob.ErrAmbiguous) {
				t.Errorf("sync %d failed: %v", failAt, err)
			}
			files, folders = 99, 99
			b.Delete(t.Context(), "n/e/w", nil)
		}
		if left := drafts(t, b.Dir()); left != nil {
			t.Errorf("left in the work directory: %q", left)
		}
	})
}

// A root that is removed under a handle fails writes, and hangs nothing.
func TestRootRemoved(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		dir := filepath.Join(t.TempDir(), "root")
		os.Mkdir(dir, 0o777)
		b := openMode(t, dir, m)
		put(t, b, "a/b", "x")
		if err := os.RemoveAll(dir); err != nil {
			t.Skip(err)
		}
		wantMissing(t, b, "a/b")
		for _, key := range []string{"a/b", "c", "d/e"} {
			if _, err := b.Put(t.Context(), key, strings.NewReader("x"), nil); err == nil {
				t.Errorf("Put of %s into nowhere", key)
			}
		}
		if err := b.Delete(t.Context(), "a/b", nil); err != nil {
			t.Error(err)
		}
	})
}
