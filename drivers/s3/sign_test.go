package s3

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

func TestSignedRequests(t *testing.T) {
	b := newFake(t, ordinary).open(t, "aws")
	for _, test := range []struct {
		opts   blob.SignOptions
		header map[string]string // that must be sent
	}{
		{blob.SignOptions{Method: "GET"}, nil},
		{blob.SignOptions{Method: "GET", If: blob.IfMatch("e")}, map[string]string{"If-Match": `"e"`}},
		{blob.SignOptions{Method: "HEAD"}, nil},
		{blob.SignOptions{Method: "DELETE", If: blob.IfMatch("e")}, map[string]string{"If-Match": `"e"`}},
		{blob.SignOptions{Method: "PUT", If: blob.IfAbsent, Attributes: blob.Attributes{ContentType: "text/plain", CacheControl: "no-store", Metadata: map[string]string{"a": "é"}}},
			map[string]string{"If-None-Match": "*", "Content-Type": "text/plain", "Cache-Control": "no-store", "X-Amz-Meta-A": "=?UTF-8?B?w6k=?="}},
	} {
		test.opts.Expires = time.Hour
		s, err := b.Sign(context.Background(), "a key/é", &test.opts)
		if err != nil {
			t.Errorf("%+v: %v", test.opts, err)
			continue
		}
		u, err := url.Parse(s.URL)
		if err != nil || u.Path != "/b/a key/é" || u.Query().Get("X-Amz-Expires") != "3600" || u.Query().Get("X-Amz-Signature") == "" {
			t.Errorf("%s is signed as %s", test.opts.Method, s.URL)
		}
		if d := time.Until(s.Expires); s.Method != test.opts.Method || d < 59*time.Minute || d > time.Hour {
			t.Errorf("a %s is signed as a %s that is good for %v", test.opts.Method, s.Method, d)
		}
		signed := strings.Split(u.Query().Get("X-Amz-SignedHeaders"), ";")
		for name, value := range test.header {
			if s.Header.Get(name) != value || !slices.Contains(signed, strings.ToLower(name)) {
				t.Errorf("%s: the header %s is %q, and %q are signed", test.opts.Method, name, s.Header.Get(name), signed)
			}
		}
		if len(s.Header) != len(test.header) || len(signed) != len(test.header)+1 { // host is signed too
			t.Errorf("%s must send the headers %v, and signs %q", test.opts.Method, s.Header, signed)
		}
		if strings.Contains(s.URL, testSecret) {
			t.Errorf("the secret is in %s", s.URL)
		}
	}
}

func TestSignedForm(t *testing.T) {
	b := newFake(t, ordinary).open(t, "aws")
	s, err := b.Sign(context.Background(), "a key", &blob.SignOptions{Method: "POST", Expires: time.Hour, Size: 1000,
		Attributes: blob.Attributes{ContentType: "text/plain", Metadata: map[string]string{"a": "é"}}})
	if err != nil {
		t.Fatal(err)
	}
	document, err := base64.StdEncoding.DecodeString(s.Form["policy"])
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Expiration time.Time
		Conditions []any
	}
	if err := json.Unmarshal(document, &policy); err != nil {
		t.Fatal(err)
	}
	conditions := map[string]any{}
	for _, c := range policy.Conditions {
		switch c := c.(type) {
		case map[string]any:
			for name, value := range c {
				conditions[name] = value
			}
		case []any:
			if c[0] == "content-length-range" && c[2] != float64(1000) || c[0] == "starts-with" {
				t.Errorf("the policy has the condition %v", c)
			}
			conditions[c[0].(string)] = true
			if c[0] == "eq" {
				conditions[strings.TrimPrefix(c[1].(string), "$")] = c[2]
			}
		}
	}
	if conditions["content-length-range"] == nil {
		t.Errorf("the policy does not limit the size: %s", document)
	}
	// Every field of the form is bound by the policy, so none can be changed or left out.
	for name, value := range s.Form {
		if lower := strings.ToLower(name); lower == "policy" || lower == "x-amz-signature" {
			continue
		}
		if conditions[name] != value {
			t.Errorf("the field %s is %q, and the policy says %v: %s", name, value, conditions[name], document)
		}
	}
	if s.Form["key"] != "a key" || s.Form["Content-Type"] != "text/plain" || s.Form["x-amz-meta-a"] != "=?UTF-8?B?w6k=?=" || !strings.HasSuffix(s.URL, "/b") {
		t.Errorf("the form is %v, sent to %s", s.Form, s.URL)
	}
	if d := time.Until(policy.Expiration); d < 59*time.Minute || d > time.Hour {
		t.Errorf("the policy is good for %v", d)
	}
}

func TestWhatCannotBeSigned(t *testing.T) {
	for _, test := range []struct {
		flavour string
		opts    blob.SignOptions
		want    error
	}{
		{"swift", blob.SignOptions{Method: "PUT", If: blob.IfAbsent}, errors.ErrUnsupported},
		{"ceph", blob.SignOptions{Method: "DELETE", If: blob.IfMatch("e")}, errors.ErrUnsupported},
		{"aws", blob.SignOptions{Method: "POST", If: blob.IfAbsent}, errors.ErrUnsupported},
		{"aws", blob.SignOptions{Method: "GET", Attributes: blob.Attributes{ContentType: "text/plain"}}, blob.ErrInvalid},
		{"aws", blob.SignOptions{Method: "GET", Expires: 8 * 24 * time.Hour}, blob.ErrInvalid},
	} {
		if test.opts.Expires == 0 {
			test.opts.Expires = time.Hour
		}
		if _, err := newFake(t, ordinary).open(t, test.flavour).Sign(context.Background(), "k", &test.opts); !errors.Is(err, test.want) {
			t.Errorf("%s, %+v: %v, want %v", test.flavour, test.opts, err, test.want)
		}
	}
	b := newFake(t, ordinary).open(t, "aws", func(c *Config) { c.CustomerKey = make([]byte, 32) })
	if _, err := b.Sign(context.Background(), "k", &blob.SignOptions{Method: "GET", Expires: time.Hour}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a request with a customer's key is signed: %v", err)
	}
}

// A signature that the server verifies: of the fake's own, by sending what Sign returned.
func TestSignedRequestIsSentAsItIs(t *testing.T) {
	f := newFake(t, ordinary)
	s, err := f.open(t, "aws").Sign(context.Background(), "k", &blob.SignOptions{Method: "PUT", Expires: time.Hour, If: blob.IfAbsent})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(s.Method, s.URL, strings.NewReader("content"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = s.Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	heard := f.requests()
	if len(heard) != 1 || heard[0].header.Get("If-None-Match") != "*" || heard[0].body != "content" || heard[0].header.Get("Authorization") != "" {
		t.Errorf("the server heard %+v", heard)
	}
}
