// Package retry holds how long drivers wait before they send a request again.
package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Backoff says how waits grow.
type Backoff struct {
	First time.Duration // the bound of the first wait; it doubles from wait to wait
	Most  time.Duration // the largest bound
}

// Delay is how long to wait after an attempt, counted from 1: a random time below a bound that doubles, so that many
// who failed together do not come back together, and at least what the server asked for.
func (b Backoff) Delay(attempt int, after time.Duration) time.Duration {
	bound := min(b.First<<min(attempt-1, 10), b.Most)
	return after + time.Duration(rand.Int64N(int64(bound)))
}

// Sleep waits, and tells whether ctx let it.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// After reads the value of a Retry-After header, which is a number of seconds or a date (RFC 9110, section 10.2.3).
// What is neither, or lies in the past, is zero; what is longer than a hundred years is that.
func After(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(0, seconds), int64(century/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(0, date.Sub(now)), century)
	}
	return 0
}

const century = 100 * 365 * 24 * time.Hour
