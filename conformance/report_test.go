package conformance

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// runOne runs one case, which need not be of the suite, on memory.
func runOne(c *Case, known KnownFailure) Result {
	h := Harness{
		Name:     "memory",
		Open:     func(*T) blob.Bucket { return mem.New(nil) },
		Expected: map[string]KnownFailure{},
	}
	if known.Texts != nil {
		h.Expected[c.ID] = known
	}
	return newRunner(h, nil).run(context.Background(), c)
}

// Each line of a failure counts, also when so many came before that they are no longer kept.
func TestEveryLineOfAFailureCounts(t *testing.T) {
	race := KnownFailure{Reason: "a known race", Texts: []string{"nothing like it", fs.ErrNotExist.Error()}, Sometimes: true}
	lines := func(n int, last string) *Case {
		return &Case{ID: "F02", Run: func(t *T) {
			for i := range n {
				t.Errorf("read %d: %v", i, fs.ErrNotExist)
			}
			t.Logf("a note is not a failure")
			if last != "" {
				t.Errorf("%s", last)
			}
		}}
	}
	for _, test := range []struct {
		name string
		c    *Case
		want Outcome
	}{
		{"few lines", lines(3, ""), ExpectedFailure},
		{"many lines", lines(1000, ""), ExpectedFailure},
		{"another line after few", lines(3, "torn"), Fail},
		{"another line after many", lines(1000, "torn"), Fail},
		{"no line", &Case{ID: "F02", Run: func(t *T) { t.FailNow() }}, Fail},
		{"a panic", &Case{ID: "F02", Run: func(*T) { panic("torn") }}, Fail},
		{"another line in a cleanup", &Case{ID: "F02", Run: func(t *T) { t.Cleanup(func() { t.Errorf("torn") }) }}, Fail},
	} {
		res := runOne(test.c, race)
		if res.Outcome != test.want {
			t.Errorf("%s: it ends as %q", test.name, res.Outcome)
		}
		// What is not known is what is shown.
		shown := strings.Join(res.Lines, "\n")
		if res.Outcome == Fail && test.name != "no line" && !strings.Contains(shown, "torn") {
			t.Errorf("%s: it shows %q", test.name, shown)
		}
		if len(res.Lines) > maxLines {
			t.Errorf("%s: it shows %d lines", test.name, len(res.Lines))
		}
	}
}

func TestExplain(t *testing.T) {
	many := &Case{ID: "K03", Run: func(t *T) {
		for i := range 60 {
			t.Errorf("wrong %d", i)
		}
	}}
	r := &Report{Store: "memory", Seed: 7, Tier: Default}
	res := runOne(many, KnownFailure{})
	res.Test = "TestConformance/s3:x+acl,_policy_inside/K/K03"
	got := r.Explain(res)
	for _, want := range []string{
		"FAILED K03 on memory: of 32 puts if-absent at once just one wins",
		"\n  expected: pass\n",
		"\n  came:     wrong 0\n", "\n            wrong 4\n", "\n            … and 55 lines more\n",
		"\n  alone:    ", "HOLDALL_SEED=7 go test -C ", ` -run '^TestConformance$/^s3:x\+acl,_policy_inside$/^K$/^K03$' .`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
	long := runOne(&Case{ID: "K03", Run: func(t *T) { t.Errorf("begins %s ends\nat a stack", strings.Repeat("é", 5000)) }}, KnownFailure{})
	if said := r.Explain(long); len(said) > 1200 || !strings.Contains(said, "begins é") || !strings.Contains(said, "é ends\n") || strings.Contains(said, "stack") {
		t.Errorf("of a long line it says\n%s", said)
	}
	if n := strings.Count(got, "\n"); n > 10 {
		t.Errorf("it is %d lines long:\n%s", n, got)
	}

	res = runOne(many, KnownFailure{Reason: "a known race", Texts: []string{"other", "else"}, Sometimes: true})
	if got := r.Explain(res); !strings.Contains(got, `expected: pass, or a known failure, each of whose lines contains one of ["other" "else"]`) {
		t.Errorf("it does not say what was expected:\n%s", got)
	}
	res = runOne(&Case{ID: "K03", Run: func(*T) {}}, KnownFailure{Reason: "a known fault", Texts: []string{"other", "else"}})
	got = r.Explain(res)
	for _, want := range []string{`expected: a known failure, each of whose lines contains one of ["other" "else"]`, "came:     it passes, but the harness expects it to fail: a known fault", "alone:    Only K03, Seed(7)"} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
}

func TestSlowest(t *testing.T) {
	r := &Report{}
	for i, c := range Cases()[:20] {
		r.Results = append(r.Results, Result{ID: c.ID, Duration: time.Duration(i*7%20) * time.Second})
	}
	lines := strings.Split(r.Slowest(3), "\n")
	want := []string{"20 cases took 190.0 s, the slowest:"}
	for i, at := range []int{17, 14, 11} {
		id := r.Results[at].ID
		want = append(want, fmt.Sprintf("   %d.0 s  %s  %s", 19-i, id, docOf(id)))
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if got := (&Report{}).Slowest(10); got != "0 cases took 0.0 s, the slowest:" {
		t.Errorf("of no cases it is %q", got)
	}
}
