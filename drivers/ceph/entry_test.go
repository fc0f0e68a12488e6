package ceph

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// Whatever stands in an omap, reading it does not panic, and what is read can be written and used.
func FuzzEntry(f *testing.F) {
	for _, e := range []*entry{
		{ID: newID(), Size: 10_000, Time: 1, attributes: attributes{Type: "text/plain", Metadata: map[string]string{"a": "b", "c": ""}}},
		{ID: newID(), Size: 3, Inline: true, CRC32C: 7, attributes: attributes{Encoding: "e", Language: "l", Disposition: "d", Cache: "c"}},
		{ID: newID(), Size: 9, PartSize: 4, Time: -1},
		{ID: newID(), Size: maxObject, PartSize: maxPartSize},
	} {
		raw, err := e.encode()
		if err != nil {
			f.Fatal(err)
		}
		if got, err := decodeEntry(raw); err != nil || !reflect.DeepEqual(got.object("k"), e.object("k")) || got.Inline != e.Inline || got.PartSize != e.PartSize {
			f.Errorf("%+v became %+v, %v", e, got, err)
		}
		f.Add(raw, []byte("ABCDEFGHABCDEFGHABCDEFGH"))
	}
	f.Fuzz(func(t *testing.T, raw, beside []byte) {
		e, err := decodeEntry(raw)
		if err != nil {
			return
		}
		stored, err := e.encode()
		if err != nil {
			return // it is too long
		}
		again, err := decodeEntry(stored)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if !reflect.DeepEqual(e.object("k"), again.object("k")) {
			t.Fatalf("%+v became %+v", e, again)
		}
		pieces, err := e.pieces(beside)
		if err != nil || e.Inline {
			return
		}
		var size int64
		for _, p := range pieces {
			size += p.size
			if _, id, ok := parseData(p.object(0)); !ok || id != e.ID {
				t.Fatalf("%s is of %q", p.object(0), id)
			}
		}
		if size != e.Size {
			t.Fatalf("the pieces have %d bytes, and the entry says %d", size, e.Size)
		}
	})
}

func TestNames(t *testing.T) {
	id := newID()
	for name, want := range map[string]string{
		putPiece(id, 1).object(0):                         id,
		partPiece(id, 7, "ABCDEFGH", 1).object(12):        id,
		dataPrefix + id:                                   "",
		dataPrefix + id + "/":                             "",
		dataPrefix + id + "x/0":                           "",
		dataPrefix + "x/0":                                "",
		dataPrefix + strings.Repeat("z", idLength) + "/0": "",
		recordObject:                                      "",
		shardObject(3):                                    "",
		"x/0":                                             "",
	} {
		_, got, ok := parseData(name)
		if got != want || ok != (want != "") {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
	for _, key := range []string{"a", "\x01", "\x01\x01", "\x01\x02", "a\x01", "\x02\x01\x02\x02"} {
		if got, gotID, ok := parseUploadKey(uploadKey(key, id)[len(tagUpload):]); got != key || gotID != id || !ok {
			t.Errorf("%q became %q, %q", key, got, gotID)
		}
	}
}

// What no write can have made is damaged.
func TestEntryThatCannotBe(t *testing.T) {
	for name, e := range map[string]*entry{
		"too large":             {ID: newID(), Size: maxObject + 1},
		"too large, in parts":   {ID: newID(), Size: maxObject + 1, PartSize: maxPartSize + 1},
		"empty, not inline":     {ID: newID()},
		"too large to be small": {ID: newID(), Size: inlineSize + 1, Inline: true},
		"too many parts":        {ID: newID(), Size: maxParts + 1, PartSize: 1},
		"without an ID":         {ID: strings.Repeat("z", idLength), Size: 1},
	} {
		raw, err := e.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeEntry(raw); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The limits hold at n and not at n+1.
func TestEntrySize(t *testing.T) {
	b, _ := newFake(t)
	attrs := blob.Attributes{ContentDisposition: strings.Repeat("x", maxEntry)}
	_, err := b.Put(t.Context(), "k", strings.NewReader(""), &blob.PutOptions{Attributes: attrs})
	if !errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), fmt.Sprint(maxEntry)) {
		t.Errorf("headers of %d bytes: %v", maxEntry, err)
	}
	if _, err := b.Upload(t.Context(), "k", &blob.UploadOptions{Attributes: attrs}); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("an upload with headers of %d bytes: %v", maxEntry, err)
	}
	// The largest metadata.
	attrs = blob.Attributes{Metadata: map[string]string{"m": strings.Repeat("\x01", maxMetadata-1)}}
	o, err := b.Put(t.Context(), "k", strings.NewReader(""), &blob.PutOptions{Attributes: attrs})
	if err != nil {
		t.Fatal(err)
	}
	if now, err := b.Stat(t.Context(), "k", nil); err != nil || now.Metadata["m"] != attrs.Metadata["m"] || now.ETag != o.ETag {
		t.Errorf("it came back as %d bytes, %v", len(now.Metadata["m"]), err)
	}
}
