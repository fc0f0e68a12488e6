package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
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
		case q.Has("uploads"):
			if r.header.Get("Content-Type") != "text/x-large" {
				t.Errorf("the copy begins with the type %q", r.header.Get("Content-Type"))
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
	f := newFake(t, ordinary)
	b := f.open(t, "aws", func(c *Config) { c.CustomerKey = []byte(strings.Repeat("k", 32)) })
	p := &Provider{StorageClass: "STANDARD_IA", Tags: map[string]string{"a b": "c&d"}, ACL: "private", Encryption: "aws:kms", KMSKeyID: "id"}
	if _, err := b.Put(context.Background(), "k", strings.NewReader("content"), &blob.PutOptions{Provider: p}); err != nil {
		t.Fatal(err)
	}
	h := f.requests()[0].header
	for name, want := range map[string]string{"X-Amz-Storage-Class": "STANDARD_IA", "X-Amz-Tagging": "a+b=c%26d", "X-Amz-Acl": "private", "X-Amz-Server-Side-Encryption": "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "id", "X-Amz-Server-Side-Encryption-Customer-Algorithm": "AES256",
		"X-Amz-Server-Side-Encryption-Customer-Key": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=", "Content-Type": noContentType} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if _, err := blob.ReadAll(context.Background(), b, "k"); err != nil {
		t.Fatal(err)
	}
	if f.requests()[0].header.Get("X-Amz-Server-Side-Encryption-Customer-Key") == "" {
		t.Error("a get goes without the key")
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
