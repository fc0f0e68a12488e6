package acl

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/holdall-go/holdall/blob"
)

// Views know canonical keys only, so that one object has one name and a name has one place in the tree. A key is
// checked, never repaired: what was checked is what is sent.

// maxKey is the longest key in bytes.
const maxKey = blob.MaxKeyBytes

// reservedName is the segment under which access control keeps its own objects, at any depth of the bucket, since
// a bucket may be the part of another one below any prefix.
const reservedName = ".holdall"

// CheckKey reports why a view refuses key, or nil. A key is 1 to 1024 bytes of valid UTF-8. It has no leading "/", no
// empty segment (but it may end in one "/"), no segment "." or "..", no control character (C0, DEL, C1), no "\",
// and no reserved segment: ".holdall", or what some file system could take for it.
func CheckKey(key string) error { return check("key", key, true) }

// checkPrefix reports why no valid key begins with prefix, or nil. Its last segment need not be complete: it may be
// empty, "..", or ".holdall", which "..x" and ".holdallx" begin with. It serves a listing's start, too.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return check("prefix", prefix, false)
}

// check says what is wrong with key, calling it a what; complete tells whether its last segment is all there.
func check(what, key string, complete bool) error {
	if ordinary(key) {
		return nil
	}
	why := faultInBytes(key)
	for rest := key; why == "" && rest != ""; {
		segment, after, more := strings.Cut(rest, "/")
		if more || complete {
			why = faultInSegment(segment)
		} else if stem, _, stream := strings.Cut(segment, ":"); stream && reservedSegment(stem) {
			why = isReserved // whatever follows
		}
		rest = after
	}
	switch {
	case why == "":
		return nil
	case len(key) > maxKey:
		key = strings.ToValidUTF8(key[:40], "") + "…"
	}
	return fmt.Errorf("%w: the %s %q %s", blob.ErrInvalid, what, key, why)
}

// What can be wrong with a key, and what would be right.
const (
	isEmpty    = "is empty; give 1 to 1024 bytes"
	isLong     = "has more than 1024 bytes"
	isNotUTF8  = "is not valid UTF-8"
	hasControl = "holds a control character; leave it out"
	hasBack    = `holds a "\"; write "/" between segments`
	hasEmpty   = `has an empty segment; write one "/" between segments, and none first`
	hasDots    = `has a segment "." or ".."; write the path that is meant`
	isReserved = `has a segment that is reserved, like ".holdall"; choose another name`
)

// ordinary reports whether nothing can be wrong with key, in one pass: it is the quick answer for nearly all. A key that is
// not ordinary may be right all the same.
func ordinary(key string) bool {
	begins := true // a segment begins here
	for i := range len(key) {
		c := key[i]
		if c < ' ' || c >= 0x7f || c == '\\' || begins && (c == '/' || c == '.' || c == 'h' || c == 'H') {
			return false // the last three: as the reserved names and ".." begin
		}
		begins = c == '/'
	}
	return 0 < len(key) && len(key) <= maxKey
}

// faultInBytes finds what does not depend on segments. Control characters are refused because they forge lines in logs
// and commands to terminals, the C1 set included, and because file systems and XML cannot hold some.
func faultInBytes(key string) string {
	switch {
	case key == "":
		return isEmpty
	case len(key) > maxKey:
		return isLong
	case !utf8.ValidString(key):
		return isNotUTF8
	case strings.ContainsFunc(key, unicode.IsControl):
		return hasControl
	case strings.Contains(key, `\`):
		return hasBack
	}
	return ""
}

func faultInSegment(segment string) string {
	switch {
	case segment == "":
		return hasEmpty
	case segment == "." || segment == "..":
		return hasDots
	case reservedSegment(segment):
		return isReserved
	}
	return ""
}

// reserved reports whether any segment of key is reserved, whatever else is wrong with key.
func reserved(key string) bool {
	for segment := range strings.SplitSeq(key, "/") {
		if reservedSegment(segment) {
			return true
		}
	}
	return false
}

// reservedSegment reports whether a store could take segment for [reservedName]. File systems fold case, HFS+ drops
// code points that are not displayed, Windows drops dots and spaces at the end and what follows a colon (the name of a
// stream), and FAT and NTFS give a second, short name to every file.
func reservedSegment(segment string) bool {
	name := strings.Map(func(r rune) rune {
		if ignorable(r) {
			return -1
		}
		return r
	}, segment)
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimRightFunc(name, func(r rune) bool { return r == '.' || unicode.IsSpace(r) })
	return strings.EqualFold(name, reservedName) || shortName(name)
}

// shortName reports whether name is of a form that Windows generates for ".holdall" in 8.3 names: HOLDAL~1, HOLDA~10
// and so on, and after a few of these HOxxxx~1 with four hexadecimal digits of a hash.
func shortName(name string) bool {
	stem, number, ok := strings.Cut(strings.ToLower(name), "~")
	if !ok || number == "" || strings.Trim(number, "0123456789") != "" {
		return false
	}
	if stem == "holdal" || len(stem)+1+len(number) == 8 && strings.HasPrefix("holdal", stem) {
		return true
	}
	hash, ok := strings.CutPrefix(stem, "ho")
	return ok && len(hash) == 4 && strings.Trim(hash, "0123456789abcdef") == ""
}

// ignorable reports whether r has Unicode's property Default_Ignorable_Code_Point. DerivedCoreProperties.txt derives
// it from the tables below; what it takes out of Cf is left in here, since one more reserved name does no harm.
func ignorable(r rune) bool {
	return r >= utf8.RuneSelf && unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
