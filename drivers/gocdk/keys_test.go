package gocdk

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/file"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"
)

// strange are keys that one code or another writes in another way.
var strange = []string{
	"plain", "a/b", "a//b", "a///b", "a/", "a//", "/a", "//", "/", ".", "..", "./a", "../a", "a/../b", "a/..", "...", "a..", "a../b",
	"\x00", "a\x01b", "a\nb", "\x7f", "\u0085", "é\u009f", "a\\b", "%", "%%", "%2E", "%2E%2E", "%25", "a%01", "a%2Fb", "a%2fb", "100%", "a/%/b",
	"__0x2f__", "__0x2f", "a__0x2f__b", "__", "_", "__0x", "__0x2f__0x2f__", "___0x2f__", "__0x+2f__", "?#\"%:@=", "ü/", "日本/語\x1f",
}

var codes = map[string]code{
	"escape": EscapeKeys.code(blob.Capabilities{}), "escape, no slash at the end": EscapeKeys.code(blob.Capabilities{Keys: blob.KeyRules{NoSlashAtEnd: true}}),
	"s3blob": KeysAsWritten(S3blob).code(blob.Capabilities{}), "fileblob": KeysAsWritten(Fileblob).code(blob.Capabilities{}),
	"azureblob": KeysAsWritten(Azureblob).code(blob.Capabilities{}), "gcsblob": KeysAsWritten(Gcsblob).code(blob.Capabilities{}),
}

// generated are strange keys and many made of the characters that codes care about.
func generated() []string {
	keys := slices.Clone(strange)
	letters := []string{"a", "/", ".", "..", "%", "2", "E", "__", "_", "0x", "2f", "\x01", "\\", "é", "\u0085", "C2", "85"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b strings.Builder
		for range 1 + r.IntN(8) {
			b.WriteString(letters[r.IntN(len(letters))])
		}
		keys = append(keys, b.String())
	}
	return keys
}

func TestCodesAreReversible(t *testing.T) {
	for name, c := range codes {
		written := map[string]string{}
		keys := strange
		if strings.HasPrefix(name, "escape") { // gocloud.dev's escapes are not reversible where a key holds a part of one before what is escaped
			keys = generated()
		}
		for _, key := range keys {
			n := c.encode(key)
			if back, ok := c.decode(n); !ok || back != key {
				t.Errorf("%s writes %q as %q, and reads %q, %t", name, key, n, back, ok)
			}
			if other, taken := written[n]; taken && other != key {
				t.Errorf("%s writes both %q and %q as %q", name, key, other, n)
			}
			written[n] = key
			if name == "escape, no slash at the end" && strings.HasSuffix(n, "/") {
				t.Errorf("%q is written as %q", key, n)
			}
			meta := c.encodeName(strings.ToLower(key))
			if back := c.decodeName(meta); back != strings.ToLower(key) {
				t.Errorf("%s writes the metadata name %q as %q, and reads %q", name, key, meta, back)
			}
			if back := c.decodeValue(c.encodeValue(key)); back != key {
				t.Errorf("%s writes the metadata value %q as %q, and reads %q", name, key, c.encodeValue(key), back)
			}
		}
	}
}

// Whatever a listing by prefix asks of the bucket, no key may be lost: but for the one that is looked for by itself.
func TestPrefixesLoseNoKey(t *testing.T) {
	for name, c := range codes {
		for _, key := range generated() {
			for i := range key {
				prefix := key[:i]
				if n := c.encode(key); !strings.HasPrefix(n, c.prefix(prefix)) {
					t.Fatalf("%s writes %q as %q, which does not begin with %q, as keys that begin with %q should", name, key, n, c.prefix(prefix), prefix)
				}
			}
		}
	}
}

// What EscapeKeys writes, every bucket takes, also one that takes canonical keys alone.
func TestEscapedKeysAreCanonical(t *testing.T) {
	for _, key := range generated() {
		n := escapeKey(key)
		if why := fileKeys().Check(n); why != nil {
			t.Fatalf("%q is written as %q: %v", key, n, why)
		}
	}
}

func TestOrdinaryKeysStayAsTheyAre(t *testing.T) {
	for _, key := range []string{"a", "a/b.txt", "dir/", "100%", "a%20b", "a%2Fb", "日本語/キー", " a", "a..b", ".well-known/x"} {
		if n := escapeKey(key); n != key {
			t.Errorf("%q is written as %q", key, n)
		}
	}
}

func TestNamesThatNoKeyHasAreHidden(t *testing.T) {
	for _, name := range []string{"a//b", "../a", "a\\b", "%2Ex", "%", "a/%25x"} {
		if key, ok := unescapeKey(name); ok {
			t.Errorf("%q is shown as %q, which is written as %q", name, key, escapeKey(key))
		}
	}
}

var attributes = gcblob.WriterOptions{ContentType: "text/x-test", CacheControl: "no-cache", ContentLanguage: "de",
	Metadata: map[string]string{"plain": "1", "with space": "ü", "a/b=c": ""}}

// fill writes the strange keys that b takes, and returns them. A key holds itself.
func fill(t *testing.T, b *gcblob.Bucket) []string {
	t.Helper()
	var held []string
	for _, key := range strange {
		if key == "a/b" || key == "a" { // a file cannot be a folder to fileblob
			continue
		}
		if err := b.WriteAll(t.Context(), "d/"+key, []byte(key), &attributes); err == nil {
			held = append(held, "d/"+key)
		}
	}
	return held
}

func listed(t *testing.T, b *gcblob.Bucket, opts *gcblob.ListOptions) (keys []string) {
	t.Helper()
	for it := b.List(opts); ; {
		o, err := it.Next(t.Context())
		if err == io.EOF {
			return keys
		}
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
}

// moved opens, for one folder, fileblob and a file bucket of holdall under gocloud.dev.
func moved(t *testing.T) (theirs, ours *gcblob.Bucket) {
	t.Helper()
	dir := t.TempDir()
	theirs, err := fileblob.OpenBucket(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := file.Open(dir, &file.Options{Sync: file.SyncNone})
	if err != nil {
		t.Fatal(err)
	}
	ours = Open(b, &OpenOptions{Keys: KeysAsWritten(Fileblob)})
	t.Cleanup(func() { _ = errors.Join(theirs.Close(), ours.Close(), b.Close()) })
	return theirs, ours
}

func wantSame(t *testing.T, b *gcblob.Bucket, key string) {
	t.Helper()
	got, err := b.ReadAll(t.Context(), key)
	if err != nil || string(got) != strings.TrimPrefix(key, "d/") {
		t.Errorf("%q holds %q, %v", key, got, err)
	}
	a, err := b.Attributes(t.Context(), key)
	if err != nil {
		t.Error(err)
		return
	}
	if a.ContentType != attributes.ContentType || a.CacheControl != attributes.CacheControl || a.ContentLanguage != attributes.ContentLanguage || !maps.Equal(a.Metadata, attributes.Metadata) {
		t.Errorf("%q has the attributes %+v", key, a)
	}
}

func TestWhatFileblobWroteIsReadHere(t *testing.T) {
	theirs, ours := moved(t)
	held := fill(t, theirs)
	if len(held) < 30 {
		t.Fatalf("fileblob took %q alone", held)
	}
	shown := slices.Sorted(slices.Values(listed(t, ours, nil)))
	if want := slices.Sorted(slices.Values(listed(t, theirs, nil))); !slices.Equal(shown, want) {
		t.Errorf("fileblob lists %q\nand holdall %q", want, shown)
	}
	for _, key := range held {
		if _, err := theirs.Attributes(t.Context(), key); err == nil && slices.Contains(shown, key) {
			wantSame(t, ours, key)
		}
	}
}

func TestWhatIsWrittenHereFileblobReads(t *testing.T) {
	theirs, ours := moved(t)
	for _, key := range []string{"d/plain", "d/a//b", "d/a/../b", "d/a\x01b", "d/x/", "d/__0x2f__", "d/日本/語\x1f"} {
		if err := ours.WriteAll(t.Context(), key, []byte(strings.TrimPrefix(key, "d/")), &attributes); err != nil {
			t.Fatal(err)
		}
		wantSame(t, theirs, key)
		wantSame(t, ours, key)
		if err := ours.Upload(t.Context(), key, strings.NewReader(strings.TrimPrefix(key, "d/")), &attributes); err != nil {
			t.Fatal(err)
		}
		wantSame(t, theirs, key)
		if err := ours.Copy(t.Context(), key+"-copy", key, nil); err != nil {
			t.Fatal(err)
		}
		a, err := theirs.Attributes(t.Context(), key+"-copy")
		if err != nil || !maps.Equal(a.Metadata, attributes.Metadata) || len(a.MD5) != 16 {
			t.Errorf("the copy of %q has %+v, %v", key, a, err)
		}
		for _, k := range []string{key, key + "-copy"} {
			if err := ours.Delete(t.Context(), k); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left := append(listed(t, theirs, nil), listed(t, ours, nil)...); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
}

// An object that another program put in the place of one that fileblob wrote does not have its attributes.
func TestOldSidecarsAreNotBelieved(t *testing.T) {
	theirs, ours := moved(t)
	if err := theirs.WriteAll(t.Context(), "k", []byte("old"), &attributes); err != nil {
		t.Fatal(err)
	}
	var under blob.Bucket
	if !ours.As(&under) {
		t.Fatal("the bucket beneath is out of reach")
	}
	if _, err := under.Put(t.Context(), "k", strings.NewReader("new"), nil); err != nil {
		t.Fatal(err)
	}
	if a, err := ours.Attributes(t.Context(), "k"); err != nil || len(a.Metadata) > 0 || a.ContentType != "application/octet-stream" {
		t.Errorf("the new object has %+v, %v", a, err)
	}
	if err := ours.WriteAll(t.Context(), "k.attrs", nil, nil); gcerrors.Code(err) != gcerrors.InvalidArgument {
		t.Errorf("the file of attributes is written as an object: %v", err)
	}
}

// Delimiters that a code hides are found, each common prefix once.
func TestHiddenDelimiters(t *testing.T) {
	for name, c := range codes {
		b := gcblob.NewBucket(&shown{b: memory(t), keys: c})
		for _, key := range []string{"a//b", "a//c", "a/d", "a//e/f", "a/", "b/../c", "b/../e/f", "b/../e/g", "x|y", "x|z\x01"} {
			if err := b.WriteAll(t.Context(), key, []byte("x"), nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, test := range []struct {
			prefix, delimiter string
			want              []string
		}{
			{"", "/", []string{"a/", "b/", "x|y", "x|z\x01"}},
			{"a/", "/", []string{"a/", "a//", "a/d"}},
			{"a//", "/", []string{"a//b", "a//c", "a//e/"}},
			{"b/", "/", []string{"b/../"}},
			{"b/.", "/", []string{"b/../"}},
			{"b/../", "/", []string{"b/../c", "b/../e/"}},
			{"", "|", []string{"a/", "a//b", "a//c", "a//e/f", "a/d", "b/../c", "b/../e/f", "b/../e/g", "x|"}},
		} {
			for _, size := range []int{1, 2, 1000} {
				var got []string
				for token := gcblob.FirstPageToken; len(token) > 0; {
					page, next, err := b.ListPage(t.Context(), token, size, &gcblob.ListOptions{Prefix: test.prefix, Delimiter: test.delimiter})
					if err != nil {
						t.Fatal(err)
					}
					for _, o := range page {
						got = append(got, o.Key)
					}
					token = bytes.Clone(next)
				}
				slices.Sort(got)
				if !slices.Equal(got, test.want) {
					t.Errorf("%s: list %q by %q in pages of %d: %q, want %q", name, test.prefix, test.delimiter, size, got, test.want)
				}
			}
		}
	}
}
