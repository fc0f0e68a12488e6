package acl

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/holdall-go/holdall/blob"
)

var goodKeys = []string{
	"a", "a/", "a/b", "a/b/", "...", "..a", ".a", "a.", "a b", " ", "%2e%2e/x", "~", "a:b", "é", "日本/語", "a/..b/c",
	".holdal", ".holdallx", "holdall", "x.holdall", ".holdall-old/x", "holdal", "holdal~", "holdal~x", "HOLDALL~1x", "h~1",
	"ho~1~", "hold", "hotel~1", "..holdall", strings.Repeat("k", maxKey),
}

var badKeys = []struct{ key, why string }{
	{"", isEmpty},
	{strings.Repeat("k", maxKey+1), isLong},
	{"/", hasEmpty}, {"/a", hasEmpty}, {"a//b", hasEmpty}, {"a//", hasEmpty}, {"//", hasEmpty},
	{".", hasDots}, {"..", hasDots}, {"./a", hasDots}, {"a/./b", hasDots}, {"a/../b", hasDots}, {"../a", hasDots},
	{"a/..", hasDots}, {"a/.", hasDots}, {"a/../", hasDots},
	{`a\b`, hasBack}, {`..\b`, hasBack},
	{"\x00", hasControl}, {"a\x00", hasControl}, {"a\nb", hasControl}, {"a\x1fb", hasControl}, {"a\x7f", hasControl},
	{"a\u0080", hasControl}, {"a\u0085b", hasControl}, {"\u009b31m", hasControl},
	{"\xff", isNotUTF8}, {"a\xc3", isNotUTF8}, {"\xed\xa0\x80", isNotUTF8}, {"\xc0\xaf", isNotUTF8},
	{".holdall", isReserved}, {".holdall/", isReserved}, {".holdall/acl", isReserved}, {"team/.holdall/x", isReserved},
	{"a/b/.holdall", isReserved}, {".HOLDALL/x", isReserved}, {".HoLdAlL/x", isReserved}, {".holdall./x", isReserved},
	{".holdall /x", isReserved}, {".holdall. . ./x", isReserved}, {".hold\u200call/x", isReserved},
	{"\u200b.holdall/x", isReserved}, {".holdall\ufeff/x", isReserved}, {".h\u00adoldall", isReserved},
	{".holdall.\u200d.", isReserved}, {".hold\u034fall", isReserved}, {".holda\ufe0fll", isReserved}, {".hol\U000e0001dall", isReserved},
	{".holdall\u00a0", isReserved}, {".hold\u2060all", isReserved}, {".hold\u3164all", isReserved},
	{".holdall:x", isReserved}, {".holdall::$DATA", isReserved}, {".holdall.:x/y", isReserved}, {".holdall:", isReserved},
	{"HOLDAL~1", isReserved}, {"holdal~1/x", isReserved}, {"HOLDAL~12", isReserved}, {"HOLDA~10", isReserved},
	{"HOLD~100", isReserved}, {"HO3F2A~1", isReserved}, {"HOLDAL~1.", isReserved}, {"HOLDAL~1::$INDEX_ALLOCATION", isReserved},
	{"HOLDAL\u200b~1", isReserved},
}

func TestCheckKey(t *testing.T) {
	for _, key := range goodKeys {
		if err := CheckKey(key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
		if err := CheckScope(key); err != nil {
			t.Errorf("scope %q: %v", key, err)
		}
	}
	for _, bad := range badKeys {
		err := CheckKey(bad.key)
		if err == nil || !strings.HasSuffix(err.Error(), bad.why) || !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("%.50q: %v, want: %s", bad.key, err, bad.why)
		}
		if bad.key != "" && CheckScope(bad.key) == nil {
			t.Errorf("scope %.50q is allowed", bad.key)
		}
		if got := reserved(bad.key); got != (bad.why == isReserved) {
			t.Errorf("reserved(%.50q) = %v", bad.key, got)
		}
	}
	if err := CheckScope(""); err != nil {
		t.Errorf("the whole bucket is no scope: %v", err)
	}
}

// TestCheckPrefix: whatever a good key begins with is a good prefix, and one is good only if it can be completed.
func TestCheckPrefix(t *testing.T) {
	for _, key := range goodKeys {
		for i := range len(key) + 1 {
			if prefix := key[:i]; utf8.ValidString(prefix) && checkPrefix(prefix) != nil {
				t.Errorf("%q, of the key %q: %v", prefix, key, checkPrefix(prefix))
			}
		}
	}
	for prefix, ok := range map[string]bool{
		"": true, ".": true, "..": true, "a/..": true, ".holdall": true, "a/.HOLDALL": true, "HOLDAL~1": true, "a/": true,
		"/": false, "//": false, "a//": false, "../": false, "a/./": false, ".holdall/": false, "x/.holdall./a": false,
		".holdall:": false, "a/.holdall :x": false, "a\\": false, "a\x00": false, "a\xff": false, strings.Repeat("a", maxKey+1): false,
	} {
		if err := checkPrefix(prefix); (err == nil) != ok {
			t.Errorf("%.50q: %v", prefix, err)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		scope, key string
		want       bool
	}{
		{"", "", true}, {"", "a", true}, {"a/", "a/", true}, {"a/", "a/b", true}, {"a/", "a", false}, {"a/", "a0", false},
		{"a/", "ab/", false}, {"a", "a", true}, {"a", "a/", false}, {"a", "ab", false}, {"a", "", false}, {"a/b/", "a/", false},
	} {
		if got := covers(c.scope, c.key); got != c.want {
			t.Errorf("covers(%q, %q) = %v", c.scope, c.key, got)
		}
	}
	// The ancestors and the ranges of scopes say the same.
	for _, key := range keys {
		ancestors := map[string]bool{"": true}
		for n := 0; n < len(key); {
			n = nextAncestor(key, n)
			ancestors[key[:n]] = true
		}
		for _, scope := range scopes {
			in := scope <= key && endsAfter(scopeEnd(scope), key)
			if want := covers(scope, key); ancestors[scope] != want || in != want {
				t.Errorf("%q of %q: covers %v, an ancestor %v, in the range %v", scope, key, want, ancestors[scope], in)
			}
		}
	}
}

// FuzzCheckKey: no valid key has a segment that a plain reading of the rules refuses, and prefixes of it are valid.
func FuzzCheckKey(f *testing.F) {
	for _, key := range goodKeys {
		f.Add(key)
	}
	for _, bad := range badKeys {
		f.Add(bad.key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if CheckKey(key) != nil {
			return
		}
		if !utf8.ValidString(key) || len(key) == 0 || len(key) > 1024 || strings.ContainsAny(key, "\\\x00\r\n\x7f") || reserved(key) {
			t.Fatalf("%q is allowed", key)
		}
		for segment := range strings.SplitSeq(strings.TrimSuffix(key, "/"), "/") {
			if segment == "" || segment == "." || segment == ".." || strings.EqualFold(strings.TrimRight(segment, ". "), ".holdall") {
				t.Fatalf("%q is allowed with the segment %q", key, segment)
			}
		}
		for i := range key {
			if err := checkPrefix(key[:i]); err != nil {
				t.Fatalf("%q begins with what is no prefix: %v", key, err)
			}
		}
		if strings.Count(key, "/") > 0 && CheckScope(key[:strings.IndexByte(key, '/')+1]) != nil {
			t.Fatalf("%q lies in what is no scope", key)
		}
	})
}
