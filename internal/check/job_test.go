package main

import (
	"bytes"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// A command that is printed can be pasted into a shell in the repository's root.
func TestShellCommand(t *testing.T) {
	for _, test := range []struct {
		dir, goflags string
		env, args    []string
		want         string
	}{
		{".", "", nil, []string{"vet", "./..."}, "go vet ./..."},
		{"bench", "-tags=ceph", []string{"GOOS=darwin"}, []string{"build", "-o", "/dev/null", "./..."},
			"GOOS=darwin GOFLAGS=-tags=ceph go -C bench build -o /dev/null ./..."},
		{".", "-v -tags=ceph", nil, []string{"test", "-run", "^TestX$/^it's$", "."},
			`GOFLAGS='-v -tags=ceph' go test -run '^TestX$/^it'\''s$' .`},
		{".", "", nil, []string{"test", "-run", ""}, "go test -run ''"},
	} {
		t.Setenv("GOFLAGS", test.goflags)
		if got := shellCommand(module{dir: test.dir}, test.env, test.args); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

// What computes gives way to what waits.
func TestPriority(t *testing.T) {
	nice, err := exec.LookPath("nice")
	if err != nil {
		t.Skip("no command nice")
	}
	var got [2]int
	for i, l := range []lane{waiting, computing} {
		var out bytes.Buffer
		j := &job{step: &step{lane: l, module: module{root: t.TempDir(), dir: "."}}}
		if err := j.run(t.Context(), nil, &out, &out, nice); err != nil { // it prints its own niceness
			t.Fatalf("%v: %s", err, &out)
		}
		if got[i], err = strconv.Atoi(strings.TrimSpace(out.String())); err != nil {
			t.Fatal(err)
		}
	}
	if want := min(got[0]+10, 19); got[1] != want {
		t.Errorf("the niceness of a step that computes is %d, want %d", got[1], want)
	}
}
