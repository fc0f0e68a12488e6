// Package gocdktest has the tests that gocloud.dev and holdall put each other to: gocloud.dev's own conformance tests over
// any Bucket of holdall, and the harnesses of holdall's suite over gocloud.dev's buckets.
package gocdktest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/gocdk"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/drivertest"
)

// A Failure is what a test of gocloud.dev's is known to end with.
type Failure struct {
	Says string // a part of what it prints
	Why  string // with a link, where the store is documented
}

// expectedAlone names the one test that a child process was started for.
const expectedAlone = "HOLDALL_EXPECTED_FAILURE"

// RunDrivertest runs gocloud.dev's conformance tests over what open returns, an empty bucket each time, as
// [gocdk.Open] shows it with [gocdk.EscapeKeys]. It closes the bucket.
//
// Expected are the tests that fail over such a bucket, by names such as "TestMetadata/weird_metadata_keys". A subtest
// that failed fails all around it, so each of these runs in a process of its own, another one of the test binary. One
// that passes there, or fails with another complaint, fails t.
func RunDrivertest(t *testing.T, open func(t *testing.T) blob.Bucket, expected map[string]Failure) {
	drivertest.RunConformanceTests(t, func(_ context.Context, sub *testing.T) (drivertest.Harness, error) {
		name := strings.TrimPrefix(sub.Name(), t.Name()+"/")
		if f, known := expected[name]; known && os.Getenv(expectedAlone) != name {
			sub.Skip("expected failure, which ExpectedFailures runs:", f.Why)
		}
		return &harness{open(sub)}, nil
	}, []drivertest.AsTest{reaches{}})
	if os.Getenv(expectedAlone) != "" {
		return
	}
	for name, f := range expected {
		t.Run("ExpectedFailures/"+name, func(sub *testing.T) {
			out, err := runAlone(sub.Context(), t.Name()+"/"+name, name)
			if err != nil {
				sub.Fatal(err)
			}
			if complaint := f.missing(t.Name()+"/"+name, out); complaint != "" {
				sub.Errorf("%s, though it is expected to: %s\n%s", complaint, f.Why, out)
			}
		})
	}
}

// runAlone runs one test in a process of its own, and returns what that prints. The error is that of starting it.
func runAlone(ctx context.Context, test, name string) (string, error) {
	var pattern []string
	for _, part := range strings.Split(test, "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	alone := exec.CommandContext(ctx, os.Args[0], "-test.run="+strings.Join(pattern, "/"), "-test.v")
	alone.Env = append(os.Environ(), expectedAlone+"="+name)
	out, err := alone.CombinedOutput()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = nil
	}
	return string(out), err
}

// missing tells what a test that printed out lacks of the failure, or "".
func (f Failure) missing(test, out string) string {
	switch {
	case !strings.Contains(out, "--- FAIL: "+test+" "):
		return "it does not fail"
	case !strings.Contains(out, f.Says):
		return fmt.Sprintf("it does not say %q", f.Says)
	}
	return ""
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
