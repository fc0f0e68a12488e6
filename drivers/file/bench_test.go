package file

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// benchDir is in memory where the system has such a directory, so that the driver is measured and not a disk.
func benchDir(b *testing.B) string {
	if i, err := os.Stat("/dev/shm"); err == nil && i.IsDir() {
		dir, err := os.MkdirTemp("/dev/shm", "holdall")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	return b.TempDir()
}

var small = make([]byte, 1<<10)

func BenchmarkPut(b *testing.B) {
	opts := &blob.PutOptions{Attributes: blob.Attributes{ContentType: "text/plain", Metadata: map[string]string{"owner": "alice"}}}
	b.Run("holdall", func(b *testing.B) {
		bucket := openMode(b, benchDir(b), mode{})
		b.ReportAllocs()
		for i := range b.N {
			if _, err := bucket.Put(b.Context(), fmt.Sprintf("d/%d", i%10_000), bytes.NewReader(small), opts); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("rename", func(b *testing.B) { // a temporary file with an attribute, renamed
		dir := benchDir(b)
		os.Mkdir(filepath.Join(dir, "d"), 0o777)
		b.ReportAllocs()
		for i := range b.N {
			f, err := os.CreateTemp(filepath.Join(dir, "d"), "tmp*")
			if err != nil {
				b.Fatal(err)
			}
			f.Write(small)
			setXattr(f, make([]byte, 60))
			f.Close()
			if err := os.Rename(f.Name(), filepath.Join(dir, fmt.Sprintf("d/%d", i%10_000))); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkPutDurable is on a disk.
func BenchmarkPutDurable(b *testing.B) {
	for _, goroutines := range []int{1, 16} {
		b.Run(fmt.Sprintf("holdall/%d", goroutines), func(b *testing.B) {
			bucket, err := Open(b.TempDir(), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer bucket.Close()
			parallel(b, goroutines, func(i int) error {
				_, err := bucket.Put(b.Context(), fmt.Sprintf("d/%d", i), bytes.NewReader(small), nil)
				return err
			})
		})
		b.Run(fmt.Sprintf("rename/%d", goroutines), func(b *testing.B) {
			dir := b.TempDir()
			parallel(b, goroutines, func(i int) error {
				f, err := os.CreateTemp(dir, "tmp*")
				if err != nil {
					return err
				}
				f.Write(small)
				f.Sync()
				f.Close()
				if err := os.Rename(f.Name(), filepath.Join(dir, fmt.Sprint(i))); err != nil {
					return err
				}
				d, err := os.Open(dir)
				if err != nil {
					return err
				}
				defer d.Close()
				return d.Sync()
			})
		})
	}
}

// parallel calls b.N times from that many goroutines.
func parallel(b *testing.B, goroutines int, call func(i int) error) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := call(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkGet(b *testing.B) {
	dir := benchDir(b)
	bucket := openMode(b, dir, mode{})
	for i := range 10_000 {
		bucket.Put(b.Context(), fmt.Sprintf("d/%d", i), bytes.NewReader(small), nil)
	}
	b.Run("holdall", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if _, err := get(bucket, fmt.Sprintf("d/%d", i%10_000)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("readfile", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if _, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("d/%d", i%10_000))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stat/holdall", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if _, err := bucket.Stat(b.Context(), fmt.Sprintf("d/%d", i%10_000), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stat/os", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("d/%d", i%10_000))); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkLarge(b *testing.B) {
	const size = 64 << 20
	body := make([]byte, size)
	dir := benchDir(b)
	bucket := openMode(b, dir, mode{})
	plain := filepath.Join(dir, "plain")
	b.Run("put/holdall", func(b *testing.B) {
		b.SetBytes(size)
		for range b.N {
			bucket.Put(b.Context(), "large", struct{ io.Reader }{bytes.NewReader(body)}, nil)
		}
	})
	b.Run("put/copy", func(b *testing.B) {
		b.SetBytes(size)
		buf := make([]byte, 256<<10)
		for range b.N {
			f, _ := os.Create(plain + ".tmp")
			io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{bytes.NewReader(body)}, buf)
			f.Close()
			os.Rename(plain+".tmp", plain)
		}
	})
	b.Run("get/holdall", func(b *testing.B) {
		b.SetBytes(size)
		for range b.N {
			r, err := bucket.Get(b.Context(), "large", nil)
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, r)
			r.Close()
		}
	})
	b.Run("get/copy", func(b *testing.B) {
		b.SetBytes(size)
		buf := make([]byte, 256<<10)
		for range b.N {
			f, _ := os.Open(plain)
			io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, buf)
			f.Close()
		}
	})
	b.Run("copy/holdall", func(b *testing.B) {
		b.SetBytes(size)
		for range b.N {
			if _, err := copyObject(b.Context(), bucket, "copy", bucket, "large", nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("copy/plain", func(b *testing.B) {
		b.SetBytes(size)
		for range b.N {
			in, _ := os.Open(plain)
			out, _ := os.Create(plain + ".tmp")
			io.Copy(out, in) // copy_file_range
			in.Close()
			out.Close()
			os.Rename(plain+".tmp", plain+".copy")
		}
	})
}
