package blob_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/holdall-go/holdall/blob"
)

func TestKeyRules(t *testing.T) {
	canonical := blob.KeyRules{Canonical: true}
	for _, test := range []struct {
		name       string
		rules      blob.KeyRules
		good, bad  []string
		writeAlone []string // accepted, but not by writes
	}{
		{"none", blob.KeyRules{}, []string{"a", "/", "//", ".", "../a", `\`, "\x01", "\u0085", "\uffff", "a/", strings.Repeat("k", 1024)},
			[]string{"", "\x00", "a\xff", strings.Repeat("k", 1025)}, nil},
		{"length", blob.KeyRules{MaxBytes: 3}, []string{"a", "abc", "é"}, []string{"", "abcd", "éé"}, nil},
		{"length beyond every key's", blob.KeyRules{MaxBytes: 5000}, []string{strings.Repeat("k", 1024)}, []string{strings.Repeat("k", 1025)}, nil},
		{"segments", blob.KeyRules{MaxSegment: 3}, []string{"abc", "abc/abc/", "é/é", "//", "..."}, []string{"abcd", "a/abcd", "abcd/a", "éé"}, nil},
		{"canonical", canonical, []string{"a", "a/", "a/b", ".a", "a.", "...", " .. ", "é", "\uffff", "a b"},
			[]string{"/", "/a", "//", "a//", "a//b", ".", "..", "./", "a/.", "a/../b", `a\b`, "\x01", "\x7f", "\u0085", "a\n"}, nil},
		{"spaced dots", blob.KeyRules{NoSpacedDots: true}, []string{"a", "...", " ", ". .", "a/ b", "\u00a0..", "//"},
			[]string{".", "..", " .", "a/.. /b", "\t..\v"}, nil},
		{"URL", blob.KeyRules{URLSafe: true}, []string{"a", "//", "/a", "...", `\`, "\u0085", "é", "a/"}, []string{".", "a/..", "../b", "a\x1f", "\x7f"}, nil},
		{"XML", blob.KeyRules{XMLSafe: true}, []string{"\ufffd", "\x01", ".."}, []string{"a\ufffe", "\uffff/b"}, nil},
		{"reserved suffix", blob.KeyRules{ReservedSuffix: ".attrs"}, []string{"attrs", ".attr", "a.attrs.b", "é.attrſ"},
			[]string{".attrs", "a.attrs", "a.ATTRs", "a.attrs/b", "b/a.attrs/"}, nil},
		{"slash at the end", blob.KeyRules{NoSlashAtEnd: true}, []string{"a", "a/b", "/a"}, nil, []string{"a/", "/", "a//"}},
		{"below a directory", blob.KeyRules{Canonical: true, MaxSegment: 3, MaxBytes: 6, Prefix: "a/"}, []string{"b", "b/c", "abc"}, []string{"/", "/b", "..", "abcd", "b/c/d"}, nil},
		{"below a part of a segment", blob.KeyRules{Canonical: true, MaxSegment: 3, NoSpacedDots: true, Prefix: "x/."}, []string{"b", "bc", "bc/abc"},
			[]string{".", "/b", "./b", " ", "bcd"}, nil},
		{"below what is refused itself", blob.KeyRules{Canonical: true, Prefix: "a//"}, nil, []string{"b", "b/c"}, nil},
	} {
		check := func(what string, err error, good bool) {
			t.Helper()
			if good && err != nil || !good && !errors.Is(err, blob.ErrInvalid) {
				t.Errorf("%s: %s: %v", test.name, what, err)
			}
		}
		for _, key := range test.good {
			check("read of "+key, test.rules.Check(key), true)
			check("write of "+key, test.rules.CheckWrite(key), true)
		}
		for _, key := range test.bad {
			check("read of "+key, test.rules.Check(key), false)
			check("write of "+key, test.rules.CheckWrite(key), false)
		}
		for _, key := range test.writeAlone {
			check("read of "+key, test.rules.Check(key), true)
			check("write of "+key, test.rules.CheckWrite(key), false)
		}
	}
}

func TestKeyRulesExplain(t *testing.T) {
	r := blob.KeyRules{Canonical: true, MaxSegment: 3, NoSlashAtEnd: true, Prefix: "zz/", Note: "files are files"}
	for key, want := range map[string]string{
		"a//b": `the key "a//b" has an empty segment; files are files`, "abcd": "a segment of 4 bytes; this bucket takes at most 3 between slashes; files",
		"a/": "ends in a slash", "a\nb": `"a\nb" contains a control character`,
	} {
		err := r.CheckWrite(key)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "zz") {
			t.Errorf("%q: %v, which should contain %q and not the prefix", key, err, want)
		}
	}
}

// FuzzKeyRules compares the rules with a plain reading of their documentation.
func FuzzKeyRules(f *testing.F) {
	for i, key := range []string{"a/b", ".", " .. /x", "x.attrs", "a//b/", "\uffff", `a\`, "longer/segment", "\u0085"} {
		f.Add("p/", key, uint8(i*29))
		f.Add(".", key, uint8(i*31))
		f.Add("", key, uint8(255))
	}
	f.Fuzz(func(t *testing.T, prefix, key string, bits uint8) {
		r := blob.KeyRules{Prefix: prefix, Canonical: bits&1 != 0, NoSpacedDots: bits&2 != 0, URLSafe: bits&4 != 0, XMLSafe: bits&8 != 0, NoSlashAtEnd: bits&16 != 0}
		if bits&32 != 0 {
			r.MaxSegment = 5
		}
		if bits&64 != 0 {
			r.ReservedSuffix = ".x"
		}
		if !utf8.ValidString(prefix) || len(prefix) > 500 {
			t.Skip()
		}
		if got, want := r.Check(key) == nil, accepted(r, key); got != want {
			t.Errorf("%+v accepts %q: %t", r, key, got)
		}
		if got, want := r.CheckWrite(key) == nil, accepted(r, key) && !(r.NoSlashAtEnd && strings.HasSuffix(key, "/")); got != want {
			t.Errorf("%+v accepts a write of %q: %t", r, key, got)
		}
	})
}

func accepted(r blob.KeyRules, key string) bool {
	full := r.Prefix + key
	if blob.CheckKey(key) != nil || len(full) > blob.MaxKeyBytes {
		return false
	}
	if r.Canonical && (strings.ContainsFunc(full, unicode.IsControl) || strings.Contains(full, `\`)) || r.XMLSafe && strings.ContainsAny(full, "\ufffe\uffff") ||
		r.URLSafe && strings.ContainsFunc(full, func(c rune) bool { return c < 0x20 || c == 0x7f }) {
		return false
	}
	segments := strings.Split(full, "/")
	if n := len(segments) - 1; n > 0 && segments[n] == "" {
		segments = segments[:n]
	}
	dots := []string{".", ".."}
	for _, s := range segments {
		if r.Canonical && (s == "" || slices.Contains(dots, s)) || r.URLSafe && slices.Contains(dots, s) || r.MaxSegment > 0 && len(s) > r.MaxSegment ||
			r.NoSpacedDots && slices.Contains(dots, strings.Trim(s, " \t\n\v\f\r")) || r.ReservedSuffix != "" && strings.HasSuffix(strings.ToLower(s), r.ReservedSuffix) {
			return false
		}
	}
	return true
}

// Check applies the rules in every call, before the driver sees it.
func TestCheckAppliesKeyRules(t *testing.T) {
	ctx := context.Background()
	reads := map[string]func(b blob.Bucket, key string) error{
		"stat":        func(b blob.Bucket, key string) error { _, err := b.Stat(ctx, key, nil); return err },
		"get":         func(b blob.Bucket, key string) error { _, err := b.Get(ctx, key, nil); return err },
		"source":      func(b blob.Bucket, key string) error { _, err := b.Source(ctx, key, nil); return err },
		"delete":      func(b blob.Bucket, key string) error { return b.Delete(ctx, key, nil) },
		"delete each": func(b blob.Bucket, key string) error { return b.DeleteEach(ctx, slices.Values([]string{key}), nil) },
		"sign GET":    signing("GET"), "sign DELETE": signing("DELETE"),
	}
	writes := map[string]func(b blob.Bucket, key string) error{
		"put":      func(b blob.Bucket, key string) error { _, err := b.Put(ctx, key, nil, nil); return err },
		"copy":     func(b blob.Bucket, key string) error { _, err := b.Copy(ctx, key, blob.Source{}, nil); return err },
		"upload":   func(b blob.Bucket, key string) error { _, err := b.Upload(ctx, key, nil); return err },
		"sign PUT": signing("PUT"), "sign POST": signing("POST"),
	}
	f := &fake{caps: func(c *blob.Capabilities) {
		c.Copy, c.Uploads.Supported, c.Sign.Methods = true, true, blob.Methods("GET", "DELETE", "PUT", "POST")
		c.Keys = blob.KeyRules{Canonical: true, NoSlashAtEnd: true}
	}}
	for name, b := range map[string]blob.Bucket{"bucket": checkedFake(t, f), "sub": blob.Sub(checkedFake(t, f), "p/")} {
		for what, call := range reads {
			if err := call(b, "a//b"); !errors.Is(err, blob.ErrInvalid) || f.calls > 0 {
				t.Errorf("%s: %s of a bad key: %v, after %d calls", name, what, err, f.calls)
			}
			if err := call(b, "a/"); errors.Is(err, blob.ErrInvalid) {
				t.Errorf("%s: %s of a key that ends in a slash: %v", name, what, err)
			}
			f.calls = 0
		}
		for what, call := range writes {
			for _, key := range []string{"a//b", "a/"} {
				if err := call(b, key); !errors.Is(err, blob.ErrInvalid) || f.calls > 0 {
					t.Errorf("%s: %s of %q: %v, after %d calls", name, what, key, err, f.calls)
				}
			}
		}
	}
}

func signing(method string) func(b blob.Bucket, key string) error {
	return func(b blob.Bucket, key string) error {
		_, err := b.Sign(context.Background(), key, &blob.SignOptions{Method: method, Expires: time.Minute})
		return err
	}
}

func TestSignConditions(t *testing.T) {
	f := &fake{caps: func(c *blob.Capabilities) {
		c.Sign = blob.SignRules{Methods: blob.Methods("GET", "HEAD", "PUT", "DELETE", "POST"), Conditions: true}
		c.If = blob.ConditionRules{Put: blob.Conditions(blob.KindAbsent), Delete: blob.Conditions(blob.KindMatch), Read: blob.ReadConditions}
	}}
	without := &fake{caps: func(c *blob.Capabilities) { f.caps(c); c.Sign.Conditions = false }}
	match, none := blob.IfMatch("e"), blob.IfNoneMatch("e")
	for _, test := range []struct {
		method string
		cond   blob.Condition
		can    bool
	}{
		{"GET", match, true}, {"HEAD", none, true}, {"GET", blob.IfAbsent, false}, {"PUT", blob.IfAbsent, true}, {"PUT", match, false},
		{"DELETE", match, true}, {"DELETE", blob.IfAbsent, false}, {"POST", blob.IfAbsent, false}, {"POST", match, false},
	} {
		opts := &blob.SignOptions{Method: test.method, Expires: time.Minute, If: test.cond}
		if _, err := checkedFake(t, f).Sign(t.Context(), "k", opts); test.can != (err == nil) || !test.can && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("sign %s %s: %v", test.method, test.cond, err)
		}
		if _, err := checkedFake(t, without).Sign(t.Context(), "k", opts); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("without conditions, sign %s %s: %v", test.method, test.cond, err)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
		opts := &blob.SignOptions{Method: method, Expires: time.Minute, Attributes: blob.Attributes{ContentType: "text/plain"}}
		if _, err := checkedFake(t, f).Sign(t.Context(), "k", opts); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("sign %s with a content type: %v", method, err)
		}
	}
}
