package blob

import (
	"fmt"
	"strings"
	"unicode"
)

// KeyRules are the keys that a bucket accepts. [Check] applies them to every key of every call, so that no driver does; a key
// that breaks one is [ErrInvalid] before any request. The zero value accepts every key that [CheckKey] does.
type KeyRules struct {
	// MaxBytes is the length of the longest key in bytes, with Prefix. Zero is [MaxKeyBytes].
	MaxBytes int

	// MaxSegment is the length of the longest segment in bytes; a segment is what lies between slashes. Zero is no limit.
	MaxSegment int

	// Canonical: a key is what it is as the path of a file. Refused are an empty segment (but a key may end in one slash), the
	// segments "." and "..", backslashes, and control characters (C0, DEL and C1).
	Canonical bool

	// NoSpacedDots: refused is a segment that is "." or ".." once the white space of ASCII around it is removed.
	NoSpacedDots bool

	// URLSafe: a key is what it is in the path of a URL. Refused are the segments "." and "..", and the control bytes of ASCII.
	URLSafe bool

	// XMLSafe: a key can be represented in XML. Refused are U+FFFE and U+FFFF.
	XMLSafe bool

	// ReservedSuffix: refused is a segment that ends in it, whatever the case of its letters, which are ASCII. The driver
	// keeps objects of its own under such names.
	ReservedSuffix string

	// NoSlashAtEnd: Put, Copy, Upload and a signed PUT or POST of a key that ends in a slash are refused. Other calls accept
	// it, and find an object if another program stored one.
	NoSlashAtEnd bool

	// NoFileBesideDir: an object "a" cannot exist together with "a/" or with any object below "a/". A write that would make
	// it so fails or replaces the other object.
	NoFileBesideDir bool

	// CaseFolding: keys that differ in case alone are one object.
	CaseFolding bool

	// Normalizing: keys that differ in the normal form of Unicode alone are one object.
	Normalizing bool

	// Prefix is what the bucket puts before every key, as [Sub] does: all rules hold for Prefix and key together.
	Prefix string

	// Note ends the error of a key that is refused: why the bucket has these rules, or how to do without them.
	Note string
}

// Max returns the length in bytes of the longest key.
func (r KeyRules) Max() int {
	most := MaxKeyBytes
	if r.MaxBytes > 0 {
		most = min(r.MaxBytes, MaxKeyBytes)
	}
	return max(0, most-len(r.Prefix))
}

// PartOfSegment reports whether the first segment of a key is not a whole one, as in a [Sub] whose prefix does not end in
// a slash.
func (r KeyRules) PartOfSegment() bool { return r.Prefix != "" && !strings.HasSuffix(r.Prefix, "/") }

// Check returns nil if the bucket accepts the key in calls that store nothing, such as Get and Delete. Otherwise it returns
// an [ErrInvalid] that says what is wrong.
func (r KeyRules) Check(key string) error { return r.check(key) }

// CheckWrite returns nil if the bucket accepts the key in calls that store an object, such as Put: it is Check, and
// NoSlashAtEnd. What keys do to one another (NoFileBesideDir, CaseFolding, Normalizing) it cannot judge.
func (r KeyRules) CheckWrite(key string) error { return r.checkWrite(key) }

func (r *KeyRules) check(key string) error {
	if err := checkKey(key, r.Max()); err != nil {
		return err
	}
	if r.ordinary(key) {
		return nil
	}
	why := r.fault(r.Prefix + key)
	if why == "" {
		return nil
	}
	return r.refuse(key, why)
}

func (r *KeyRules) checkWrite(key string) error {
	if err := r.check(key); err != nil {
		return err
	}
	if r.NoSlashAtEnd && strings.HasSuffix(key, "/") {
		return r.refuse(key, "ends in a slash, under which this bucket stores nothing")
	}
	return nil
}

func (r *KeyRules) refuse(key, why string) error {
	err := fmt.Errorf("%w: the key %s %s", ErrInvalid, quoteKey(key), why)
	if r.Note != "" {
		err = fmt.Errorf("%w; %s", err, r.Note)
	}
	return err
}

// ordinary reports whether no rule can refuse the key, in one pass: it is the quick result for nearly all. A key that is
// not ordinary may be accepted all the same.
func (r *KeyRules) ordinary(key string) bool {
	if !r.Canonical && !r.NoSpacedDots && !r.URLSafe && !r.XMLSafe && r.MaxSegment == 0 && r.ReservedSuffix == "" {
		return true
	}
	most := MaxKeyBytes
	if r.MaxSegment > 0 {
		most = r.MaxSegment
	}
	n := 0 // the bytes of the segment so far
	for _, text := range [...]string{r.Prefix, key} {
		for i := range len(text) {
			c := text[i]
			switch {
			case c == '/' && n > 0:
				n = 0
				continue
			case c < ' ' || c >= 0x7f || c == '\\' || n == 0 && (c == '/' || c == '.' || c == ' ') || n == most:
				return false
			}
			n++
		}
	}
	return r.ReservedSuffix == ""
}

// fault says what is wrong with a key and its prefix, or nothing.
func (r *KeyRules) fault(key string) string {
	switch {
	case r.Canonical && strings.ContainsFunc(key, unicode.IsControl):
		return "contains a control character"
	case r.URLSafe && strings.ContainsFunc(key, controlByte):
		return "contains a control byte"
	case r.Canonical && strings.Contains(key, `\`):
		return "contains a backslash"
	case r.XMLSafe && strings.ContainsAny(key, "\ufffe\uffff"):
		return "contains U+FFFE or U+FFFF, which XML cannot represent"
	}
	for segment, rest := "", key; ; {
		var more bool
		segment, rest, more = strings.Cut(rest, "/")
		if why := r.faultIn(segment); why != "" {
			return why
		}
		if segment == "" && r.Canonical {
			return "has an empty segment"
		}
		if !more || rest == "" {
			return ""
		}
	}
}

func controlByte(c rune) bool { return c < ' ' || c == 0x7f }

// faultIn says what is wrong with a segment, or nothing.
func (r *KeyRules) faultIn(segment string) string {
	dots := segment
	if r.NoSpacedDots {
		dots = strings.Trim(segment, " \t\n\v\f\r")
	}
	switch {
	case (dots == "." || dots == "..") && (r.Canonical || r.URLSafe || r.NoSpacedDots):
		if dots != segment {
			return `has a segment of white space around "." or ".."`
		}
		return `has a segment "." or ".."`
	case r.MaxSegment > 0 && len(segment) > r.MaxSegment:
		return fmt.Sprintf("has a segment of %d bytes; this bucket takes at most %d between slashes", len(segment), r.MaxSegment)
	case r.ReservedSuffix != "" && endsIn(segment, r.ReservedSuffix):
		return fmt.Sprintf("has a segment that ends in %q, which is reserved", r.ReservedSuffix)
	}
	return ""
}

// endsIn reports whether s ends in suffix, whatever the case of its ASCII letters.
func endsIn(s, suffix string) bool {
	at := len(s) - len(suffix)
	if at < 0 {
		return false
	}
	for i := range len(suffix) {
		if lower(s[at+i]) != lower(suffix[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
