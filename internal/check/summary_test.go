package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestSummaryEndsWithWhatFailed(t *testing.T) {
	end := func(name, dir string, r result, took time.Duration, output string) report {
		j := &job{step: &step{name: name, module: module{dir: dir}}, cpu: took / 2, again: "go -C " + dir + " " + name}
		j.Write([]byte(output))
		return report{job: j, result: r, took: took}
	}
	good := end("build", ".", result{outcome: passed}, 3*time.Second, "")
	bad := end("vet", "bench", result{failed, "exit status 1"}, 2*time.Second, "ok  \tp\t0.1s\nx.go:1:1: bad\n")
	skipped := end("test", "bench", result{notRun, "offline"}, 0, "")

	var out bytes.Buffer
	if status := summarize(&out, []report{bad, good, skipped}, 4*time.Second); status != 1 {
		t.Errorf("status %d", status)
	}
	want := `
MODULE   STEP   OUTCOME  TIME   CPU    NOTE
bench    vet    failed   2.0 s  1.0 s  exit status 1
holdall  build  passed   3.0 s  1.5 s  
bench    test   not run  0.0 s  0.0 s  offline

SLOWEST STEPS   TIME   CPU
holdall: build  3.0 s  1.5 s
bench: vet      2.0 s  1.0 s
bench: test     0.0 s  0.0 s

=== bench: vet failed: exit status 1
x.go:1:1: bad
Run it alone: go -C bench vet

2 of 3 steps ran, 1 failed, in 4.0 s, with 2.5 s of CPU time beside that of containers
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	if status := summarize(&out, []report{good, skipped}, time.Second); status != 0 {
		t.Errorf("status %d though nothing failed", status)
	}
}

// Of tests the end says which were slow, and of each that failed what it said and how to run it alone.
func TestSummaryOfTests(t *testing.T) {
	j := &job{step: &step{name: "test", module: module{dir: "bench"}}}
	log := newTestLog(j)
	log.alone = func(t *testRun) string { return "go test -run " + t.pattern() }
	fmt.Fprint(log, testOutput)
	var out bytes.Buffer
	summarize(&out, []report{{job: j, result: log.result(errors.New("exit status 1")), took: time.Second}}, time.Second)
	_, got, _ := strings.Cut(out.String(), "\n\nSLOWEST TESTS")
	want := `       TIME   STEP
TestSuite/s3/C/C09  2.5 s  bench: test
TestSuite/s3/C/C10  1.5 s  bench: test
TestPanics/in       0.0 s  bench: test

=== bench: test failed: 2 tests failed

--- TestSuite/s3/C/C09, p
    suite_test.go:7: got 1
        want 2
Run it alone: go test -run ^TestSuite$/^s3$/^C$/^C09$

--- TestPanics, q
panic: boom [recovered, repanicked]
Run it alone: go test -run ^TestPanics$

1 of 1 steps ran, 1 failed, in 1.0 s, with 0.0 s of CPU time beside that of containers
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
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
