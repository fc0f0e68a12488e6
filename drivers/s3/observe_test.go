package s3

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// An observer collects attempts.
type observer struct {
	mu  sync.Mutex
	all []blob.Attempt
}

func (o *observer) observe(a blob.Attempt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, a)
}

// take returns what was observed, as "call number status sent/received code retried", and forgets it.
func (o *observer) take(t *testing.T) (seen []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range o.all {
		code := "ok"
		if a.Err != nil {
			code = "no response"
			if f := remote.AsFailure(a.Err); f != nil && f.Status != 0 {
				code = f.Code
			}
		}
		seen = append(seen, fmt.Sprintf("%s %d %d %d/%d %s %t", a.Call, a.Number, a.Status, a.Sent, a.Received, code, a.Retried))
		if text := fmt.Sprintf("%+v", a); strings.Contains(text, testSecret) || strings.Contains(text, testKeyID) || strings.Contains(text, "Signature") {
			t.Errorf("an attempt shows a secret: %s", text)
		}
		if a.Duration <= 0 {
			t.Errorf("an attempt takes %v", a.Duration)
		}
	}
	o.all = nil
	return seen
}

// An observer sees every request that goes over the wire, with its bytes, and why it is repeated.
func TestAttemptsAreObserved(t *testing.T) {
	ctx := context.Background()
	const slow = `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message><RequestId>REQ1</RequestId></Error>`
	put := func(b *Bucket) error { _, err := b.Put(ctx, "k", strings.NewReader("content"), nil); return err }
	get := func(b *Bucket) error { _, err := blob.ReadAll(ctx, b, "k"); return err }
	for _, test := range []struct {
		name string
		fail func(http.ResponseWriter)
		call func(*Bucket) error
		want []string
	}{
		{"put that is slowed down", slowDown, put, []string{
			fmt.Sprintf("PutObject 1 503 7/%d SlowDown true", len(slow)), fmt.Sprintf("PutObject 2 503 7/%d SlowDown true", len(slow)), "PutObject 3 200 7/0 ok false"}},
		{"put whose responses are lost", breakOff, put, []string{
			"PutObject 1 0 7/0 no response true", "PutObject 2 0 7/0 no response true", "PutObject 3 200 7/0 ok false"}},
		{"get that is slowed down", slowDown, get, []string{
			fmt.Sprintf("GetObject 1 503 0/%d SlowDown true", len(slow)), fmt.Sprintf("GetObject 2 503 0/%d SlowDown true", len(slow)), "GetObject 3 200 0/7 ok false"}},
		{"stat that is denied", func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) },
			func(b *Bucket) error { _, _ = b.Stat(ctx, "k", nil); return nil }, []string{"HeadObject 1 403 0/0 Forbidden false"}},
		{"get that is not read", func(w http.ResponseWriter) { stored(w, request{method: "GET"}, "content", nil) },
			func(b *Bucket) error {
				r, err := b.Get(ctx, "k", nil)
				if err != nil {
					return err
				}
				return r.Close()
			}, []string{"GetObject 1 200 0/0 ok false"}},
	} {
		var o observer
		f := failFirst(t, 2, test.fail, ordinary)
		if err := test.call(f.open(t, "aws", func(c *Config) { c.Observe = o.observe })); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got := o.take(t); !slices.Equal(got, test.want) {
			t.Errorf("%s is observed as %q, want %q", test.name, got, test.want)
		}
	}
}

// What the driver does besides the calls of its user is observed too: the search for a flavour, redirects, and the removal
// of a failed upload.
func TestHiddenRequestsAreObserved(t *testing.T) {
	var o observer
	f := newFake(t, func(w http.ResponseWriter, r request) {
		switch {
		case r.method == http.MethodHead && r.path == "/b":
			w.Header().Set("Server", "MinIO")
		case r.query == "uploads=":
			answerXML(w, `<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>`)
		case r.method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		case r.method == http.MethodGet && r.path == "/b/moved":
			w.Header().Set("Location", "/b/k")
			w.WriteHeader(http.StatusTemporaryRedirect)
		case r.method == http.MethodGet && !strings.Contains(r.query, "uploadId="):
			stored(w, r, "content", nil)
		default:
			answerError(w, http.StatusForbidden, "AccessDenied", "no")
		}
	})
	b := f.open(t, "", func(c *Config) {
		c.Observe = o.observe
		c.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
	})
	if got, want := o.take(t), []string{"HeadBucket 1 200 0/0 ok false"}; !slices.Equal(got, want) {
		t.Errorf("to open a bucket is observed as %q, want %q", got, want)
	}
	if got, err := blob.ReadAll(context.Background(), b, "moved"); err != nil || string(got) != "content" {
		t.Errorf("a redirect that the HTTP client follows: %q, %v", got, err)
	}
	if got, want := o.take(t), []string{"GetObject 1 307 0/0 ok false", "GetObject 1 200 0/7 ok false"}; !slices.Equal(got, want) {
		t.Errorf("a redirect is observed as %q, want %q", got, want)
	}
	_, err := b.Put(context.Background(), "k", onlyReads{strings.NewReader(strings.Repeat("x", 10<<20))}, &blob.PutOptions{PartSize: 5 << 20, Concurrency: 1})
	if err == nil {
		t.Fatal("the put of parts that are denied succeeds")
	}
	var calls []string
	for _, s := range o.take(t) {
		calls = append(calls, strings.Join(strings.Fields(s)[:3], " "))
	}
	if want := []string{"CreateMultipartUpload 1 200", "UploadPart 1 403", "AbortMultipartUpload 1 204", "ListParts 1 403"}; !slices.Equal(calls, want) {
		t.Errorf("a put that fails is observed as %q, want %q", calls, want)
	}
}
