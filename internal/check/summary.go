package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// This file writes the end of the output: what became of each step, what took longest, and why what failed did so.

// How much the end of the output shows.
const (
	slowestSteps = 12
	slowestTests = 25
	tailLines    = 60 // of the output of a step that failed otherwise than in a test
	testLines    = 40 // of the messages of a test that failed
	fullTests    = 15 // how many tests of a step are shown with their messages
)

// summarize prints what became of each step, then the slowest steps and tests, then why the failed ones failed, so that
// the end of a long output tells it. Took is how long the whole run took. It returns the exit status.
func summarize(out io.Writer, reports []report, took time.Duration) int {
	ran := 0
	var bad []report
	var cpu time.Duration
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MODULE\tSTEP\tOUTCOME\tTIME\tCPU\tNOTE")
	for _, r := range reports {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.module.name(), r.name, r.outcome, seconds(r.took), seconds(r.cpu), r.note)
		cpu += r.cpu
		if r.outcome != notRun {
			ran++
		}
		if r.outcome == failed {
			bad = append(bad, r)
		}
	}
	w.Flush()
	summarizeSlowest(out, reports)
	for _, r := range bad {
		summarizeFailure(out, r)
	}
	fmt.Fprintf(out, "\n%d of %d steps ran, %d failed, in %s, with %s of CPU time beside that of containers\n",
		ran, len(reports), len(bad), seconds(took), seconds(cpu))
	if len(bad) > 0 {
		return 1
	}
	return 0
}

// summarizeSlowest prints the steps and the tests that took longest. Of a test with subtests it prints those alone.
func summarizeSlowest(out io.Writer, reports []report) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nSLOWEST STEPS\tTIME\tCPU")
	steps := slices.Clone(reports)
	slices.SortStableFunc(steps, func(a, b report) int { return cmp.Compare(b.took, a.took) })
	for _, r := range steps[:min(len(steps), slowestSteps)] {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.title(), seconds(r.took), seconds(r.cpu))
	}
	w.Flush()
	type slow struct {
		*testRun
		step string
	}
	var tests []slow
	for _, r := range reports {
		for _, t := range r.tests.leaves() {
			tests = append(tests, slow{t, r.title()})
		}
	}
	if len(tests) == 0 {
		return
	}
	slices.SortStableFunc(tests, func(a, b slow) int { return cmp.Compare(b.took, a.took) })
	fmt.Fprintln(w, "\nSLOWEST TESTS\tTIME\tSTEP")
	for _, t := range tests[:min(len(tests), slowestTests)] {
		fmt.Fprintf(w, "%s\t%s\t%s\n", t.name, seconds(t.took), t.step)
	}
	w.Flush()
}

// summarizeFailure prints why a step failed, and how to run alone what failed.
func summarizeFailure(out io.Writer, r report) {
	fmt.Fprintf(out, "\n=== %s failed: %s\n", r.title(), r.note)
	if r.note == interrupted {
		return
	}
	tests := r.tests.failures()
	if len(tests) == 0 {
		fmt.Fprint(out, excerpt(r.output(), tailLines))
		if r.again != "" {
			fmt.Fprintf(out, "Run it alone: %s\n", r.again)
		}
		return
	}
	for i, t := range tests {
		fmt.Fprintf(out, "\n--- %s, %s\n", t.name, t.pkg)
		if i < fullTests {
			fmt.Fprint(out, excerpt(t.text, testLines))
		}
		fmt.Fprintf(out, "Run it alone: %s\n", r.tests.alone(t))
	}
}

// excerpt returns at most about n lines of an output, without those on packages that passed. Of a longer output it keeps
// the beginning too, since that is where a panic says what it is.
func excerpt(output string, n int) string {
	var lines []string
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "ok  \t") || strings.HasSuffix(strings.TrimSpace(line), "[no test files]") {
			continue
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	if len(lines) > n {
		head, tail := n/3, n-n/3
		left := fmt.Sprintf("… %d lines left out; they are above …", len(lines)-n)
		lines = append(append(lines[:head:head], left), lines[len(lines)-tail:]...)
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}
