package conformance

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// An Outcome is how a case ended.
type Outcome int

// The outcomes.
const (
	Pass            Outcome = iota
	Fail                    // the store, or the suite, is wrong
	Unsupported             // not declared, and refused as it must be; or it cannot exist for this store
	NotRun                  // the harness lacks a hook
	ExpectedFailure         // known, with a reason
)

// String names the outcome.
func (o Outcome) String() string {
	return [...]string{"pass", "FAIL", "unsupported", "not run", "expected failure"}[o]
}

// A Result is the outcome of one case.
type Result struct {
	ID       string
	Outcome  Outcome
	Reason   string   // why, unless it passed
	Lines    []string // of a case that failed: the first that it reported, without those of a known failure if there are others
	Test     string   // the name of the subtest; empty without go test
	Recorded []string // values in which stores may differ
	Duration time.Duration

	expected string // of a case that failed: what was expected, unless that it passes
	reported int    // how many such lines as in Lines there were
}

// A Report is the outcome of a run on one store.
type Report struct {
	Store   string
	Seed    uint64 // replays the random choices
	Tier    Tier
	Results []Result
}

// Count tells how many cases ended so.
func (r *Report) Count(o Outcome) int {
	n := 0
	for _, res := range r.Results {
		if res.Outcome == o {
			n++
		}
	}
	return n
}

// Summary is one line.
func (r *Report) Summary() string {
	var parts []string
	for o := Pass; o <= ExpectedFailure; o++ {
		if n := r.Count(o); n > 0 || o == Pass {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
	}
	return fmt.Sprintf("%s, %s tier, seed %d: %d cases: %s", r.Store, r.Tier, r.Seed, len(r.Results), strings.Join(parts, ", "))
}

// Slowest is a line for each of the n slowest cases, the slowest first, and one for the time of all cases.
func (r *Report) Slowest(n int) string {
	all := time.Duration(0)
	for _, res := range r.Results {
		all += res.Duration
	}
	slowest := slices.Clone(r.Results)
	slices.SortStableFunc(slowest, func(a, b Result) int { return cmp.Compare(b.Duration, a.Duration) })
	lines := []string{fmt.Sprintf("%d cases took %.1f s, the slowest:", len(slowest), all.Seconds())}
	for _, res := range slowest[:min(n, len(slowest))] {
		lines = append(lines, fmt.Sprintf("%7.1f s  %s  %s", res.Duration.Seconds(), res.ID, docOf(res.ID)))
	}
	return strings.Join(lines, "\n")
}

// docOf is the sentence of a case.
func docOf(id string) string {
	for _, c := range Cases() {
		if c.ID == id {
			return c.Doc
		}
	}
	return ""
}

// WriteMatrix writes a table of cases and stores in Markdown: what each case checks, and how it ended on each.
func WriteMatrix(w io.Writer, reports ...*Report) error {
	docs := map[string]string{}
	for _, c := range Cases() {
		docs[c.ID] = c.Doc
	}
	rows := map[string][]string{}
	for i, r := range reports {
		for _, res := range r.Results {
			if rows[res.ID] == nil {
				rows[res.ID] = make([]string, len(reports))
			}
			rows[res.ID][i] = res.Outcome.String()
		}
	}
	tw := tabwriter.NewWriter(w, 0, 0, 1, ' ', tabwriter.Debug)
	fmt.Fprint(tw, "| case\t checks\t")
	for _, r := range reports {
		fmt.Fprintf(tw, " %s\t", r.Store)
	}
	fmt.Fprint(tw, "\n| :---\t :---\t"+strings.Repeat(" :---\t", len(reports))+"\n")
	for _, c := range Cases() {
		if row := rows[c.ID]; row != nil {
			fmt.Fprintf(tw, "| %s\t %s\t %s\t\n", c.ID, strings.ReplaceAll(docs[c.ID], "|", "\\|"), strings.Join(row, "\t "))
		}
	}
	return tw.Flush()
}
