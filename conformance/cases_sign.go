package conformance

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

var signCases = []Case{
	{ID: "M11", Doc: "a signed request that would expire at once, or later than the store allows, is invalid", Run: signExpiry},
	{ID: "M16", Doc: "no part of a signed request holds the secret that signed it", Needs: []Need{needSign, needSecrets}, Run: signSecrets},
	{ID: "M19", Doc: "a method or a condition that is not declared is not signed", Run: signUndeclared},
}

var signMethods = []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPost}

func signExpiry(t *T) {
	t.Put("k", "x")
	lives := []time.Duration{0, -1, -time.Second, -time.Hour}
	if t.Caps.Sign.MaxLife > 0 {
		lives = append(lives, t.Caps.Sign.MaxLife+1)
	}
	for _, method := range signMethods {
		if t.Caps.ReadOnly && !t.Caps.Sign.Methods.Has(method) {
			continue // refused for another reason
		}
		for _, life := range lives {
			s, err := t.Bucket.Sign(t.ctx, "k", &blob.SignOptions{Method: method, Expires: life})
			wantClass(t, fmt.Sprintf("sign %s for %v", method, life), err, blob.ErrInvalid)
			if s != nil {
				t.Errorf("sign %s for %v answers a request", method, life)
			}
		}
	}
	_, err := t.Bucket.Sign(t.ctx, "k", nil)
	wantClass(t, "sign without options", err, blob.ErrInvalid)
}

func signSecrets(t *T) {
	t.Put("k", "x")
	for method := range t.Caps.Sign.Methods.All() {
		opts := &blob.SignOptions{Method: method, Expires: time.Minute}
		if method == http.MethodPost {
			opts.Size = 100
		}
		s, err := t.Bucket.Sign(t.ctx, "k", opts)
		t.WantOK("sign "+method, err)
		shown := fmt.Sprint(s.URL, s.Header, s.Form)
		for _, secret := range t.Harness.Secrets {
			if strings.Contains(shown, secret) || strings.Contains(shown, url.QueryEscape(secret)) {
				t.Errorf("a signed %s holds a secret", method)
			}
		}
	}
}

func signUndeclared(t *T) {
	t.Put("k", "x")
	for _, method := range append(signMethods, "PATCH", "get", "") {
		if t.Caps.Sign.Methods.Has(method) {
			continue
		}
		s, err := t.Bucket.Sign(t.ctx, "k", &blob.SignOptions{Method: method, Expires: time.Minute})
		want := errors.ErrUnsupported
		switch {
		case method != strings.ToUpper(method) || method == "" || method == "PATCH":
			want = blob.ErrInvalid
		case t.Caps.ReadOnly && method != http.MethodGet && method != http.MethodHead:
			continue // refused for another reason
		}
		wantClass(t, fmt.Sprintf("sign %q", method), err, want)
		if s != nil {
			t.Errorf("sign %q answers a request", method)
		}
	}
	for method := range t.Caps.Sign.Methods.All() {
		for _, cond := range []blob.Condition{blob.IfAbsent, blob.IfMatch(`"e"`), blob.IfNoneMatch(`"e"`)} {
			if t.signsConditions(method).Has(cond.Kind()) {
				continue
			}
			s, err := t.Bucket.Sign(t.ctx, "k", &blob.SignOptions{Method: method, Expires: time.Minute, If: cond})
			wantClass(t, fmt.Sprintf("sign %s %s", method, cond), err, errors.ErrUnsupported)
			if s != nil {
				t.Errorf("sign %s %s returns a request", method, cond)
			}
		}
	}
	t.WantContent("k", "x")
}

// signsConditions returns the conditions that the store declares it can sign.
func (t *T) signsConditions(method string) blob.ConditionSet {
	if !t.Caps.Sign.Conditions {
		return 0
	}
	return map[string]blob.ConditionSet{http.MethodGet: t.Caps.If.Read, http.MethodHead: t.Caps.If.Read,
		http.MethodPut: t.Caps.If.Put, http.MethodDelete: t.Caps.If.Delete}[method]
}
