package conformance

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"slices"
	"strings"
	"unicode"

	"github.com/holdall-go/holdall/blob"
)

// What cases about keys share: the keys that others took for something else, and the two things that may become of a
// key: it is held to the letter, or it is refused by every call.

// awkward are keys that a URL, a header, a path, a pattern, a shell or an escape could take for something else, many of
// them for one another.
var awkward = []string{
	"a", "A", "a.", "a ", " a", "a  b", " ", ".a", "..a", "...", "~a", "-a", "--", "ａ", "a\u00a0", "a\u200c", // one letter, dressed
	"K", "\u212a", "ff", "\ufb00", // Kelvin is a K to who folds, the ligature two letters to who normalizes
	"a/", "a/b", "a/b/", "a/...", "a/b.", "a/ b", "b", // paths
	"/", "/a", "//a", "a//b", "a//", ".", "..", "./a", "a/.", "a/..", "a/./b", "a/../b", "../a", "../../a", // paths that get cleaned
	`a\b`, `\a`, `..\a`, `a\`, // and those of Windows
	"C:", "C:/a", "CON", "nul.txt", "a:b", "a::$DATA",
	"%", "%%", "%zz", "%41", "%61", "%2F", "a%2Fb", "a%2fb", "a%5Cb", "a%20", "%2e%2e/a", "%00", "a%252Fb", // escapes
	"+", "a+b", "a b", "a&b;c=d", "?x=y", "a?", "#a", "a#", "@", ",", ":", "!", "^", // URLs
	"*", "[a-z]?", "{a,b}", "$HOME", "`id`", "'\"", "|", "<a>", // patterns, shells and markup
	"__0x2f__", "=2f", "a.attrs", "a.tmp", ".holdall~", ".holdall~self", ".holdall~=%2f", "a/.holdall~self", // drivers' own names
	"\x01", "a\n", "a\r\nb", "a\t", "\x1b[31m", "\x7f", "\u0085", // control bytes
	"é", "e\u0301", "日本語/キー", "\U0001F600", "\u202etxt", "\ufeffa", "\ufffd", "\uffff", // beyond ASCII
	strings.Repeat("k", 255), strings.Repeat("k", 256), strings.Repeat("é/", 300),
}

// canonical reports whether a store with Canonical in its [blob.KeyRules] accepts key.
func canonical(key string) bool {
	if strings.ContainsFunc(key, unicode.IsControl) || strings.Contains(key, `\`) {
		return false
	}
	for _, segment := range strings.Split(strings.TrimSuffix(key, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// keptInURL reports whether a store with URLSafe in its [blob.KeyRules] accepts key.
func keptInURL(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 || r == 0x7f }) &&
		!slices.ContainsFunc(strings.Split(key, "/"), func(segment string) bool { return segment == "." || segment == ".." })
}

// spacedDots reports whether a segment of key is "." or ".." but for the white space of ASCII around it.
func spacedDots(key string) bool {
	return slices.ContainsFunc(strings.Split(key, "/"), func(segment string) bool {
		dots := strings.Trim(segment, " \t\n\v\f\r")
		return dots != segment && (dots == "." || dots == "..")
	})
}

// refuses reports whether the store declares that it accepts no such key. It states the rules a second time, and does not ask
// [blob.KeyRules.Check], which is what is tested.
func (t *T) refuses(key string) bool {
	r := t.Caps.Keys
	refused := func(segment string) bool {
		return r.MaxSegment > 0 && len(segment) > r.MaxSegment ||
			r.ReservedSuffix != "" && strings.HasSuffix(strings.ToLower(segment), r.ReservedSuffix)
	}
	return len(key) > r.Max() || r.Canonical && !canonical(key) || r.NoSpacedDots && spacedDots(key) || r.URLSafe && !keptInURL(key) ||
		r.XMLSafe && strings.ContainsAny(key, "\ufffe\uffff") || slices.ContainsFunc(strings.Split(key, "/"), refused)
}

// keyOf returns a key of n bytes: one segment, or some where the store limits their length.
func (t *T) keyOf(n int) string {
	key := []byte(strings.Repeat("k", n))
	if half := t.Caps.Keys.MaxSegment / 2; half > 0 {
		for i := half; i < n-1; i += half + 1 {
			key[i] = '/'
		}
	}
	return string(key)
}

// awkwardKeys are the awkward keys that the store takes, all of them at once.
func (t *T) awkwardKeys() []string {
	keys := slices.DeleteFunc(slices.Clone(awkward), func(key string) bool {
		return t.refuses(key) || t.Caps.Keys.Normalizing && key == "e\u0301"
	})
	return t.holdable(keys...)
}

// roundTripOrRefused stores all the keys beside each other, and reports any that is not kept to the letter by get, stat,
// list, copy and delete. A key that the store declares it cannot hold must be refused by all of them.
func (t *T) roundTripOrRefused(keys ...string) {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	held := t.holdable(slices.DeleteFunc(slices.Clone(keys), t.refuses)...)
	if bad := slices.DeleteFunc(keys, func(key string) bool { return !t.refuses(key) }); len(bad) > 0 {
		t.wantRefused(bad...)
	}
	t.fill(held...)
	t.WantEntries(nil, held...)
	t.eachAtOnce(held, func(key string) error {
		if o, err := t.Bucket.Stat(t.ctx, key, nil); err != nil || o.Key != key || o.Size != int64(len(key)) {
			return fmt.Errorf("stat answers %+v, %v", o, err)
		}
		if content, o, err := get(t, t.Bucket, key, nil); err != nil || o.Key != key || content != key {
			return fmt.Errorf("get answers %s of %+v, %v", brief(content), o, err)
		}
		return nil
	})
	if t.Caps.Copy {
		t.eachAtOnce(held, t.copyAround)
	}
	t.eachAtOnce(held, func(key string) error { return t.Bucket.Delete(t.ctx, key, nil) })
	if t.Failed() {
		return // a copy or a deletion that failed has left something
	}
	t.WantEntries(nil)
}

// copyAround copies an object that holds its key to a plain key, deletes it, and copies it back.
func (t *T) copyAround(key string) error {
	h := fnv.New64a()
	h.Write([]byte(key))
	plain := fmt.Sprintf("copy-%x", h.Sum64())
	copied := func(dst, src string) error {
		s, err := t.Bucket.Source(t.ctx, src, nil)
		if err != nil {
			return err
		}
		if o, err := t.Bucket.Copy(t.ctx, dst, s, nil); err != nil || o.Key != dst {
			return fmt.Errorf("copy answers %+v, %v", o, err)
		}
		if content, _, err := get(t, t.Bucket, dst, nil); err != nil || content != key {
			return fmt.Errorf("the copy %q holds %s, %v", dst, brief(content), err)
		}
		return t.Bucket.Delete(t.ctx, src, nil)
	}
	if err := copied(plain, key); err != nil {
		return err
	}
	return copied(key, plain)
}

// eachAtOnce calls f for each key, for sixteen at a time, and reports its errors.
func (t *T) eachAtOnce(keys []string, f func(key string) error) {
	const workers = 16
	t.crowd(workers, func(w int) {
		for i := w; i < len(keys); i += workers {
			if err := f(keys[i]); err != nil {
				t.Errorf("key %q: %v", keys[i], err)
			}
		}
	})
}

// wantRefused reports a call that does anything with a bad key but refuse it.
func (t *T) wantRefused(keys ...string) {
	t.Put(source, "x")
	before := t.Snapshot()
	for _, key := range keys {
		for _, c := range calls(t.Caps) {
			if c.key {
				wantClass(t, fmt.Sprintf("%s of the key %s", c.name, brief(key)), c.run(t.ctx, t.Bucket, key), blob.ErrInvalid)
			}
		}
	}
	t.wantUnchanged("calls with bad keys", before)
	t.Delete(source)
}

// wantNowhere reports a key that is there, or that answers anything but its absence; one that cannot be held is refused.
func (t *T) wantNowhere(b blob.Bucket, key string) error {
	absence := fs.ErrNotExist
	if t.refuses(key) {
		absence = blob.ErrInvalid
	}
	if o, err := b.Stat(t.ctx, key, nil); !errors.Is(err, absence) {
		return fmt.Errorf("stat answers %+v, %v", o, err)
	}
	return nil
}
