package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// What a wrapper keeps of the bucket inside: its name, its Provider options, and that it is closed. These are S14 to S16.

// allLayers are the layers, and those that pass on less than they get.
func allLayers() []layer {
	return append(layers[:len(layers):len(layers)], layer{"read only", "", blob.ReadOnly},
		layer{"named wrapper", "", func(b blob.Bucket) blob.Bucket { return blob.Check(&named{blob.Wrap(b)}) }})
}

// A named bucket has a name of its own.
type named struct{ blob.Wrapper }

func (n *named) String() string { return "named " + n.Wrapper.String() }

func namesThrough(t *T) {
	for _, l := range allLayers() {
		f, inner := newFaulty(t.Bucket)
		b := l.wrap(inner)
		want := "faulty"
		switch {
		case l.name == "named wrapper":
			want = "named faulty"
		case l.prefix != "":
			want += "/" + l.prefix
		}
		if got := fmt.Sprint(b); got != want {
			t.Errorf("over %s the bucket %v is named %q, not %q", l.name, inner, got, want)
		}
		t.Put(l.prefix+source, "x")
		t.Put(l.prefix+"k", "x") // which stays, since each call fails
		for method, reach := range reaches(t.Caps) {
			for _, c := range reach {
				f.repair()
				_ = f.breakMethod(method)
				err := c.run(t.ctx, b, "k")
				var e *blob.Error
				if !errors.As(err, &e) || e.Bucket != want {
					t.Errorf("over %s, %s answers %v, which does not name the bucket %s", l.name, c.name, err, want)
				}
			}
		}
	}
}

// A strangeOption is a Provider option of no bucket.
type strangeOption struct{}

func providerThrough(t *T) {
	f, inner := newFaulty(t.Bucket)
	own := faultyOption{"of its own"}
	for _, l := range allLayers() {
		t.Put(l.prefix+source, "x")
		b := l.wrap(inner)
		for _, c := range writesWith(b.Capabilities()) {
			f.repair()
			if err := c.run(t.ctx, b, own); b.Capabilities().ReadOnly {
				wantClass(t, c.name+" over "+l.name, err, fs.ErrPermission)
			} else if t.WantOK(c.name+" over "+l.name, err); f.own != own {
				t.Errorf("over %s, %s loses its Provider option", l.name, c.name)
			}
			f.repair()
			if err := c.run(t.ctx, b, strangeOption{}); err == nil || f.written() > 0 {
				t.Errorf("over %s, %s with an option of another driver answers %v after %d calls", l.name, c.name, err, f.written())
			} else if !b.Capabilities().ReadOnly {
				wantClass(t, c.name+" over "+l.name+" with an option of another driver", err, errors.ErrUnsupported)
			}
		}
	}
}

// A writeWith is a call that takes a Provider option.
type writeWith struct {
	name string
	run  func(ctx context.Context, b blob.Bucket, option any) error
}

// writesWith are the calls with Provider options that a bucket with these capabilities can do, on the keys "k" and source.
func writesWith(caps blob.Capabilities) []writeWith {
	all := []writeWith{{"put", func(ctx context.Context, b blob.Bucket, option any) error {
		_, err := b.Put(ctx, "k", strings.NewReader("new"), &blob.PutOptions{Provider: option})
		return err
	}}}
	if caps.Copy {
		all = append(all, writeWith{"copy", func(ctx context.Context, b blob.Bucket, option any) error {
			src, err := b.Source(ctx, source, nil)
			if err == nil {
				_, err = b.Copy(ctx, "k", src, &blob.CopyOptions{Provider: option})
			}
			return err
		}})
	}
	if caps.Uploads.Supported {
		all = append(all, writeWith{"upload", func(ctx context.Context, b blob.Bucket, option any) error {
			u, err := b.Upload(ctx, "k", &blob.UploadOptions{Provider: option})
			if err == nil {
				err = u.Abort(ctx)
			}
			return err
		}})
	}
	return all
}

// A hoarder has an object of its own, as a cache does.
type hoarder struct{ blob.Wrapper }

func (*hoarder) Stat(context.Context, string, *blob.StatOptions) (*blob.Object, error) {
	return &blob.Object{Size: 1}, nil
}

func (*hoarder) Get(ctx context.Context, key string, _ *blob.GetOptions) (*blob.Reader, error) {
	return blob.NewReader(ctx, io.NopCloser(strings.NewReader("x")), &blob.Object{Key: key, Size: 1}, 0, 1), nil
}

func closedThrough(t *T) {
	cache := layer{"cache", "", func(b blob.Bucket) blob.Bucket { return embedded(blob.Check(&hoarder{blob.Wrap(b)})) }}
	for _, l := range append(allLayers(), cache) {
		for _, whole := range []bool{true, false} {
			t.Put(l.prefix+"k", "content")
			t.Put(l.prefix+source, "content")
			f, inner := newFaulty(t.Bucket)
			b := l.wrap(inner)
			r, err := b.Get(t.ctx, "k", nil)
			t.WantOK("get over "+l.name, err)
			closed, what := b, l.name
			if whole {
				closed, what = inner, "the bucket below "+l.name
			}
			t.WantOK("close of "+what, closed.Close())
			f.repair()
			for _, c := range calls(b.Capabilities()) {
				wantClass(t, c.name+" after Close of "+what, c.run(t.ctx, b, "k"), blob.ErrClosed)
			}
			_, err = io.ReadAll(r)
			wantClass(t, "a read after Close of "+what, err, blob.ErrClosed)
			if n := f.all(); n > 0 {
				t.Errorf("after Close of %s, %d calls reach the store", what, n)
			}
			r.Close()
		}
	}
}
