package main

import (
	"context"
	"io"
)

// options are the flags.
type options struct {
	race bool // test with the race detector
	ci   bool // everything, and what cannot run is a failure
	full bool // the long tier of the tests

	airgapped bool // base images for the servers are made on this machine
}

// A step is one thing that is done to one module.
type step struct {
	name   string
	module module
	gate   bool // unless it passes, the later steps of its module are not run
	run    action
}

// An action does the work of a step, and writes to log what it has to say.
type action func(ctx context.Context, log io.Writer) result

// platforms are what every module must build for without cgo, tests included.
var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

type platform struct{ os, arch string }

// serversDir is the module whose tests run against real servers.
const serversDir = "conformance/providers"

// radosDir is the module that builds with librados or without it.
const radosDir = "drivers/ceph"

// plan lists the steps, module by module, those that fail soonest first.
func plan(o options, modules []module) []step {
	var steps []step
	if o.ci {
		root := module{root: modules[0].root, dir: "."}
		steps = append(steps, step{name: "gofmt", module: root, run: formatted(root)})
	}
	for _, m := range modules {
		add := func(name string, run action) {
			steps = append(steps, step{name: name, module: m, run: run})
		}
		gate := func(name string, run action) {
			steps = append(steps, step{name: name, module: m, gate: true, run: run})
		}
		gate("prepare", prepare(m, o.ci || m.dir == "."))
		if o.ci {
			add("tidy", golang(m, nil, "mod", "tidy", "-diff"))
		}
		gate("build", golang(m, nil, "build", "-o", discard, "./..."))
		add("vet", golang(m, nil, "vet", "./..."))
		if o.ci {
			add("staticcheck", golang(m, nil, "run", staticcheck, "./..."))
			add("govulncheck", vulnerabilities(m))
		}
		unraced, raced := !o.race || o.ci, o.race || o.ci
		if m.dir == serversDir {
			add("servers", servers(m, o))
			// A run of the suite waits for the servers most of the time, with the race detector or without it, and the
			// one with it checks all that the other does. So that one run counts, and it leaves no server out, since
			// each takes the driver other ways.
			unraced = !raced
		}
		if unraced {
			add("test", test(m, o, false))
		}
		if raced {
			add("test -race", test(m, o, true))
		}
		if m.dir == radosDir && o.ci { // what a build says that has no librados
			add("test no cgo", golang(m, []string{"CGO_ENABLED=0"}, "test", "./..."))
		}
		if o.ci {
			for _, p := range platforms {
				add(p.os+"/"+p.arch, cross(m, p))
			}
		}
	}
	return steps
}
