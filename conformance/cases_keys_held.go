package conformance

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// Sets of keys that a store must hold to the letter, beside each other.
var heldKeyCases = []Case{
	{ID: "B05", Doc: "each ASCII control byte is held in a key, or refused by every call", Run: func(t *T) { t.roundTripOrRefused(dressed(runes(0x01, 0x1f, 0x7f, 0x7f))...) }},
	{ID: "B07", Doc: "C1 controls, U+FFFE and U+FFFF are held, though XML cannot say them", Run: func(t *T) { t.roundTripOrRefused(dressed(runes(0x80, 0x9f, 0xfffe, 0xffff, 0xfdd0, 0xfdd0))...) }},
	{ID: "B08", Doc: "spaces are held where they are", Run: func(t *T) {
		t.roundTripOrRefused(" ", "  ", " a", "a ", "a", "a b", "a  b", "a/ b", "a /b", "a/b ", "/ ")
	}},
	{ID: "B09", Doc: "dots at the end of a key or segment are held", Run: func(t *T) {
		t.roundTripOrRefused("a", "a.", "a..", "...", "d./b", "d../b", "d/b.", "d/...", ".x", "..x")
	}},
	{ID: "B10", Doc: "an object whose key ends in a slash is held, with data and without", Needs: []Need{slashAtEnd}, Run: trailingSlash},
	{ID: "B11", Doc: "a leading slash makes another key", Run: func(t *T) { t.roundTripOrRefused("a", "/a", "//a", "a/b", "/a/b", "/") }},
	{ID: "B12", Doc: "a double slash makes another key", Run: func(t *T) { t.roundTripOrRefused("a/b", "a//b", "a///b", "a/", "a//", "//", "///") }},
	{ID: "B13", Doc: "a dot and two dots are keys, or refused by every call", Run: func(t *T) { t.roundTripOrRefused(".", "..", "...", "./", "../", "a") }},
	{ID: "B14", Doc: "dot segments are names or refused, and never resolved", Run: func(t *T) {
		t.roundTripOrRefused("a", "./a", "a/.", "a/b", "a/./b", "a/../b", "b", "../a", "../../a", "a/..", "./../a", "b/c/../../a", "../secret")
	}},
	{ID: "B17", Doc: "a backslash is a byte of a name, and no separator", Run: backslash},
	{ID: "B21", Doc: "keys that differ in case are different", Needs: []Need{caseSensitive}, Run: func(t *T) {
		t.roundTripOrRefused("a", "A", "dir/b", "DIR/b", "Dir/B", "ä", "Ä", "ß", "ẞ", "SS", "ss", "ı", "i", "İ", "I", "K", "\u212a", "ſ", "s")
	}},
	{ID: "B22", Doc: "composed and decomposed Unicode are different, and listed as written", Needs: []Need{normPreserving}, Run: func(t *T) {
		t.roundTripOrRefused("\u00fc", "u\u0308", "Ω", "\u2126", "\u00c5", "\u212b", "A\u030a", "ﬁ", "fi", "ａ", "\uac00", "\u1100\u1161")
	}},
	{ID: "B23", Doc: "runes of four bytes, joined emoji, right to left, combining marks and line separators are held", Run: func(t *T) {
		t.roundTripOrRefused("\U0001F600", "\U0001F469\u200d\U0001F4BB/\U0001F1E9\U0001F1EA", "שלום/עולם", "\u202etxt.exe", "q\u0301\u0323", "a\u2028b", "a\u2029b", "\u200b", "\ufeff", "\u00ad", "\U0010fffd", "日本語")
	}},
	{ID: "B24", Doc: "percent signs are held, and nothing is decoded", Run: func(t *T) {
		t.roundTripOrRefused("A", "%41", "%2541", "/x", "%2Fx", "%2fx", "%252Fx", "%", "%%", "%zz", "%4", "%00", "a%0Ab", "%C3%A9", "%c3%a9", "100%", "%2e%2e/x", "%E0%A4%A", "%u0041")
	}},
	{ID: "B25", Doc: "each character that URLs, headers, shells or patterns treat specially is held, alone and amid others", Run: func(t *T) { t.roundTripOrRefused(dressed(strings.Split("?#&=+;,:@$!*'()[]{}|^~\"<>`\\", ""))...) }},
	{ID: "B26", Doc: "a plus is no space, and a space is no plus", Run: plusAndSpace},
	{ID: "B28", Doc: "names that providers reserve are held", Run: func(t *T) {
		t.roundTripOrRefused(".well-known/acme-challenge/x", "soap", "soap/x", "robots.txt", "favicon.ico", "index.html", "_$folder$", "d_$folder$", "__shadow__/x", "@eaDir/x", ".DS_Store", "Thumbs.db", "lost+found", ".minio.sys/x", "minio/health/live")
	}},
	{ID: "B29", Doc: "keys that look like a driver's own files and escapes are held, and collide with none", Run: ownArtefacts},
	{ID: "B30", Doc: "random keys of characters that escapes are made of never collide", Run: escapesAreInjective},
	{ID: "B31", Doc: "a key of 500 segments is held", Run: func(t *T) {
		n := min(500, t.Caps.Keys.Max()/2)
		t.roundTripOrRefused(strings.Repeat("a/", n-1)+"a", strings.Repeat("a/", n-1)+"b")
	}},
	{ID: "B32", Doc: "segments longer than file names may be are held and told apart", Run: longSegments},
	{ID: "B34", Doc: "keys that repeat the name of the bucket are held", Run: bucketName},
	{ID: "B35", Doc: "the strings that gocloud.dev finds weird are held", Run: func(t *T) {
		t.roundTripOrRefused(append(slashedStrings, runesOf16()...)...)
	}},
	{ID: "B36", Doc: "the names that rclone encodes are held as file and directory at once", Run: encodedNames},
	{ID: "B37", Doc: "keys that look like numbers, booleans, JSON or XML are held", Run: func(t *T) {
		t.roundTripOrRefused("0", "1", "-1", "007", "1e9", "0x10", "1.0", "NaN", "true", "false", "null", "nil", "None", "undefined", "{}", `{"a":1}`, "[]", "[1]",
			"<a/>", "<?xml version=\"1.0\"?>", "&amp;", "&#47;", "<![CDATA[x]]>", "2026-01-01T00:00:00Z", "$ref", "${jndi:x}", "';--", "constructor", "__proto__", "length")
	}},
	{ID: "B38", Doc: "paths that the storage driver of distribution takes, and those that it refuses, are held", Run: func(t *T) {
		t.roundTripOrRefused("/a", "/2", "/aa", "/a.a", "/0-9/abcdefg", "/abcdefg/z.75", "/abc/1.2.3.4.5-6_zyx/123.z/4", "/docker/docker-registry", "/123.abc",
			"/abc./abc", "/.abc", "/a--b", "/a-.b", "/_.abc", "/Docker/Docker-registry", "/Abc/Cba", "/", "abc", "123.abc", "//bcd", "/abc_123/")
	}},
}

// dressed returns each of the pieces alone, amid letters, in front, at the end, and as a directory.
func dressed(pieces []string) []string {
	var keys []string
	for _, p := range pieces {
		keys = append(keys, p, "a"+p+"b", p+"c", "c"+p, "d"+p+"/e")
	}
	return keys
}

// runes returns the runes of ranges, each as a string.
func runes(ranges ...rune) []string {
	var all []string
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			all = append(all, string(r))
		}
	}
	return all
}

// runesOf16 returns what ASCII has, but NUL, in strings of sixteen.
func runesOf16() []string {
	var all []string
	for r := rune(0); r < 128; r += 16 {
		all = append(all, strings.Join(runes(max(r, 1), r+15), ""))
	}
	return all
}

var slashedStrings = []string{
	"foo/bar/baz", "foo//bar///baz", "../foo/../bar/../../baz../", `foo\bar\baz`, `..\foo\\bar\\\baz`, `..\foo\..\bar\..\..\baz..\`,
	`foo"bar"baz`, "foo bar baz", "12345", "☺☺☺",
}

func trailingSlash(t *T) {
	for _, content := range []string{"", "data"} {
		t.Put("a/", content)
		t.WantContent("a/", content)
		t.WantEntries(nil, "a/")
		t.WantEntries(&blob.ListOptions{Prefix: "a/"}, "a/")
		t.wantListing([]string{"a/"}, &blob.ListOptions{Delimiter: "/"})
		t.WantMissing("a")
		if !t.Caps.Keys.Canonical {
			t.WantMissing("a//")
		}
		t.Delete("a")
		t.WantContent("a/", content)
		t.Delete("a/")
		t.WantMissing("a/")
	}
	t.roundTripOrRefused("a/", "b/c/", "b/c/d", "b/", "é /")
}

func backslash(t *T) {
	t.roundTripOrRefused(`a\b`, "a/b", `a\`, `\a`, `\`, `\\`, `a\\b`, `a\/b`, `a/\b`, `..\x`, `C:\x`)
	if t.Caps.Keys.Canonical {
		return
	}
	keys := []string{`a\b`, `a\c/d`}
	t.fill(keys...)
	t.wantListing(keys, &blob.ListOptions{Delimiter: "/"})
	t.wantListing(keys, &blob.ListOptions{Prefix: "a/"})
	t.wantListing(keys, &blob.ListOptions{Prefix: `a\`, Delimiter: "/"})
}

func plusAndSpace(t *T) {
	keys := []string{"a b", "a%20b", "a%2Bb", "a+b"}
	t.roundTripOrRefused(keys...)
	t.fill(keys...)
	for _, key := range keys {
		t.WantEntries(&blob.ListOptions{Prefix: key}, key)
		t.WantEntries(&blob.ListOptions{StartAt: key, Limit: 1}, key)
	}
}

func ownArtefacts(t *T) {
	keys := []string{
		"a", "a.attrs", "a.attrs.attrs", ".attrs", "a.json", "a.tmp", "a.tmp123", "a~", ".a.swp", ".tmp/a", "a.part", "a.1", "a.meta", "a.lock", ".lock", "fileblob123",
		"__0x2f__", "a__0x2f__b", "a/b", "__0x5f____0x5f__0x2f__", "=2f", "a=2fb", "@2f", "_2f", "%%2f", "‛a", "．", "／",
		".holdall~", ".holdall~/x", ".holdall~self", "a/.holdall~self", ".holdall~=", ".holdall~=%2f", ".holdall~=a%2Fb", ".holdall~+a", ".holdall~+a/b", ".holdall~~",
		".uploads", ".uploads/1", "upload-1/1", "user.holdall", ".keep", "index", "manifest", "0000000001",
	}
	t.roundTripOrRefused(keys...)
}

func escapesAreInjective(t *T) {
	letters := strings.Split("%|2|5|F|f|/|/|.|_|0|x|=|~|+| |\\|:|é|e\u0301|A|a|\x01|.holdall~|self", "|")
	n := []int{60, 600, 3000}[t.Tier]
	seen := map[string]bool{}
	var keys []string
	for len(keys) < n {
		var b strings.Builder
		for range 1 + t.Rand.IntN(8) {
			b.WriteString(letters[t.Rand.IntN(len(letters))])
		}
		key := b.String()
		if seen[key] || t.refuses(key) || t.Caps.Keys.Normalizing && strings.ContainsAny(key, "é\u0301") {
			continue
		}
		seen[key] = true
		keys = append(keys, key)
	}
	t.roundTripOrRefused(keys...)
}

func longSegments(t *T) {
	var keys []string
	for _, n := range []int{254, 255, 256, 257, 300, 511, 512, 1023, 1024} {
		if n > t.Caps.Keys.Max() {
			continue
		}
		keys = append(keys, strings.Repeat("k", n-1)+"1", strings.Repeat("k", n-1)+"2", strings.Repeat("é", (n-1)/2)+"!")
		if n+4 <= t.Caps.Keys.Max() {
			keys = append(keys, "d/"+strings.Repeat("k", n-2)+"/f", "d/"+strings.Repeat("%", n-2)+"/f")
		}
	}
	t.roundTripOrRefused(keys...)
}

func bucketName(t *T) {
	name := fmt.Sprint(t.Bucket)
	u, err := url.Parse(name)
	if err != nil || u.Host == "" {
		u = &url.URL{Host: "bucket", Path: "/bucket"}
	}
	var keys []string
	for _, key := range []string{u.Host, u.Host + "/" + u.Host, u.Host + "/k", strings.TrimPrefix(u.Path, "/") + "k", "/" + u.Host + "/k", u.Scheme + "://" + u.Host + "/k"} {
		if key != "" && len(key) <= t.Caps.Keys.Max() {
			keys = append(keys, key)
		}
	}
	t.roundTripOrRefused(keys...)
}

func encodedNames(t *T) {
	names := []string{
		"\x01\x02\x1f\x7f", ".", "..", "!\"#$%&'()*+,-.:;<=>?@[]^_`{|}~", " leading space", "~leading tilde", "\rleading CR", "\nleading LF", "\tleading HT", "\vleading VT", ".leading dot",
		"trailing space ", "trailing CR\r", "trailing LF\n", "trailing HT\t", "trailing VT\v", "trailing dot.", `back\slash`, "test%46.txt",
	}
	var keys []string
	for _, name := range names {
		keys = append(keys, name, name+"/"+name)
	}
	t.roundTripOrRefused(keys...)
}
