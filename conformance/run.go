package conformance

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An Option changes how a suite runs.
type Option func(*runner)

// InTier runs the cases of a tier and of those below it. Without it, Default runs, or Short under go test -short, or
// Long if the environment has HOLDALL_FULL=1.
func InTier(tier Tier) Option { return func(r *runner) { r.tier = tier } }

// Seed makes the random choices of a run those of an earlier one, whose report printed the seed. Without it, the
// environment variable HOLDALL_SEED sets the seed if it is a number.
func Seed(seed uint64) Option { return func(r *runner) { r.seed = seed } }

// Only runs the cases that keep approves.
func Only(keep func(c *Case) bool) Option { return func(r *runner) { r.keep = keep } }

type runner struct {
	harness Harness
	tier    Tier
	seed    uint64
	keep    func(c *Case) bool
}

func newRunner(h Harness, opts []Option) *runner {
	r := &runner{harness: h, tier: Default, seed: rand.Uint64(), keep: func(*Case) bool { return true }}
	if s, err := strconv.ParseUint(os.Getenv("HOLDALL_SEED"), 10, 64); err == nil {
		r.seed = s
	}
	for _, o := range opts {
		o(r)
	}
	return r
}

// Run runs the suite under go test, each case as a subtest, and returns the report. A case that fails, or that was
// expected to fail and passes, fails t; so does a harness that makes no sense. At the end it logs the slowest cases, a
// summary, and each failed case in a few lines.
func Run(t *testing.T, h Harness, opts ...Option) *Report {
	t.Helper()
	if err := h.check(); err != nil {
		t.Fatal(err)
	}
	tier := Default
	if testing.Short() {
		tier = Short
	}
	if os.Getenv("HOLDALL_FULL") == "1" {
		tier = Long
	}
	r := newRunner(h, append([]Option{InTier(tier)}, opts...))
	report := r.report()
	groups := map[string][]Case{}
	for _, c := range r.cases() {
		groups[c.Group()] = append(groups[c.Group()], c)
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		t.Run(g, func(t *testing.T) {
			for _, c := range groups[g] {
				t.Run(c.ID, func(t *testing.T) {
					res := r.run(t.Context(), &c)
					res.Test = t.Name()
					report.Results = append(report.Results, res)
					switch res.Outcome {
					case Fail:
						t.Errorf("%s: %s\n%s", c.ID, c.Doc, res.Reason)
					case NotRun, Unsupported, ExpectedFailure:
						t.Skipf("%s: %s", res.Outcome, res.Reason)
					}
				})
			}
		})
	}
	t.Logf("%s\n%s", report.Slowest(10), report.Summary())
	for _, res := range report.Results {
		if res.Outcome == Fail {
			t.Log(report.Explain(res))
		}
	}
	return report
}

// RunAll runs the suite without go test. Each result is passed to progress, which may be nil, as soon as it is there. The
// error is about a harness that makes no sense, with which no case runs.
func RunAll(ctx context.Context, h Harness, progress func(Result), opts ...Option) (*Report, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	r := newRunner(h, opts)
	report := r.report()
	for _, c := range r.cases() {
		res := r.run(ctx, &c)
		report.Results = append(report.Results, res)
		if progress != nil {
			progress(res)
		}
	}
	return report, nil
}

func (r *runner) report() *Report {
	return &Report{Store: r.harness.Name, Seed: r.seed, Tier: r.tier}
}

func (r *runner) cases() []Case {
	return slices.DeleteFunc(Cases(), func(c Case) bool { return c.Tier > r.tier || !r.keep(&c) })
}

// run runs one case in a goroutine of its own, which it may end early, and judges it.
func (r *runner) run(ctx context.Context, c *Case) Result {
	ctx, cancel := context.WithCancel(ctx)
	h := fnv.New64a()
	h.Write([]byte(c.ID))
	t := &T{Harness: &r.harness, Case: c, Tier: r.tier, ctx: ctx, cancel: cancel, Rand: rand.New(rand.NewPCG(r.seed, h.Sum64()))}
	t.failures.known = r.harness.Expected[c.ID].Texts
	res := Result{ID: c.ID}
	begin := time.Now()
	inGoroutine(t, func() {
		t.Bucket = r.harness.Open(t)
		t.Caps = t.Bucket.Capabilities()
		res.Outcome, res.Reason = t.attempt(c)
	})
	inGoroutine(t, func() {
		defer t.end()
		if t.Bucket != nil {
			if err := t.Bucket.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	})
	res.Duration = time.Since(begin)
	t.mu.Lock() // a call that never ended may still report
	defer t.mu.Unlock()
	res.Recorded = t.recorded
	if t.failed {
		res.Outcome = Fail
		res.Lines, res.reported = t.failures.shown()
		res.Reason = strings.Join(slices.Concat(t.log, res.Lines), "\n")
		if more := res.reported - len(res.Lines); more > 0 {
			res.Reason += fmt.Sprintf("\n… and %d lines more", more)
		}
	}
	if known, expected := r.harness.Expected[c.ID]; expected {
		known.judge(&res, &t.failures)
	}
	return res
}

// inGoroutine runs f so that FailNow can end it, and turns a panic into a failure.
func inGoroutine(t *T, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		f()
	}()
	<-done
}

// attempt runs the case if all that it needs is there, otherwise the negative half of the first need that is missing.
func (t *T) attempt(c *Case) (Outcome, string) {
	for _, n := range c.Needs {
		switch {
		case n.Hook != "":
			if why, never := t.Harness.Impossible[n.Hook]; never {
				return Unsupported, why
			}
			if !t.Harness.has(n.Hook) {
				return NotRun, fmt.Sprintf("harness has no %s", n.Hook)
			}
		case n.Lacks != nil:
			if n.Lacks(t.Caps) {
				return Unsupported, "the store declares " + n.Name
			}
		case !n.Has(t.Caps):
			if n.Refused != nil {
				n.Refused(t)
			}
			return Unsupported, "the store does not declare " + n.Name
		}
	}
	c.Run(t)
	return Pass, ""
}
