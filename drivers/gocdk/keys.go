package gocdk

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/holdall-go/holdall/blob"
)

// Keys tells how a bucket of holdall holds the keys and metadata of gocloud.dev. The zero value leaves both as they are.
type Keys struct{ by Driver }

// EscapeKeys writes what a Bucket of holdall could refuse: NUL and other control characters, "\", and segments that are
// empty, "." or "..", as "%" and two hexadecimal digits for each byte, and an empty segment as "%". A "%" is escaped only
// where it could be taken for such an escape, so nearly all keys stay as they are; what a "/" divides stays divided. It
// is reversible: each key has a name of its own. Names that no key is written as are not shown. Where the Bucket stores
// nothing under a key that ends in "/", such a key ends in "/%". Metadata names, which holdall takes of letters, digits,
// "-", "_" and ".", are written in the same way, with ".".
//
// A name may be longer than its key, and listings are in the order of names.
var EscapeKeys = Keys{escaping}

// KeysAsWritten reads and writes the escapes that a driver of gocloud.dev v0.47.0 puts on keys and metadata, so that who
// moves a bucket, or only the program, from that driver to holdall's sees every object under the key that he gave it. A
// name that no key is written as is shown as that driver shows it, decoded, and cannot be opened, as there.
func KeysAsWritten(by Driver) Keys { return Keys{by} }

// A Driver is one of gocloud.dev's.
type Driver int

const (
	verbatim Driver = iota
	escaping

	// S3blob escapes control characters and the "/" of "../" in keys; in metadata, what a header cannot hold, as a URL
	// does. holdall writes no metadata name that holds a "%"; it reads those that s3blob wrote. What drivers/s3
	// adds to the metadata, on servers that keep no checksums say, s3blob shows as entries that begin with "holdall-".
	S3blob
	// Fileblob escapes control characters, the "/" of "../", the second one of "//" and the last one of a key, and what
	// Windows cannot hold when it runs there. It keeps attributes in files beside the objects, which end in ".attrs"; they
	// are read, written and hidden. An object that holdall wrote after its attributes has those that holdall gave it.
	Fileblob
	// Azureblob escapes in keys control characters, `\ " # % ?`, and some of the slashes; in metadata, all but letters,
	// digits and "_".
	Azureblob
	// Gcsblob escapes CR, LF and the "/" of "../" in keys, and nothing in metadata.
	Gcsblob
)

// A code is how keys and metadata are written.
type code struct {
	verbatim bool
	sidecars bool // attributes are in files beside the objects

	encode func(key string) string
	// decode is not ok for a name that is to be hidden.
	decode func(name string) (key string, ok bool)
	// prefix returns what the names of all keys that begin with prefix begin with. Other names may begin with it too.
	prefix func(prefix string) string

	encodeName, decodeName, encodeValue, decodeValue func(string) string
}

func same(s string) string { return s }

// code returns what Keys mean for a bucket that can do what caps say.
func (k Keys) code(caps blob.Capabilities) code {
	c := code{encodeName: same, decodeName: same, encodeValue: same, decodeValue: same}
	switch k.by {
	case escaping:
		c.encode, c.decode, c.prefix = escapeKey, unescapeKey, escapePrefix
		if caps.Keys.NoSlashAtEnd {
			c.encode, c.decode = escapeSlashAtEnd, unescapeSlashAtEnd
		}
		c.encodeName, c.decodeName = escapeMetadata, unescapeMetadata
	case S3blob, Fileblob, Azureblob, Gcsblob:
		k.by.asWritten(&c)
	default:
		c.verbatim = true
		c.encode, c.prefix = same, same
		c.decode = func(name string) (string, bool) { return name, true }
	}
	return c
}

// name returns the name of a key.
func (c *code) name(key string) (string, error) {
	if c.sidecars && strings.HasSuffix(key, sidecar) {
		return "", fmt.Errorf("%w: the key %q ends in %q, which is fileblob's for attributes", blob.ErrInvalid, key, sidecar)
	}
	return c.encode(key), nil
}

// metadata returns m as it is written.
func (c *code) metadata(m map[string]string) map[string]string {
	return translate(m, c.encodeName, c.encodeValue)
}

// read returns metadata as the program gave it. Of two names that read the same, which only another writer can have made,
// the last in byte order counts.
func (c *code) read(m map[string]string) map[string]string {
	return translate(m, c.decodeName, c.decodeValue)
}

func translate(m map[string]string, name, value func(string) string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	t := make(map[string]string, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		t[name(k)] = value(m[k])
	}
	return t
}

// escapeKey is the code of EscapeKeys.
func escapeKey(key string) string {
	if key == "" { // is none, and stays so
		return ""
	}
	segments := strings.Split(key, "/")
	for i, s := range segments {
		if last := i > 0 && i == len(segments)-1; s != "" || !last { // a key may end in one "/"
			segments[i] = escapeSegment(s)
		}
	}
	return strings.Join(segments, "/")
}

// escapeSlashAtEnd is escapeKey, but for the empty segment at the end, which it writes like any other.
func escapeSlashAtEnd(key string) string {
	name := escapeKey(key)
	if strings.HasSuffix(name, "/") {
		name += "%"
	}
	return name
}

// unescapeSlashAtEnd also decodes common prefixes, which alone end in "/".
func unescapeSlashAtEnd(name string) (key string, ok bool) {
	if strings.HasSuffix(name, "/%") {
		name = strings.TrimSuffix(name, "%")
	}
	return unescapeKey(name)
}

func escapeSegment(s string) string {
	switch s {
	case "":
		return "%"
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	case "%":
		return "%25"
	}
	return escapeBytes(s)
}

func escapeBytes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if mustEscape(s, i) {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// mustEscape tells whether the byte at i is one that a key may not have, or the beginning of what looks like an escape.
func mustEscape(s string, i int) bool {
	c := s[i]
	switch {
	case c < ' ' || c == 0x7f || c == '\\':
		return true
	case c == 0xc2: // C1 control characters are C2 80 to C2 9F
		return i+1 < len(s) && s[i+1] < 0xa0
	case c >= 0x80 && c < 0xa0:
		return i > 0 && s[i-1] == 0xc2
	case c == '%':
		_, escape := escapedByte(s[i:])
		return escape
	}
	return false
}

// escapedByte returns the byte that s begins with as an escape of ours.
func escapedByte(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '%' || strings.ToUpper(s[1:3]) != s[1:3] {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:3], 16, 8)
	c := byte(n)
	return c, err == nil && (c < ' ' || c == 0x7f || c == '\\' || c == '%' || c == '.' || c == 0xc2 || c >= 0x80 && c < 0xa0)
}

// unescapeKey decodes a name, and is not ok for one that is not the name of what it decodes to.
func unescapeKey(name string) (key string, ok bool) {
	if !strings.Contains(name, "%") {
		return name, escapeKey(name) == name
	}
	segments := strings.Split(name, "/")
	for i, s := range segments {
		if s == "%" {
			segments[i] = ""
			continue
		}
		var b []byte
		for len(s) > 0 {
			if c, escape := escapedByte(s); escape {
				b, s = append(b, c), s[3:]
			} else {
				b, s = append(b, s[0]), s[1:]
			}
		}
		segments[i] = string(b)
	}
	key = strings.Join(segments, "/")
	return key, utf8.ValidString(key) && escapeKey(key) == name
}

// escapePrefix encodes the segments that are complete, and of the last one what does not depend on how it goes on.
func escapePrefix(prefix string) string {
	at := strings.LastIndexByte(prefix, '/') + 1
	folder, last := prefix[:at], prefix[at:]
	if folder != "" {
		folder = escapeKey(folder)
	}
	if last == "." || last == ".." { // as a segment these are written in another way than at its beginning
		return folder
	}
	end := len(last)
	for i := max(0, end-2); i < len(last); i++ {
		if last[i] == '%' {
			end = i
			break
		}
	}
	return folder + escapeBytes(last[:end])
}

// escapeMetadata writes bytes that holdall refuses in a metadata name as "." and two hexadecimal digits.
func escapeMetadata(name string) string {
	reserved := strings.HasPrefix(name, "x-amz-") || strings.HasPrefix(name, "x-goog-") || strings.HasPrefix(name, "x-ms-") || strings.HasPrefix(name, "holdall-")
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		plain := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'
		if c == '.' {
			_, err := strconv.ParseUint(name[i+1:min(i+3, len(name))], 16, 8)
			plain = err != nil || i+3 > len(name)
		}
		if plain && !(reserved && i == 0) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, ".%02x", c)
		}
	}
	return b.String()
}

// unescapeMetadata leaves alone what is not the writing of what it decodes to.
func unescapeMetadata(written string) string {
	var b []byte
	for rest := written; rest != ""; {
		if len(rest) >= 3 && rest[0] == '.' {
			if n, err := strconv.ParseUint(rest[1:3], 16, 8); err == nil {
				b, rest = append(b, byte(n)), rest[3:]
				continue
			}
		}
		b, rest = append(b, rest[0]), rest[1:]
	}
	if name := string(b); escapeMetadata(name) == written {
		return name
	}
	return written
}
