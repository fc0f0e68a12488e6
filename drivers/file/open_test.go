package file

import (
	"context"
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

// TestStaleUploads: an upload whose head is gone was begun or removed, but not to the end. One with a head may be resumed
// however old it is, and one that has just begun may get its head any moment.
func TestStaleUploads(t *testing.T) {
	dir := t.TempDir()
	b := openMode(t, dir, mode{})
	ids := map[string]string{}
	uploads := filepath.Join(dir, workName, uploadsFolder)
	for _, state := range []string{"headless", "beginning", "resumable"} {
		u, err := b.Upload(t.Context(), "k", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Put(t.Context(), 1, section([]byte("part"))); err != nil {
			t.Fatal(err)
		}
		ids[state] = u.ID()
		if state != "resumable" {
			os.Remove(filepath.Join(uploads, u.ID(), headName))
		}
		if old := time.Now().Add(-48 * time.Hour); state != "beginning" {
			os.Chtimes(filepath.Join(uploads, u.ID()), old, old)
		}
	}
	b.Close()
	openMode(t, dir, mode{})
	for state, want := range map[string]bool{"headless": false, "beginning": true, "resumable": true} {
		if _, err := os.Stat(filepath.Join(uploads, ids[state])); (err == nil) != want {
			t.Errorf("%s: there is %v, want it there: %t", state, err, want)
		}
	}
}

// TestWorkRemoved has the work directory removed under an open bucket, as another process does that closes the tree.
// Writes go on, and no descriptor is kept for each removal.
func TestWorkRemoved(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		dir := t.TempDir()
		b := openMode(t, dir, m)
		overwrite := func() {
			if err := os.RemoveAll(filepath.Join(dir, workName)); err != nil {
				t.Fatal(err)
			}
			put(t, b, "k", "content")
		}
		for range 3 {
			overwrite()
		}
		before := descriptors()
		for range 50 {
			overwrite()
		}
		if now := descriptors(); now > before+10 { // others of the process come and go
			t.Errorf("50 removals of the work directory leave %d descriptors open, where there were %d", now, before)
		}
	})
}

// descriptors counts the open files of the process, where the system tells.
func descriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// TestHoldsObjectsDuringMove asks, as a listing with a delimiter does, whether a directory holds anything, while its only
// object is between two places.
func TestHoldsObjectsDuringMove(t *testing.T) {
	b := openMode(t, t.TempDir(), mode{portable: true})
	put(t, b, "p/a", "object")
	tree := b.raw.tree
	answer := make(chan error, 1)
	moved := false
	tree.beforeSync = func(any) error {
		if tree.moving.TryRLock() { // the object is in its place
			tree.moving.RUnlock()
		} else if !moved {
			moved = true
			go func() {
				dir, err := tree.openFolder("p")
				if err == nil {
					defer dir.close()
					var found bool
					w := &walk{tree: tree, ctx: context.Background(), skipped: &skipped{}}
					if found, err = w.holdsObjects(dir, "", ""); err == nil && !found {
						err = errors.New("the directory seems empty")
					}
				}
				answer <- err
			}()
			time.Sleep(100 * time.Millisecond) // it waits for the move, or has looked by then
		}
		return nil
	}
	put(t, b, "p/a/b", "")
	if !moved {
		t.Fatal("the object was never out of its place")
	}
	if err := <-answer; err != nil {
		t.Error(err)
	}
}

// TestForeignNote: a note that no move wrote does not lead out of the root.
func TestForeignNote(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "root")
	move := filepath.Join(dir, workName, movesFolder, "1")
	os.MkdirAll(filepath.Join(move, "dir"), 0o777)
	os.WriteFile(filepath.Join(move, "dir", selfName), []byte("content"), 0o666)
	for _, note := range []string{"../escaped", "../new/escaped", "a/../../escaped", "", "/escaped", "."} {
		os.WriteFile(filepath.Join(move, "path"), []byte(note), 0o666)
		if b, err := Open(dir, nil); err == nil {
			b.Close()
			t.Errorf("a note that names %q is followed", note)
		}
		if entries, _ := os.ReadDir(outer); len(entries) != 1 {
			t.Fatalf("a note that names %q leads to %v", note, entries)
		}
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
