package blob_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// idle is a driver that does nothing, so that what is measured is Check.
type idle struct{ blob.Unsupported }

var content [1024]byte

func (idle) Stat(context.Context, string, *blob.StatOptions) (*blob.Object, error) {
	return &blob.Object{}, nil
}

func (idle) Get(ctx context.Context, _ string, _ *blob.GetOptions) (*blob.Reader, error) {
	return blob.NewReader(ctx, zeroBody{}, &blob.Object{Size: int64(len(content))}, 0, int64(len(content))), nil
}

func (idle) Put(_ context.Context, _ string, body io.Reader, _ *blob.PutOptions) (*blob.Object, error) {
	var buf [len(content)]byte
	_, err := body.Read(buf[:])
	return &blob.Object{}, err
}

type zeroBody struct{ zeros }

func (zeroBody) Close() error { return nil }

const benchKey = "photos/2026/summer/0042.jpg"

// operations run once on a bucket. The options are those of most calls: none, but for the size of a put.
func operations(b blob.Bucket) map[string]func() {
	buf := make([]byte, len(content))
	body := bytes.NewReader(content[:])
	size := &blob.PutOptions{Size: int64(len(content))}
	return map[string]func(){
		"stat": func() { b.Stat(ctx, benchKey, nil) },
		"get": func() {
			r, _ := b.Get(ctx, benchKey, &blob.GetOptions{})
			io.ReadFull(r, buf)
			r.Close()
		},
		"put": func() {
			body.Reset(content[:])
			b.Put(ctx, benchKey, body, size)
		},
	}
}

// strict is idle with rules for keys.
type strict struct{ idle }

func (strict) Capabilities() blob.Capabilities {
	return blob.Capabilities{Keys: blob.KeyRules{Canonical: true, NoSpacedDots: true, MaxSegment: 255, NoSlashAtEnd: true}}
}

// BenchmarkCheck shows each call on a driver that does nothing: without Check, with it, with rules for keys, and in a Sub.
func BenchmarkCheck(b *testing.B) {
	for _, name := range []string{"stat", "get", "put"} {
		buckets := map[string]blob.Bucket{"bare": idle{}, "checked": blob.Check(idle{}), "rules": blob.Check(strict{}), "sub": blob.Sub(blob.Check(strict{}), "albums/")}
		for with, bucket := range buckets {
			op := operations(bucket)[name]
			b.Run(name+"/"+with, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					op()
				}
			})
		}
	}
}

// What Check allocates beyond the driver is held to 1 for a stat, and 3 for a get and a put.
func TestCheckAllocations(t *testing.T) {
	bare := operations(idle{})
	for rules, b := range map[string]blob.Bucket{"without rules for keys": idle{}, "with rules for keys": strict{}} {
		checked := operations(blob.Check(b))
		for name, most := range map[string]float64{"stat": 1, "get": 3, "put": 3} {
			added := testing.AllocsPerRun(1000, checked[name]) - testing.AllocsPerRun(1000, bare[name])
			if added > most {
				t.Errorf("%s %s: Check adds %v allocations", name, rules, added)
			}
		}
	}
}

// wrappers are ways to wrap a bucket, from nothing to two layers.
var wrappers = []struct {
	name string
	wrap func(b blob.Bucket) blob.Bucket
}{
	{"none", func(b blob.Bucket) blob.Bucket { return b }},
	{"sub", func(b blob.Bucket) blob.Bucket { return blob.Sub(b, "photos/") }},
	{"read only", blob.ReadOnly},
	{"read only sub", func(b blob.Bucket) blob.Bucket { return blob.ReadOnly(blob.Sub(b, "photos/")) }},
}

// BenchmarkWrappers shows each call on a driver that does nothing, behind Check and each wrapper.
func BenchmarkWrappers(b *testing.B) {
	for _, name := range []string{"stat", "get", "put"} {
		for _, w := range wrappers {
			bucket := w.wrap(blob.Check(idle{}))
			if name == "put" && bucket.Capabilities().ReadOnly {
				continue
			}
			op := operations(bucket)[name]
			b.Run(name+"/"+w.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					op()
				}
			})
		}
	}
}

func BenchmarkReadAll(b *testing.B) {
	m := newMem(b)
	put(b, m, "k", noise(1<<20))
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := blob.ReadAll(ctx, m, "k"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDownload(b *testing.B) {
	m := newMem(b)
	const size = 64 << 20
	put(b, m, "k", noise(size))
	w := make(memory, size)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := blob.Download(ctx, m, "k", w, nil); err != nil {
			b.Fatal(err)
		}
	}
}
