package remote

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Backoff is how the waits between the attempts of a call grow.
type Backoff struct {
	First time.Duration // the bound of the first wait; it doubles from wait to wait
	Max   time.Duration // the largest bound
}

// Delay returns how long to wait after an attempt, counted from 1: a random time below a bound that doubles, so that
// clients whose calls failed together do not return together, in addition to the time that the server asked for.
func (b Backoff) Delay(attempt int, after time.Duration) time.Duration {
	bound := min(b.First<<min(attempt-1, 10), b.Max)
	return after + time.Duration(rand.Int64N(max(1, int64(bound))))
}

// Sleep waits for d, or until ctx ends, and reports whether it has waited for d.
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

// RetryAfter parses the value of a Retry-After header, which is a number of seconds or a date (RFC 9110, section
// 10.2.3). A value that is neither, or lies in the past, is 0; one of more than a hundred years is a hundred years.
func RetryAfter(value string, now time.Time) time.Duration {
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
