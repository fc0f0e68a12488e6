package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestSummaryEndsWithWhatFailed(t *testing.T) {
	good := report{step: step{name: "build", module: module{dir: "."}}, result: result{outcome: passed}, took: time.Second}
	bad := report{step: step{name: "test", module: module{dir: "bench"}}, result: result{failed, "exit status 1"},
		took: 2 * time.Second, output: "ok  \tp\t0.1s\n--- FAIL: TestX\n"}
	skipped := report{step: step{name: "vet", module: module{dir: "bench"}}, result: result{notRun, "offline"}}

	var out bytes.Buffer
	if status := summarize(&out, []report{bad, good, skipped}); status != 1 {
		t.Errorf("status %d", status)
	}
	want := `
MODULE   STEP   OUTCOME  TIME   NOTE
bench    test   failed   2.0 s  exit status 1
holdall  build  passed   1.0 s  
bench    vet    not run  0.0 s  offline

--- bench: test failed: exit status 1
--- FAIL: TestX

2 of 3 steps ran, 1 failed, in 3.0 s
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	if status := summarize(&out, []report{good, skipped}); status != 0 {
		t.Errorf("status %d though nothing failed", status)
	}
}

func TestExcerpt(t *testing.T) {
	var long strings.Builder
	for i := range 100 {
		fmt.Fprintf(&long, "ok  \tpackage%d\t0.1s\nline %d\n", i, i)
	}
	lines := strings.Split(excerpt(long.String(), 60), "\n")
	if n := len(lines); n != 62 { // 60, the gap, and what follows the last newline
		t.Errorf("%d lines", n)
	}
	for i, want := range map[int]string{0: "line 0", 19: "line 19", 20: "… 40 lines left out; they are above …", 21: "line 60", 60: "line 99"} {
		if lines[i] != want {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
	if got := excerpt("?   \tp\t[no test files]\npanic: x", 60); got != "panic: x\n" {
		t.Errorf("a short output: %q", got)
	}
	if got := excerpt("ok  \tp\t0.1s\n", 60); got != "" {
		t.Errorf("nothing but what passed: %q", got)
	}
}
