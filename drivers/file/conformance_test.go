package file

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
)

// TestConformance runs the suite in the way in which the driver goes by this system, durably, and in short in all the
// other ways.
func TestConformance(t *testing.T) {
	t.Run("durable", func(t *testing.T) { conformance.Run(t, harness("file", &Options{})) })
	for name, m := range modes {
		t.Run(name, func(t *testing.T) {
			conformance.Run(t, harness("file:"+name, &Options{Sync: SyncNone, mode: m}), conformance.InTier(conformance.Short))
		})
	}
}

func harness(name string, opts *Options) conformance.Harness {
	openIn := func(t *conformance.T, dir string) blob.Bucket {
		b, err := Open(dir, opts)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return b
	}
	// where is the file of a key that is stored under its own name.
	where := func(b blob.Bucket, key string) string {
		return filepath.Join(b.(*Bucket).Dir(), filepath.FromSlash(key))
	}
	return conformance.Harness{
		Name:   name,
		Open:   func(t *conformance.T) blob.Bucket { return openIn(t, t.TempDir()) },
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket { return openIn(t, b.(*Bucket).Dir()) },
		URL: func(_ *conformance.T, b blob.Bucket) string {
			return (&url.URL{Scheme: "file", Path: filepath.ToSlash(b.(*Bucket).Dir())}).String()
		},
		Nonexistent: func(t *conformance.T) (blob.Bucket, error) {
			b, err := Open(filepath.Join(t.TempDir(), "missing"), opts)
			if err != nil {
				return nil, err
			}
			return b, nil
		},
		Foreign: func(t *conformance.T, b blob.Bucket, key, content string) {
			path := where(b, key)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatalf("%v", err)
			}
			if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
				t.Fatalf("%v", err)
			}
		},
		Corrupt: func(t *conformance.T, b blob.Bucket, key string, off int64) {
			if err := flipBit(where(b, key), off); err != nil {
				t.Fatalf("%v", err)
			}
		},
		Impossible: map[conformance.Hook]string{
			conformance.HookEndpoint: "there is no server",
			conformance.HookProxied:  "there are no requests",
			conformance.HookDenied:   "there are no credentials: the rights are those of the process",
			conformance.HookRestart:  "there is no server",
			conformance.HookPause:    "there is no server",
		},
	}
}

// flipBit changes one bit of a file, but not its time, as a disk that rots does.
func flipBit(path string, off int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		return err
	}
	b[0] ^= 1 << 3
	if _, err := f.WriteAt(b[:], off); err != nil {
		return err
	}
	return os.Chtimes(path, info.ModTime(), info.ModTime())
}
