package blob

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// A Source names an object that a [Bucket.Copy] reads. It is opaque: what is inside is for the driver that made it, and
// comes out only through [Resolve]. A Source carries the check of every wrapper that it passed, so one that is kept
// past a revocation copies nothing, and nobody gets behind a wrapper with one.
type Source struct {
	key    string
	inside func() any // a function, so that printing or reflecting on a Source shows nothing
	checks []func(context.Context) error
}

// NewSource makes a Source around a value of the driver's own unexported type. Key is the object's. A method
// OtherThan(any) bool of that value may tell that another one is surely about another object, which lets [Move] go on
// where a store's ETags and times are too coarse to tell.
func NewSource(key string, inside any) Source {
	return Source{key: key, inside: func() any { return inside }}
}

// Key is the key of the source, as the caller of the outermost wrapper named it.
func (s Source) Key() string { return s.key }

// String names the key alone.
func (s Source) String() string { return fmt.Sprintf("source %s", quoteKey(s.key)) }

// Checked returns the Source with one more check, which a wrapper wants run before each request that reads from it.
func (s Source) Checked(check func(context.Context) error) Source {
	s.checks = append(s.checks[:len(s.checks):len(s.checks)], check)
	return s
}

// renamed returns the Source under the key by which a wrapper's caller knows it.
func (s Source) renamed(key string) Source {
	s.key = key
	return s
}

// Fail wraps an error about the source, such as its absence, so that the error of the Copy names the source's key
// beside the destination's.
func (s Source) Fail(err error) error { return &sourceError{s.key, err} }

type sourceError struct {
	key string
	err error
}

func (e *sourceError) Error() string { return "source " + quoteKey(e.key) + ": " + e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// Resolve returns what a driver put into src, after running the check of every wrapper that src passed, the outermost
// first. T must be the very type that the driver gave to [NewSource], so only code that can name that type gets at the
// value; for any other T it answers [errors.ErrUnsupported]. A driver resolves immediately before each request that
// reads from the source, and where it streams, before each chunk.
func Resolve[T any](ctx context.Context, src Source) (T, error) {
	var zero T
	if src.inside == nil {
		return zero, fmt.Errorf("%w: the source of the copy is the zero Source; get one from Bucket.Source", ErrInvalid)
	}
	for i := len(src.checks) - 1; i >= 0; i-- {
		if err := src.checks[i](ctx); err != nil {
			return zero, src.Fail(err)
		}
	}
	inside := src.inside()
	if reflect.TypeOf(inside) != reflect.TypeFor[T]() {
		return zero, fmt.Errorf("%w: the source is of another driver", errors.ErrUnsupported)
	}
	return inside.(T), nil
}
