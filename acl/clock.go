package acl

import (
	"math"
	"sync/atomic"
	"time"
)

// An instant is a moment on two clocks, in nanoseconds. The monotonic one cannot be set, but stands still while the
// machine sleeps; the wall clock goes on, but can be set back. An age by the larger of both is never too small.
type instant struct{ wall, mono int64 }

// since returns how much older than now i is, and at least 0.
func (i instant) since(now instant) time.Duration {
	return time.Duration(max(now.wall-i.wall, now.mono-i.mono, 0))
}

// A clock tells instants whose wall time never goes back, so that a grant that expired stays expired.
type clock struct {
	read func() instant
	high atomic.Int64 // the latest wall time
}

func newClock(read func() instant) *clock {
	if read == nil {
		read = systemTime
	}
	return &clock{read: read}
}

func (c *clock) now() instant {
	i := c.read()
	for {
		high := c.high.Load()
		if i.wall <= high {
			i.wall = high
			return i
		}
		if c.high.CompareAndSwap(high, i.wall) {
			return i
		}
	}
}

// time returns the wall time of i.
func (i instant) time() time.Time { return time.Unix(0, i.wall).UTC() }

// endOfClock is the last moment that an instant can tell, in the year 2262.
var endOfClock = time.Unix(0, math.MaxInt64)

var processStart = time.Now()

func systemTime() instant {
	now := time.Now()
	return instant{wall: now.UnixNano(), mono: int64(now.Sub(processStart))}
}
