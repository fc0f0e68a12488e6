package gocdk

import (
	"fmt"
	"net/url"
	"runtime"
	"strconv"
	"strings"
)

// What gocloud.dev's drivers do to keys, as of v0.47.0: a character that a provider does not take is written as
// "__0x", its number in hexadecimal, and "__". So is the first character of what would be read as such an escape.

// special tells whether the character at i must be escaped in a key, or in a prefix of one, that has bytes in all.
type special func(key []rune, i, bytes int, prefix bool) bool

func dotDotSlash(r []rune, i int) bool {
	return i > 1 && r[i] == '/' && r[i-1] == '.' && r[i-2] == '.'
}

// specials are from the function escapeKey of each driver.
var specials = map[Driver]special{
	S3blob: func(r []rune, i, _ int, _ bool) bool { return r[i] < ' ' || dotDotSlash(r, i) },
	Fileblob: func(r []rune, i, _ int, prefix bool) bool {
		const windows = runtime.GOOS == "windows"
		return r[i] < ' ' || dotDotSlash(r, i) || r[i] == '/' && (i > 0 && r[i-1] == '/' || i == len(r)-1 && !prefix) ||
			windows && strings.ContainsRune(`\><:"|?*`, r[i])
	},
	// azureblob compares the index of a character with a length in bytes, so the last "/" of a key is escaped if all of
	// the key is ASCII.
	Azureblob: func(r []rune, i, bytes int, prefix bool) bool {
		return r[i] < ' ' || r[i] == 127 || strings.ContainsRune(`\"#%?`, r[i]) || dotDotSlash(r, i) || r[i] == '/' && i == bytes-1 && !prefix
	},
	Gcsblob: func(r []rune, i, _ int, _ bool) bool { return r[i] == '\n' || r[i] == '\r' || dotDotSlash(r, i) },
}

// asWritten sets c to the code of a driver.
func (d Driver) asWritten(c *code) {
	must := specials[d]
	c.encode = func(key string) string { return strings.Join(hexEscape(key, must, false), "") }
	c.decode = func(name string) (string, bool) { return hexUnescape(name), true }
	c.prefix = func(prefix string) string {
		return strings.Join(hexEscape(prefix, must, true)[:certain([]rune(prefix))], "")
	}
	switch d {
	case S3blob:
		c.encodeName = func(name string) string {
			return strings.Join(hexEscape(url.PathEscape(name), func(r []rune, i, _ int, _ bool) bool {
				return r[i] == '@' || r[i] == ':' || r[i] == '='
			}, false), "")
		}
		c.decodeName = func(name string) string { return hexUnescape(pathUnescape(name)) }
		c.encodeValue, c.decodeValue = url.PathEscape, pathUnescape
	case Azureblob:
		c.encodeName = func(name string) string {
			return strings.Join(hexEscape(name, func(r []rune, i, _ int, _ bool) bool {
				digit := r[i] >= '0' && r[i] <= '9'
				letter := r[i] >= 'a' && r[i] <= 'z' || r[i] >= 'A' && r[i] <= 'Z' || r[i] == '_'
				return !letter && !digit || digit && i == 0
			}, false), "")
		}
		c.decodeName = hexUnescape
		c.encodeValue, c.decodeValue = url.PathEscape, pathUnescape
	case Fileblob: // keeps them as they are, in its own files; what holdall keeps beside them need only come back
		c.sidecars = true
		c.encodeName, c.decodeName = escapeMetadata, unescapeMetadata
	}
}

func pathUnescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// hexEscape returns what each character of s is written as.
func hexEscape(s string, must special, prefix bool) []string {
	runes := []rune(s)
	written := make([]string, len(runes))
	for i, r := range runes {
		if _, n := escapedRune(runes[i:]); n > 0 || must(runes, i, len(s), prefix) {
			written[i] = fmt.Sprintf("__%#x__", r)
		} else {
			written[i] = string(r)
		}
	}
	return written
}

func hexUnescape(s string) string {
	if !strings.Contains(s, "__0x") {
		return s
	}
	var read []rune
	for runes := []rune(s); len(runes) > 0; {
		r, n := escapedRune(runes)
		if n == 0 {
			r, n = runes[0], 1
		}
		read, runes = append(read, r), runes[n:]
	}
	return string(read)
}

const opening = "__0x"

// escapedRune returns the character that s begins with as an escape of n characters; n is 0 if it begins with none.
func escapedRune(s []rune) (r rune, n int) {
	if len(s) < len(opening) || string(s[:len(opening)]) != opening {
		return 0, 0
	}
	end := len(opening)
	for end < len(s) && s[end] != '_' {
		end++
	}
	if end+1 >= len(s) || s[end+1] != '_' {
		return 0, 0
	}
	v, err := strconv.ParseInt(string(s[len(opening):end]), 16, 32)
	if err != nil {
		return 0, 0
	}
	return rune(v), end + 2
}

// certain returns how many characters of a prefix are written the same however the key goes on: those before the first
// that could begin an escape whose end is not there.
func certain(prefix []rune) int {
	for i, r := range prefix {
		if _, n := escapedRune(prefix[i:]); r == '_' && n == 0 && couldBeEscape(string(prefix[i:])) {
			return i
		}
	}
	return len(prefix)
}

func couldBeEscape(s string) bool {
	if len(s) <= len(opening) {
		return strings.HasPrefix(opening, s)
	}
	digits, found := strings.CutPrefix(s, opening)
	digits = strings.TrimLeft(digits, "+-")
	return found && strings.Trim(strings.TrimSuffix(digits, "_"), "0123456789abcdefABCDEF") == ""
}
