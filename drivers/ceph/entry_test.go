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
	f.Add(encodeJSON(&entry{Format: 1, ID: newID(), Size: 10_000, attributes: attributes{Type: "text/plain", Metadata: map[string]string{"a": "b"}}}), []byte(nil))
	f.Add(encodeJSON(&entry{Format: 1, ID: newID(), Size: 3, Inline: true}), []byte("abc"))
	f.Add(encodeJSON(&entry{Format: 1, ID: newID(), Size: 9, PartSize: 4}), []byte(strings.Repeat("ABCDEFGH", 3)))
	f.Add([]byte(`{"v":1,"size":9223372036854775807,"part_size":1}`), []byte("x"))
	f.Fuzz(func(t *testing.T, raw, beside []byte) {
		e, err := decodeEntry(raw)
		if err != nil {
			return
		}
		again, err := decodeEntry(encodeJSON(e))
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
	// The largest metadata, in which each byte takes six.
	attrs = blob.Attributes{Metadata: map[string]string{"m": strings.Repeat("\x01", maxMetadata-1)}}
	o, err := b.Put(t.Context(), "k", strings.NewReader(""), &blob.PutOptions{Attributes: attrs})
	if err != nil {
		t.Fatal(err)
	}
	if now, err := b.Stat(t.Context(), "k", nil); err != nil || now.Metadata["m"] != attrs.Metadata["m"] || now.ETag != o.ETag {
		t.Errorf("it came back as %d bytes, %v", len(now.Metadata["m"]), err)
	}
}
