package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// An outcome is how a step ended.
type outcome string

const (
	passed outcome = "passed"
	failed outcome = "failed"
	notRun outcome = "not run"
)

// A result is an outcome, and what a reader should know of it.
type result struct {
	outcome outcome
	note    string
}

// A report is what became of a step.
type report struct {
	step
	result
	took   time.Duration
	output string
}

// run takes the steps one after the other, and says on out what it does.
func run(ctx context.Context, steps []step, out io.Writer) []report {
	began := time.Now()
	shut := map[module]string{} // the gate that did not pass
	reports := make([]report, 0, len(steps))
	for _, s := range steps {
		r := report{step: s}
		switch gate, isShut := shut[s.module]; {
		case ctx.Err() != nil:
			r.result = result{notRun, "interrupted"}
		case isShut:
			r.result = result{notRun, gate + " did not pass"}
		default:
			r = runStep(ctx, s, began, out)
		}
		if s.gate && r.outcome != passed && shut[s.module] == "" {
			shut[s.module] = s.name
		}
		reports = append(reports, r)
	}
	return reports
}

func runStep(ctx context.Context, s step, began time.Time, out io.Writer) report {
	start := time.Now()
	title := s.module.name() + ": " + s.name
	fmt.Fprintf(out, "%s  %s\n", clock(start.Sub(began)), title)

	t := newTranscript(out)
	quiet := t.heartbeat(func(now time.Time) string {
		return fmt.Sprintf("%s  %s has run for %s", clock(now.Sub(began)), title, seconds(now.Sub(start)))
	})
	r := report{step: s, result: s.run(ctx, t)}
	quiet()
	r.took, r.output = time.Since(start), t.close()

	if r.outcome == failed && ctx.Err() != nil {
		r.note = "interrupted"
	}
	if r.outcome != passed || r.note != "" {
		fmt.Fprintf(out, "%s%s after %s: %s\n", indent, r.outcome, seconds(r.took), r.note)
	}
	return r
}

// clock is the time since the beginning, as minutes and seconds.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%4d:%02d", s/60, s%60)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
