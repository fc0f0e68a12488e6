package model_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance/model"
	"github.com/holdall-go/holdall/drivers/file"
	"github.com/holdall-go/holdall/drivers/mem"
)

var opened atomic.Uint64

// A namespace is a bucket that can be opened again.
type namespace struct{ names map[blob.Bucket]string }

func (n *namespace) open(must func(name string) blob.Bucket) *model.Options {
	n.names = map[blob.Bucket]string{}
	return &model.Options{Reopen: func(b blob.Bucket) blob.Bucket {
		again := must(n.names[b])
		n.names[again] = n.names[b]
		return again
	}}
}

func (n *namespace) fresh(must func(name string) blob.Bucket) func() blob.Bucket {
	return func() blob.Bucket {
		name := fmt.Sprint("model-", opened.Add(1))
		b := must(name)
		n.names[b] = name
		return b
	}
}

func memory(name string) blob.Bucket {
	b, err := mem.Open(name, nil)
	if err != nil {
		panic(err)
	}
	return b
}

// files opens directories without waiting for the disk, which is another test's business.
func files(t testing.TB) func(name string) blob.Bucket {
	root := t.TempDir()
	return func(name string) blob.Bucket {
		b, err := file.Open(filepath.Join(root, name), &file.Options{Create: true, Sync: file.SyncNone})
		if err != nil {
			panic(err)
		}
		return b
	}
}

func TestMemory(t *testing.T) {
	var n namespace
	opts := n.open(memory)
	model.Check(t, n.fresh(memory), opts)
}

func TestFiles(t *testing.T) {
	var n namespace
	must := files(t)
	opts := n.open(must)
	model.Check(t, n.fresh(must), opts)
}

func TestSub(t *testing.T) {
	model.Check(t, func() blob.Bucket { return blob.Sub(mem.New(nil), "a/") }, nil)
	model.Check(t, func() blob.Bucket { return blob.Sub(blob.Sub(mem.New(nil), "a/b"), "-") }, nil)
}

func FuzzMemory(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(model.Walk(context.Background(), func() blob.Bucket { return mem.New(nil) }, nil)))
}

func TestMemoryIsLinearizable(t *testing.T) {
	for _, clients := range []int{8, 16} {
		model.CheckLinearizable(t, mem.New(nil), model.Load{Clients: clients})
	}
}

func TestFilesAreLinearizable(t *testing.T) {
	must := files(t)
	for _, clients := range []int{8, 16} {
		b := must(fmt.Sprint("linear-", clients))
		model.CheckLinearizable(t, b, model.Load{Clients: clients})
		b.Close()
	}
}

// The models are tested with buckets that are wrong in one point each.
func TestBrokenBucketsAreCaught(t *testing.T) {
	// What fails here is meant to: it needs no record, and nobody reads its shortest form. A hundred walks miss the
	// rarest of these faults one time in twenty; of thousands, only those up to the first that fails are walked. With
	// -short, rapid takes a fifth.
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.shrinktime": "0s", "rapid.checks": "5000"} {
		was := flag.Lookup(name).Value.String()
		_ = flag.Set(name, value)
		defer func() { _ = flag.Set(name, was) }()
	}
	for name, wrap := range map[string]func(b blob.Bucket) blob.Bucket{
		"loses a/b0 after a/b/":          func(b blob.Bucket) blob.Bucket { return &losesNeighbour{blob.Wrap(b)} },
		"ignores if-match":               func(b blob.Bucket) blob.Bucket { return &ignoresMatch{blob.Wrap(b)} },
		"keeps what a failing body sent": func(b blob.Bucket) blob.Bucket { return &keepsPart{blob.Wrap(b)} },
		"deletes what lies below":        func(b blob.Bucket) blob.Bucket { return &deletesBelow{blob.Wrap(b)} },
	} {
		t.Run(name, func(t *testing.T) {
			fails := failure(t, func(tb rapid.TB) {
				rapid.Check(tb, model.Walk(t.Context(), func() blob.Bucket { return blob.Check(wrap(mem.New(nil))) }, nil))
			})
			if !fails {
				t.Error("the walk does not see it")
			}
		})
	}
}

// failure tells whether f fails its tb.
func failure(t *testing.T, f func(tb rapid.TB)) bool {
	recorder := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(recorder)
	}()
	<-done
	return recorder.failed
}

// A recorder is a test that keeps its failure to itself.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Failed() bool          { return r.failed }
func (r *recorder) Fail()                 { r.failed = true }
func (r *recorder) FailNow()              { r.failed = true; runtime.Goexit() }
func (r *recorder) Error(...any)          { r.Fail() }
func (r *recorder) Errorf(string, ...any) { r.Fail() }
func (r *recorder) Fatal(...any)          { r.FailNow() }
func (r *recorder) Fatalf(string, ...any) { r.FailNow() }
func (r *recorder) Log(...any)            {}
func (r *recorder) Logf(string, ...any)   {}

type losesNeighbour struct{ blob.Wrapper }

func (d *losesNeighbour) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		skip := ""
		for o, err := range d.Wrapper.List(ctx, opts) {
			if err == nil && o.Key == skip {
				continue
			}
			if err == nil && o.IsPrefix && strings.HasSuffix(o.Key, "/") {
				skip = strings.TrimSuffix(o.Key, "/") + "0"
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

type ignoresMatch struct{ blob.Wrapper }

func (d *ignoresMatch) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	o := *opts
	if o.If.Kind() == blob.KindMatch {
		o.If = blob.Condition{}
	}
	return d.Wrapper.Put(ctx, key, body, &o)
}

type keepsPart struct{ blob.Wrapper }

func (d *keepsPart) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	content, failure := io.ReadAll(body)
	o, err := d.Wrapper.Put(ctx, key, strings.NewReader(string(content)), opts)
	if failure != nil {
		return nil, failure
	}
	return o, err
}

type deletesBelow struct{ blob.Wrapper }

func (d *deletesBelow) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	for o, err := range d.Wrapper.List(ctx, &blob.ListOptions{Prefix: key + "/"}) {
		if err != nil {
			return err
		}
		if err := d.Wrapper.Delete(ctx, o.Key, nil); err != nil {
			return err
		}
	}
	return d.Wrapper.Delete(ctx, key, opts)
}
