package conformance_test

import (
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
)

// storeOf is the harness of a bucket in memory that wrap changes, with known failures.
func storeOf(known map[string]conformance.KnownFailure, wrap func(b blob.Bucket) blob.Bucket) conformance.Harness {
	open := memory(nil).Open
	return conformance.Harness{Name: "memory", Expected: known,
		Open: func(t *conformance.T) blob.Bucket { return blob.Check(wrap(open(t))) }}
}

func sound(b blob.Bucket) blob.Bucket { return b }

// dropsMetadata fails F02, in lines that contain "metadata".
func dropsMetadata(b blob.Bucket) blob.Bucket { return &puts{blob.Wrap(b), bare} }

func only(id string) conformance.Option {
	return conformance.Only(func(c *conformance.Case) bool { return c.ID == id })
}

// A known failure is expected as long as every line of it contains its text. A case that passes is an expected failure
// if it may pass now and then, and behind a wrapper, which may hide the failure.
func TestKnownFailures(t *testing.T) {
	known := func(text string) map[string]conformance.KnownFailure {
		return map[string]conformance.KnownFailure{"F02": {Reason: "a known fault", Texts: []string{text}}}
	}
	race := func(text string) map[string]conformance.KnownFailure {
		return map[string]conformance.KnownFailure{"F02": {Reason: "a known race", Texts: []string{text}, Sometimes: true}}
	}
	wrapped := func(h conformance.Harness) conformance.Harness {
		return h.Wrapped("nothing", func(_ *conformance.T, b blob.Bucket) blob.Bucket { return b })
	}
	const right, wrong = "metadata", "another text"
	for _, test := range []struct {
		name    string
		harness conformance.Harness
		want    conformance.Outcome
	}{
		{"not known", storeOf(nil, dropsMetadata), conformance.Fail},
		{"known", storeOf(known(right), dropsMetadata), conformance.ExpectedFailure},
		{"known, fails otherwise", storeOf(known(wrong), dropsMetadata), conformance.Fail},
		{"known, mended", storeOf(known(right), sound), conformance.Fail},
		{"a race, lost", storeOf(race(right), dropsMetadata), conformance.ExpectedFailure},
		{"a race, fails otherwise", storeOf(race(wrong), dropsMetadata), conformance.Fail},
		{"a race, won", storeOf(race(right), sound), conformance.ExpectedFailure},
		{"behind a wrapper, known", wrapped(storeOf(known(right), dropsMetadata)), conformance.ExpectedFailure},
		{"behind a wrapper, known, fails otherwise", wrapped(storeOf(known(wrong), dropsMetadata)), conformance.Fail},
		{"behind a wrapper, known, hidden", wrapped(storeOf(known(right), sound)), conformance.ExpectedFailure},
		{"behind a wrapper, a race, fails otherwise", wrapped(storeOf(race(wrong), dropsMetadata)), conformance.Fail},
	} {
		report := runAll(t, test.harness, only("F02"), conformance.InTier(conformance.Short))
		if n := report.Count(test.want); n != 1 {
			t.Errorf("%s: %s", test.name, report.Summary())
		}
	}
}

// A harness whose expectations could not fail, or could not be met, runs nothing.
func TestHarnessesThatAreRefused(t *testing.T) {
	complete := conformance.KnownFailure{Reason: "a known fault", Texts: []string{"metadata"}}
	for _, test := range []struct {
		name    string
		harness conformance.Harness
		want    string // a part of the error
	}{
		{"a race without a text", storeOf(map[string]conformance.KnownFailure{"F02": {Reason: "a known race", Sometimes: true}}, sound), "expects F02 to fail and gives no Texts"},
		{"a failure without a text", storeOf(map[string]conformance.KnownFailure{"F02": {Reason: "a known fault"}}, sound), "expects F02 to fail and gives no Texts"},
		{"a failure with an empty text", storeOf(map[string]conformance.KnownFailure{"F02": {Reason: "a known fault", Texts: []string{"metadata", ""}}}, sound), "expects F02 to fail and gives no Texts, or an empty one"},
		{"a failure without a reason", storeOf(map[string]conformance.KnownFailure{"F02": {Texts: []string{"metadata"}}}, sound), "expects F02 to fail and gives no Reason"},
		{"a failure of no case", storeOf(map[string]conformance.KnownFailure{"X99": complete}, sound), `expects "X99" to fail, which is not a case`},
		{"no way to open a bucket", conformance.Harness{Name: "memory"}, "has no Open"},
	} {
		ran := 0
		report, err := conformance.RunAll(t.Context(), test.harness, func(conformance.Result) { ran++ }, only("F02"))
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `"memory"`) || report != nil || ran > 0 {
			t.Errorf("%s: %d cases ran, and the error is %v; it must contain %q", test.name, ran, err, test.want)
		}
	}
	if _, err := conformance.RunAll(t.Context(), storeOf(map[string]conformance.KnownFailure{"F02": complete}, dropsMetadata), nil, only("F02")); err != nil {
		t.Errorf("a complete expectation is refused: %v", err)
	}
}
