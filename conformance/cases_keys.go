package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

var keyCases = slices.Concat([]Case{
	{ID: "B01", Doc: "the empty key is ErrInvalid for every call", Run: func(t *T) { t.wantRefused("") }},
	{ID: "B02", Doc: "keys of 1 byte and of the longest length work; one byte more is ErrInvalid", Run: keyLength},
	{ID: "B03", Doc: "the length of a key is counted in bytes, not in characters", Run: keyLengthInBytes},
	{ID: "B04", Doc: "a key that is not UTF-8 is ErrInvalid", Run: func(t *T) { t.wantRefused("a\xffb"); t.wantRefused("\xed\xa0\x80") }},
	{ID: "B06", Doc: "a NUL byte is ErrInvalid", Run: func(t *T) { t.wantRefused("a\x00b"); t.wantRefused("\x00") }},
	{ID: "B15", Doc: "no key reads, writes, lists or deletes outside of the bucket", Run: noEscape},
	{ID: "B16", Doc: "no key is another: what is written under one shows under no other", Run: noAlias},
	{ID: "B18", Doc: "a and a/b stand side by side, in either order", Needs: []Need{flatNamespace}, Run: besideFolder},
	{ID: "B19", Doc: "a and a/ stand side by side", Needs: []Need{flatNamespace, slashAtEnd}, Run: besideSlash},
	{ID: "B20", Doc: "deleting a/b leaves a/ and a, and no empty parent is listed", Run: parentsGo},
	{ID: "B33", Doc: "keys that differ in their last byte alone are two", Run: longNeighbours},
	{ID: "B39", Doc: "an error quotes the key, with control characters escaped", Run: quotedKey},
	{ID: "B40", Doc: "an invalid key is refused before any request", Run: refusedEarly},
	{ID: "B41", Doc: "below a prefix the longest key is shorter by it", Run: keyLengthBelowPrefix},
	{ID: "B42", Doc: "no key leads out of a Sub", Run: noEscapeFromSub},
}, heldKeyCases)

func keyLength(t *T) {
	most := t.Caps.Keys.Max()
	for _, key := range []string{"k", t.keyOf(most), strings.Repeat("folder/", most/7) + strings.Repeat("k", most%7)} {
		t.roundTripOrRefused(key)
	}
	t.wantRefused(t.keyOf(most + 1))
}

func keyLengthInBytes(t *T) {
	most := t.Caps.Keys.Max()
	t.roundTripOrRefused(strings.Repeat("é", most/2))
	t.wantRefused(strings.Repeat("é", most/2+1))
}

func noEscape(t *T) {
	outside := t.OpenAnother()
	if _, err := outside.Put(t.ctx, "secret", strings.NewReader("outside"), nil); err != nil {
		t.Fatalf("put: %v", err)
	}
	for _, key := range []string{"../secret", "../../secret", "a/../../secret", "/secret", `..\secret`, "./../secret", "C:/secret", `\\?\C:\secret`, "%2e%2e/secret"} {
		if content, _, err := get(t, t.Bucket, key, nil); err == nil {
			t.Errorf("get %q reads %q in an empty bucket", key, content)
		}
		_, _ = t.Bucket.Put(t.ctx, key, strings.NewReader("inside"), nil)
		_ = t.Bucket.Delete(t.ctx, key, nil)
		for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{Prefix: key}) {
			if err == nil {
				t.Errorf("list %q shows %q, which was deleted", key, o.Key)
			}
		}
	}
	if got, _, err := get(t, outside, "secret", nil); err != nil || got != "outside" {
		t.Errorf("what lies outside became %q, %v", got, err)
	}
	if got := t.EntriesOf(outside, nil); !slices.Equal(got, []string{"secret"}) {
		t.Errorf("outside there is now %q", got)
	}
}

func noAlias(t *T) {
	keys := t.awkwardKeys()
	slices.Sort(keys)
	for _, key := range keys {
		if err := t.wantNowhere(t.Bucket, key); err != nil {
			t.Errorf("%q before it was written: %v; one of the keys before it is the same", key, err)
		}
		t.Put(key, key)
	}
	for _, key := range keys {
		t.WantContent(key, key)
	}
	t.WantEntries(nil, keys...)
	for i, key := range keys {
		t.Delete(key)
		if err := t.wantNowhere(t.Bucket, key); err != nil {
			t.Errorf("%q after it was deleted: %v", key, err)
		}
		if i%16 == 0 {
			t.WantEntries(nil, keys[i+1:]...)
		}
	}
}

func besideFolder(t *T) {
	for _, order := range [][]string{{"a", "a/b"}, {"x/y", "x"}, {"p/q/r", "p/q", "p"}} {
		for _, key := range order {
			t.Put(key, key)
		}
		for _, key := range order {
			t.WantContent(key, key)
		}
	}
	t.WantEntries(nil, "a", "a/b", "p", "p/q", "p/q/r", "x", "x/y")
	t.Delete("a")
	t.Delete("x/y")
	t.WantMissing("a")
	t.WantContent("a/b", "a/b")
	t.WantContent("x", "x")
}

func besideSlash(t *T) {
	distinct(t, "a", "a/", "b/", "b", "c", "c/", "c/d")
}

// distinct writes keys in their order and finds each with its own content.
func distinct(t *T, keys ...string) {
	for _, key := range keys {
		t.Put(key, "of "+key)
	}
	for _, key := range keys {
		t.WantContent(key, "of "+key)
	}
	t.WantEntries(nil, slices.Sorted(slices.Values(keys))...)
	t.Delete(keys[0])
	t.WantMissing(keys[0])
	for _, key := range keys[1:] {
		t.WantContent(key, "of "+key)
	}
}

func parentsGo(t *T) {
	t.Put("a/b/c/d", "x")
	held := len(t.holdable("a/", "a/b/c/d")) == 2
	if held {
		t.Put("a/", "folder")
	}
	t.Delete("a/b/c/d")
	if !held {
		t.WantEntries(nil)
		return
	}
	t.WantContent("a/", "folder")
	t.WantEntries(nil, "a/")
	t.WantEntries(&blob.ListOptions{Delimiter: "/"}, "a/")
}

func longNeighbours(t *T) {
	common := t.keyOf(min(1000, t.Caps.Keys.Max()-1))
	distinct(t, common+"a", common+"b", common+"c")
}

func quotedKey(t *T) {
	for key, quoted := range map[string]string{"no such key": `"no such key"`, `with "quotes"`: `\"quotes\"`, "café": `"café"`} {
		_, err := t.Bucket.Stat(t.ctx, key, nil)
		if err == nil || !strings.Contains(err.Error(), quoted) {
			t.Errorf("the error of %q does not quote it: %v", key, err)
		}
	}
	_, err := t.Bucket.Stat(t.ctx, "line\nbreak\x1b[0m", nil)
	if err == nil || strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("an error passes control characters on: %q", err)
	}
}

func refusedEarly(t *T) {
	counted, b := newFaulty(t.Bucket)
	t.Put(source, "x")
	for _, key := range []string{"", "a\x00b", "\x00", "a\xffb", "\xc3\x28", strings.Repeat("x", 1025), strings.Repeat("é", 513)} {
		for _, c := range calls(t.Caps) {
			if !c.key || c.name == "copy" { // a copy asks for its source first
				continue
			}
			before := counted.all()
			if err := c.run(t.ctx, b, key); !errors.Is(err, blob.ErrInvalid) {
				t.Errorf("%s of %.20q answers %v", c.name, key, err)
			}
			if n := counted.all() - before; n > 0 && c.name != "delete each" {
				t.Errorf("%s of %.20q made %d requests", c.name, key, n)
			}
		}
	}
}

func keyLengthBelowPrefix(t *T) {
	const prefix = "a prefix/"
	b := blob.Sub(t.Bucket, prefix)
	defer b.Close()
	most := t.Caps.Keys.Max() - len(prefix)
	caps := b.Capabilities()
	if got := caps.Keys.Max(); got != most {
		t.Errorf("below a prefix of %d bytes the longest key is said to have %d, not %d", len(prefix), got, most)
	}
	if _, err := b.Put(t.ctx, t.keyOf(most), strings.NewReader("x"), nil); err != nil {
		t.Errorf("the longest key: %v", err)
	}
	_, err := b.Put(t.ctx, t.keyOf(most+1), strings.NewReader("x"), nil)
	t.WantError("one byte more", err, blob.ErrInvalid)
}

func noEscapeFromSub(t *T) {
	t.Put("outside", "untouched")
	b := blob.Sub(t.Bucket, "in/")
	defer b.Close()
	for _, key := range []string{"../outside", "/outside", "./../outside", "in/../../outside", `..\outside`} {
		if content, _, err := get(t, b, key, nil); err == nil {
			t.Errorf("get %q reads %q", key, content)
		}
		_, _ = b.Put(t.ctx, key, strings.NewReader("changed"), nil)
		_ = b.Delete(t.ctx, key, nil)
		for o := range b.List(context.WithoutCancel(t.ctx), &blob.ListOptions{Prefix: key}) {
			if o != nil && !strings.HasPrefix(o.Key, key) {
				t.Errorf("list %q shows %q", key, o.Key)
			}
		}
	}
	t.WantContent("outside", "untouched")
	t.WantEntries(nil, "outside")
}
