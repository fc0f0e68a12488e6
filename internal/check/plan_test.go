package main

import (
	"slices"
	"strings"
	"testing"
)

func TestPlan(t *testing.T) {
	cross := []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}
	for _, test := range []struct {
		name string
		o    options
		want []string // of one module
	}{
		{"default", options{}, []string{"prepare", "build", "vet", "test"}},
		{"race", options{race: true}, []string{"prepare", "build", "vet", "test -race"}},
		{"full", options{full: true}, []string{"prepare", "build", "vet", "test"}},
		{"ci", options{ci: true}, append([]string{
			"prepare", "tidy", "build", "vet", "staticcheck", "govulncheck", "test", "test -race"}, cross...)},
	} {
		t.Run(test.name, func(t *testing.T) {
			var want, got []string
			if test.o.ci {
				want = append(want, "holdall gofmt") // once, for all modules
			}
			for _, m := range []string{"holdall", "bench"} {
				for _, name := range test.want {
					want = append(want, m+" "+name)
				}
			}
			for _, s := range plan(test.o, []module{{dir: "."}, {dir: "bench"}}) {
				got = append(got, s.module.name()+" "+s.name)
				if s.gate != (s.name == "prepare" || s.name == "build") {
					t.Errorf("%s: gate is %v", s.name, s.gate)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
		})
	}
}

// Servers are made ready after what fails sooner, and the tests that need them run once. Without servers there are still
// tests to run.
func TestPlanOfServers(t *testing.T) {
	for _, test := range []struct {
		name string
		o    options
		want string // up to what is for other platforms
	}{
		{"default", options{}, "prepare, build, vet, servers, test"},
		{"race", options{race: true}, "prepare, build, vet, servers, test -race"},
		{"ci", options{ci: true}, "gofmt, prepare, tidy, build, vet, staticcheck, govulncheck, servers, test -race"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var names []string
			for _, s := range plan(test.o, []module{{dir: serversDir}}) {
				if !strings.Contains(s.name, "/") {
					names = append(names, s.name)
				}
				if s.gate && s.name == "servers" {
					t.Error("servers is a gate")
				}
			}
			if got := strings.Join(names, ", "); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}
