package s3

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	firstDelay = 50 * time.Millisecond
	mostDelay  = 5 * time.Second

	// mostRetryAfter is the longest that a server is obeyed. If it asks for more, the caller decides.
	mostRetryAfter = 30 * time.Second
)

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
		if !sleep(ctx, delay(attempt, f.after)) {
			return lost, err
		}
	}
}

// call is try for requests that may be sent twice without a difference.
func (b *bucket) call(ctx context.Context, send func(context.Context) error) error {
	_, err := b.try(ctx, send)
	return err
}

// delay is how long to wait after an attempt: a random time below a bound that doubles, so that many who failed together
// do not come back together, and at least what the server asked for.
func delay(attempt int, after time.Duration) time.Duration {
	bound := min(firstDelay<<min(attempt-1, 10), mostDelay)
	return after + time.Duration(rand.Int64N(int64(bound)))
}

// sleep waits, and tells whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryAfter reads the header of that name, which is a number of seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
