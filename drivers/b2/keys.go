package b2

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/holdall-go/holdall/blob"
)

// maxSegment is the longest piece of a name between slashes, in bytes, where keys are held to the strict rules.
// https://www.backblaze.com/b2/docs/files.html
const maxSegment = 250

// holds refuses a key that B2 does not take as a name. No page allows control bytes. A "." or ".." segment would not
// survive the URL of a download. The rest is what the pages disagree on.
// https://www.backblaze.com/docs/cloud-storage-files
func (b *bucket) holds(key string) error {
	bad := func(why string) error {
		return fmt.Errorf("%w: the key %.100q %s", blob.ErrInvalid, key, why)
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return bad("holds a control byte, which B2 does not take")
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "." || segment == ".." {
			return bad(`has a "." or ".." segment, which would not survive a URL`)
		}
	}
	if b.anyKeys {
		return nil
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }) {
		return bad("holds a backslash or a control character; AnyKeys (any_keys= in a URL) allows them")
	}
	if strings.HasPrefix(key, "/") || strings.Contains(key, "//") {
		return bad("has an empty segment; AnyKeys (any_keys= in a URL) allows that")
	}
	return nil
}

// writes refuses a key that cannot be written.
func (b *bucket) writes(key string) error {
	if err := b.holds(key); err != nil {
		return err
	}
	if !b.anyKeys && strings.HasSuffix(key, "/") {
		return fmt.Errorf("%w: the key %.100q ends in a slash; AnyKeys (any_keys= in a URL) allows that", blob.ErrInvalid, key)
	}
	return nil
}
