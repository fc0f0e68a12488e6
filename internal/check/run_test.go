package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestGateThatDoesNotPassStopsItsModuleAlone(t *testing.T) {
	says := func(r result) action { return func(context.Context, io.Writer) result { return r } }
	a, b := module{dir: "a"}, module{dir: "b"}
	reports := run(t.Context(), []step{
		{name: "vet", module: a, run: says(result{failed, "no gate"})},
		{name: "prepare", module: a, gate: true, run: says(result{notRun, "offline"})},
		{name: "build", module: a, gate: true, run: says(result{outcome: passed})},
		{name: "test", module: a, run: says(result{outcome: passed})},
		{name: "test", module: b, run: says(result{outcome: passed})},
	}, io.Discard)
	var got []string
	for _, r := range reports {
		got = append(got, fmt.Sprintf("%s %s: %s, %s", r.module.name(), r.name, r.outcome, r.note))
	}
	want := `a vet: failed, no gate
a prepare: not run, offline
a build: not run, prepare did not pass
a test: not run, prepare did not pass
b test: passed, `
	if got := strings.Join(got, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestInterruptStopsEverything(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	reports := run(ctx, []step{
		{name: "build", run: func(context.Context, io.Writer) result { interrupt(); return result{failed, "signal: interrupt"} }},
		{name: "test", run: func(context.Context, io.Writer) result { t.Error("it went on"); return result{} }},
	}, io.Discard)
	if reports[0].result != (result{failed, "interrupted"}) || reports[1].result != (result{notRun, "interrupted"}) {
		t.Errorf("%v, %v", reports[0].result, reports[1].result)
	}
}

func TestSilentStepIsHeardOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		run(t.Context(), []step{{name: "test", module: module{dir: "bench"}, run: func(_ context.Context, log io.Writer) result {
			time.Sleep(10 * time.Second)
			fmt.Fprint(log, "a package\nhalf a")
			time.Sleep(20 * time.Second)
			fmt.Fprint(log, " line")
			return result{outcome: passed}
		}}}, &out)
		want := `   0:00  bench: test
         a package
   0:27  bench: test has run for 27.0 s
         half a line
`
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", &out, want)
		}
	})
}
