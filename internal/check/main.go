// Command check prepares what is missing, then builds, vets and tests every module of the repository.
//
//	go run ./internal/check          what a newcomer runs: build, vet and test each module
//	go run ./internal/check -race    the same, with the race detector (it needs a C compiler)
//	go run ./internal/check -full    the same, with the long tier of the conformance suite
//	go run ./internal/check -ci      everything that guards a change; .ci/run calls this
//
// Steps that do not depend on each other run side by side: the tests on servers mostly wait, so they run beside the steps
// that compute. What a step writes is printed when it ends; until then a line now and then says which steps are running.
// The end says which steps and tests took longest, and repeats what failed, with the command that runs it alone.
//
// The suite also runs against real servers, in Docker. Their images are built the first time, which takes about ten
// minutes; where the engine reaches no registry to begin them with, -airgapped makes the base images on this machine.
//
// Where librados is installed, drivers/ceph is built with it and tested on a cluster.
//
// A nested module whose dependencies cannot be downloaded, and a server that cannot run here, is "not run", with the
// reason and what would help; under -ci that is a failure.
// The exit status is 0 if everything that ran passed, 1 if a step failed, 2 for a wrong argument.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() { os.Exit(check(os.Args[1:], os.Stdout, os.Stderr)) }

func check(args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.race, "race", false, "run the tests with the race detector")
	flags.BoolVar(&o.ci, "ci", false, "run everything that guards a change")
	flags.BoolVar(&o.full, "full", false, "run the long tier of the tests")
	flags.BoolVar(&o.airgapped, "airgapped", false,
		"make the base images of the servers on this machine, whose Docker engine reaches no registry; it needs root and Debian")
	only := flags.String("module", "", "check one module alone, named by its `folder` (. is the root)")
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "check: unexpected argument %q; there are only flags\n", flags.Arg(0))
		return 2
	}

	modules, err := findModules(".")
	if err == nil && *only != "" {
		modules, err = oneModule(modules, *only)
	}
	if err != nil {
		fmt.Fprintln(stderr, "check:", err)
		return 2
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	names := make([]string, len(modules))
	for i, m := range modules {
		names[i] = m.name()
	}
	withLibrados(ctx, stdout)
	temp, err := os.MkdirTemp("", "holdall-check-")
	if err != nil {
		fmt.Fprintln(stderr, "check:", err)
		return 1
	}
	defer os.RemoveAll(temp)
	steps := plan(o, modules, temp)
	fmt.Fprintf(stdout, "%d steps; modules: %s\n", len(steps), strings.Join(names, ", "))
	began := time.Now()
	reports := run(ctx, steps, stdout)
	status := summarize(stdout, reports, time.Since(began))
	if ctx.Err() != nil {
		fmt.Fprintln(stdout, "interrupted")
		return 1
	}
	return status
}
