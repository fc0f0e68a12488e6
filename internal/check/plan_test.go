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
			"prepare", "tidy", "build", "vet", "staticcheck", "govulncheck", "test -race"}, cross...)},
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
			if i := slices.Index(want, "holdall test -race"); test.o.ci {
				want = slices.Insert(want, i+1, "holdall test allocations")
			}
			steps := plan(test.o, []module{{dir: "."}, {dir: "bench"}}, "")
			for _, s := range steps {
				got = append(got, s.module.name()+" "+s.name)
				if s.gate != (s.name == "prepare" || s.name == "build") {
					t.Errorf("%s: gate is %v", s.name, s.gate)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
			checkOrder(t, steps)
		})
	}
}

// checkOrder fails the test if a step comes after one that does not precede it, or needs one of another module.
func checkOrder(t *testing.T, steps []*step) {
	t.Helper()
	for i, s := range steps {
		for _, before := range s.after {
			if !slices.Contains(steps[:i], before) || before.module != s.module {
				t.Errorf("%s comes after %s", s.title(), before.title())
			}
		}
	}
}

// What the tests of the servers need is made first, and the rest of their module is checked last.
func TestPlanOfServers(t *testing.T) {
	for _, test := range []struct {
		name string
		o    options
		want string // up to what is for other platforms
	}{
		{"default", options{}, "prepare, compile tests, images, test swift, test ceph, test minio, test rados, test versitygw, test b2, " +
			"test local stores, every test ran, holdall prepare, holdall build, holdall vet, holdall test, build, vet, test"},
		{"race", options{race: true}, "prepare, compile tests, images, test -race swift, test -race ceph, test -race minio, test -race rados, " +
			"test -race versitygw, test -race b2, test -race local stores, every test ran, " +
			"holdall prepare, holdall build, holdall vet, holdall test -race, build, vet, test -race"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var names []string
			steps := plan(test.o, []module{{dir: "."}, {dir: serversDir}}, "")
			for _, s := range steps {
				name := s.name
				if s.module.dir == "." {
					name = "holdall " + name
				}
				names = append(names, name)
				if s.gate && s.name == "images" {
					t.Error("images is a gate; without servers there are still tests to run")
				}
				if strings.HasPrefix(name, "test swift") && s.lane != waiting {
					t.Error("the tests of a server do not run beside others")
				}
			}
			if got := strings.Join(names, ", "); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
			checkOrder(t, steps)
		})
	}
}
