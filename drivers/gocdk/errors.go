package gocdk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/holdall-go/holdall/blob"
	"gocloud.dev/gcerrors"
)

// fromGo adds to an error of gocloud.dev what it is called here. The error itself stays reachable.
func fromGo(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var name error
	switch gcerrors.Code(err) {
	case gcerrors.Unknown:
		if !errors.Is(err, syscall.ENOTDIR) { // what fileblob answers for a/b where a is an object
			return err
		}
		name = blob.ErrNotExist
	case gcerrors.NotFound:
		name = blob.ErrNotExist
	case gcerrors.AlreadyExists:
		name = blob.ErrExist
	case gcerrors.InvalidArgument:
		name = blob.ErrInvalid
	case gcerrors.Unimplemented:
		name = errors.ErrUnsupported
	case gcerrors.PermissionDenied:
		name = fs.ErrPermission
	case gcerrors.ResourceExhausted: // throttled
		return again{err}
	default:
		// FailedPrecondition is left alone: without a condition of ours it is a state of the store, such as that the
		// bucket was closed by its owner.
		return err
	}
	if errors.Is(err, name) {
		return err
	}
	return fmt.Errorf("%w: %w", name, err)
}

// lost names the error of a write, whose failed precondition is that of IfAbsent.
func (b *bucket) lost(err error, cond blob.Condition) error {
	if cond.Kind() == blob.KindAbsent && gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return fmt.Errorf("%w: %w", blob.ErrExist, err)
	}
	return fromGo(err)
}

// again is an error after which the same call may succeed.
type again struct{ err error }

func (a again) Error() string { return a.err.Error() }
func (a again) Unwrap() error { return a.err }
func (again) Retryable() bool { return true }

// toGo returns the code that gocloud.dev has for an error of a Bucket. A lost IfAbsent is both ErrPrecondition and
// fs.ErrExist; to gocloud.dev it is a failed precondition, so that comes first.
func toGo(err error) gcerrors.ErrorCode {
	for _, m := range [...]struct {
		is   error
		code gcerrors.ErrorCode
	}{
		{context.Canceled, gcerrors.Canceled},
		{context.DeadlineExceeded, gcerrors.DeadlineExceeded},
		{blob.ErrPrecondition, gcerrors.FailedPrecondition},
		{blob.ErrChanged, gcerrors.FailedPrecondition},
		{blob.ErrClosed, gcerrors.FailedPrecondition},
		{fs.ErrPermission, gcerrors.PermissionDenied},
		{fs.ErrNotExist, gcerrors.NotFound},
		{fs.ErrExist, gcerrors.AlreadyExists},
		{errors.ErrUnsupported, gcerrors.Unimplemented},
		{blob.ErrChecksum, gcerrors.Internal}, // the content is damaged
		{blob.ErrRange, gcerrors.InvalidArgument},
		{blob.ErrInvalid, gcerrors.InvalidArgument},
	} {
		if errors.Is(err, m.is) {
			return m.code
		}
	}
	return gcerrors.Unknown
}
