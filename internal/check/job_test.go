package main

import "testing"

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
