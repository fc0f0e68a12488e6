package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/holdall-go/holdall/blob"
)

// An object of more than 5 GiB is copied in ranges, each pinned to the ETag, and the whole under one upload.
func TestLargeCopy(t *testing.T) {
	const size = 5<<30 + 100
	var mu sync.Mutex
	var ranges []string
	f := newFake(t, func(w http.ResponseWriter, r request) {
		q, _ := url.ParseQuery(r.query)
		switch {
		case r.method == http.MethodHead:
			w.Header().Set("Etag", `"e1"`)
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Header().Set("Last-Modified", "Wed, 25 Nov 2026 10:00:00 GMT")
			w.Header().Set("Content-Type", "text/x-large")
		case q.Has("tagging"):
			answerXML(w, "<Tagging><TagSet><Tag><Key>a b</Key><Value>c&amp;d</Value></Tag></TagSet></Tagging>")
		case q.Has("uploads"):
			if r.header.Get("Content-Type") != "text/x-large" || r.header.Get("X-Amz-Tagging") != "a%20b=c%26d" {
				t.Errorf("the copy begins with the type %q and the tags %q", r.header.Get("Content-Type"), r.header.Get("X-Amz-Tagging"))
			}
			answerXML(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
		case q.Has("partNumber"):
			if r.header.Get("X-Amz-Copy-Source") != "b/a%20key%2F%C3%A9" || r.header.Get("X-Amz-Copy-Source-If-Match") != `"e1"` {
				t.Errorf("a part is copied from %q, if %q", r.header.Get("X-Amz-Copy-Source"), r.header.Get("X-Amz-Copy-Source-If-Match"))
			}
			mu.Lock()
			ranges = append(ranges, r.header.Get("X-Amz-Copy-Source-Range"))
			mu.Unlock()
			answerXML(w, `<CopyPartResult><ETag>"p"</ETag></CopyPartResult>`)
		default:
			answerXML(w, `<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>`)
		}
	})
	b := f.open(t, "aws")
	src, err := b.Source(context.Background(), "a key/é", nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := b.Copy(context.Background(), "to", src, nil)
	if err != nil || o.Size != size || o.ETag != `"whole"` || o.ContentType != "text/x-large" {
		t.Fatalf("the copy is %+v, %v", o, err)
	}
	slices.Sort(ranges)
	if len(ranges) != 11 || !slices.Contains(ranges, "bytes=0-536870911") || !slices.Contains(ranges, fmt.Sprintf("bytes=%d-%d", 5<<30, size-1)) {
		t.Errorf("the ranges %q were copied", ranges)
	}
}

// A server that ignores the condition on a source could make a large copy of two versions of it. It is compared at the
// end, and copied again.
func TestLargeCopyOfWhatChanges(t *testing.T) {
	const size = 5<<30 + 100
	var completed, aborted atomic.Int32
	heads := 0
	f := newFake(t, func(w http.ResponseWriter, r request) {
		q, _ := url.ParseQuery(r.query)
		switch {
		case r.method == http.MethodHead:
			heads++
			w.Header().Set("Etag", fmt.Sprintf(`"e%d"`, min(heads, 2))) // it changes once, after the first look
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Header().Set("Last-Modified", "Wed, 25 Nov 2026 10:00:00 GMT")
		case q.Has("tagging"):
			answerError(w, 501, "NotImplemented", "")
		case q.Has("uploads"):
			answerXML(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
		case q.Has("partNumber"):
			answerXML(w, `<CopyPartResult><ETag>"p"</ETag></CopyPartResult>`)
		case r.method == http.MethodDelete:
			aborted.Add(1)
			w.WriteHeader(http.StatusNoContent)
		case r.method == http.MethodGet:
			answerError(w, 404, "NoSuchUpload", "")
		default:
			completed.Add(1)
			answerXML(w, `<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>`)
		}
	})
	b := f.open(t, "swift")
	src, err := b.Source(context.Background(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if o, err := b.Copy(context.Background(), "to", src, nil); err != nil || o.ETag != `"whole"` {
		t.Errorf("the copy is %+v, %v", o, err)
	}
	if completed.Load() != 1 || aborted.Load() != 1 {
		t.Errorf("%d uploads were completed and %d aborted, want one of each", completed.Load(), aborted.Load())
	}
}

// A source under other credentials, or of another server, is not read with ours.
func TestCopyKeepsToItsCredentials(t *testing.T) {
	ctx := context.Background()
	f := newFake(t, ordinary)
	b := f.open(t, "aws")
	other := f.open(t, "aws", func(c *Config) { c.Credentials = credentials.NewStaticCredentialsProvider("OTHER", "secret", "") })
	elsewhere := newFake(t, ordinary).open(t, "aws")
	for _, from := range []*Bucket{other, elsewhere} {
		src, err := from.Source(ctx, "k", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Copy(ctx, "to", src, nil); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("a copy from there: %v", err)
		}
	}
	if n := len(f.requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// A source that is overwritten between the look at it and its copy is looked at again.
func TestCopyOfWhatChanges(t *testing.T) {
	copies := 0
	f := newFake(t, func(w http.ResponseWriter, r request) {
		switch {
		case r.method == http.MethodHead:
			stored(w, r, "content", map[string]string{"Etag": fmt.Sprintf(`"e%d"`, copies)})
		case copies < 2:
			copies++
			answerError(w, 412, "PreconditionFailed", "")
		default:
			if got := r.header.Get("X-Amz-Copy-Source-If-Match"); got != `"e2"` {
				t.Errorf("the copy is pinned to %s", got)
			}
			answerXML(w, `<CopyObjectResult><ETag>"made"</ETag><LastModified>2026-11-25T10:00:00Z</LastModified></CopyObjectResult>`)
		}
	})
	b := f.open(t, "aws")
	src, err := b.Source(context.Background(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if o, err := b.Copy(context.Background(), "to", src, nil); err != nil || o.ETag != `"made"` || o.Size != 7 {
		t.Errorf("the copy is %+v, %v", o, err)
	}
}

// What S3 alone knows goes with a Put, and is refused where it cannot be right.
func TestProviderOptions(t *testing.T) {
	f := newFake(t, encrypting)
	b := f.open(t, "aws")
	p := &Provider{StorageClass: "STANDARD_IA", Tags: map[string]string{"a b": "c&d"}, ACL: "private", Encryption: "aws:kms", KMSKeyID: "id"}
	if _, err := b.Put(context.Background(), "k", strings.NewReader("content"), &blob.PutOptions{Provider: p}); err != nil {
		t.Fatal(err)
	}
	h := f.requests()[0].header
	for name, want := range map[string]string{"X-Amz-Storage-Class": "STANDARD_IA", "X-Amz-Tagging": "a%20b=c%26d", "X-Amz-Acl": "private", "X-Amz-Server-Side-Encryption": "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "id", "Content-Type": noContentType} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	for _, bad := range []any{Provider{}, "x", &Config{}} {
		if _, err := b.Put(context.Background(), "k", nil, &blob.PutOptions{Provider: bad}); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("the Provider option %T: %v", bad, err)
		}
	}
	tags := map[string]string{}
	for i := range 11 {
		tags[fmt.Sprint(i)] = ""
	}
	if _, err := b.Put(context.Background(), "k", nil, &blob.PutOptions{Provider: &Provider{Tags: tags}}); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("11 tags: %v", err)
	}
}

func TestCustomerKey(t *testing.T) {
	ctx := context.Background()
	f := newFake(t, encrypting)
	withKey := func(c *Config) { c.CustomerKey = []byte(strings.Repeat("k", 32)) }
	b := f.open(t, "aws", withKey)
	if _, err := b.Put(ctx, "k", strings.NewReader("content"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.ReadAll(ctx, b, "k"); err != nil {
		t.Fatal(err)
	}
	for _, r := range f.requests() {
		if r.header.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "AES256" ||
			r.header.Get("X-Amz-Server-Side-Encryption-Customer-Key") != "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=" {
			t.Errorf("%s goes without the key", r)
		}
	}
	both := &blob.PutOptions{Provider: &Provider{Encryption: "AES256"}}
	if _, err := b.Put(ctx, "k", strings.NewReader("content"), both); !errors.Is(err, blob.ErrInvalid) || len(f.requests()) != 0 {
		t.Errorf("a key of the customer and one of the server: %v", err)
	}
}

// encrypting answers as a server that encrypts what it is asked to.
func encrypting(w http.ResponseWriter, r request) {
	for _, name := range []string{"X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Customer-Algorithm"} {
		if v := r.header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	ordinary(w, r)
}

// A server that takes no notice of a wish for encryption is found out: by its answer, and before any part is sent.
func TestEncryptionIsNotIgnored(t *testing.T) {
	ctx := context.Background()
	s, f := newStore(t)
	withKey := func(c *Config) { c.CustomerKey = []byte(strings.Repeat("k", 32)) }
	kms := &Provider{Encryption: "aws:kms"}
	for name, put := range map[string]func() error{
		"the customer's key": func() error {
			_, err := f.open(t, "aws", withKey).Put(ctx, "k", strings.NewReader("content"), nil)
			return err
		},
		"the server's key": func() error {
			_, err := f.open(t, "aws").Put(ctx, "k", strings.NewReader("content"), &blob.PutOptions{Provider: kms})
			return err
		},
		"the server's key, in parts": func() error {
			_, err := f.open(t, "aws").Put(ctx, "k", bytes.NewReader(pattern(17<<20)), &blob.PutOptions{Provider: kms})
			return err
		},
	} {
		if err := put(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s is ignored: %v", name, err)
		}
		for _, r := range f.requests() {
			if strings.Contains(r.query, "partNumber") {
				t.Errorf("%s is ignored, and a part was sent", name)
			}
		}
		if len(s.uploads) != 0 {
			t.Errorf("%s is ignored, and an upload is left", name)
		}
	}
}
