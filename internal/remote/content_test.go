package remote

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

func TestContentRange(t *testing.T) {
	for _, test := range []struct {
		r            blob.Range
		header       string
		length       int64 // of the response
		off, n, size int64
		want         error // nil: it is right; errBad: it is not
	}{
		{blob.Range{}, "", 10, 0, 10, 10, nil},
		{blob.Bytes(2, 3), "", 10, 2, 3, 10, nil}, // the whole object, in spite of the range
		{blob.Bytes(2, 3), "bytes 2-4/10", 3, 2, 3, 10, nil},
		{blob.Bytes(2, 30), "bytes 2-9/10", 8, 2, 8, 10, nil},
		{blob.Bytes(20, 1), "", 10, 0, 0, 10, blob.ErrRange},
		{blob.Bytes(2, 3), "bytes 3-5/10", 3, 0, 0, 10, errBad},
		{blob.Bytes(2, 3), "bytes 2-4/*", 3, 0, 0, 3, errBad},
		{blob.Bytes(2, 3), "bytes 2-10/10", 3, 0, 0, 3, errBad},
		{blob.Bytes(2, 3), "bytes 4-2/10", 3, 0, 0, 3, errBad},
		{blob.Bytes(2, 3), "bytes", 3, 0, 0, 3, errBad},
		{blob.Bytes(2, 3), "bytes -1-2/10\n", 3, 0, 0, 3, errBad},
	} {
		o := &blob.Object{Size: test.length}
		off, n, err := ContentRange(test.r, o, test.header)
		switch {
		case o.Size != test.size:
			t.Errorf("%v, %q: the object has %d bytes, want %d", test.r, test.header, o.Size, test.size)
		case test.want == errBad && err == nil, test.want != errBad && !errors.Is(err, test.want):
			t.Errorf("%v, %q: %v, want %v", test.r, test.header, err, test.want)
		case test.want == nil && (off != test.off || n != test.n):
			t.Errorf("%v, %q: %d bytes from %d, want %d from %d", test.r, test.header, n, off, test.n, test.off)
		}
	}
}

var errBad = errors.New("an error")

// A response that breaks off is a failure that may pass, the end of one is not, and neither is the end of the ctx.
func TestBrokenBody(t *testing.T) {
	for _, err := range []error{nil, io.EOF, context.Canceled, context.DeadlineExceeded} {
		if got := BrokenBody("Call", err); got != err {
			t.Errorf("%v is returned as %v", err, got)
		}
	}
	f := AsFailure(BrokenBody("Call", io.ErrUnexpectedEOF))
	if f == nil || !f.Retryable() || f.Ambiguous || !errors.Is(f, io.ErrUnexpectedEOF) || f.Error() != "Call: the response broke off: unexpected EOF" {
		t.Errorf("it is %v", f)
	}
	r := strings.NewReader("0123456789")
	if err := Skip("Call", r, 4); err != nil || r.Len() != 6 {
		t.Errorf("%d bytes are left: %v", r.Len(), err)
	}
	if err := Skip("Call", r, 7); !errors.Is(err, io.ErrUnexpectedEOF) || AsFailure(err) == nil {
		t.Errorf("to skip more than there is: %v", err)
	}
}

// What cannot be right is refused, in words that show no secret.
func TestURLs(t *testing.T) {
	for raw, want := range map[string]string{"s3://bucket/p/": "", "s3://user:hidden@bucket": "they come from here", "s3:///p/": "written s3://bucket"} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		check(t, raw, CheckURL(u, "s3://bucket/prefix/", "here"), want)
	}
	for _, test := range []struct {
		endpoint, want string
		path           bool
	}{
		{"https://example.org", "", false},
		{"http://example.org/", "", false},
		{"http://127.0.0.1:9000/prefix", "", true},
		{"http://127.0.0.1:9000/prefix", "has a path", false},
		{"ftp://example.org", "such as https://e", true},
		{"example.org", "such as https://e", true},
		{"http://[hidden", "such as https://e", true},
		{"https://user:hidden@example.org", "has a user; they come from here", true},
		{"https://example.org?a=hidden", "query", true},
		{"https://example.org#hidden", "fragment", true},
	} {
		check(t, test.endpoint, CheckEndpoint(test.endpoint, test.path, "https://e", "they come from here"), test.want)
	}
	v := true
	check(t, "no parameter", BoolParam(url.Values{}, "a", &v), "")
	if !v {
		t.Error("a parameter that is not given changes the value")
	}
	check(t, "false", BoolParam(url.Values{"a": {"false"}}, "a", &v), "")
	if v {
		t.Error("a parameter is not set")
	}
	check(t, "hidden", BoolParam(url.Values{"a": {"hidden"}}, "a", &v), "a is neither true nor false")
}

// check checks an error: that there is none if want is empty, and else that it is ErrInvalid and says that.
func check(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil, want != "" && (!errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, want %q", what, err, want)
	case err != nil && strings.Contains(err.Error(), "hidden"):
		t.Errorf("%s: the error shows a secret: %v", what, err)
	}
}
