package gocdk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/file"
	"github.com/holdall-go/holdall/drivers/mem"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/drivertest"
)

// A theirs is gocloud.dev's harness over a bucket of ours.
type theirs struct{ b blob.Bucket }

func (h *theirs) MakeDriver(context.Context) (driver.Bucket, error) {
	return newShown(h.b, &OpenOptions{Keys: EscapeKeys}, false), nil
}

// MakeDriverForNonexistentBucket has none: a bucket was opened before it comes here.
func (h *theirs) MakeDriverForNonexistentBucket(context.Context) (driver.Bucket, error) {
	return nil, nil
}
func (h *theirs) HTTPClient() *http.Client         { return http.DefaultClient }
func (h *theirs) SupportsCopy() bool               { return true }
func (h *theirs) SupportsNonSlashDelimiters() bool { return true }
func (h *theirs) Close()                           { _ = h.b.Close() }

// runDrivertest runs gocloud.dev's conformance tests over whatever open returns: an empty bucket each time.
func runDrivertest(t *testing.T, open func(t *testing.T) blob.Bucket) {
	drivertest.RunConformanceTests(t, func(_ context.Context, t *testing.T) (drivertest.Harness, error) {
		return &theirs{open(t)}, nil
	}, []drivertest.AsTest{reaches{}})
}

func TestDrivertestOverMemory(t *testing.T) {
	runDrivertest(t, func(*testing.T) blob.Bucket { return mem.New(nil) })
}

func TestDrivertestOverFiles(t *testing.T) {
	runDrivertest(t, func(t *testing.T) blob.Bucket {
		b, err := file.Open(t.TempDir(), &file.Options{Sync: file.SyncNone})
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

func TestDrivertestOverAView(t *testing.T) {
	runDrivertest(t, func(t *testing.T) blob.Bucket {
		guard, err := acl.Create(t.Context(), mem.New(nil), nil, acl.User("root"))
		if err != nil {
			t.Fatal(err)
		}
		root := guard.As(acl.Identity{User: "root"})
		if _, err := root.Grant(t.Context(), "", acl.User("alice"), acl.Writer); err != nil {
			t.Fatal(err)
		}
		return guard.As(acl.Identity{User: "alice"})
	})
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
		return errors.New("As gives an interface that it does not promise")
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
