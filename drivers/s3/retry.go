package s3

import (
	"context"
	"net/http"
	"time"

	"github.com/holdall-go/holdall/internal/retry"
)

var backoff = retry.Backoff{First: 50 * time.Millisecond, Most: 5 * time.Second}

// mostRetryAfter is the longest that a server is obeyed. If it asks for more, the caller decides.
const mostRetryAfter = 30 * time.Second

// try sends one request, again where it failed in a way that may pass. It is the only place that does, the SDK's own
// retries being switched off. Every request of S3 may be sent twice without harm, but the second answer may be about
// what the first has done: lost tells whether an earlier attempt may have been carried out although it failed. Those who
// make their writes depend on a condition must look at it.
//
// The error is a *failure, or that of ctx.
func (b *bucket) try(ctx context.Context, send func(context.Context) error) (lost bool, err error) {
	for attempt := 1; ; attempt++ {
		err = asFailure(send(ctx))
		if err == nil {
			return lost, nil
		}
		f := failed(err)
		if f != nil && b.flavour.racesFail && f.status == http.StatusInternalServerError && f.code == "" {
			f.lost = false
		}
		if f == nil || !f.again || attempt >= b.attempts || f.after > mostRetryAfter || ctx.Err() != nil {
			return lost, err
		}
		lost = lost || f.lost
		if !retry.Sleep(ctx, backoff.Delay(attempt, f.after)) {
			return lost, err
		}
	}
}

// call is try for requests that may be sent twice without a difference.
func (b *bucket) call(ctx context.Context, send func(context.Context) error) error {
	_, err := b.try(ctx, send)
	return err
}
