package blob

import "fmt"

// A Range selects bytes of an object. The zero value selects all of them. Ranges follow the rules of slicing: a range
// that begins at the end is empty, one that begins beyond it is [ErrRange], and what reaches beyond the end is cut off.
type Range struct {
	kind   rangeKind
	off, n int64
}

type rangeKind uint8

const (
	rangeAll rangeKind = iota
	rangeBytes
	rangeFrom
	rangeLast
)

// Bytes selects n bytes from offset off on.
func Bytes(off, n int64) Range { return Range{rangeBytes, off, n} }

// From selects everything from offset off on.
func From(off int64) Range { return Range{rangeFrom, off, 0} }

// Last selects the last n bytes, or everything if there are fewer.
func Last(n int64) Range { return Range{rangeLast, 0, n} }

// IsZero tells whether r selects everything.
func (r Range) IsZero() bool { return r.kind == rangeAll }

// Resolve returns the offset and length that r selects in an object of the given size. It answers ErrInvalid for
// negative numbers, and ErrRange for a range that begins beyond the end.
func (r Range) Resolve(size int64) (off, n int64, err error) {
	if err := r.check(); err != nil {
		return 0, 0, err
	}
	switch r.kind {
	case rangeBytes:
		off, n = r.off, min(r.n, size-r.off)
	case rangeFrom:
		off, n = r.off, size-r.off
	case rangeLast:
		n = min(r.n, size)
		off = size - n
	default:
		n = size
	}
	if off > size {
		return 0, 0, fmt.Errorf("%w: offset %d is beyond the end of the object, which has %d bytes", ErrRange, off, size)
	}
	return off, n, nil
}

// Header returns r as the value of an HTTP Range header (RFC 9110, section 14.1.2), or "" for the zero Range. HTTP has
// no form for an empty range; ok is false for one.
func (r Range) Header() (value string, ok bool) {
	switch r.kind {
	case rangeBytes:
		if r.n == 0 {
			return "", false
		}
		if r.off > maxOffset-r.n {
			return fmt.Sprintf("bytes=%d-", r.off), true
		}
		return fmt.Sprintf("bytes=%d-%d", r.off, r.off+r.n-1), true
	case rangeFrom:
		return fmt.Sprintf("bytes=%d-", r.off), true
	case rangeLast:
		if r.n == 0 {
			return "", false
		}
		return fmt.Sprintf("bytes=-%d", r.n), true
	}
	return "", true
}

const maxOffset = 1<<63 - 1

func (r Range) check() error {
	if r.off < 0 {
		return fmt.Errorf("%w: range offset %d is negative; the last bytes are selected by Last", ErrInvalid, r.off)
	}
	if r.n < 0 {
		return fmt.Errorf("%w: range length %d is negative; everything from an offset on is selected by From", ErrInvalid, r.n)
	}
	return nil
}

// String returns the range as slicing writes it.
func (r Range) String() string {
	switch r.kind {
	case rangeBytes:
		return fmt.Sprintf("[%d:%d+%d]", r.off, r.off, r.n)
	case rangeFrom:
		return fmt.Sprintf("[%d:]", r.off)
	case rangeLast:
		return fmt.Sprintf("[-%d:]", r.n)
	}
	return "[:]"
}
