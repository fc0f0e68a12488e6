package conformance

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

// A failed case in a few lines, for the end of a run's output.

// explained is how many lines of what a case reported Explain shows.
const explained = 5

// Explain says in a few lines how a case of the report failed: what it checks, what was expected, the first lines that it
// reported, and how to run it alone.
func (r *Report) Explain(res Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "FAILED %s on %s: %s\n", res.ID, r.Store, docOf(res.ID))
	fmt.Fprintf(&b, "  expected: %s\n", cmp.Or(res.expected, "pass"))
	came, count := res.Lines, res.reported
	if len(came) == 0 {
		came, count = []string{res.Reason}, 1
	}
	for i, line := range came[:min(explained, len(came))] {
		first, _, _ := strings.Cut(line, "\n") // a stack may follow
		fmt.Fprintf(&b, "  %-9s %s\n", [...]string{"came:", ""}[min(i, 1)], shortened(first))
	}
	if count > explained {
		fmt.Fprintf(&b, "            … and %d lines more\n", count-explained)
	}
	fmt.Fprintf(&b, "  alone:    %s", r.alone(res))
	return b.String()
}

// shortened is a line without its middle, if it is long: keys may be, and an error ends with its cause.
func shortened(line string) string {
	const most, kept = 300, 140
	if r := []rune(line); len(r) > most {
		return string(r[:kept]) + " … " + string(r[len(r)-kept:])
	}
	return line
}

// alone says how to run a case alone, with the random choices that it had.
func (r *Report) alone(res Result) string {
	if res.Test == "" {
		return fmt.Sprintf("Only %s, Seed(%d), InTier of the %s tier", res.ID, r.Seed, r.Tier)
	}
	command := fmt.Sprintf("HOLDALL_SEED=%d go test", r.Seed)
	if os.Getenv("HOLDALL_FULL") == "1" {
		command = "HOLDALL_FULL=1 " + command
	}
	if dir, err := os.Getwd(); err == nil { // go test runs each test in its folder
		command += " -C " + dir
	}
	command += " -count=1"
	if testing.Short() {
		command += " -short"
	}
	if tags := buildTags(); tags != "" {
		command += " -tags " + tags
	}
	var path []string
	for _, name := range strings.Split(res.Test, "/") {
		path = append(path, "^"+regexp.QuoteMeta(name)+"$")
	}
	return command + " -run '" + strings.Join(path, "/") + "' ."
}

// buildTags are those that the program was built with.
func buildTags() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-tags" {
				return s.Value
			}
		}
	}
	return ""
}
