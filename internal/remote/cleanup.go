package remote

import (
	"context"
	"time"
)

const (
	// CleanUpTime is how long [CleanUp] may take in all.
	CleanUpTime = 30 * time.Second

	// CleanUpWait is how long [CleanUp] is waited for. The caller may have ended the call because the store does not
	// respond.
	CleanUpWait = 2 * time.Second

	// StartGrace is the grace period of a call that starts an upload, whose response has the ID that is needed to remove
	// the upload again.
	StartGrace = CleanUpWait

	// PartGrace is the grace period of parts in progress. A part whose request is cut off may be stored after its upload
	// was aborted, which brings the upload back on some servers.
	PartGrace = time.Second
)

// WithGrace returns a ctx that ends a grace period after ctx, so that requests in progress can end by themselves. It has
// no deadline. Call cancel when it is no longer needed.
func WithGrace(ctx context.Context, grace time.Duration) (extended context.Context, cancel context.CancelFunc) {
	extended, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, end) })
	return extended, func() {
		stop()
		end()
	}
}

// Start makes a call that starts an upload, whose response has the ID that abort needs to remove the upload again. If ctx
// ends while the call is in progress, its response is still waited for, for a grace period, the upload is removed, and the
// error is that of ctx.
func Start(ctx context.Context, start func(context.Context) error, abort func(context.Context)) error {
	extended, cancel := WithGrace(ctx, StartGrace)
	defer cancel()
	err := start(extended)
	if ctx.Err() == nil {
		return err
	}
	if err == nil {
		CleanUp(ctx, abort)
	}
	return ctx.Err()
}

// CleanUp removes what a failed call has left in the store. The ctx of remove does not end with ctx, but after
// [CleanUpTime]. CleanUp returns when remove has, or after [CleanUpWait]; remove then goes on in the background.
func CleanUp(ctx context.Context, remove func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), CleanUpTime)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		remove(ctx)
	}()
	wait := time.NewTimer(CleanUpWait)
	defer wait.Stop()
	select {
	case <-done:
	case <-wait.C:
	}
}
