package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// Signed requests, sent by a client that knows nothing but them.
var signedRequestCases = []Case{
	{ID: "M01", Doc: "a signed GET delivers the object, as often as it is sent, to a client that knows nothing else", Needs: signs("GET"), Run: signedGet},
	{ID: "M02", Doc: "without its signature a request is refused", Needs: signs("GET"), Run: unsigned},
	{ID: "M03", Doc: "a signed PUT stores its body and the attributes that were signed, over what was there", Needs: signs("PUT"), Run: signedPut},
	{ID: "M04", Doc: "a PUT that was signed with a content type is refused with another, and with none", Needs: signs("PUT"), Run: signedContentType},
	{ID: "M05", Doc: "what a PUT that was signed without a content type makes of one, recorded", Needs: signs("PUT"), Run: unsignedContentType},
	{ID: "M06", Doc: "a signed HEAD shows the attributes, and a signed DELETE removes", Needs: append(signs("HEAD"), signs("DELETE")...), Run: signedHeadAndDelete},
	{ID: "M07", Doc: "a request that was signed for one method is refused with another", Needs: signs("GET"), Run: signedOtherMethod},
	{ID: "M08", Doc: "a request that was signed for one key is refused for another, also one that it begins, and in another bucket", Needs: signs("GET"), Run: signedOtherKey},
	{ID: "M09", Doc: "a signed URL of which any parameter is changed, or taken away, is refused", Needs: signs("GET"), Run: tampered},
	{ID: "M10", Doc: "a signed request is refused when it has expired", Needs: signs("GET"), Tier: Default, Run: expired},
	{ID: "M12", Doc: "awkward keys are signed and fetched", Needs: signs("GET"), Run: signedAwkward},
	{ID: "M13", Doc: "a signed GET may carry a range and conditions", Needs: signs("GET"), Run: signedConditions},
	{ID: "M17", Doc: "a signed GET of a missing object is refused; how is recorded", Needs: signs("GET"), Run: signedMissing},
	{ID: "M21", Doc: "a signed form stores a file under its key, within its size and content type, and nothing else", Needs: signs("POST"), Run: signedForm},
	{ID: "M22", Doc: "a PUT that was signed if-absent stores once, and not without its condition", Needs: append(signs("PUT"), needIfAbsent), Run: signedIfAbsent},
}

// signs is the need of a signed method. That others are refused is M19's.
func signs(method string) []Need {
	if method == http.MethodGet {
		return []Need{needSign}
	}
	return []Need{{Name: "Sign of " + method, Has: func(c blob.Capabilities) bool { return c.Sign.Methods.Has(method) }}}
}

// plainClient sends requests as they are, and follows nothing.
var plainClient = &http.Client{
	Timeout:       30 * time.Second,
	Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// A reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) ok() bool { return r.status >= 200 && r.status < 300 }

// refused tells whether a server says that the request may not be made.
func (r reply) refused() bool { return r.status == 400 || r.status == 401 || r.status == 403 }

// sign signs a request for a quarter of an hour, or for as long as opts say.
func (t *T) sign(b blob.Bucket, method, key string, opts *blob.SignOptions) *blob.SignedRequest {
	o := blob.SignOptions{}
	if opts != nil {
		o = *opts
	}
	o.Method = method
	if o.Expires == 0 {
		o.Expires = 15 * time.Minute
	}
	s, err := b.Sign(t.ctx, key, &o)
	if err != nil {
		t.Fatalf("sign %s of %q: %v", method, key, err)
	}
	if s.Method != method || s.URL == "" || s.Expires.After(time.Now().Add(o.Expires+time.Minute)) {
		t.Errorf("sign %s for %v answers %s until %v", method, o.Expires, s.Method, s.Expires)
	}
	return s
}

// send sends a signed request, after changes.
func (t *T) send(s *blob.SignedRequest, body string, changes ...func(r *http.Request)) reply {
	r, err := http.NewRequestWithContext(t.ctx, s.Method, s.URL, strings.NewReader(body))
	t.WantOK("a signed request", err)
	maps.Copy(r.Header, s.Header)
	for _, change := range changes {
		change(r)
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodDelete {
		r.Body, r.ContentLength = nil, 0
	}
	resp, err := plainClient.Do(r)
	if err != nil {
		t.Fatalf("%s of a signed request: %v", r.Method, withoutURL(err))
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	t.WantOK("the answer to a signed request", err)
	return reply{resp.StatusCode, resp.Header, string(got)}
}

// withoutURL keeps a signed URL, which is a secret, out of an error.
func withoutURL(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}

func set(name, value string) func(r *http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func drop(name string) func(r *http.Request) { return func(r *http.Request) { r.Header.Del(name) } }

// wantForbidden reports a request that was not refused, or that showed the secret content.
func (t *T) wantForbidden(what string, r reply, secret string) {
	if !r.refused() {
		t.Errorf("%s is answered with %d; it must be refused with 400, 401 or 403", what, r.status)
	}
	if secret != "" && strings.Contains(r.body, secret) {
		t.Errorf("%s shows the content", what)
	}
}

func signedGet(t *T) {
	content, with := t.content(300_000), t.attributes()
	o := t.PutWith("d/k", content, &blob.PutOptions{Attributes: with})
	s := t.sign(t.Bucket, "GET", "d/k", nil)
	for range 2 {
		r := t.send(s, "")
		if r.status != http.StatusOK || r.body != content {
			t.Errorf("a signed GET is answered with %d and %d bytes", r.status, len(r.body))
		}
		if r.header.Get("ETag") != o.ETag || r.header.Get("Content-Type") != with.ContentType {
			t.Errorf("a signed GET is answered with ETag %s and Content-Type %s; they are %s and %s",
				r.header.Get("ETag"), r.header.Get("Content-Type"), o.ETag, with.ContentType)
		}
	}
	t.Put("d/k", "later")
	if r := t.send(s, ""); r.body != "later" {
		t.Errorf("a signed GET of what was overwritten delivers %s", brief(r.body))
	}
}

func unsigned(t *T) {
	t.Put("k", "secret content")
	for _, method := range signMethods {
		if !t.Caps.Sign.Methods.Has(method) || method == http.MethodPost {
			continue
		}
		r := t.send(t.sign(t.Bucket, method, "k", nil), "new", func(r *http.Request) { r.URL.RawQuery = "" })
		t.wantForbidden(method+" without a signature", r, "secret content")
	}
	t.WantContent("k", "secret content")
}

func signedPut(t *T) {
	with := t.attributes()
	t.Put("k", "old")
	for _, content := range []string{t.content(300_000), "", "x"} {
		r := t.send(t.sign(t.Bucket, "PUT", "k", &blob.SignOptions{Attributes: with}), content)
		if !r.ok() {
			t.Errorf("a signed PUT of %d bytes is answered with %d: %s", len(content), r.status, brief(r.body))
		}
		t.WantContent("k", content)
		t.wantAttributes("what a signed PUT stored", t.Stat("k"), with)
	}
	if r := t.send(t.sign(t.Bucket, "PUT", "new", nil), "new"); !r.ok() {
		t.Errorf("a signed PUT of a new key is answered with %d", r.status)
	}
	t.WantContent("new", "new")
}

func signedContentType(t *T) {
	s := t.sign(t.Bucket, "PUT", "k", &blob.SignOptions{Attributes: blob.Attributes{ContentType: "image/png"}})
	t.wantForbidden("a PUT with another content type", t.send(s, "x", set("Content-Type", "text/html")), "")
	t.wantForbidden("a PUT without the content type", t.send(s, "x", drop("Content-Type")), "")
	t.WantMissing("k")
	if r := t.send(s, "x"); !r.ok() {
		t.Errorf("a PUT with the content type that was signed is answered with %d", r.status)
	}
	if got := t.Stat("k").ContentType; got != "image/png" {
		t.Errorf("the content type is %q", got)
	}
}

func unsignedContentType(t *T) {
	r := t.send(t.sign(t.Bucket, "PUT", "k", nil), "x", set("Content-Type", "text/html"))
	t.Recordf("a PUT with a content type that was not signed: %d", r.status)
	if r.ok() {
		t.WantContent("k", "x")
	} else {
		t.wantForbidden("a PUT with a content type that was not signed", r, "")
		t.WantMissing("k")
	}
}

func signedHeadAndDelete(t *T) {
	o := t.Put("k", "content")
	r := t.send(t.sign(t.Bucket, "HEAD", "k", nil), "")
	if r.status != http.StatusOK || r.header.Get("ETag") != o.ETag || r.header.Get("Content-Length") != "7" || r.body != "" {
		t.Errorf("a signed HEAD is answered with %d, ETag %s and length %s", r.status, r.header.Get("ETag"), r.header.Get("Content-Length"))
	}
	s := t.sign(t.Bucket, "DELETE", "k", nil)
	if r := t.send(s, ""); !r.ok() {
		t.Errorf("a signed DELETE is answered with %d", r.status)
	}
	t.WantMissing("k")
}

func signedOtherMethod(t *T) {
	t.Put("k", "secret content")
	var methods []string
	for _, method := range signMethods {
		if t.Caps.Sign.Methods.Has(method) && method != http.MethodPost {
			methods = append(methods, method)
		}
	}
	for _, signed := range methods {
		for _, sent := range methods {
			if signed == sent {
				continue
			}
			r := t.send(t.sign(t.Bucket, signed, "k", nil), "new", func(r *http.Request) { r.Method = sent })
			t.wantForbidden(fmt.Sprintf("%s of what was signed for %s", sent, signed), r, "secret content")
		}
	}
	t.WantContent("k", "secret content")
}

// withPath returns a change that sends the request to where another one goes.
func withPath(other *blob.SignedRequest) func(r *http.Request) {
	return func(r *http.Request) {
		if u, err := url.Parse(other.URL); err == nil {
			u.RawQuery = r.URL.RawQuery
			r.URL, r.Host = u, u.Host
		}
	}
}

func signedOtherKey(t *T) {
	t.Put("k", "may be read")
	keys := t.holdable("k2", "other", "K")
	if !t.Caps.Keys.NoFileBesideDir {
		keys = append(keys, "k/below")
	}
	for _, key := range keys {
		t.Put(key, "secret content")
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			if !t.Caps.Sign.Methods.Has(method) {
				continue
			}
			r := t.send(t.sign(t.Bucket, method, "k", nil), "new", withPath(t.sign(t.Bucket, method, key, nil)))
			t.wantForbidden(fmt.Sprintf("%s of %q by what was signed for \"k\"", method, key), r, "secret content")
		}
		t.WantContent(key, "secret content")
	}
	elsewhere := t.OpenAnother()
	_, err := elsewhere.Put(t.ctx, "k", strings.NewReader("secret content"), nil)
	t.WantOK("put elsewhere", err)
	r := t.send(t.sign(t.Bucket, "GET", "k", nil), "", withPath(t.sign(elsewhere, "GET", "k", nil)))
	t.wantForbidden("GET in another bucket", r, "secret content")
}

func tampered(t *T) {
	t.Put("k", "secret content")
	s := t.sign(t.Bucket, "GET", "k", nil)
	if r := t.send(s, ""); !r.ok() {
		t.Fatalf("a signed GET is answered with %d", r.status)
	}
	u, err := url.Parse(s.URL)
	t.WantOK("a signed URL", err)
	params := strings.Split(u.RawQuery, "&")
	if len(params) < 2 {
		t.Errorf("a signed URL has %d parameters", len(params))
	}
	for i, param := range params {
		name, value, _ := strings.Cut(param, "=")
		query := func(changed ...string) func(r *http.Request) {
			return func(r *http.Request) {
				r.URL.RawQuery = strings.Join(slices.Concat(params[:i], changed, params[i+1:]), "&")
			}
		}
		if value != "" {
			t.wantForbidden("a URL with another "+name, t.send(s, "", query(name+"="+altered(value))), "secret content")
		}
		t.wantForbidden("a URL without "+name, t.send(s, "", query()), "secret content")
	}
	t.wantForbidden("a URL on another host", t.send(s, "", func(r *http.Request) { r.Host = "other.example.com" }), "secret content")
}

// altered changes the last letter or digit of a value.
func altered(value string) string {
	b := []byte(value)
	for i := len(b) - 1; i >= 0; i-- {
		switch c := b[i]; {
		case c >= '0' && c < '9', c >= 'a' && c < 'f', c >= 'A' && c < 'F':
			b[i]++
			return string(b)
		case c == '9', c >= 'f' && c <= 'z', c >= 'F' && c <= 'Z':
			b[i]--
			return string(b)
		}
	}
	return value + "0"
}

func expired(t *T) {
	t.Put("k", "secret content")
	s := t.sign(t.Bucket, "GET", "k", &blob.SignOptions{Expires: time.Second})
	time.Sleep(time.Until(s.Expires) + 1500*time.Millisecond) // servers count in seconds
	t.wantForbidden("a request that has expired", t.send(s, ""), "secret content")
	s = t.sign(t.Bucket, "GET", "k", &blob.SignOptions{Expires: time.Minute})
	if r := t.send(s, ""); r.body != "secret content" {
		t.Errorf("a request that is good for a minute is answered with %d", r.status)
	}
}

func signedAwkward(t *T) {
	for _, key := range t.awkwardKeys() {
		if _, err := t.Bucket.Put(t.ctx, key, strings.NewReader("content of "+key), nil); errors.Is(err, blob.ErrInvalid) {
			continue // which the cases of group B have looked at
		} else if err != nil {
			t.Fatalf("put %q: %v", key, err)
		}
		r := t.send(t.sign(t.Bucket, "GET", key, nil), "")
		if r.status != http.StatusOK || r.body != "content of "+key {
			t.Errorf("a signed GET of %q is answered with %d and %s", key, r.status, brief(r.body))
		}
		if t.Caps.Sign.Methods.Has(http.MethodPut) {
			if r := t.send(t.sign(t.Bucket, "PUT", key, nil), "put to "+key); !r.ok() {
				t.Errorf("a signed PUT of %q is answered with %d", key, r.status)
			}
			t.WantContent(key, "put to "+key)
		}
		t.Delete(key)
	}
}

func signedConditions(t *T) {
	o := t.Put("k", "0123456789")
	s := t.sign(t.Bucket, "GET", "k", nil)
	for _, test := range []struct {
		name, value string
		status      int
		body        string
	}{
		{"Range", "bytes=2-4", 206, "234"},
		{"Range", "bytes=-3", 206, "789"},
		{"Range", "bytes=20-", 416, ""},
		{"If-None-Match", o.ETag, 304, ""},
		{"If-None-Match", `"other"`, 200, "0123456789"},
		{"If-Match", o.ETag, 200, "0123456789"},
		{"If-Match", `"other"`, 412, ""},
	} {
		r := t.send(s, "", set(test.name, test.value))
		if r.status != test.status || test.status < 300 && r.body != test.body {
			t.Errorf("a signed GET with %s: %s is answered with %d and %s, not with %d and %q",
				test.name, test.value, r.status, brief(r.body), test.status, test.body)
		}
	}
}

func signedMissing(t *T) {
	r := t.send(t.sign(t.Bucket, "GET", "missing", nil), "")
	if r.status != http.StatusNotFound && r.status != http.StatusForbidden {
		t.Errorf("a signed GET of a missing object is answered with %d", r.status)
	}
	t.Recordf("a signed GET of a missing object: %d", r.status)
}

// post sends a signed form with a file.
func (t *T) post(s *blob.SignedRequest, file string, change func(form map[string]string)) reply {
	form := maps.Clone(s.Form)
	if change != nil {
		change(form)
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range form {
		t.WantOK("form", w.WriteField(name, value))
	}
	part, err := w.CreateFormFile("file", "name.txt")
	t.WantOK("form", err)
	_, err = io.WriteString(part, file)
	t.WantOK("form", err)
	t.WantOK("form", w.Close())
	return t.send(s, body.String(), set("Content-Type", w.FormDataContentType()))
}

func signedForm(t *T) {
	s := t.sign(t.Bucket, "POST", "d/k", &blob.SignOptions{Size: 100, Attributes: blob.Attributes{ContentType: "text/plain"}})
	t.wantForbidden("a form with another key", t.post(s, "x", func(form map[string]string) {
		for name, value := range form { // whatever the field is called
			if strings.HasSuffix(value, "d/k") {
				form[name] = strings.TrimSuffix(value, "d/k") + "d/other"
			}
		}
	}), "")
	t.wantForbidden("a form with another content type", t.post(s, "x", func(form map[string]string) {
		for name := range form {
			if strings.EqualFold(name, "Content-Type") {
				form[name] = "text/html"
			}
		}
	}), "")
	t.wantForbidden("a form with a file that is too large", t.post(s, strings.Repeat("x", 101), nil), "")
	for name := range s.Form {
		t.wantForbidden("a form without "+name, t.post(s, "x", func(form map[string]string) { delete(form, name) }), "")
	}
	t.WantEntries(nil)
	content := strings.Repeat("x", 100)
	if r := t.post(s, content, nil); !r.ok() {
		t.Errorf("a signed form is answered with %d: %s", r.status, brief(r.body))
	}
	t.WantContent("d/k", content)
	if got := t.Stat("d/k").ContentType; got != "text/plain" {
		t.Errorf("the content type is %q", got)
	}
	t.WantEntries(nil, "d/k")
}

func signedIfAbsent(t *T) {
	s := t.sign(t.Bucket, "PUT", "k", &blob.SignOptions{If: blob.IfAbsent})
	if len(s.Header) == 0 {
		t.Errorf("a signed request with a condition has no header that carries it")
	}
	for name := range s.Header {
		if strings.HasPrefix(strings.ToLower(name), "if-") {
			t.wantForbidden("a PUT without its condition", t.send(s, "x", drop(name)), "")
		}
	}
	t.WantMissing("k")
	if r := t.send(s, "first"); !r.ok() {
		t.Errorf("the first of two signed if-absent PUTs is answered with %d", r.status)
	}
	if r := t.send(s, "second"); r.status != http.StatusPreconditionFailed && r.status != http.StatusConflict {
		t.Errorf("the second of two signed if-absent PUTs is answered with %d", r.status)
	}
	t.WantContent("k", "first")
}
