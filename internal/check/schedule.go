package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// This file decides when each step runs: steps that do not depend on each other run side by side.

// An outcome is how a step ended.
type outcome string

const (
	passed outcome = "passed"
	failed outcome = "failed"
	notRun outcome = "not run"
)

// interrupted is the note of a step that the user has stopped, or whose start that prevented.
const interrupted = "interrupted"

// A result is an outcome, and what a reader should know about it.
type result struct {
	outcome outcome
	note    string
}

// A report is a step that has ended. Its job has what the step wrote and used.
type report struct {
	*job
	result
	took    time.Duration
	skipped bool // the step was never started
}

// silence is how long nothing may be printed before a heartbeat says which steps are running.
const silence = 15 * time.Second

const indent = "         " // as wide as a clock and the space after it

// A schedule is the state of a run. One goroutine uses it; each running step has a goroutine of its own, which sends its
// report to done.
type schedule struct {
	out      io.Writer
	began    time.Time
	printed  time.Time // when something was last printed
	free     map[lane]int
	running  []*job // in the order in which they started
	done     chan report
	finished map[*step]report
}

// run runs the steps and says on out what it does. Whenever a lane is free, the first step of the list that is ready
// starts in it, so the order of the list is the order of importance. A step may come only after steps that precede it in
// the list. The reports are in the order of the list.
func run(ctx context.Context, steps []*step, out io.Writer) []report {
	now := time.Now()
	s := &schedule{
		out: out, began: now, printed: now,
		free: map[lane]int{computing: computingAtOnce, waiting: waitingAtOnce},
		done: make(chan report), finished: map[*step]report{},
	}
	tick := time.NewTicker(silence / 5)
	defer tick.Stop()
	for pending := steps; ; {
		pending = s.start(ctx, pending)
		if len(s.running) == 0 {
			break
		}
		select {
		case r := <-s.done:
			s.end(ctx, r)
		case now := <-tick.C:
			s.heartbeat(now)
		}
	}
	reports := make([]report, 0, len(steps))
	for _, one := range steps {
		reports = append(reports, s.finished[one])
	}
	return reports
}

// start starts the steps that are ready, as far as the lanes are free, and returns those that are still pending.
func (s *schedule) start(ctx context.Context, steps []*step) (pending []*step) {
	for _, one := range steps {
		j := &job{step: one}
		ready, reason := s.ready(one)
		if ctx.Err() != nil {
			reason = interrupted
		}
		switch {
		case reason != "":
			s.finished[one] = report{job: j, result: result{notRun, reason}, skipped: true}
		case ready && s.free[one.lane] > 0:
			s.free[one.lane]--
			j.began = time.Now()
			s.running = append(s.running, j)
			go func() {
				r := one.run(ctx, j)
				s.done <- report{job: j, result: r, took: time.Since(j.began)}
			}()
		default:
			pending = append(pending, one)
		}
	}
	return pending
}

// ready reports whether all steps have ended that one comes after. If a gate among them did not pass, one is never
// started, and the reason says which gate.
func (s *schedule) ready(one *step) (ready bool, reason string) {
	ready = true
	for _, before := range one.after {
		switch r, ended := s.finished[before]; {
		case !ended:
			ready = false
		case before.gate && r.skipped:
			return false, r.note
		case before.gate && r.outcome != passed:
			return false, before.name + " did not pass"
		}
	}
	return ready, ""
}

// end takes the report of a step that ran, and prints what it wrote as one block.
func (s *schedule) end(ctx context.Context, r report) {
	s.running = slices.DeleteFunc(s.running, func(j *job) bool { return j == r.job })
	s.free[r.lane]++
	if r.outcome == failed && ctx.Err() != nil {
		r.note = interrupted
	}
	s.finished[r.step] = r
	title := fmt.Sprintf("%s %s after %s", r.title(), r.outcome, seconds(r.took))
	if r.note != "" {
		title += ": " + r.note
	}
	s.print(time.Now(), title)
	for line := range strings.Lines(r.output()) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasSuffix(line, "[no test files]") {
			fmt.Fprintln(s.out, indent+line)
		}
	}
}

// heartbeat says which steps are running and how far they are, if nothing has been printed for long.
func (s *schedule) heartbeat(now time.Time) {
	if now.Sub(s.printed) < silence {
		return
	}
	for _, j := range s.running {
		text := fmt.Sprintf("%s has run for %s", j.title(), seconds(now.Sub(j.began)))
		if doing := j.lastLine(); doing != "" {
			text += ": " + doing
		}
		s.print(now, text)
	}
}

// print prints a line with the time since the beginning.
func (s *schedule) print(now time.Time, line string) {
	fmt.Fprintf(s.out, "%s  %s\n", clock(now.Sub(s.began)), line)
	s.printed = now
}

// clock is the time since the beginning, as minutes and seconds.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%4d:%02d", s/60, s%60)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
