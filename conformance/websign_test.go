package conformance_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// How requests to a webStore are signed: by an HMAC over the method, host, path, query, and the headers that matter.

const (
	webKey    = "web-key-id"
	webSecret = "web-SECRET-0123456789"
)

func crc32c(content []byte) uint32 { return crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)) }

func webSignature(secret, method, host, uri string, h http.Header, names []string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s\n%s\n%s\n", method, host, uri)
	for _, name := range names {
		fmt.Fprintf(mac, "%s:%q\n", name, h.Values(name))
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// signedNames are the headers of a request that its signature covers.
func signedNames(h http.Header) []string {
	var names []string
	for name := range h {
		if name == "Content-Type" || name == "Range" || strings.HasPrefix(name, "X-") || strings.HasPrefix(name, "If-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// authorize tells why a request may not be carried out.
func (s *webStore) authorize(r *http.Request) error {
	if s.flaws.open {
		return nil
	}
	if r.URL.Query().Has("web-sig") {
		return s.authorizeSigned(r)
	}
	scheme, sig, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	at, err := time.Parse(time.RFC3339, r.Header.Get("X-Time"))
	switch {
	case scheme != webKey:
		return fmt.Errorf("%w: no key, or one that is not known", fs.ErrPermission)
	case err != nil || time.Since(at).Abs() > 15*time.Minute:
		return fmt.Errorf("%w: the clock says %s", fs.ErrPermission, r.Header.Get("X-Time"))
	case sig != webSignature(webSecret, r.Method, r.Host, r.RequestURI, r.Header, signedNames(r.Header)):
		return fmt.Errorf("%w: the signature is wrong", fs.ErrPermission)
	}
	return nil
}

// authorizeSigned checks a request that was signed for somebody else: its signature is the end of its query.
func (s *webStore) authorizeSigned(r *http.Request) error {
	q := r.URL.Query()
	uri, sig, _ := strings.Cut(r.RequestURI, "&web-sig=")
	at, err := strconv.ParseInt(q.Get("web-at"), 10, 64)
	life, lerr := strconv.ParseInt(q.Get("web-for"), 10, 64)
	expired := time.Now().After(time.Unix(0, at).Add(time.Duration(life)))
	if err != nil || lerr != nil || expired && !s.flaws.endless {
		return fmt.Errorf("%w: the request has expired", fs.ErrPermission)
	}
	var names []string
	if list := q.Get("web-headers"); list != "" {
		names = strings.Split(list, ",")
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-") && !slices.Contains(names, name) {
			return fmt.Errorf("%w: the header %s is not signed", fs.ErrPermission, name)
		}
	}
	if s.flaws.anyHeader {
		names = nil
	}
	methods := []string{r.Method}
	if s.flaws.anyMethod {
		methods = []string{"GET", "HEAD", "PUT", "DELETE"}
	}
	if s.flaws.anyKey {
		_, query, _ := strings.Cut(uri, "?")
		uri = "?" + query
	}
	for _, method := range methods {
		if sig == webSignature(webSecret, method, r.Host, uri, r.Header, names) {
			return nil
		}
	}
	return fmt.Errorf("%w: the signature is wrong", fs.ErrPermission)
}

// Sign implements blob.Bucket.
func (b *webBucket) Sign(_ context.Context, key string, opts *blob.SignOptions) (*blob.SignedRequest, error) {
	now := time.Now()
	s := &blob.SignedRequest{Method: opts.Method, Header: http.Header{}, Expires: now.Add(opts.Expires)}
	if opts.Method == http.MethodPost {
		return b.signForm(s, key, opts)
	}
	if opts.Method == http.MethodPut {
		setAttributes(s.Header, opts.Attributes)
	}
	setCondition(s.Header, opts.If)
	names := slices.Sorted(maps.Keys(s.Header))
	u := b.at(key)
	u.RawQuery = fmt.Sprintf("web-at=%d&web-for=%d&web-headers=%s", now.UnixNano(), opts.Expires, url.QueryEscape(strings.Join(names, ",")))
	uri := u.RequestURI()
	if b.store.flaws.anyKey {
		uri = "?" + u.RawQuery
	}
	if b.store.flaws.anyHeader {
		names = nil
	}
	u.RawQuery += "&web-sig=" + webSignature(b.secret, opts.Method, u.Host, uri, s.Header, names)
	s.URL = u.String()
	if b.flaws.showsSecret {
		s.URL += "&web-debug=" + b.secret
	}
	return s, nil
}

// webPolicy is what a form may store, signed.
type webPolicy struct {
	Bucket, Key, ContentType string
	Size                     int64 // at most; zero: any
	Until                    time.Time
}

func (b *webBucket) signForm(s *blob.SignedRequest, key string, opts *blob.SignOptions) (*blob.SignedRequest, error) {
	text, err := json.Marshal(webPolicy{b.name, key, opts.ContentType, opts.Size, s.Expires})
	if err != nil {
		return nil, err
	}
	policy := base64.StdEncoding.EncodeToString(text)
	s.URL = b.at("").String()
	s.Form = map[string]string{"key": key, "policy": policy, "sig": webSignature(b.secret, "POST", "", policy, nil, nil)}
	if opts.ContentType != "" {
		s.Form["Content-Type"] = opts.ContentType
	}
	return s, nil
}

// form stores the file of a form.
func (q *webRequest) form() error {
	if err := q.r.ParseMultipartForm(64 << 20); err != nil {
		return fmt.Errorf("%w: %v", blob.ErrInvalid, err)
	}
	f := func(name string) string { return q.r.PostFormValue(name) }
	var p webPolicy
	text, err := base64.StdEncoding.DecodeString(f("policy"))
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	file, _, ferr := q.r.FormFile("file")
	if err != nil || ferr != nil {
		return fmt.Errorf("%w: no policy, or no file", fs.ErrPermission)
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	switch {
	case q.s.flaws.noForm:
	case f("sig") != webSignature(webSecret, "POST", "", f("policy"), nil, nil):
		return fmt.Errorf("%w: the signature is wrong", fs.ErrPermission)
	case p.Bucket != q.name || p.Key != f("key") || p.ContentType != f("Content-Type") || time.Now().After(p.Until):
		return fmt.Errorf("%w: the policy does not allow it", fs.ErrPermission)
	case p.Size > 0 && int64(len(content)) > p.Size:
		return fmt.Errorf("%w: the file is too large", blob.ErrInvalid)
	}
	_, err = q.b.Put(q.r.Context(), f("key"), bytes.NewReader(content), &blob.PutOptions{Attributes: blob.Attributes{ContentType: p.ContentType}})
	if err == nil {
		q.w.WriteHeader(http.StatusNoContent)
	}
	return err
}
