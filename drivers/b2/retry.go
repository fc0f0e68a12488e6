package b2

import (
	"context"
	"net/http"
	"time"

	"github.com/holdall-go/holdall/internal/remote"
)

const defaultAttempts = 5

// backoff is for calls that are refused without saying for how long.
var backoff = remote.Backoff{First: 250 * time.Millisecond, Max: 8 * time.Second}

// mostRetryAfter is the longest that the server is obeyed. If it asks for more, the caller decides.
const mostRetryAfter = 30 * time.Second

// try makes one call, again where it failed in a way that may pass. It is the only place that does. Every call of B2
// may be made twice without harm, but the second answer may be about what the first has done: lost tells whether an
// earlier attempt may have been carried out although it failed.
//
// A token that is no longer good is replaced, and an upload URL that is not is left to send, which takes another each
// time: neither costs a wait at first.
//
// The error is an *Error, or that of ctx.
func (a *account) try(ctx context.Context, call string, send func(context.Context) error) (lost bool, err error) {
	renewed, moved := false, false // each of them is worth one attempt
	for attempt := 1; ; attempt++ {
		x := &exchange{call: call}
		err = send(context.WithValue(ctx, exchangeKey{}, x))
		if err == nil {
			return lost, nil
		}
		if stop, ok := err.(*finally); ok {
			return lost, stop.error
		}
		if x.err != nil { // base has made another error of it
			err = x.err
		}
		err = asFailure(ctx, call, err)
		e := failed(err)
		if e == nil || ctx.Err() != nil {
			return lost, err
		}
		if e.token && x.token != "" && !renewed {
			renewed = true
			if err := a.renew(ctx, x.token); err != nil {
				return lost, err
			}
			attempt--
			continue
		}
		if e.Status == http.StatusUnauthorized && (e.token || moved && e.Code == "") { // a new token, or place, did not help
			e.again = false
		}
		if !e.again || attempt >= a.attempts || e.after > mostRetryAfter {
			return lost, err
		}
		lost = lost || e.lost
		if e.place && !moved && e.after == 0 {
			moved = true
			continue
		}
		if !remote.Sleep(ctx, backoff.Delay(attempt, e.after)) {
			return lost, err
		}
	}
}

// call is try for calls that may be made twice without a difference.
func (a *account) call(ctx context.Context, call string, send func(context.Context) error) error {
	_, err := a.try(ctx, call, send)
	return err
}

// finally wraps an error of send's with which it is no use to try again: what it needed first has been tried already.
type finally struct{ error }
