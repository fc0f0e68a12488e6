package s3

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// Whatever is written comes back, in headers that every flavour takes.
func TestMetadataComesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "Z", "0", " ", "  ", "=", "?", "=?", "?=", "é", "日", "\n", "\t", "\x7f", "\"", "_", ",", "\U0001F600", "=?UTF-8?B?YQ==?="}
	names := "abcxyz019-_."
	for i := range flavours {
		f := &flavours[i]
		for round := range 500 {
			m := map[string]string{}
			for range r.IntN(6) {
				var name, value strings.Builder
				for range 1 + r.IntN(8) {
					name.WriteByte(names[r.IntN(len(names))])
				}
				for range r.IntN(12) {
					value.WriteString(alphabet[r.IntN(len(alphabet))])
				}
				m[name.String()] = value.String()
			}
			if round%10 == 0 {
				m[strings.Repeat("n", 128)] = strings.Repeat("v", 300)
			}
			sent, err := encodeMetadata(m, f)
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range sent {
				if !headerHolds(value) || f.maxMetaValue > 0 && len(value) > f.maxMetaValue || f.maxMetaName > 0 && len(name) > f.maxMetaName || f.foldsNames && strings.Contains(name, "_") {
					t.Fatalf("%s: %q is sent as %q: %q", f.name, m, name, value)
				}
			}
			if got := decodeMetadata(sent); !maps.Equal(got, m) {
				t.Fatalf("%s: %q came back as %q, from %q", f.name, m, got, sent)
			}
		}
	}
}

func headerHolds(v string) bool {
	return v != "" && strings.TrimSpace(v) == v && !strings.Contains(v, "  ") && !strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' })
}

func TestMetadataOfOthersIsRead(t *testing.T) {
	got := decodeMetadata(map[string]string{"Plain": "value", "word": "=?UTF-8?Q?caf=C3=A9?=", "broken": "=?UTF-8?B?*?=", "holdall-crc32c": "00000000", "holdall-more-0": "damaged"})
	want := map[string]string{"plain": "value", "word": "café", "broken": "=?UTF-8?B?*?="}
	if !maps.Equal(got, want) {
		t.Errorf("metadata reads %q, not %q", got, want)
	}
}

func TestMetadataHasALimit(t *testing.T) {
	aws, _ := flavourNamed("aws")
	for value, fits := range map[string]bool{strings.Repeat("v", maxMetadata-1): true, strings.Repeat("v", maxMetadata): false,
		strings.Repeat("é", maxMetadata/4): true, strings.Repeat("é", maxMetadata/2): false} {
		if _, err := encodeMetadata(map[string]string{"n": value}, aws); (err == nil) != fits || err != nil && !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("%d bytes of metadata: %v", len(value), err)
		}
	}
	if reserved := len(metaCRC32C) + 8 + len(metaWrite) + 22; reserved > reservedMetadata {
		t.Errorf("our own metadata takes %d bytes, and %d are reserved", reserved, reservedMetadata)
	}
}

func FuzzMetadataValue(f *testing.F) {
	f.Add("plain")
	f.Add("=?UTF-8?B?")
	f.Fuzz(func(t *testing.T, v string) {
		if e := encodeValue(v); decodeValue(e) != v || !headerHolds(e) {
			t.Errorf("%q is written %q, and reads %q", v, e, decodeValue(e))
		}
	})
}

func ExampleFlavours() {
	fmt.Println(strings.Join(Flavours(), " "))
	// Output: aws minio versitygw ceph dreamobjects swift b2 wasabi r2 generic
}
