package gocdk

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/holdall-go/holdall/blob"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcp"
)

// A provider takes the writes of one of gocloud.dev's drivers, and keeps what they say of key and metadata.
type provider struct {
	of     func(r *http.Request, body []byte) (key string, metadata map[string]string)
	answer string
	status int

	mu       sync.Mutex
	key      string
	metadata map[string]string
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	if r.Method == http.MethodPut || r.Method == http.MethodPost {
		p.mu.Lock()
		p.key, p.metadata = p.of(r, body)
		p.mu.Unlock()
	}
	return &http.Response{Status: http.StatusText(p.status), StatusCode: p.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Etag": {`"x"`}, "Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(p.answer))}, nil
}

// inPath reads a write whose key is in the path of the URL, and whose metadata are headers.
func inPath(headers string) func(r *http.Request, body []byte) (string, map[string]string) {
	return func(r *http.Request, _ []byte) (string, map[string]string) {
		_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
		key, _ = url.PathUnescape(key)
		metadata := map[string]string{}
		for name, values := range r.Header {
			if name, ok := strings.CutPrefix(strings.ToLower(name), headers); ok {
				metadata[name] = values[0]
			}
		}
		return key, metadata
	}
}

// inJSON reads a write whose first part is a description.
func inJSON(r *http.Request, body []byte) (string, map[string]string) {
	var object struct {
		Name     string
		Metadata map[string]string
	}
	_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if part, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).NextPart(); err == nil {
		_ = json.NewDecoder(part).Decode(&object)
	}
	return object.Name, object.Metadata
}

// What the drivers send to their providers is what KeysAsWritten writes and reads.
func TestKeysAreAsDriversWriteThem(t *testing.T) {
	for _, test := range []struct {
		by       Driver
		provider *provider
		open     func(ctx context.Context, client *http.Client) (*gcblob.Bucket, error)
	}{
		{S3blob, &provider{of: inPath("x-amz-meta-"), status: http.StatusOK}, func(ctx context.Context, client *http.Client) (*gcblob.Bucket, error) {
			return s3blob.OpenBucket(ctx, s3.New(s3.Options{Region: "none", UsePathStyle: true, BaseEndpoint: aws.String("http://s3.invalid"),
				HTTPClient: client, Credentials: credentials.NewStaticCredentialsProvider("id", "key", "")}), "bucket", nil)
		}},
		{Azureblob, &provider{of: inPath("x-ms-meta-"), status: http.StatusCreated}, func(ctx context.Context, client *http.Client) (*gcblob.Bucket, error) {
			c, err := container.NewClientWithNoCredential("http://azure.invalid/container", &container.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: client}})
			if err != nil {
				return nil, err
			}
			return azureblob.OpenBucket(ctx, c, nil)
		}},
		{Gcsblob, &provider{of: inJSON, status: http.StatusOK, answer: `{"bucket": "bucket", "name": "k"}`}, func(ctx context.Context, client *http.Client) (*gcblob.Bucket, error) {
			return gcsblob.OpenBucket(ctx, &gcp.HTTPClient{Client: *client}, "bucket", nil)
		}},
	} {
		p := test.provider
		b, err := test.open(t.Context(), &http.Client{Transport: p})
		if err != nil {
			t.Fatal(err)
		}
		c := KeysAsWritten(test.by).code(blob.Capabilities{})
		written := 0
		for _, key := range append(strange, "d/日本//..") {
			p.key, p.metadata = "", nil
			metadata := map[string]string{"plain": "x", strings.ToLower(key): "a value: " + key}
			if err := b.WriteAll(t.Context(), key, []byte("x"), &gcblob.WriterOptions{Metadata: metadata, ContentType: "text/plain"}); err != nil && p.key == "" {
				t.Logf("driver %d does not write %q: %v", test.by, key, err)
				continue
			}
			written++
			if got := c.encode(key); got != p.key {
				t.Errorf("driver %d writes the key %q as %q, and KeysAsWritten as %q", test.by, key, p.key, got)
			}
			if got, ok := c.decode(p.key); !ok || got != key {
				t.Errorf("driver %d writes the key %q as %q, which KeysAsWritten reads as %q, %t", test.by, key, p.key, got, ok)
			}
			if got := c.read(p.metadata); !maps.Equal(got, metadata) {
				t.Errorf("driver %d writes the metadata %q as %q, which KeysAsWritten reads as %q", test.by, metadata, p.metadata, got)
			}
			lower := map[string]string{}
			for name, value := range c.metadata(metadata) {
				lower[strings.ToLower(name)] = value // as headers do not tell
			}
			if !maps.Equal(lower, p.metadata) {
				t.Errorf("driver %d writes the metadata %q as %q, and KeysAsWritten as %q", test.by, metadata, p.metadata, lower)
			}
		}
		if written < len(strange)/2 {
			t.Errorf("driver %d wrote %d of %d keys", test.by, written, len(strange))
		}
		_ = b.Close()
	}
}
