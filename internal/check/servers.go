package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// This file plans the tests that run against real servers, which wait for most of their time. They are built once and run
// in groups, several at the same time, each in a process of its own: cases of the suite look for goroutines and files
// that a call has left open, and would see those of another store.

// serversDir is the module whose tests, in the package at its top, run against real servers.
const serversDir = "conformance/providers"

// perStore are the tests that have a subtest for each store. Any other test runs where its name belongs, or with the
// stores that need no server.
var perStore = []string{
	"TestConformance", "TestCustomerKey", "TestDrivertest", "TestGuarded", "TestIdentities", "TestKeysAsWritten",
	"TestKilledWriters", "TestNative", "TestPortable", "TestServersListenToThisMachineOnly", "TestVersions",
}

// A group is the part of the tests that one process runs.
type group struct {
	name string
	run  string // the tests as go test's -run takes them, or "" for all
	skip string // and those among them to leave out, as -skip takes them
}

// groups are disjoint, and together they are all tests: the last one leaves out exactly what the others run. Those that
// take longest are first.
func groups() []group {
	var all []group
	var runs []string
	for _, store := range []string{"swift", "ceph", "minio", "rados", "versitygw", "b2"} {
		run := "^(" + strings.Join(perStore, "|") + ")$/^" + store + "$"
		if store == "rados" || store == "b2" { // they have tests of their own
			run += "|^Test" + strings.ToUpper(store)
		}
		all = append(all, group{name: store, run: run})
		runs = append(runs, run)
	}
	return append(all, group{name: "local stores", skip: strings.Join(runs, "|")})
}

// servers adds the tests on servers and what they need.
func (p *planner) servers(m module, prepared *step, temp string) {
	binary := filepath.Join(temp, "providers.test.exe") // only Windows needs the ending
	add := func(s *step) *step {
		s.module = m
		return p.add(s)
	}
	compile := add(&step{name: "compile tests", after: []*step{prepared}, gate: true, run: compileTests(p.o, binary)})
	images := add(&step{name: "images", lane: waiting, after: []*step{prepared}, run: images(p.o)})
	var tests []*step
	logs := make([]*testLog, len(groups()))
	for i, g := range groups() {
		tests = append(tests, add(&step{
			name: testName(p.o) + " " + g.name, lane: waiting, after: []*step{compile, images}, gate: true,
			run: func(ctx context.Context, j *job) result {
				r := testGroup(ctx, j, p.o, binary, g)
				logs[i] = j.tests
				return r
			},
		}))
	}
	add(&step{name: "every test ran", after: tests, run: func(ctx context.Context, j *job) result {
		return everyTest(ctx, j, binary, logs)
	}})
}

// images builds the images of the servers that are missing: it takes minutes the first time, which no limit of go test is
// meant for. Without them the tests leave out the servers that cannot run, so this is not run rather than failed, except
// under -ci.
func images(o options) action {
	args := prepareArgs(o)
	return func(ctx context.Context, j *job) result {
		var said, complaint bytes.Buffer
		err := j.command(ctx, nil, io.MultiWriter(&said, j), &complaint, args...)
		j.Write(complaint.Bytes()) // of the go command
		if err == nil {
			return result{outcome: passed}
		}
		// The last line says what is missing, and what would help.
		r := result{notRun, cmp.Or(lastLine(said.String()), err.Error())}
		if o.ci || ctx.Err() != nil {
			r.outcome = failed
		}
		return r
	}
}

func prepareArgs(o options) []string {
	if o.airgapped {
		return []string{"run", "./prepare", "-airgapped"}
	}
	return []string{"run", "./prepare"}
}

func compileTests(o options, binary string) action {
	args := []string{"test", "-c", "-o", binary}
	if o.raced() {
		args = append(args, "-race")
	}
	return golang(raceEnv(o), args...)
}

// testGroup runs a group of the tests.
func testGroup(ctx context.Context, j *job, o options, binary string, g group) result {
	env, args := groupArgs(o, g)
	log := newTestLog(j)
	log.alone = func(t *testRun) string {
		flags := []string{"test", "-run", t.pattern()}
		if o.raced() {
			flags = append(flags, "-race")
		}
		if !o.full && !o.ci {
			flags = append(flags, "-short")
		}
		return shellCommand(j.module, nil, prepareArgs(o)) + " && " + shellCommand(j.module, env, append(flags, "."))
	}
	err := j.command(ctx, env, log, j, append([]string{"tool", "test2json", "-t", "-p", j.module.name(), binary}, args...)...)
	return log.result(err)
}

// groupArgs returns the environment and the arguments of the test binary.
func groupArgs(o options, g group) (env, args []string) {
	args = []string{"-test.v=test2json", "-test.paniconexit0"}
	if g.run != "" {
		args = append(args, "-test.run="+g.run)
	}
	if g.skip != "" {
		args = append(args, "-test.skip="+g.skip)
	}
	switch {
	case o.full:
		env, args = append(env, "HOLDALL_FULL=1"), append(args, "-test.timeout=4h")
	case o.ci:
		args = append(args, "-test.timeout=60m") // beside other work, on a machine that may be busy
	default:
		args = append(args, "-test.timeout=60m", "-test.short") // each store once, but Swift, which takes as long as all the others
	}
	if o.ci {
		env = append(env, "HOLDALL_REQUIRE=all") // a server that cannot start is a failure, not a reason to skip
	}
	return env, args
}

// everyTest checks that the groups have left out no test, and have run none twice.
func everyTest(ctx context.Context, j *job, binary string, logs []*testLog) result {
	var listed bytes.Buffer
	if err := j.run(ctx, nil, &listed, j, binary, "-test.list=."); err != nil {
		return result{failed, err.Error()}
	}
	wrong := miscounted(strings.Fields(listed.String()), logs)
	for _, w := range wrong {
		fmt.Fprintln(j, w)
	}
	if len(wrong) > 0 {
		return result{failed, "correct the groups in internal/check/servers.go"}
	}
	return result{outcome: passed}
}

// miscounted says which of the listed tests did not run at all, and which tests without subtests ran more than once. The
// tests of perStore run in each group, and are counted by their subtests.
func miscounted(listed []string, logs []*testLog) (wrong []string) {
	ran := map[string]int{}
	for _, l := range logs {
		for _, t := range l.tests {
			if !t.parent && !slices.Contains(perStore, t.name) {
				ran[t.name]++
			} else {
				ran[t.name] = 1
			}
		}
	}
	for _, name := range listed {
		if ran[name] == 0 && !strings.HasPrefix(name, "Benchmark") {
			wrong = append(wrong, name+" ran in no group")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ran)) {
		if ran[name] > 1 {
			wrong = append(wrong, fmt.Sprintf("%s ran in %d groups", name, ran[name]))
		}
	}
	return wrong
}
