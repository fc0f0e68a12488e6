package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// testOutput is what go test -json prints about a package with a failing case of a suite, one whose test panics in a
// subtest, one that passes, one of an earlier run, and one that does not build.
const testOutput = `go: downloading m v1.0.0
{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestSuite"}
{"Action":"output","Package":"p","Test":"TestSuite","Output":"=== RUN   TestSuite\n"}
{"Action":"run","Package":"p","Test":"TestSuite/s3"}
{"Action":"run","Package":"p","Test":"TestSuite/s3/C"}
{"Action":"run","Package":"p","Test":"TestSuite/s3/C/C09"}
{"Action":"output","Package":"p","Test":"TestSuite/s3/C/C09","Output":"    suite_test.go:7: got 1\n"}
{"Action":"output","Package":"p","Test":"TestSuite/s3/C/C09","Output":"        want 2\n"}
{"Action":"output","Package":"p","Test":"TestSuite/s3/C/C09","Output":"--- FAIL: TestSuite/s3/C/C09 (2.50s)\n"}
{"Action":"fail","Package":"p","Test":"TestSuite/s3/C/C09","Elapsed":2.5}
{"Action":"run","Package":"p","Test":"TestSuite/s3/C/C10"}
{"Action":"output","Package":"p","Test":"TestSuite/s3/C/C10","Output":"    suite_test.go:9: a detail\n"}
{"Action":"pass","Package":"p","Test":"TestSuite/s3/C/C10","Elapsed":1.5}
{"Action":"fail","Package":"p","Test":"TestSuite/s3/C","Elapsed":4}
{"Action":"fail","Package":"p","Test":"TestSuite/s3","Elapsed":4}
{"Action":"output","Package":"p","Test":"TestSuite","Output":"    suite_test.go:5: 2 cases\n"}
{"Action":"fail","Package":"p","Test":"TestSuite","Elapsed":4}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t4.0s\n"}
{"Action":"fail","Package":"p","Elapsed":4}
{"Action":"run","Package":"q","Test":"TestPanics"}
{"Action":"run","Package":"q","Test":"TestPanics/in"}
{"Action":"fail","Package":"q","Test":"TestPanics/in","Elapsed":0}
{"Action":"output","Package":"q","Test":"TestPanics","Output":"panic: boom [recovered, repanicked]\n"}
{"Action":"fail","Package":"q","Test":"TestPanics","Elapsed":0}
{"Action":"fail","Package":"q","Elapsed":0}
{"Action":"run","Package":"c","Test":"TestEarlier"}
{"Action":"pass","Package":"c","Test":"TestEarlier","Elapsed":9}
{"Action":"output","Package":"c","Output":"ok  \tc\t(cached)\n"}
{"Action":"pass","Package":"c","Elapsed":0}
`

func readTests(output string) (*testLog, *job) {
	j := &job{step: &step{}}
	log := newTestLog(j)
	for rest := output; rest != ""; { // in pieces that are not lines
		n := min(len(rest), 50)
		fmt.Fprint(log, rest[:n])
		rest = rest[n:]
	}
	return log, j
}

// What a reader sees while tests run is what is about packages, and the messages of failed tests.
func TestTestLog(t *testing.T) {
	_, j := readTests(testOutput)
	want := `go: downloading m v1.0.0
FAIL	p	4.0s
--- FAIL: TestSuite
    suite_test.go:5: 2 cases
--- FAIL: TestSuite/s3/C/C09
    suite_test.go:7: got 1
        want 2
--- FAIL: TestPanics
panic: boom [recovered, repanicked]
ok  	c	(cached)
`
	if got := j.output(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A test that a timeout or an exit of the program has ended is one that failed.
func TestTestLogOfUnfinishedTest(t *testing.T) {
	log, _ := readTests(`{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/b"}
{"Action":"output","Package":"p","Test":"TestA/b","Output":"panic: test timed out after 1s\n"}
{"Action":"fail","Package":"p","Elapsed":1}
`)
	failures := log.failures()
	if len(failures) != 1 || failures[0].name != "TestA/b" || !strings.HasPrefix(failures[0].text, "panic: ") {
		t.Errorf("%d failures: %v", len(failures), failures)
	}
}

func TestTestLogOfBrokenBuild(t *testing.T) {
	log, j := readTests(`{"ImportPath":"p","Action":"build-output","Output":"# p\n"}
{"ImportPath":"p","Action":"build-output","Output":"x.go:1:1: bad\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","Elapsed":0,"FailedBuild":"p"}
`)
	if got, want := j.output(), "# p\nx.go:1:1: bad\nFAIL\tp [build failed]\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if r := log.result(errors.New("exit status 1")); r != (result{failed, "exit status 1"}) {
		t.Errorf("%v", r)
	}
}

func TestLeavesAreTestsThatRanNow(t *testing.T) {
	log, _ := readTests(testOutput)
	var got []string
	for _, l := range log.leaves() {
		got = append(got, fmt.Sprint(l.name, " ", l.took.Milliseconds()))
	}
	if want := "TestSuite/s3/C/C09 2500, TestSuite/s3/C/C10 1500, TestPanics/in 0"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPattern(t *testing.T) {
	if got, want := (&testRun{name: "TestX/a.b#01/c"}).pattern(), `^TestX$/^a\.b#01$/^c$`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
