package main

import (
	"context"
)

// options are the flags.
type options struct {
	race bool // test with the race detector
	ci   bool // everything, and what cannot run is a failure
	full bool // the long tier of the tests

	airgapped bool // base images for the servers are made on this machine
}

// raced reports whether the tests run with the race detector.
func (o options) raced() bool { return o.race || o.ci }

// A step is one thing that is done to one module.
type step struct {
	name   string
	module module
	lane   lane
	after  []*step // it starts when these have ended
	gate   bool    // unless it passes, what comes after it is never started
	run    action
}

// title is the name of the step among those of all modules.
func (s *step) title() string { return s.module.name() + ": " + s.name }

// An action does the work of a step. It writes to its job what a reader should see.
type action func(ctx context.Context, j *job) result

// A lane is what a step takes most of, which limits how many run at the same time.
type lane int

const (
	computing lane = iota // it keeps the processors busy by itself
	waiting               // it mostly waits, for servers or for downloads
)

// How many steps of a lane run at the same time.
const (
	computingAtOnce = 1
	waitingAtOnce   = 3
)

// platforms are what every module must build for without cgo, tests included.
var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

type platform struct{ os, arch string }

// radosDir is the module that builds with librados or without it.
const radosDir = "drivers/ceph"

// A planner collects the steps of a run.
type planner struct {
	o     options
	steps []*step
}

func (p *planner) add(s *step) *step {
	p.steps = append(p.steps, s)
	return s
}

// plan lists the steps, the most urgent first. The tests on servers take longest and mostly wait, so what they need is made
// first, and the other modules are checked beside them. The tests of the servers are built into the folder temp.
func plan(o options, modules []module, temp string) []*step {
	p := &planner{o: o}
	if o.ci {
		p.add(&step{name: "gofmt", module: module{root: modules[0].root, dir: "."}, run: formatted})
	}
	prepared := map[module]*step{}
	for _, m := range modules {
		if m.dir == serversDir {
			prepared[m] = p.prepare(m)
			p.servers(m, prepared[m], temp)
		}
	}
	for _, m := range modules {
		if m.dir != serversDir {
			p.checks(m, p.prepare(m))
		}
	}
	for m, step := range prepared {
		p.checks(m, step)
	}
	return p.steps
}

// prepare adds the step that all others of a module come after.
func (p *planner) prepare(m module) *step {
	return p.add(&step{name: "prepare", module: m, lane: waiting, gate: true, run: prepare(p.o.ci || m.dir == ".")})
}

// checks adds what is done to each module, what fails soonest first.
func (p *planner) checks(m module, prepared *step) {
	after := []*step{prepared}
	add := func(name string, run action) *step {
		return p.add(&step{name: name, module: m, after: after, run: run})
	}
	if p.o.ci {
		add("tidy", golang(nil, "mod", "tidy", "-diff"))
	}
	build := add("build", golang(nil, "build", "-o", discard, "./..."))
	build.gate = true
	after = []*step{build}
	add("vet", golang(nil, "vet", "./..."))
	if p.o.ci {
		add("staticcheck", golang(nil, "run", staticcheck, "./..."))
		add("govulncheck", vulnerabilities)
	}
	add(testName(p.o), test(p.o, m.dir == serversDir))
	if p.o.ci && m.dir == "." { // the race detector allocates too
		add("test allocations", goTest(nil, "-run=Alloc", "./..."))
	}
	if p.o.ci && m.dir == radosDir { // what a build says that has no librados
		add("test no cgo", goTest([]string{"CGO_ENABLED=0"}, "./..."))
	}
	if p.o.ci {
		for _, to := range platforms {
			add(to.os+"/"+to.arch, cross(to))
		}
	}
}

func testName(o options) string {
	if o.raced() {
		return "test -race"
	}
	return "test"
}
