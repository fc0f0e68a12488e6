package blob

import (
	"context"
	"errors"
	"io/fs"
	"strconv"
	"strings"
)

// What an error answers to, beside [fs.ErrPermission] and [errors.ErrUnsupported].
var (
	// ErrNotExist: there is no such object, version, upload or bucket. It is [fs.ErrNotExist].
	ErrNotExist error = &sentinel{"object does not exist", []error{fs.ErrNotExist}}
	// ErrPrecondition: the condition of the call did not hold; nothing was changed.
	ErrPrecondition = errors.New("condition does not hold")
	// ErrExist: the answer of a lost [IfAbsent]. It is both [fs.ErrExist] and ErrPrecondition.
	ErrExist error = &sentinel{"object exists already", []error{fs.ErrExist, ErrPrecondition}}
	// ErrNotModified: the object is still what the condition of the read named.
	ErrNotModified = errors.New("object is not modified")
	// ErrChecksum: content does not have the digest that it should have.
	ErrChecksum = errors.New("checksum mismatch")
	// ErrInvalid: a key, range, option or document that cannot be right. It is [fs.ErrInvalid].
	ErrInvalid error = &sentinel{"invalid", []error{fs.ErrInvalid}}
	// ErrRange: the range begins beyond the end of the object.
	ErrRange = errors.New("range not satisfiable")
	// ErrChanged: the object was overwritten or removed under a reader that is pinned to its version.
	ErrChanged = errors.New("object changed while it was read")
	// ErrAmbiguous: the outcome is unknown; the call may have been carried out.
	ErrAmbiguous = errors.New("outcome unknown")
	// ErrClosed: the bucket, reader or upload is closed. It is [fs.ErrClosed].
	ErrClosed error = &sentinel{"already closed", []error{fs.ErrClosed}}
)

// A sentinel is an error of ours that answers to older, wider ones too.
type sentinel struct {
	text string
	is   []error
}

func (s *sentinel) Error() string   { return s.text }
func (s *sentinel) Unwrap() []error { return s.is }

// An Error tells which call failed, on what, and why. The provider's own error stays reachable with [errors.As].
type Error struct {
	Op     string // the method in lower case: "get", "put", …
	Bucket string // the bucket as its driver names it, without secrets
	Key    string // the key or prefix of the call, as its caller gave it
	Err    error
}

// Error reads like a sentence, with the key quoted.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Key != "" {
		b.WriteByte(' ')
		b.WriteString(quoteKey(e.Key))
	}
	if e.Bucket != "" {
		if e.Key != "" || e.Op != "open" && e.Op != "close" { // those are done to the bucket itself
			b.WriteString(" in")
		}
		b.WriteByte(' ')
		b.WriteString(e.Bucket)
	}
	b.WriteString(": ")
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Retryable tells whether the same call may succeed later: an error in the chain says so by a method Retryable. An
// ended context is never retryable.
func (e *Error) Retryable() bool {
	if errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded) {
		return false
	}
	var r interface{ Retryable() bool }
	return errors.As(e.Err, &r) && r.Retryable()
}

// quoteKey quotes a key for an error text, and shortens one that would drown it.
func quoteKey(key string) string {
	const most = 200
	if len(key) > most {
		return strconv.Quote(key[:most]) + "…(" + strconv.Itoa(len(key)) + " bytes)"
	}
	return strconv.Quote(key)
}
