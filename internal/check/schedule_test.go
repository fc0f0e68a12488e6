package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// ends returns an action that ends at once.
func ends(r result) action { return func(context.Context, *job) result { return r } }

// takes returns an action that passes after d.
func takes(d time.Duration) action {
	return func(context.Context, *job) result { time.Sleep(d); return result{outcome: passed} }
}

func TestGateThatDoesNotPassStopsWhatComesAfterIt(t *testing.T) {
	a, b := module{dir: "a"}, module{dir: "b"}
	vet := &step{name: "vet", module: a, run: ends(result{failed, "not a gate"})}
	prepare := &step{name: "prepare", module: a, gate: true, after: []*step{vet}, run: ends(result{notRun, "offline"})}
	build := &step{name: "build", module: a, gate: true, after: []*step{prepare}, run: ends(result{outcome: passed})}
	test := &step{name: "test", module: a, after: []*step{build}, run: ends(result{outcome: passed})}
	other := &step{name: "test", module: b, run: ends(result{outcome: passed})}
	var got []string
	for _, r := range run(t.Context(), []*step{vet, prepare, build, test, other}, &bytes.Buffer{}) {
		got = append(got, fmt.Sprintf("%s: %s, %s", r.title(), r.outcome, r.note))
	}
	want := `a: vet: failed, not a gate
a: prepare: not run, offline
a: build: not run, prepare did not pass
a: test: not run, prepare did not pass
b: test: passed, `
	if got := strings.Join(got, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Steps that wait run beside one that computes, as many at the same time as their lane allows, and the first of the list
// first. Those that come after others wait for these.
func TestLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := module{dir: "m"}
		images := &step{name: "images", module: m, lane: waiting, run: takes(4 * time.Second)}
		var steps []*step
		add := func(s *step) { s.module = m; steps = append(steps, s) }
		add(images)
		for i := range waitingAtOnce + 1 {
			add(&step{name: fmt.Sprint("server ", i), lane: waiting, after: []*step{images}, run: takes(10 * time.Second)})
		}
		add(&step{name: "build", run: takes(3 * time.Second)})
		add(&step{name: "test", run: takes(2 * time.Second)})
		var out bytes.Buffer
		began := time.Now()
		run(t.Context(), steps, &out)
		want := map[string]time.Duration{"build": 3, "images": 4, "test": 5, "server 0": 14, "server 3": 24}
		for name, end := range want {
			line := fmt.Sprintf("%s  m: %s passed", clock(end*time.Second), name)
			if !strings.Contains(out.String(), line) {
				t.Errorf("no line %q", line)
			}
		}
		if took := time.Since(began); took != 24*time.Second {
			t.Errorf("it took %v", took)
		}
		if t.Failed() {
			t.Logf("%s", &out)
		}
	})
}

func TestInterruptStopsEverything(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	beside := &step{name: "test swift", lane: waiting, run: func(ctx context.Context, _ *job) result {
		<-ctx.Done()
		return result{failed, "signal: interrupt"}
	}}
	build := &step{name: "build", run: func(context.Context, *job) result {
		interrupt()
		return result{failed, "signal: interrupt"}
	}}
	never := func(context.Context, *job) result { t.Error("it went on"); return result{} }
	next := &step{name: "vet", run: never}
	later := &step{name: "test", after: []*step{build}, run: never}
	for i, r := range run(ctx, []*step{beside, build, next, later}, &bytes.Buffer{}) {
		if want := (result{[]outcome{failed, failed, notRun, notRun}[i], "interrupted"}); r.result != want {
			t.Errorf("%s: %v, want %v", r.name, r.result, want)
		}
	}
}

// What steps write at the same time is printed in one block for each step. Steps that take long are named meanwhile,
// with what they are doing.
func TestOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		writes := func(lane lane, wait time.Duration, r result, lines ...string) *step {
			return &step{name: lines[0], module: module{dir: "bench"}, lane: lane, run: func(_ context.Context, j *job) result {
				for _, line := range lines[1:] {
					fmt.Fprint(j, line)
					time.Sleep(wait)
				}
				return r
			}}
		}
		run(t.Context(), []*step{
			writes(waiting, 19*time.Second, result{failed, "exit status 1"}, "test", "one\n", "two\n", "three"),
			writes(computing, 14*time.Second, result{outcome: passed}, "vet", "?   \tp\t[no test files]\na\n", "b\n"),
		}, &out)
		want := `   0:15  bench: test has run for 15.0 s: one
   0:15  bench: vet has run for 15.0 s: b
   0:28  bench: vet passed after 28.0 s
         a
         b
   0:45  bench: test has run for 45.0 s: three
   0:57  bench: test failed after 57.0 s: exit status 1
         one
         two
         three
`
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", &out, want)
		}
	})
}
