package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// This file reads what go test -json prints: how long each test took, and which failed with which message.

// A testRun is one test or subtest that was started.
type testRun struct {
	pkg, name string
	outcome   string // pass, fail, skip, or "" if the test did not end
	took      time.Duration
	cached    bool // it ran in an earlier go test, whose result counts
	parent    bool // it has subtests
	text      string
}

// A testLog takes the output of go test -json. It passes on what is about whole packages, such as build errors and the
// line at the end of each package, and the messages of each test that failed. It keeps the tests in the order in which
// they started. One command at a time may write to it.
type testLog struct {
	to    *job
	alone func(t *testRun) string // the command that runs a test alone
	rest  []byte                  // the beginning of a line
	tests []*testRun
	byID  map[[2]string]*testRun
}

func newTestLog(to *job) *testLog {
	l := &testLog{to: to, byID: map[[2]string]*testRun{}}
	to.tests = l
	return l
}

// A testEvent is a line of go test -json, as `go doc test2json` describes it.
type testEvent struct {
	Action, Package, Test, Output string
	Elapsed                       float64 // in seconds
}

func (l *testLog) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.rest = rest
		var e testEvent
		if json.Unmarshal(line, &e) == nil && e.Action != "" {
			l.event(e)
		} else {
			l.pass(string(line) + "\n") // of the go command, such as a download
		}
	}
}

func (l *testLog) pass(text string) { io.WriteString(l.to, text) }

func (l *testLog) event(e testEvent) {
	if e.Test == "" {
		l.packageEvent(e)
		return
	}
	t := l.byID[[2]string{e.Package, e.Test}]
	if t == nil {
		t = &testRun{pkg: e.Package, name: e.Test}
		l.tests = append(l.tests, t)
		l.byID[[2]string{e.Package, e.Test}] = t
		if up := l.up(t); up != nil {
			up.parent = true
		}
	}
	switch e.Action {
	case "run":
		l.to.progress(e.Test)
	case "output":
		if !framing.MatchString(e.Output) {
			t.text += e.Output
		}
	case "pass", "skip":
		t.outcome, t.took, t.text = e.Action, elapsed(e), ""
	case "fail":
		t.outcome, t.took = e.Action, elapsed(e)
	}
}

// framing matches what the testing package prints about a test, rather than the test itself.
var framing = regexp.MustCompile(`^(=== (RUN|PAUSE|CONT|NAME)  |--- (PASS|FAIL|SKIP): )`)

func elapsed(e testEvent) time.Duration { return time.Duration(e.Elapsed * float64(time.Second)) }

// failed reports whether the test failed. One that did not end was ended by a panic, a timeout, or an exit of the program.
func (t *testRun) failed() bool { return t.outcome == "fail" || t.outcome == "" }

// up returns the test that t is a subtest of, or nil.
func (l *testLog) up(t *testRun) *testRun {
	if i := strings.LastIndexByte(t.name, '/'); i >= 0 {
		return l.byID[[2]string{t.pkg, t.name[:i]}]
	}
	return nil
}

func (l *testLog) packageEvent(e testEvent) {
	switch e.Action {
	case "build-output":
		l.pass(e.Output)
	case "output":
		if e.Output == "PASS\n" || e.Output == "FAIL\n" {
			return
		}
		if strings.HasPrefix(e.Output, "ok  \t") && strings.Contains(e.Output, "(cached)") {
			for _, t := range l.of(e.Package) {
				t.cached = true
			}
		}
		l.pass(e.Output)
	case "fail":
		for _, t := range l.of(e.Package) {
			if t.text != "" {
				l.pass("--- FAIL: " + t.name + "\n" + t.text)
			}
		}
	}
}

func (l *testLog) of(pkg string) []*testRun {
	return slices.DeleteFunc(slices.Clone(l.tests), func(t *testRun) bool { return t.pkg != pkg })
}

// result is that of the command that ran the tests and returned err.
func (l *testLog) result(err error) result {
	switch n := len(l.failures()); {
	case err == nil:
		return result{outcome: passed}
	case n == 0:
		return result{failed, err.Error()}
	case n == 1:
		return result{failed, "1 test failed"}
	default:
		return result{failed, fmt.Sprintf("%d tests failed", n)}
	}
}

// crash matches what belongs to a test even if it is a subtest that failed: the rest of the program has ended with it.
var crash = regexp.MustCompile(`(?m)^(panic: |fatal error: |WARNING: DATA RACE)`)

// failures returns the tests that failed: those without a failing subtest, and those that report a crash, which need not be
// that of the subtest that crashed.
func (l *testLog) failures() []*testRun {
	if l == nil {
		return nil
	}
	var all []*testRun
	explained := map[*testRun]bool{} // by a subtest
	for _, t := range l.tests {
		if t.failed() {
			all = append(all, t)
			for up := l.up(t); up != nil; up = l.up(up) {
				explained[up] = true
			}
		}
	}
	return slices.DeleteFunc(all, func(t *testRun) bool {
		if explained[t] {
			return !crash.MatchString(t.text)
		}
		up := l.up(t)
		return t.text == "" && up != nil && crash.MatchString(up.text)
	})
}

// leaves returns the tests that have no subtests and ran now.
func (l *testLog) leaves() []*testRun {
	if l == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(l.tests), func(t *testRun) bool { return t.parent || t.cached })
}

// pattern returns what -run takes to run this test alone.
func (t *testRun) pattern() string {
	names := strings.Split(t.name, "/")
	for i, name := range names {
		names[i] = "^" + regexp.QuoteMeta(name) + "$"
	}
	return strings.Join(names, "/")
}
