package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// modes are the ways in which the driver goes by the system. All must be as good.
var modes = map[string]mode{
	"direct":   {},
	"aside":    {noXattr: true},
	"named":    {noUnnamed: true},
	"portable": {portable: true},
}

func eachMode(t *testing.T, test func(t *testing.T, m mode)) {
	for name, m := range modes {
		t.Run(name, func(t *testing.T) { test(t, m) })
	}
}

func openMode(t testing.TB, dir string, m mode) *Bucket {
	t.Helper()
	b, err := Open(dir, &Options{Sync: SyncNone, mode: m})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func put(t testing.TB, b blob.Bucket, key, body string) *blob.Object {
	t.Helper()
	o, err := b.Put(t.Context(), key, strings.NewReader(body), nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func get(b blob.Bucket, key string) (string, error) {
	r, err := b.Get(context.Background(), key, nil)
	if err != nil {
		return "", err
	}
	defer r.Close()
	body := make([]byte, r.Length())
	if _, err := io.ReadFull(r, body); err != nil {
		return "", err
	}
	if _, err := r.Read(make([]byte, 1)); err != io.EOF { // verifies
		return "", err
	}
	return string(body), nil
}

func copyObject(ctx context.Context, to blob.Bucket, key string, from blob.Bucket, fromKey string, opts *blob.CopyOptions) (*blob.Object, error) {
	src, err := from.Source(ctx, fromKey, nil)
	if err != nil {
		return nil, err
	}
	return to.Copy(ctx, key, src, opts)
}

func wantBody(t testing.TB, b blob.Bucket, key, want string) {
	t.Helper()
	if got, err := get(b, key); err != nil || got != want {
		t.Fatalf("%q holds %q, %v; want %q", key, got, err, want)
	}
}

func wantMissing(t testing.TB, b blob.Bucket, key string) {
	t.Helper()
	if o, err := b.Stat(context.Background(), key, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Stat of %q: %v, %v; want fs.ErrNotExist", key, o, err)
	}
	if _, err := get(b, key); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Get of %q: %v; want fs.ErrNotExist", key, err)
	}
}

func list(t testing.TB, b blob.Bucket, o *blob.ListOptions) []string {
	t.Helper()
	keys := []string{}
	for e, err := range b.List(context.Background(), o) {
		if err != nil {
			t.Fatal(err)
		}
		if e.IsPrefix {
			keys = append(keys, e.Key+" …")
		} else {
			keys = append(keys, e.Key)
		}
	}
	return keys
}

// onDisk returns the paths of everything in a directory.
func onDisk(t testing.TB, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != dir {
			rel, _ := filepath.Rel(dir, path)
			paths = append(paths, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// drafts returns the temporary files that are left.
func drafts(t testing.TB, dir string) []string {
	t.Helper()
	entries, _ := os.ReadDir(filepath.Join(dir, workName, tmpFolder))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// awkward are keys that paths, names or other drivers have trouble with, and their neighbours.
var awkward = []string{
	"a", "a/", "a//", "a//b", "a-b", "a.txt", "a/x", "a/x/y", "a/x/y/", "a0", "a/b/c", "a/b0", "a/b/", "a/b", "a/b-", "a!", "a\x01",
	"/", "//", "/a", "/a/b", ".", "..", "./a", "../a", "a/.", "a/..", "a/./b", "a/../b", "...", ".a", "-",
	".holdall", ".holdall/x", ".holdall~", ".holdall~/x", ".holdall~=", ".holdall~=a", ".holdall~self", "a/.holdall~self", ".holdall~+a/b", ".holdall~=%25",
	"%", "%2f", "a%2Fb", "100%", "a\\b", "a\nb", "A", "A/b", "\u00e4", "a\u0308", "\U0001f600", "CON", "aux.txt", "a:b", "a ", " a", "a.", "progra~1",
	strings.Repeat("l", 255), strings.Repeat("l", 256), strings.Repeat("l", 255) + "/x", strings.Repeat("l", 300), strings.Repeat("l", 245), strings.Repeat("l", 246),
	strings.Repeat("l", 300) + "/x", strings.Repeat("l", 300) + "-x", strings.Repeat("l", 300) + "m", strings.Repeat("l", 1024), strings.Repeat("l", 600) + "/" + strings.Repeat("m", 400),
	strings.Repeat("l", 245) + "k/z", strings.Repeat("l", 245) + "z", strings.Repeat("\u00e4", 400), strings.Repeat("d/", 511) + "d", strings.Repeat("/", 1024), strings.Repeat(".holdall~/", 90),
}
