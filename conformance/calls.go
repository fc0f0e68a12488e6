package conformance

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A call is one way to use a bucket, for cases that go through all of them.
type call struct {
	name   string // of the case's own words
	op     string // Op of its errors
	key    bool   // its errors carry the key; others carry a prefix, or nothing
	mutate bool
	run    func(ctx context.Context, b blob.Bucket, key string) error
}

// source is the key that copies of the calls read.
const source = "source"

// calls are all that a bucket with these capabilities can do. A copy reads the object source of the same bucket.
func calls(c blob.Capabilities) []call {
	all := []call{
		{"stat", "stat", true, false, func(ctx context.Context, b blob.Bucket, key string) error {
			_, err := b.Stat(ctx, key, nil)
			return err
		}},
		{"get", "get", true, false, func(ctx context.Context, b blob.Bucket, key string) error {
			r, err := b.Get(ctx, key, nil)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
			return err
		}},
		{"list", "list", false, false, func(ctx context.Context, b blob.Bucket, key string) error {
			for _, err := range b.List(ctx, &blob.ListOptions{Prefix: key}) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"put", "put", true, true, func(ctx context.Context, b blob.Bucket, key string) error {
			_, err := b.Put(ctx, key, strings.NewReader("new"), nil)
			return err
		}},
		{"put of a stream", "put", true, true, func(ctx context.Context, b blob.Bucket, key string) error {
			_, err := b.Put(ctx, key, struct{ io.Reader }{strings.NewReader("new")}, nil)
			return err
		}},
		{"delete", "delete", true, true, func(ctx context.Context, b blob.Bucket, key string) error {
			return b.Delete(ctx, key, nil)
		}},
		{"delete each", "delete", true, true, func(ctx context.Context, b blob.Bucket, key string) error {
			return b.DeleteEach(ctx, slices.Values([]string{key}), nil)
		}},
	}
	if c.Copy {
		all = append(all, call{"source", "source", true, false, func(ctx context.Context, b blob.Bucket, key string) error {
			_, err := b.Source(ctx, key, nil)
			return err
		}}, call{"copy", "copy", true, true, func(ctx context.Context, b blob.Bucket, key string) error {
			src, err := b.Source(context.WithoutCancel(ctx), source, nil)
			if err != nil {
				return err
			}
			_, err = b.Copy(ctx, key, src, nil)
			return err
		}})
	}
	if c.Uploads.Supported {
		all = append(all, call{"upload", "upload", true, true, func(ctx context.Context, b blob.Bucket, key string) error {
			u, err := b.Upload(ctx, key, nil)
			if err != nil {
				return err
			}
			if _, err = u.Put(ctx, 1, section("new")); err == nil {
				_, err = u.Complete(ctx)
			}
			if err != nil {
				_ = u.Abort(context.WithoutCancel(ctx))
			}
			return err
		}})
	}
	if c.Uploads.Listed {
		all = append(all, call{"uploads", "uploads", false, false, func(ctx context.Context, b blob.Bucket, key string) error {
			for _, err := range b.Uploads(ctx, key) {
				if err != nil {
					return err
				}
			}
			return nil
		}})
	}
	for method := range c.Sign.Methods.All() {
		all = append(all, call{"sign " + method, "sign", true, false, func(ctx context.Context, b blob.Bucket, key string) error {
			_, err := b.Sign(ctx, key, &blob.SignOptions{Method: method, Expires: time.Minute})
			return err
		}})
	}
	return all
}

// section makes the body of a part.
func section(content string) *io.SectionReader {
	return io.NewSectionReader(strings.NewReader(content), 0, int64(len(content)))
}

// An endable is a context that ends when the case says so, with the error that the case chooses: a deadline that needs
// no waiting.
type endable struct {
	context.Context
	done chan struct{}
	why  error
}

func newEndable(parent context.Context, why error) *endable {
	return &endable{parent, make(chan struct{}), why}
}

func (e *endable) end() { close(e.done) }

func (e *endable) Done() <-chan struct{} { return e.done }

func (e *endable) Err() error {
	select {
	case <-e.done:
		return e.why
	default:
		return e.Context.Err()
	}
}

// bothEnds are the two ways in which a context ends.
var bothEnds = []error{context.Canceled, context.DeadlineExceeded}
