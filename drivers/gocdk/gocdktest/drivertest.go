// Package gocdktest has the tests that gocloud.dev and holdall put each other to: gocloud.dev's own conformance tests over
// any Bucket of holdall, and the harnesses of holdall's suite over gocloud.dev's buckets.
package gocdktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/gocdk"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/drivertest"
)

// RunDrivertest runs gocloud.dev's conformance tests over what open returns, an empty bucket each time, as
// [gocdk.Open] shows it with [gocdk.EscapeKeys]. It closes the bucket.
//
// Those tests demand IfNotExist of every bucket. One that has no if-absent, which [gocdk.Open] would report as such, gets
// a stand-in for them: it looks first, which is right as long as nobody else writes.
func RunDrivertest(t *testing.T, open func(t *testing.T) blob.Bucket) {
	drivertest.RunConformanceTests(t, func(_ context.Context, t *testing.T) (drivertest.Harness, error) {
		b := open(t)
		if !b.Capabilities().PutIf.Has(blob.KindAbsent) {
			b = &looksFirst{b}
		}
		return &harness{b}, nil
	}, []drivertest.AsTest{reaches{}})
}

// harness is gocloud.dev's, over a bucket of ours.
type harness struct{ b blob.Bucket }

func (h *harness) MakeDriver(context.Context) (driver.Bucket, error) {
	return gocdk.OpenDriver(h.b, &gocdk.OpenOptions{Keys: gocdk.EscapeKeys}), nil
}

// MakeDriverForNonexistentBucket has none: a bucket was opened before it comes here.
func (h *harness) MakeDriverForNonexistentBucket(context.Context) (driver.Bucket, error) {
	return nil, nil
}
func (h *harness) HTTPClient() *http.Client         { return http.DefaultClient }
func (h *harness) SupportsCopy() bool               { return true }
func (h *harness) SupportsNonSlashDelimiters() bool { return true }
func (h *harness) Close()                           { _ = h.b.Close() }

// looksFirst stands in for if-absent.
type looksFirst struct{ blob.Bucket }

func (b *looksFirst) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	if opts == nil || opts.If.Kind() != blob.KindAbsent {
		return b.Bucket.Put(ctx, key, body, opts)
	}
	switch _, err := b.Stat(ctx, key, nil); {
	case err == nil:
		return nil, &blob.Error{Op: "put", Key: key, Err: blob.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	o := *opts
	o.If = blob.Condition{}
	return b.Bucket.Put(ctx, key, body, &o)
}

// reaches is gocloud.dev's test of As, for what Open promises.
type reaches struct{}

func (reaches) Name() string { return "holdall's own values" }

func (reaches) BucketCheck(b *gcblob.Bucket) error {
	var under blob.Bucket
	if !b.As(&under) || under == nil {
		return errors.New("the Bucket beneath is out of reach")
	}
	var text fmt.Stringer
	if b.As(&text) {
		return errors.New("it gives an interface, by As, that it does not promise")
	}
	return nil
}

func (reaches) ErrorCheck(b *gcblob.Bucket, err error) error {
	var e *blob.Error
	if !b.ErrorAs(err, &e) || e.Op != "get" {
		return fmt.Errorf("%v is no *blob.Error of get", err)
	}
	var n *int
	if b.ErrorAs(err, &n) {
		return errors.New("ErrorAs gives an int")
	}
	return nil
}

func gives[T any](as func(any) bool) error {
	var p *T
	if !as(&p) || p == nil {
		return fmt.Errorf("%T is out of reach", p)
	}
	return nil
}

func (reaches) BeforeRead(as func(any) bool) error   { return gives[blob.GetOptions](as) }
func (reaches) BeforeWrite(as func(any) bool) error  { return gives[blob.PutOptions](as) }
func (reaches) BeforeCopy(as func(any) bool) error   { return gives[blob.CopyOptions](as) }
func (reaches) BeforeDelete(as func(any) bool) error { return gives[blob.DeleteOptions](as) }
func (reaches) BeforeList(as func(any) bool) error   { return gives[blob.ListOptions](as) }
func (reaches) BeforeSign(as func(any) bool) error   { return gives[blob.SignOptions](as) }
func (reaches) ReaderCheck(r *gcblob.Reader) error   { return gives[blob.Reader](r.As) }

func (reaches) AttributesCheck(a *gcblob.Attributes) error {
	var o blob.Object
	if !a.As(&o) || o.ETag != a.ETag {
		return fmt.Errorf("attributes give %+v", o)
	}
	return nil
}

func (reaches) ListObjectCheck(l *gcblob.ListObject) error {
	var o blob.Object
	if !l.As(&o) || o.IsPrefix != l.IsDir {
		return fmt.Errorf("an entry gives %+v", o)
	}
	return nil
}
