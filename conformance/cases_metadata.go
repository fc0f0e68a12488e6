package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

var metadataCases = []Case{
	{ID: "F01", Doc: "an empty map and none are no metadata, also over an object that had some", Run: noMetadata},
	{ID: "F02", Doc: "names and values in ASCII come back as they were, from stat and get", Needs: []Need{needMetadata}, Run: asciiMetadata},
	{ID: "F03", Doc: "names come back in lower case, however they were written", Needs: []Need{needMetadata}, Run: metadataNamesFold},
	{ID: "F04", Doc: "two names that differ in case alone are refused", Needs: []Need{needMetadata}, Run: func(t *T) {
		t.wantBadMetadata(map[string]string{"name": "1", "Name": "2"}, map[string]string{"A-b": "same", "a-B": "same"})
	}},
	{ID: "F05", Doc: "an empty name, and one that is no token, is refused", Needs: []Need{needMetadata}, Run: badMetadataNames},
	{ID: "F06", Doc: "an empty value is kept, and is not the same as none", Needs: []Need{needMetadata}, Run: emptyMetadataValue},
	{ID: "F07", Doc: "names with underscores, dashes, dots and a digit first are kept", Needs: []Need{needMetadata}, Run: func(t *T) {
		t.wantMetadata(map[string]string{"a_b": "1", "a-b": "2", "a.b": "3", "1a": "4", "_a": "5", "-a": "6", ".a": "7", "a__b--c..d": "8", "9": "9", "a": "10", strings.Repeat("n", t.longestName()): "11"})
	}},
	{ID: "F08", Doc: "values beyond ASCII come back as they were", Needs: []Need{needMetadata}, Run: func(t *T) {
		t.wantMetadata(map[string]string{"latin": "é ü", "kanji": "日本語", "emoji": "\U0001F469\u200d\U0001F4BB", "rtl": "שלום", "nfd": "e\u0301", "mixed": "ascii é", "separator": "a\u2028b"})
	}},
	{ID: "F09", Doc: "a name or value that is not valid UTF-8 is refused", Needs: []Need{needMetadata}, Run: func(t *T) {
		t.wantBadMetadata(map[string]string{"a": "\xff"}, map[string]string{"a": "ok\xc3"}, map[string]string{"\xff": "a"}, map[string]string{"é"[:1]: "a"})
	}},
	{ID: "F10", Doc: "spaces, quotes, separators, escapes and line breaks in values come back as they were", Needs: []Need{needMetadata}, Run: awkwardMetadata},
	{ID: "F11", Doc: "as many bytes as are declared are kept, and one more is refused", Needs: []Need{needMetadata}, Run: metadataBytes},
	{ID: "F12", Doc: "as many entries as are declared are kept, and one more is refused", Needs: []Need{needMetadata}, Run: metadataEntries},
	{ID: "F13", Doc: "an overwrite replaces all metadata, and merges none", Needs: []Need{needMetadata}, Run: metadataReplaced},
	{ID: "F14", Doc: "a copy keeps the metadata, or replaces it by what the call gives", Needs: []Need{needCopy, needMetadata}, Run: metadataOfCopies},
	{ID: "F15", Doc: "maps that go in and come out are the caller's own", Needs: []Need{needMetadata}, Run: metadataIsACopy},
	{ID: "F16", Doc: "an empty object keeps its metadata", Needs: []Need{needMetadata}, Run: metadataOfEmpty},
	{ID: "F17", Doc: "names that providers and this library reserve are refused", Needs: []Need{needMetadata}, Run: reservedMetadata},
}

func withMetadata(m map[string]string) *blob.PutOptions {
	return &blob.PutOptions{Attributes: blob.Attributes{ContentType: "text/plain", Metadata: m}}
}

// wantMetadata stores an object with metadata, all together and as far as the limits go, and reports what is not kept.
func (t *T) wantMetadata(all map[string]string) {
	most, bytes := t.Caps.Objects.MaxMetadataEntries, t.Caps.Objects.MaxMetadataBytes
	rest := slices.Sorted(maps.Keys(all))
	for len(rest) > 0 {
		m, size := map[string]string{}, 0
		for len(rest) > 0 && (most == 0 || len(m) < most) {
			if size += len(rest[0]) + len(all[rest[0]]); bytes > 0 && size > bytes {
				break
			}
			m[rest[0]] = all[rest[0]]
			rest = rest[1:]
		}
		if len(m) == 0 {
			t.Recordf("the metadata %q is larger than the store takes", rest[0])
			rest = rest[1:]
			continue
		}
		t.PutWith("d/k", "content", withMetadata(m))
		t.hasMetadata("d/k", "content", m)
	}
}

// hasMetadata reports an object that has other metadata, or other content.
func (t *T) hasMetadata(key, content string, want map[string]string) {
	if got := t.Stat(key).Metadata; !maps.Equal(got, want) {
		t.Errorf("stat of %q answers the metadata %q, not %q", key, got, want)
	}
	got, o, err := get(t, t.Bucket, key, nil)
	if err != nil || got != content || !maps.Equal(o.Metadata, want) {
		t.Errorf("get of %q answers %s with the metadata %q, %v; it must be %s with %q", key, brief(got), o.Metadata, err, brief(content), want)
	}
}

// wantBadMetadata reports metadata that is not refused as invalid by every call that takes some.
func (t *T) wantBadMetadata(all ...map[string]string) {
	t.PutWith("k", "old", withMetadata(map[string]string{"kept": "1"}))
	before := t.Snapshot()
	for _, m := range all {
		with := blob.Attributes{Metadata: m}
		_, err := t.Bucket.Put(t.ctx, "k", strings.NewReader("new"), &blob.PutOptions{Attributes: with})
		wantClass(t, fmt.Sprintf("put with the metadata %.200q", m), err, blob.ErrInvalid)
		if t.Caps.Uploads.Supported {
			_, err = t.Bucket.Upload(t.ctx, "k", &blob.UploadOptions{Attributes: with})
			wantClass(t, fmt.Sprintf("upload with the metadata %.200q", m), err, blob.ErrInvalid)
		}
		if t.Caps.Copy {
			src, err := t.Bucket.Source(t.ctx, "k", nil)
			t.WantOK("source", err)
			_, err = t.Bucket.Copy(t.ctx, "k", src, &blob.CopyOptions{Attributes: &with})
			wantClass(t, fmt.Sprintf("copy with the metadata %.200q", m), err, blob.ErrInvalid)
		}
	}
	t.wantUnchanged("calls with bad metadata", before)
	t.hasMetadata("k", "old", map[string]string{"kept": "1"})
}

func noMetadata(t *T) {
	for _, none := range []map[string]string{nil, {}} {
		if t.Caps.Objects.Metadata {
			t.PutWith("k", "some", withMetadata(map[string]string{"a": "b"}))
			t.hasMetadata("k", "some", map[string]string{"a": "b"})
		}
		t.PutWith("k", "none", withMetadata(none))
		t.hasMetadata("k", "none", nil)
	}
}

func asciiMetadata(t *T) {
	m := map[string]string{"name": "value", "other": "A value with Capitals", "numbers": "0123456789", "punctuation": "!#$&'*+-.^_`|~()/:<=>?@[]{}", "long": strings.Repeat("0123456789", 20)}
	t.wantMetadata(m)
}

func metadataNamesFold(t *T) {
	o := t.PutWith("k", "content", withMetadata(map[string]string{"Mixed-Case": "A", "UPPER": "B", "lower": "C", "camelCase": "D"}))
	want := map[string]string{"mixed-case": "A", "upper": "B", "lower": "C", "camelcase": "D"}
	t.hasMetadata("k", "content", want)
	if len(o.Metadata) > 0 && !maps.Equal(o.Metadata, want) {
		t.Errorf("put answers the metadata %q", o.Metadata)
	}
}

func badMetadataNames(t *T) {
	t.wantBadMetadata(map[string]string{"": "v"}, map[string]string{"": "", "fine": "v"}, map[string]string{"a b": "v"}, map[string]string{"a:b": "v"},
		map[string]string{"a\r\nb": "v"}, map[string]string{"é": "v"}, map[string]string{"a=b": "v"}, map[string]string{"a/b": "v"}, map[string]string{"a\x00": "v"},
		map[string]string{strings.Repeat("n", t.longestName()+1): "v"}, map[string]string{" a": "v"}, map[string]string{"\u212a": "v"})
}

func emptyMetadataValue(t *T) {
	t.wantMetadata(map[string]string{"empty": "", "full": "1"})
	t.wantMetadata(map[string]string{"empty": ""})
	if _, ok := t.Stat("d/k").Metadata["empty"]; !ok {
		t.Errorf("an empty value is lost")
	}
	if v, ok := t.Stat("d/k").Metadata["absent"]; ok {
		t.Errorf("a name that was not given has the value %q", v)
	}
}

func awkwardMetadata(t *T) {
	m := map[string]string{}
	for i, value := range []string{
		" leading", "trailing ", "  both  ", " ", "in  ner", "\ttab\t", `"quoted"`, `half "quoted`, `back\slash`, "comma, comma", "semi; colon", "a=b&c=d", "100%", "%41%20", "+", "=?UTF-8?B?w6k=?=", "=?", "?=",
		"line\nbreak", "carriage\r\nreturn", "\n", "nul\x00byte", "\x1b[31m", "\x7f", "'", "<a>&amp;", "null", "0", "\u00a0", "\ufeff",
	} {
		m[fmt.Sprintf("n%d", i)] = value
	}
	t.wantMetadata(m)
}

// longestName is how long a name of metadata may be, in bytes.
func (t *T) longestName() int {
	if n := t.Caps.Objects.MaxMetadataName; n > 0 {
		return n
	}
	return 128
}

func metadataBytes(t *T) {
	most := t.Caps.Objects.MaxMetadataBytes
	if most == 0 {
		most = 8 << 10 // none is declared, so what others take must be possible
	}
	for _, name := range []string{"n", strings.Repeat("n", min(100, t.longestName()))} {
		m := map[string]string{name: strings.Repeat("v", most-len(name))}
		t.PutWith("k", "content", withMetadata(m))
		t.hasMetadata("k", "content", m)
		if t.Caps.Objects.MaxMetadataBytes > 0 {
			t.wantBadMetadata(map[string]string{name: m[name] + "v"}, map[string]string{name: m[name][1:], "ab": ""})
		}
	}
	runes := map[string]string{"n": strings.Repeat("é", (most-1)/4)}
	t.PutWith("k", "content", withMetadata(runes))
	t.hasMetadata("k", "content", runes)
}

func metadataEntries(t *T) {
	most := t.Caps.Objects.MaxMetadataEntries
	if most == 0 {
		most = 90
	}
	if bytes := t.Caps.Objects.MaxMetadataBytes; bytes > 0 && most*5 > bytes {
		t.Recordf("%d entries do not fit into %d bytes", most, bytes)
		most = bytes / 5
	}
	m := map[string]string{}
	for i := range most {
		m[fmt.Sprintf("n%03d", i)] = fmt.Sprint(i % 10)
	}
	t.PutWith("k", "content", withMetadata(m))
	t.hasMetadata("k", "content", m)
	if t.Caps.Objects.MaxMetadataEntries > 0 {
		more := maps.Clone(m)
		more["m"] = ""
		if len(more) <= t.Caps.Objects.MaxMetadataEntries {
			return // the limit in bytes is met first
		}
		t.wantBadMetadata(more)
	}
}

func metadataReplaced(t *T) {
	for _, m := range []map[string]string{{"a": "1", "b": "2"}, {"b": "3", "c": "4"}, {"c": "5"}, {}, {"a": "6"}} {
		t.PutWith("k", "content", withMetadata(m))
		t.hasMetadata("k", "content", m)
	}
}

func metadataOfCopies(t *T) {
	m := map[string]string{"a": "1", "b": " ü "}
	t.PutWith("from", "content", withMetadata(m))
	t.PutWith("to", "old", withMetadata(map[string]string{"old": "1"}))
	for _, with := range []*blob.Attributes{nil, {}, {Metadata: map[string]string{"B": "2"}}, {ContentType: "text/html"}} {
		src, err := t.Bucket.Source(t.ctx, "from", nil)
		t.WantOK("source", err)
		_, err = t.Bucket.Copy(t.ctx, "to", src, &blob.CopyOptions{Attributes: with})
		t.WantOK("copy", err)
		want := m
		if with != nil {
			want = map[string]string{}
			for name, value := range with.Metadata {
				want[strings.ToLower(name)] = value
			}
		}
		t.hasMetadata("to", "content", want)
		t.hasMetadata("from", "content", m)
	}
}

func metadataIsACopy(t *T) {
	want := map[string]string{"a": "1", "b": "2"}
	mine := maps.Clone(want)
	spoil := func(m map[string]string) {
		if m != nil {
			m["a"] = "spoiled"
			delete(m, "b")
			m["new"] = "spoiled"
		}
	}
	put := t.PutWith("k", "content", withMetadata(mine))
	if !maps.Equal(mine, want) {
		t.Errorf("put changes the caller's map to %q", mine)
	}
	spoil(mine)
	spoil(put.Metadata)
	t.hasMetadata("k", "content", want)
	spoil(t.Stat("k").Metadata)
	_, o, err := get(t, t.Bucket, "k", nil)
	t.WantOK("get", err)
	spoil(o.Metadata)
	for o, err := range t.Bucket.List(t.ctx, nil) {
		t.WantOK("list", err)
		spoil(o.Metadata)
	}
	t.hasMetadata("k", "content", want)
}

func metadataOfEmpty(t *T) {
	m := map[string]string{"a": "1", "empty": ""}
	t.PutWith("k", "", withMetadata(m))
	t.hasMetadata("k", "", m)
	if !t.Caps.Keys.NoSlashAtEnd {
		t.PutWith("d/", "", withMetadata(m))
		t.hasMetadata("d/", "", m)
	}
}

func reservedMetadata(t *T) {
	for _, name := range []string{"x-amz-acl", "x-amz-", "X-Amz-Meta-A", "x-goog-acl", "X-Goog-Meta-a", "x-ms-blob-type", "x-ms-meta-a", "holdall-crc32c", "Holdall-X", "holdall-"} {
		t.wantBadMetadata(map[string]string{name: "v"})
	}
	t.wantMetadata(map[string]string{"holdall": "1", "x-own": "2", "amz": "3", "xx-amz-acl": "4"})
}
