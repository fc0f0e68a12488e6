package remote

import (
	"context"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{"": 0, "0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-3": 0, "soon": 0, "1e9": 0,
		"3000000000": 3_000_000_000 * time.Second, "99999999999": century, "99999999999999999999": century, "-99999999999999999999": 0,
		"Wed, 25 Nov 9026 10:00:00 GMT": century,
		"Wed, 25 Nov 2026 10:01:30 GMT": 90 * time.Second, "Wed, 25 Nov 2026 09:00:00 GMT": 0} {
		if got := RetryAfter(value, now); got != want {
			t.Errorf("Retry-After %q is %v, not %v", value, got, want)
		}
	}
}

// A delay is random, at least what was asked for, and bounded however many attempts there were.
func TestDelay(t *testing.T) {
	b := Backoff{First: 50 * time.Millisecond, Max: 5 * time.Second}
	seen := map[time.Duration]bool{}
	for attempt := 1; attempt < 100; attempt++ {
		d := b.Delay(attempt, time.Second)
		if bound := min(b.First<<min(attempt-1, 10), b.Max); d < time.Second || d > time.Second+bound {
			t.Errorf("the delay after attempt %d is %v", attempt, d)
		}
		seen[d] = true
	}
	if len(seen) < 50 {
		t.Errorf("of 99 delays %d differ", len(seen))
	}
}

func TestSleep(t *testing.T) {
	if !Sleep(context.Background(), time.Nanosecond) {
		t.Error("a sleep ended early")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if Sleep(ctx, time.Hour) {
		t.Error("a sleep went on when its context had ended")
	}
}
