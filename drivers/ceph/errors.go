package ceph

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/holdall-go/holdall/blob"
)

// A kind is what an answer of librados means.
type kind int

const (
	other    kind = iota
	missing       // no such object, pool or key
	taken         // it exists already
	mismatch      // a comparison did not hold
	late          // no answer in time
	denied        // no permission
	full          // no space, or over quota
)

// A failure is a call of librados that did not succeed. What librados answered stays reachable: an ErrorCode() int
// with errors.As, and the errors of go-ceph, such as rados.ErrNotFound, with errors.Is.
type failure struct {
	kind  kind
	call  string // such as "read of holdall.index.3"
	cause error
}

func (f *failure) Error() string {
	switch f.kind {
	case late:
		return fmt.Sprintf("%s: the cluster did not answer in time (%v)", f.call, f.cause)
	case full:
		return fmt.Sprintf("%s: the cluster or the pool is full (%v)", f.call, f.cause)
	}
	return f.call + ": " + f.cause.Error()
}

func (f *failure) Unwrap() []error {
	if f.kind == denied {
		return []error{fs.ErrPermission, f.cause}
	}
	return []error{f.cause}
}

// Retryable tells whether the same call may succeed later.
func (f *failure) Retryable() bool { return f.kind == late }

// is tells whether an error is a failure of that kind.
func is(err error, k kind) bool {
	var f *failure
	return errors.As(err, &f) && f.kind == k
}

// answered tells whether an error is not that of a call of librados, but is about what that answered.
func answered(err error) bool {
	var f *failure
	return err != nil && !errors.As(err, &f)
}

// ambiguous is the error of a write that was sent, and of which nobody knows whether it was carried out.
func ambiguous(err error) error { return fmt.Errorf("%w: %w", blob.ErrAmbiguous, err) }

// damaged is the error of something in the namespace that cannot be what the driver wrote.
func damaged(what string, err error) error {
	return fmt.Errorf("%s is damaged (Fsck tells more): %w", what, err)
}
