package conformance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Failures that are expected: how a harness states them, and how a case that has one is judged.

// A KnownFailure is what a store is known to do wrong.
type KnownFailure struct {
	// Reason says what that is, with a link. It must not be empty.
	Reason string

	// Texts are such that every line that the case reports when it fails for this reason contains one of them, such as
	// the text of an error. A case that reports any other line fails the run, so that a known failure hides no other.
	// There must be at least one, and none may be empty.
	Texts []string

	// Sometimes reports whether the case also passes, as it does if it has to lose a race in the store to fail. Such a
	// case counts as an expected failure even if it passes, since a race that is won once proves nothing. Without
	// Sometimes, a case that passes fails the run.
	Sometimes bool
}

// check returns why no suite can run with this harness, or nil.
func (h *Harness) check() error {
	var errs []error
	if h.Open == nil {
		errs = append(errs, errors.New("it has no Open"))
	}
	for _, id := range slices.Sorted(maps.Keys(h.Expected)) {
		known := h.Expected[id]
		switch {
		case !slices.ContainsFunc(Cases(), func(c Case) bool { return c.ID == id }):
			errs = append(errs, fmt.Errorf("it expects %q to fail, which is not a case", id))
		case known.Reason == "":
			errs = append(errs, fmt.Errorf("it expects %s to fail and gives no Reason", id))
		case len(known.Texts) == 0 || slices.Contains(known.Texts, ""):
			errs = append(errs, fmt.Errorf("it expects %s to fail and gives no Texts, or an empty one, so that any failure of the case would be expected", id))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("conformance: the harness %q cannot be used: %w", h.Name, err)
	}
	return nil
}

// judge changes the result of a case that is known to fail in this way, by what it reported.
func (k KnownFailure) judge(res *Result, reported *failures) {
	switch {
	case res.Outcome == Pass && !k.Sometimes:
		res.Outcome, res.Reason = Fail, "it passes, but the harness expects it to fail: "+k.Reason
		res.expected = k.expectation()
	case res.Outcome == Fail && (reported.others > 0 || reported.count == 0):
		res.expected = k.expectation()
	case res.Outcome == Pass:
		res.Outcome, res.Reason = ExpectedFailure, k.Reason+" (this time it passed)"
	case res.Outcome == Fail:
		res.Outcome, res.Reason = ExpectedFailure, k.Reason+"\n"+res.Lines[0]
	}
}

// expectation says what was expected of the case.
func (k KnownFailure) expectation() string {
	if k.Sometimes {
		return fmt.Sprintf("pass, or a known failure, each of whose lines contains one of %q", k.Texts)
	}
	return fmt.Sprintf("a known failure, each of whose lines contains one of %q", k.Texts)
}

// maxLines is the most lines that a failing case shows of each kind: a loop that fails a million times shows no more.
const maxLines = 50

// failures are the lines that a case reports. All are counted, and the first ones are kept.
type failures struct {
	known []string // the texts of the known failure; empty: none is known

	count, others int      // all lines, and those that contain none of known, if there is any
	lines, other  []string // the first of each
}

func (f *failures) add(line string) {
	f.count++
	f.lines = appendUpTo(f.lines, line)
	if len(f.known) > 0 && !slices.ContainsFunc(f.known, func(text string) bool { return strings.Contains(line, text) }) {
		f.others++
		f.other = appendUpTo(f.other, line)
	}
}

func appendUpTo(lines []string, line string) []string {
	if len(lines) == maxLines {
		return lines
	}
	return append(lines, line)
}

// shown returns the lines to show, and how many there were of their kind: those that are not of the known failure, if
// there are such.
func (f *failures) shown() (lines []string, count int) {
	if f.others > 0 {
		return f.other, f.others
	}
	return f.lines, f.count
}
