package s3

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/holdall-go/holdall/internal/remote"
)

const (
	testKeyID  = "AKIDTEST"
	testSecret = "s3cr3t-of-the-tests"
)

// A request is what a fake heard.
type request struct {
	method, path, query string
	header              http.Header
	body                string
}

func (r request) String() string { return r.method + " " + r.path + "?" + r.query }

// A fake is a server that hears requests and answers as a test tells it.
type fake struct {
	*httptest.Server
	mu     sync.Mutex
	heard  []request
	answer func(w http.ResponseWriter, r request)
}

// newFake starts a server. The answers to requests are given by answer, in a goroutine of the server's.
func newFake(t *testing.T, answer func(w http.ResponseWriter, r request)) *fake {
	t.Helper()
	f := &fake{answer: answer}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil { // it broke off, and no server does anything then
			return
		}
		req := request{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Clone(), string(body)}
		f.mu.Lock()
		f.heard = append(f.heard, req)
		f.mu.Unlock()
		w.Header().Set("X-Amz-Request-Id", "REQ1")
		f.answer(w, req)
	}))
	t.Cleanup(f.Close)
	return f
}

// requests returns what was heard, and forgets it.
func (f *fake) requests() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	heard := f.heard
	f.heard = nil
	return heard
}

// open opens the bucket "b" of the server as one of a flavour.
func (f *fake) open(t *testing.T, flavour string, change ...func(*Config)) *Bucket {
	t.Helper()
	cfg := &Config{Endpoint: f.URL, Region: "us-east-1", Flavour: flavour, PathStyle: aws.Bool(true),
		Credentials: credentials.NewStaticCredentialsProvider(testKeyID, testSecret, ""), HTTPClient: &http.Client{Transport: remote.NewTransport(nil)}}
	for _, c := range change {
		c(cfg)
	}
	b, err := Open(context.Background(), "b", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Client().Options().HTTPClient.(*http.Client).CloseIdleConnections)
	return b
}

// answerError answers as S3 does.
func answerError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message><RequestId>REQ1</RequestId></Error>", code, message)
}

func answerXML(w http.ResponseWriter, document string) {
	w.Header().Set("Content-Type", "application/xml")
	io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+document)
}

// stored answers reads with one object.
func stored(w http.ResponseWriter, r request, content string, header map[string]string) {
	w.Header().Set("Etag", `"e1"`)
	w.Header().Set("Last-Modified", "Wed, 25 Nov 2026 10:00:00 GMT")
	for k, v := range header {
		w.Header().Set(k, v)
	}
	if r.method == http.MethodHead {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		return
	}
	http.ServeContent(w, &http.Request{Method: r.method, Header: r.header}, "", mustTime("Wed, 25 Nov 2026 10:00:00 GMT"), strings.NewReader(content))
}
