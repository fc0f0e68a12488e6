package gocdk

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/holdall-go/holdall/blob"
)

// What fileblob makes of a key is a path: it cleans it, so that "a", "/a" and "./a" are one file, and keeps attributes
// in a file beside the object, whose name ends in ".attrs". The keys that are left have one file each, and each file of
// a bucket one key.

// sidecar is the ending of the files in which fileblob keeps attributes.
const sidecar = ".attrs"

// longestName is what a segment of a key may have in bytes as fileblob writes it: file systems hold names of 255, and
// that of a file in the making is longer by a dot, 16 digits and ".tmp".
const longestName = 255 - 21

// checkKey refuses the keys that fileblob would alias, or keep from being read.
func (b *bucket) checkKey(key string) error {
	if !b.files {
		return nil
	}
	why := ""
	switch {
	case strings.ContainsFunc(key, unicode.IsControl):
		why = "holds a control character"
	case strings.Contains(key, `\`):
		why = `holds a "\"`
	}
	for segment := range strings.SplitSeq(strings.TrimSuffix(key, "/"), "/") {
		switch {
		case segment == "" || segment == "." || segment == "..":
			why = `has a segment that is empty, "." or ".."`
		case strings.HasSuffix(strings.ToLower(segment), sidecar):
			why = `has a segment that ends in ".attrs", which is fileblob's for attributes`
		case len(segment) > longestName:
			why = fmt.Sprintf("has a segment that fileblob writes with more than %d bytes", longestName)
		}
	}
	if why == "" {
		return nil
	}
	return fmt.Errorf("%w: the key %s; fileblob keeps keys as paths", blob.ErrInvalid, why)
}
