package blob

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxKeyBytes is the length of the longest key that any bucket accepts, as on S3, GCS, B2 and Swift. A bucket may accept less:
// [KeyRules].
const MaxKeyBytes = 1024

// CheckKey returns nil if key is one: valid UTF-8, 1 to 1024 bytes, no NUL. Keys are opaque: nothing is cleaned, decoded
// or folded, so "a//b", "../x", "/a" and "A" are names like any other. Otherwise it returns an ErrInvalid that says what
// is wrong.
func CheckKey(key string) error { return checkKey(key, MaxKeyBytes) }

func checkKey(key string, most int) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: the key is empty; a key has 1 to %d bytes", ErrInvalid, most)
	case len(key) > most:
		return fmt.Errorf("%w: the key has %d bytes; this bucket takes at most %d", ErrInvalid, len(key), most)
	}
	return checkText("key", key)
}

// checkText returns nil for valid UTF-8 without NUL, which is what keys, prefixes and delimiters are made of.
func checkText(what, s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return fmt.Errorf("%w: the %s %s holds a NUL byte", ErrInvalid, what, quoteKey(s))
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: the %s %s is not valid UTF-8", ErrInvalid, what, quoteKey(s))
	}
	return nil
}
