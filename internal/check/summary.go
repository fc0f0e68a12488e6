package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// tailLines is how many lines of a failed step's output are repeated at the end.
const tailLines = 60

// summarize prints what became of every step, then why the failed ones failed, so that the end of a long log tells it.
// It returns the exit status.
func summarize(out io.Writer, reports []report) int {
	var bad []report
	var took time.Duration
	ran := 0
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MODULE\tSTEP\tOUTCOME\tTIME\tNOTE")
	for _, r := range reports {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.module.name(), r.name, r.outcome, seconds(r.took), r.note)
		took += r.took
		if r.outcome != notRun {
			ran++
		}
		if r.outcome == failed {
			bad = append(bad, r)
		}
	}
	w.Flush()

	for _, r := range bad {
		fmt.Fprintf(out, "\n--- %s: %s failed: %s\n%s", r.module.name(), r.name, r.note, excerpt(r.output, tailLines))
	}
	fmt.Fprintf(out, "\n%d of %d steps ran, %d failed, in %s\n", ran, len(reports), len(bad), seconds(took))
	if len(bad) > 0 {
		return 1
	}
	return 0
}

// excerpt returns at most about n lines of a failed step's output, without those on packages that passed. Of a longer
// output it keeps the beginning too, since that is where a panic says what it is.
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
