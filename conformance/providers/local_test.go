package providers_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/drivers/file"
	"github.com/holdall-go/holdall/drivers/mem"
)

// Two stores that need no server stand in the matrix beside those that do.

// inMemory makes the names of buckets in memory different.
var inMemory atomic.Int64

// memory is the harness of drivers/mem.
func memory() conformance.Harness {
	open := func(t *conformance.T, url string) blob.Bucket {
		b, err := mem.Open(strings.TrimPrefix(url, "mem://"), nil)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return b
	}
	return conformance.Harness{
		Name: "mem",
		Open: func(t *conformance.T) blob.Bucket {
			return open(t, fmt.Sprintf("matrix-%d", inMemory.Add(1)))
		},
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket { return open(t, fmt.Sprint(b)) },
		URL:    func(_ *conformance.T, b blob.Bucket) string { return fmt.Sprint(b) },
		Impossible: without(map[conformance.Hook]string{
			conformance.HookNonexistent: "a bucket in memory is made when it is opened",
			conformance.HookForeign:     "no other program reaches this memory",
			conformance.HookCorrupt:     "no other program reaches this memory",
		}),
	}
}

// without adds to what cannot be where there is no server.
func without(impossible map[conformance.Hook]string) map[conformance.Hook]string {
	for _, hook := range []conformance.Hook{conformance.HookEndpoint, conformance.HookProxied, conformance.HookDenied,
		conformance.HookRestart, conformance.HookPause} {
		impossible[hook] = "there is no server"
	}
	return impossible
}

// files is the harness of drivers/file.
func files() conformance.Harness {
	open := func(t *conformance.T, dir string) (blob.Bucket, error) {
		b, err := file.Open(dir, nil)
		if err != nil {
			return nil, err
		}
		return b, nil
	}
	must := func(t *conformance.T, dir string) blob.Bucket {
		b, err := open(t, dir)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return b
	}
	where := func(b blob.Bucket, key string) string {
		return filepath.Join(b.(*file.Bucket).Dir(), filepath.FromSlash(key))
	}
	return conformance.Harness{
		Name:   "file",
		Open:   func(t *conformance.T) blob.Bucket { return must(t, t.TempDir()) },
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket { return must(t, b.(*file.Bucket).Dir()) },
		URL: func(_ *conformance.T, b blob.Bucket) string {
			return (&url.URL{Scheme: "file", Path: filepath.ToSlash(b.(*file.Bucket).Dir())}).String()
		},
		Nonexistent: func(t *conformance.T) (blob.Bucket, error) { return open(t, filepath.Join(t.TempDir(), "missing")) },
		Foreign: func(t *conformance.T, b blob.Bucket, key, content string) {
			if err := os.MkdirAll(filepath.Dir(where(b, key)), 0o777); err != nil {
				t.Fatalf("%v", err)
			}
			if err := os.WriteFile(where(b, key), []byte(content), 0o666); err != nil {
				t.Fatalf("%v", err)
			}
		},
		Corrupt: func(t *conformance.T, b blob.Bucket, key string, off int64) {
			if err := rot(where(b, key), off); err != nil {
				t.Fatalf("%v", err)
			}
		},
		Impossible: without(map[conformance.Hook]string{}),
	}
}

// rot flips a bit of the byte at off, in place and with the time as it was.
func rot(name string, off int64) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	content[off] ^= 1
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(content[off:off+1], off); err != nil {
		return err
	}
	return os.Chtimes(name, info.ModTime(), info.ModTime())
}
