package gocdktest

import (
	"strings"
	"testing"
)

// A test that is expected to fail is seen to pass, not to run, and to fail for another reason.
func TestFailureIsMissed(t *testing.T) {
	f := Failure{Says: "code=Unimplemented", Why: "it cannot"}
	for _, test := range []struct{ out, want string }{
		{"=== RUN   TestX/TestIfNotExist\n    x.go:1: blob (code=Unimplemented)\n--- FAIL: TestX (0.0s)\n    --- FAIL: TestX/TestIfNotExist (0.0s)\n", ""},
		{"--- PASS: TestX (0.0s)\n    --- PASS: TestX/TestIfNotExist (0.0s)\n", "it does not fail"},
		{"x.go:1: code=Unimplemented\n--- FAIL: TestX (0.0s)\n    --- FAIL: TestX/TestIfNotExistAtAll (0.0s)\n", "it does not fail"},
		{"testing: warning: no tests to run\nPASS\n", "it does not fail"},
		{"    x.go:1: connection refused\n--- FAIL: TestX (0.0s)\n    --- FAIL: TestX/TestIfNotExist (0.0s)\n", "it does not say"},
	} {
		if got := f.missing("TestX/TestIfNotExist", test.out); !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%q: %q, want %q", test.out, got, test.want)
		}
	}
}
