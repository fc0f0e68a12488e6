package put

import (
	"context"
	"errors"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// Publishing calls the hook before an attempt of a call that publishes, in the function that a [remote.Caller] calls.
// An error ends the call.
func Publishing(ctx context.Context, hook *blob.Hook) error {
	if err := hook.Publishing(ctx); err != nil {
		return remote.Final{Err: &stopped{err}}
	}
	return nil
}

// Stopped returns the error of a write that ended with err. Ambiguous says that an attempt may have been carried out. If
// a later attempt was then stopped before it was sent, by the hook for example, the object may have been published all
// the same, so the error is [blob.ErrAmbiguous]. Every other error is returned as it is.
func Stopped(ambiguous bool, err error) error {
	if ambiguous && errors.As(err, new(*stopped)) {
		return remote.Ambiguous(err)
	}
	return err
}

// A stopped error ended an attempt before it was sent whole.
type stopped struct{ err error }

func (s *stopped) Error() string { return s.err.Error() }

func (s *stopped) Unwrap() error { return s.err }
