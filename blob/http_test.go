package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// ask sends a request to a Handler. Headers are given as "Name: value".
func ask(h http.Handler, method, target string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestHandler(t *testing.T) {
	f := &fake{Bucket: newMem(t)}
	o := put(t, f.Bucket, "a/b.txt", "0123456789")
	h := blob.Handler(blob.Check(f), nil)
	modified, longAgo := o.ModTime.UTC().Format(http.TimeFormat), time.Unix(0, 0).UTC().Format(http.TimeFormat)
	for name, test := range map[string]struct {
		method  string
		headers []string
		status  int
		body    string
		calls   int
	}{
		"GET":                      {"GET", nil, 200, "0123456789", 1},
		"HEAD":                     {"HEAD", nil, 200, "", 1},
		"HEAD with a range":        {"HEAD", []string{"Range: bytes=0-1"}, 200, "", 1},
		"range":                    {"GET", []string{"Range: bytes=2-4"}, 206, "234", 2},
		"open range":               {"GET", []string{"Range: bytes=7-"}, 206, "789", 2},
		"last bytes":               {"GET", []string{"Range: bytes=-2"}, 206, "89", 2},
		"range beyond":             {"GET", []string{"Range: bytes=10-"}, 416, "", 1},
		"bad range":                {"GET", []string{"Range: bytes=4-2"}, 416, "", 1},
		"many ranges":              {"GET", []string{"Range: bytes=0-0,2-2"}, 200, "0123456789", 1},
		"if-none-match":            {"GET", []string{"If-None-Match: " + o.ETag}, 304, "", 1},
		"if-none-match another":    {"GET", []string{`If-None-Match: "x"`}, 200, "0123456789", 2},
		"if-match another":         {"GET", []string{`If-Match: "x"`}, 412, "", 1},
		"if-modified-since":        {"GET", []string{"If-Modified-Since: " + modified}, 304, "", 1},
		"if-range":                 {"GET", []string{"Range: bytes=2-4", "If-Range: " + o.ETag}, 206, "234", 2},
		"if-range another":         {"GET", []string{"Range: bytes=2-4", `If-Range: "x"`}, 200, "0123456789", 3},
		"HEAD with if-none-match":  {"HEAD", []string{"If-None-Match: " + o.ETag}, 304, "", 1},
		"POST":                     {"POST", nil, 405, "", 0},
		"DELETE":                   {"DELETE", nil, 405, "", 0},
		"a range of other units":   {"GET", []string{"Range: lines=1-2"}, 200, "0123456789", 1}, // RFC 9110, section 14.2
		"a range that is no range": {"GET", []string{"Range: bytes=x"}, 416, "", 1},
		// The order of RFC 9110, section 13.2.2.
		"match, and modified":          {"GET", []string{"If-Match: " + o.ETag, "If-Unmodified-Since: " + longAgo}, 200, "0123456789", 2},
		"if-match any":                 {"GET", []string{"If-Match: *"}, 200, "0123456789", 2},
		"modified":                     {"GET", []string{"If-Unmodified-Since: " + longAgo}, 412, "", 1},
		"another, and not modified":    {"GET", []string{`If-None-Match: "x"`, "If-Modified-Since: " + modified}, 200, "0123456789", 2},
		"one of many, weakly":          {"GET", []string{`If-None-Match: "x", W/` + o.ETag}, 304, "", 1},
		"if-none-match any":            {"GET", []string{"If-None-Match: *"}, 304, "", 1},
		"neither match":                {"GET", []string{`If-Match: "x"`, "If-None-Match: " + o.ETag}, 412, "", 1},
		"not modified, with a range":   {"GET", []string{"If-None-Match: " + o.ETag, "Range: bytes=2-4"}, 304, "", 1},
		"if-range a date":              {"GET", []string{"Range: bytes=2-4", "If-Range: " + modified}, 206, "234", 2},
		"if-range another date":        {"GET", []string{"Range: bytes=2-4", "If-Range: " + longAgo}, 200, "0123456789", 3},
		"if-range without a range":     {"GET", []string{`If-Range: "x"`}, 200, "0123456789", 1},
		"HEAD with if-match another":   {"HEAD", []string{`If-Match: "x"`}, 412, "", 1},
		"many ranges, not modified":    {"GET", []string{"Range: bytes=0-0,2-2", "If-None-Match: " + o.ETag}, 304, "", 1},
		"more bytes at the end":        {"GET", []string{"Range: bytes=-99"}, 206, "0123456789", 2},
		"a range that ends far beyond": {"GET", []string{"Range: bytes=8-9223372036854775807"}, 206, "89", 2},
	} {
		f.calls = 0
		r := ask(h, test.method, "/a/b.txt", test.headers...)
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != test.status || test.status < 400 && string(body) != test.body || f.calls > test.calls {
			t.Errorf("%s: %d, %q, after %d calls", name, r.StatusCode, body, f.calls)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", name, r.Header)
		}
		if test.status < 300 && (r.Header.Get("ETag") != o.ETag || r.Header.Get("Last-Modified") != modified || r.Header.Get("Cache-Control") != "private, no-cache") {
			t.Errorf("%s: %v", name, r.Header)
		}
		if test.status == 200 && r.ContentLength != 10 {
			t.Errorf("%s: %d bytes are announced", name, r.ContentLength)
		}
	}
}

// What a range does not select is not asked of the store.
func TestHandlerAsksForTheRangeAlone(t *testing.T) {
	f := &fake{Bucket: newMem(t)}
	put(t, f.Bucket, "k", noise(1<<20))
	ask(blob.Handler(blob.Check(f), nil), "GET", "/k", "Range: bytes=1000-1999")
	if want := []string{"[1000:1000+1000]"}; !slices.Equal(f.gets, want) {
		t.Errorf("the store was asked for %q", f.gets)
	}
}

func TestHandlerKeys(t *testing.T) {
	b := newMem(t)
	for _, k := range []string{"a b", "a//b", "/x", "100%", "%41", "ü", "dir/", "../x"} {
		put(t, b, k, k)
	}
	h := blob.Handler(b, nil)
	for target, want := range map[string]string{
		"/a%20b": "a b", "/a//b": "a//b", "//x": "/x", "/100%25": "100%", "/%2541": "%41", "/%C3%BC": "ü", "/dir/": "dir/", "/../x": "../x",
		"/": "", "/%41": "", "/missing": "", "/%00": "", "/%ff": "", "/" + strings.Repeat("k", 1025): "", "/dir": "",
	} {
		r := ask(h, "GET", target)
		body, _ := io.ReadAll(r.Body)
		if want == "" && r.StatusCode != 404 || want != "" && string(body) != want {
			t.Errorf("%s: %d, %q", target, r.StatusCode, body)
		}
	}
}

func TestHandlerErrorsAreNotShown(t *testing.T) {
	f := &fake{}
	for _, test := range []struct {
		err    error
		hide   bool
		status int
	}{
		{fs.ErrPermission, false, 403}, {fs.ErrPermission, true, 404}, {fs.ErrNotExist, false, 404},
		{errTest, false, 500}, {retryable{errTest}, false, 503},
	} {
		f.get = func(context.Context, string, *blob.GetOptions) (*blob.Reader, error) {
			return nil, errors.Join(errors.New("password hunter2"), test.err)
		}
		f.stat = func(context.Context, string, *blob.StatOptions) (*blob.Object, error) {
			_, err := f.get(nil, "", nil)
			return nil, err
		}
		var heard error
		h := blob.Handler(checkedFake(t, f), &blob.HandlerOptions{HideForbidden: test.hide, OnError: func(_ *http.Request, err error) { heard = err }})
		for _, headers := range [][]string{nil, {"Range: bytes=0-1"}} {
			r := ask(h, "GET", "/k", headers...)
			body, _ := io.ReadAll(r.Body)
			if r.StatusCode != test.status || strings.Contains(string(body), secret) || !errors.Is(heard, test.err) {
				t.Errorf("%v: %d, %q; told was %v", test.err, r.StatusCode, body, heard)
			}
		}
	}
}

func TestHandlerContentTypes(t *testing.T) {
	b := newMem(t)
	for _, test := range []struct {
		key, kind, want string
		sandboxed       bool
	}{
		{"a.png", "", "image/png", false}, {"a.html", "", "text/html; charset=utf-8", true}, {"a", "", "application/octet-stream", false},
		{"a.png", "text/html", "text/html", true}, {"a.svg", "image/svg+xml", "image/svg+xml", true},
		{"a.xml", "application/xml", "application/xml", true}, {"a", "text/javascript", "text/javascript", true},
		{"a.html", "text/plain", "text/plain", false}, {"a", "Image/PNG", "Image/PNG", false}, {"a", "application/pdf", "application/pdf", false},
		{"a", "application/xhtml+xml", "application/xhtml+xml", true}, {"a", "multipart/x-mixed-replace", "multipart/x-mixed-replace", true},
	} {
		if _, err := blob.WriteAll(ctx, b, test.key, []byte("<html><script>"), &blob.PutOptions{Attributes: blob.Attributes{ContentType: test.kind}}); err != nil {
			t.Fatal(err)
		}
		r := ask(blob.Handler(b, nil), "GET", "/"+test.key)
		policy := r.Header.Get("Content-Security-Policy")
		if r.Header.Get("Content-Type") != test.want || (policy == "sandbox; default-src 'none'") != test.sandboxed {
			t.Errorf("%+v: %v", test, r.Header)
		}
		trusted := ask(blob.Handler(b, &blob.HandlerOptions{TrustContent: true}), "GET", "/"+test.key)
		if trusted.Header.Get("Content-Security-Policy") != "" {
			t.Errorf("%s is trusted and sandboxed", test.key)
		}
	}
}

func TestHandlerHeadersAndEncoding(t *testing.T) {
	b := newMem(t)
	attrs := blob.Attributes{ContentType: "text/plain", ContentEncoding: "gzip", ContentLanguage: "de", ContentDisposition: "attachment", CacheControl: "public"}
	if _, err := blob.WriteAll(ctx, b, "k.gz", []byte("0123456789"), &blob.PutOptions{Attributes: attrs}); err != nil {
		t.Fatal(err)
	}
	r := ask(blob.Handler(b, nil), "GET", "/k.gz", "Range: bytes=2-4")
	body, _ := io.ReadAll(r.Body)
	if string(body) != "234" { // of what is stored, not of what is inside
		t.Errorf("the range is %q", body)
	}
	for name, want := range map[string]string{"Content-Type": "text/plain", "Content-Encoding": "gzip", "Content-Language": "de", "Content-Disposition": "attachment", "Cache-Control": "public"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestHandlerOfABucketThatCannotPin(t *testing.T) {
	f := &fake{Bucket: newMem(t), caps: func(c *blob.Capabilities) { c.If.Read = 0 }}
	o := put(t, f.Bucket, "k", "0123456789")
	h := blob.Handler(blob.Check(f), nil)
	r := ask(h, "GET", "/k", "Range: bytes=2-4")
	if body, _ := io.ReadAll(r.Body); r.StatusCode != 200 || string(body) != "0123456789" {
		t.Errorf("%d, %q", r.StatusCode, body)
	}
	if r := ask(h, "GET", "/k", "If-None-Match: "+o.ETag); r.StatusCode != 304 {
		t.Errorf("%d", r.StatusCode)
	}
}

// A client must not take a part, or what is corrupt, for the whole.
func TestHandlerCutsTheConnection(t *testing.T) {
	content := strings.Repeat("0123456789", 100_000)
	sum := sha256.Sum256([]byte(content))
	for name, test := range map[string]struct {
		body     io.Reader
		encoding string
	}{
		"a read fails":           {failing(content[:500_000], errTest), ""},
		"a read fails, encoded":  {failing(content[:500_000], errTest), "gzip"}, // sent without a length
		"a byte is wrong":        {strings.NewReader(content[:999_999] + "?"), ""},
		"truncated in the store": {strings.NewReader(content[:999_999]), "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			f.get = func(ctx context.Context, key string, _ *blob.GetOptions) (*blob.Reader, error) {
				o := &blob.Object{Size: 1_000_000, ETag: `"x"`, ModTime: time.Now(), Checksums: blob.Checksums{}.With(blob.SHA256, sum[:])}
				o.ContentEncoding = test.encoding
				return blob.NewReader(ctx, io.NopCloser(test.body), o, 0, o.Size), nil
			}
			var heard error
			server := httptest.NewServer(blob.Handler(checkedFake(t, f), &blob.HandlerOptions{OnError: func(_ *http.Request, err error) { heard = err }}))
			defer server.Close()
			client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
			defer client.CloseIdleConnections()
			r, err := client.Get(server.URL + "/k")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			if got, err := io.ReadAll(r.Body); err == nil {
				t.Errorf("%d bytes came without an error", len(got))
			}
			server.Close()
			if heard == nil {
				t.Error("nobody was told")
			}
		})
	}
}

// The content of one response is of one version, whatever is written meanwhile.
func TestHandlerServesOneVersion(t *testing.T) {
	f := &fake{Bucket: newMem(t)}
	put(t, f.Bucket, "k", strings.Repeat("a", 1000))
	f.stat = func(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
		o, err := f.Bucket.Stat(ctx, key, opts)
		put(t, f.Bucket, "k", strings.Repeat("b", 1000))
		return o, err
	}
	server := httptest.NewServer(blob.Handler(blob.Check(f), nil))
	defer server.Close()
	r, _ := http.NewRequest("GET", server.URL+"/k", nil)
	r.Header.Set("Range", "bytes=0-99")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err == nil || bytes.Contains(got, []byte("b")) {
		t.Errorf("the response is %q, %v", got, err)
	}
}
