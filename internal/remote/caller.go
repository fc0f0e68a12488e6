// Package remote is the engine of the drivers whose stores are reached over a network. It says what a failed call means
// ([Failure]), repeats calls that may succeed later ([Caller]), resolves ambiguous outcomes ([Resolve]), removes what a
// failed call has left ([CleanUp]), reads listings page by page ([Pages]) and reports every attempt to an observer
// ([Observed]). What a call is to the provider, and which error codes it has, is the driver's business.
//
// # Ambiguous outcomes
//
// If a response is lost, the store may have carried out the call all the same. The call is then repeated, and the
// response to the repeated call may describe what the first attempt has done: a write on the condition that there is no
// object fails because of the object that the same write has stored. Every [Failure] therefore says whether its attempt
// may have been carried out, and [Caller.Do] reports it for the attempts of a call. A driver ignores that for calls that
// have the same effect and the same response however often they are made. For the others it resolves the outcome with
// [Resolve], or returns [Ambiguous].
package remote

import (
	"context"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// MaxRetryAfter is the longest Retry-After that [Caller.Do] waits for. If a store asks for more, the call fails, and its
// caller decides.
const MaxRetryAfter = 30 * time.Second

// A Caller makes calls to one store and repeats those that fail in a way that may pass. It is the only place that does:
// the retries of an SDK are switched off.
type Caller struct {
	Attempts int     // the most attempts of a call, at least 1
	Backoff  Backoff // the waits between them

	// Observe receives every request that was sent through an [Observed] transport. Nil: nothing is observed.
	Observe func(blob.Attempt)
}

// A Remedy says how a call goes on after a failed attempt.
type Remedy int

const (
	// Wait is what happens without a remedy: a transient failure is repeated after a wait, while attempts are left.
	Wait Remedy = iota

	// AtOnce is Wait without the wait.
	AtOnce

	// Uncounted says that the cause of the failure is removed: the call is repeated at once, in addition to Attempts.
	Uncounted
)

// Do makes a call, which send sends once. Call is its name for errors and observers, such as "PutObject". The error of
// send is a [*Failure], which is repeated if it is transient, or an error that ends the call as it is, such as that of
// ctx. The ctx of send must be that of its requests.
//
// Ambiguous reports whether a failed attempt, the last included, may have been carried out. It can be true although err
// is nil.
//
// Do waits between attempts as Backoff says, and at least as long as Retry-After does. It ends with the last error if
// ctx ends, if the wait would be longer than [MaxRetryAfter], or after the last attempt.
func (c *Caller) Do(ctx context.Context, call string, send func(context.Context) error) (ambiguous bool, err error) {
	return c.DoRemedied(ctx, call, send, nil)
}

// DoRemedied is [Caller.Do] with a remedy for some failures. Remedy is called after each failed attempt; it may change
// the failure, and remove its cause, such as a token that has expired. An error of remedy ends the call.
func (c *Caller) DoRemedied(ctx context.Context, call string, send func(context.Context) error,
	remedy func(context.Context, *Failure) (Remedy, error)) (ambiguous bool, err error) {
	counted := 1
	for number := 1; ; number++ {
		sending, a := c.begin(ctx, call, number)
		err = send(sending)
		f := AsFailure(err)
		if last, ok := err.(Final); ok {
			err, f = last.Err, nil
		}
		if f == nil {
			a.end(err, false)
			return ambiguous, err
		}
		if f.Call == "" {
			f.Call = call
		}
		ambiguous = ambiguous || f.Ambiguous
		next := Wait
		if remedy != nil && ctx.Err() == nil {
			if next, err = remedy(ctx, f); err != nil {
				a.end(f, false)
				return ambiguous, err
			}
			err = f
		}
		repeat := ctx.Err() == nil && (next == Uncounted || f.Transient && counted < c.Attempts && f.RetryAfter <= MaxRetryAfter)
		a.end(f, repeat)
		switch {
		case !repeat:
			return ambiguous, err
		case next == Uncounted:
			continue
		case next == Wait && !Sleep(ctx, c.Backoff.Delay(counted, f.RetryAfter)):
			return ambiguous, err
		}
		counted++
	}
}

// Once is Do without a second attempt.
func (c *Caller) Once(ctx context.Context, call string, send func(context.Context) error) error {
	once := Caller{Attempts: 1, Observe: c.Observe}
	_, err := once.Do(ctx, call, send)
	return err
}

// A Final error of send ends its call at once: [Caller.Do] returns Err. Use it for a failed call that send needs first, and
// that has its own attempts.
type Final struct{ Err error }

func (f Final) Error() string { return f.Err.Error() }
