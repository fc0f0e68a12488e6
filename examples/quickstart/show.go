package main

import (
	"fmt"
	"io"
	"time"
)

// A show prints numbered steps, each with what it found and the time that it took.
type show struct {
	out   io.Writer
	n     int
	begin time.Time // of the step
}

func newShow(out io.Writer) *show { return &show{out: out, begin: time.Now()} }

// step begins a step.
func (s *show) step(format string, args ...any) {
	s.n++
	fmt.Fprintf(s.out, "%2d  %s\n", s.n, fmt.Sprintf(format, args...))
}

// say prints a line of the step.
func (s *show) say(format string, args ...any) {
	fmt.Fprintf(s.out, "    %s\n", fmt.Sprintf(format, args...))
}

// done ends a step.
func (s *show) done() {
	fmt.Fprintf(s.out, "    — %s\n\n", time.Since(s.begin).Round(10*time.Microsecond))
	s.begin = time.Now()
}

// count says how many there are of what noun names.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
