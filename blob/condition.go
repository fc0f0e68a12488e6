package blob

import (
	"fmt"
	"strings"
	"time"
)

// A Condition makes a call depend on what the key holds. The zero value always holds. A call carries at most one.
type Condition struct {
	kind ConditionKind
	etag string
	time time.Time
}

// A ConditionKind is one kind of Condition.
type ConditionKind uint8

// The kinds of conditions. The first three serve writes, all but KindAbsent serve reads.
const (
	KindAlways ConditionKind = iota
	KindAbsent
	KindMatch
	KindNoneMatch
	KindModifiedSince
	KindUnmodifiedSince
)

// IfAbsent holds where the key has no object. A write that loses answers [ErrExist], which is both [ErrPrecondition]
// and [fs.ErrExist].
var IfAbsent = Condition{kind: KindAbsent}

// IfMatch holds where the object has this ETag. A call that loses, also because the object is missing, answers
// [ErrPrecondition]. An ETag without quotes is taken as if it had them.
func IfMatch(etag string) Condition { return Condition{kind: KindMatch, etag: quoteETag(etag)} }

// IfNoneMatch holds where the object has another ETag. A read that loses answers [ErrNotModified].
func IfNoneMatch(etag string) Condition { return Condition{kind: KindNoneMatch, etag: quoteETag(etag)} }

// IfModifiedSince holds where the object changed after t, to the second. A read that loses answers [ErrNotModified].
func IfModifiedSince(t time.Time) Condition { return Condition{kind: KindModifiedSince, time: t} }

// IfUnmodifiedSince holds where the object did not change after t, to the second. A read that loses answers
// [ErrPrecondition].
func IfUnmodifiedSince(t time.Time) Condition { return Condition{kind: KindUnmodifiedSince, time: t} }

// Kind tells which kind of condition c is.
func (c Condition) Kind() ConditionKind { return c.kind }

// ETag is the quoted ETag of IfMatch and IfNoneMatch.
func (c Condition) ETag() string { return c.etag }

// Time is the time of IfModifiedSince and IfUnmodifiedSince.
func (c Condition) Time() time.Time { return c.time }

// IsZero tells whether c always holds.
func (c Condition) IsZero() bool { return c.kind == KindAlways }

// Eval judges c against the object that the key holds; current is nil if there is none. A driver that holds a lock on
// the key needs nothing else. It returns nil if c holds, otherwise the error that the call must answer.
func (c Condition) Eval(current *Object) error {
	switch c.kind {
	case KindAlways:
		return nil
	case KindAbsent:
		if current != nil {
			return ErrExist
		}
		return nil
	}
	if current == nil {
		if c.kind == KindMatch {
			return fmt.Errorf("%w: there is no object to match %s", ErrPrecondition, c.etag)
		}
		return ErrNotExist
	}
	switch c.kind {
	case KindMatch:
		if current.ETag != c.etag {
			return fmt.Errorf("%w: the object's ETag is %s, not %s", ErrPrecondition, current.ETag, c.etag)
		}
	case KindNoneMatch:
		if current.ETag == c.etag {
			return ErrNotModified
		}
	case KindModifiedSince:
		if !modifiedSince(current.ModTime, c.time) {
			return ErrNotModified
		}
	case KindUnmodifiedSince:
		if modifiedSince(current.ModTime, c.time) {
			return fmt.Errorf("%w: the object was modified at %s", ErrPrecondition, current.ModTime.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// modifiedSince compares in whole seconds, which is all that HTTP carries.
func modifiedSince(modTime, t time.Time) bool {
	return modTime.Truncate(time.Second).After(t.Truncate(time.Second))
}

func (c Condition) check() error {
	switch c.kind {
	case KindMatch, KindNoneMatch:
		e := c.etag
		if len(e) < 3 || strings.ContainsFunc(e[1:len(e)-1], func(r rune) bool { return r < 0x21 || r == '"' || r == 0x7f }) {
			return fmt.Errorf("%w: %q is no ETag; hand back one that a bucket gave", ErrInvalid, e)
		}
	case KindModifiedSince, KindUnmodifiedSince:
		if c.time.IsZero() {
			return fmt.Errorf("%w: the time of a condition is zero", ErrInvalid)
		}
	}
	return nil
}

// String names the condition.
func (c Condition) String() string {
	switch c.kind {
	case KindAbsent:
		return "if-absent"
	case KindMatch:
		return "if-match " + c.etag
	case KindNoneMatch:
		return "if-none-match " + c.etag
	case KindModifiedSince:
		return "if-modified-since " + c.time.UTC().Format(time.RFC3339)
	case KindUnmodifiedSince:
		return "if-unmodified-since " + c.time.UTC().Format(time.RFC3339)
	}
	return "always"
}

// quoteETag puts an ETag in quotes if it has none. A weak one is left alone: it matches nothing strongly.
func quoteETag(e string) string {
	if strings.HasPrefix(e, `W/"`) || len(e) >= 2 && e[0] == '"' && e[len(e)-1] == '"' {
		return e
	}
	return `"` + e + `"`
}

// A ConditionSet is the set of conditions that a bucket honours in one operation.
type ConditionSet uint8

// Conditions makes a set.
func Conditions(kinds ...ConditionKind) ConditionSet {
	var s ConditionSet
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// The sets that most stores have.
const (
	WriteConditions = ConditionSet(1<<KindAbsent | 1<<KindMatch)
	ReadConditions  = ConditionSet(1<<KindMatch | 1<<KindNoneMatch | 1<<KindModifiedSince | 1<<KindUnmodifiedSince)
)

// Has tells whether conditions of this kind are honoured. KindAlways always is.
func (s ConditionSet) Has(k ConditionKind) bool { return k == KindAlways || s&(1<<k) != 0 }

// String lists the conditions of the set.
func (s ConditionSet) String() string {
	names := [...]string{KindAbsent: "if-absent", KindMatch: "if-match", KindNoneMatch: "if-none-match",
		KindModifiedSince: "if-modified-since", KindUnmodifiedSince: "if-unmodified-since"}
	var have []string
	for k := KindAbsent; k <= KindUnmodifiedSince; k++ {
		if s.Has(k) {
			have = append(have, names[k])
		}
	}
	if have == nil {
		return "none"
	}
	return strings.Join(have, ", ")
}
