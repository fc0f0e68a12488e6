package s3

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strconv"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// S3 keeps metadata as headers: x-amz-meta-name: value, 2 KiB of names and values in all. What a header holds literally
// is stored so, and any program reads it. The rest is written in ways that are reversed here:
//
//   - A value that is not printable ASCII, or is empty, is one encoded word of RFC 2047, as S3 itself shows such values.
//   - A name that the server would change, and a value that is too long for it, go with others of their kind, as JSON in
//     base64, into names of ours: holdall-more-0, -1, …
const (
	maxMetadata = 2048 - reservedMetadata

	// reservedMetadata is the room for what we add: the CRC of the content, and the mark of a conditional write.
	reservedMetadata = 64

	metaCRC32C = "holdall-crc32c"
	metaWrite  = "holdall-write"
	metaMore   = "holdall-more-"
	metaOurs   = "holdall-"
)

// encodeMetadata returns what is sent for m, or nil for none. It answers ErrInvalid if that is more than S3 keeps.
func encodeMetadata(m map[string]string, f *flavour) (map[string]string, error) {
	if len(m) == 0 {
		return nil, nil
	}
	sent, more := make(map[string]string, len(m)+2), map[string]string{}
	for name, value := range m {
		encoded := encodeValue(value)
		if f.foldsNames && strings.Contains(name, "_") || over(len(name), f.maxMetaName) || over(len(encoded), f.maxMetaValue) {
			more[name] = value
		} else {
			sent[name] = encoded
		}
	}
	if len(more) > 0 {
		pack(more, sent, f.maxMetaValue)
	}
	if n, most := metadataSize(sent), cmp.Or(f.maxMetaBytes, maxMetadata); n > most {
		return nil, fmt.Errorf("%w: the metadata takes %d bytes as it is written for S3; %d fit", blob.ErrInvalid, n, most)
	}
	return sent, nil
}

func over(n, limit int) bool { return limit > 0 && n > limit }

func metadataSize(m map[string]string) (bytes int) {
	for name, value := range m {
		bytes += len(name) + len(value)
	}
	return bytes
}

// encodeValue writes a value so that a header holds it.
func encodeValue(v string) string {
	plain := v != "" && strings.TrimSpace(v) == v && !strings.HasPrefix(v, "=?")
	for i := 0; plain && i < len(v); i++ {
		plain = v[i] >= 0x20 && v[i] <= 0x7e && (v[i] != ' ' || v[i-1] != ' ') // signers fold runs of spaces
	}
	if plain {
		return v
	}
	return "=?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(v)) + "?="
}

// decodeValue reads a value, also one that another program has put into encoded words.
func decodeValue(v string) string {
	if !strings.HasPrefix(v, "=?") {
		return v
	}
	if rest, ok := strings.CutPrefix(v, "=?UTF-8?B?"); ok && strings.HasSuffix(rest, "?=") {
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(rest, "?=")); err == nil {
			return string(b)
		}
	}
	if words, err := new(mime.WordDecoder).DecodeHeader(v); err == nil {
		return words
	}
	return v
}

// pack writes entries into values of ours, of at most so many bytes each; zero is no limit.
func pack(entries, to map[string]string, most int) {
	b, err := json.Marshal(entries) // keys are sorted
	if err != nil {
		panic(err) // a map of strings has no error
	}
	text := base64.RawURLEncoding.EncodeToString(b)
	if most == 0 {
		most = len(text)
	}
	i := 0
	for piece := range slices.Chunk([]byte(text), most) {
		to[metaMore+strconv.Itoa(i)] = string(piece)
		i++
	}
}

// unpack reads what pack wrote. What is damaged is passed over: the object is more than its metadata.
func unpack(from map[string]string) map[string]string {
	var text strings.Builder
	for i := 0; ; i++ {
		piece, ok := from[metaMore+strconv.Itoa(i)]
		if !ok {
			break
		}
		text.WriteString(piece)
	}
	var entries map[string]string
	if b, err := base64.RawURLEncoding.DecodeString(text.String()); err == nil {
		_ = json.Unmarshal(b, &entries)
	}
	return entries
}

// decodeMetadata reads the metadata of an object, without what is ours.
func decodeMetadata(got map[string]string) map[string]string {
	if len(got) == 0 {
		return nil
	}
	var m map[string]string
	more := false
	for name, value := range got {
		if name = strings.ToLower(name); strings.HasPrefix(name, metaOurs) {
			more = more || strings.HasPrefix(name, metaMore)
			continue
		}
		if m == nil {
			m = make(map[string]string, len(got))
		}
		m[name] = decodeValue(value)
	}
	if more {
		if m == nil {
			m = map[string]string{}
		}
		maps.Copy(m, unpack(got))
	}
	return m
}
