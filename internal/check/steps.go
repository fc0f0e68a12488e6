package main

import (
	"bytes"
	"context"
	"fmt"
	"go/format"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// discard is where go build puts a binary that nobody wants. Without it, a module with one command would leave that
// in its folder.
const discard = os.DevNull

// golang runs the go command, and passes if that does.
func golang(env []string, args ...string) action {
	return func(ctx context.Context, j *job) result {
		if err := j.command(ctx, env, j, j, args...); err != nil {
			return result{outcome: failed, note: err.Error()}
		}
		return result{outcome: passed}
	}
}

// prepare downloads what the packages of a module, and their tests, import. If that cannot be had, a module that is
// required fails, and any other is not run. Other errors in the packages are left to the steps that follow.
func prepare(required bool) action {
	return func(ctx context.Context, j *job) result {
		var problems bytes.Buffer
		j.command(ctx, nil, &problems, io.MultiWriter(&problems, j),
			"list", "-e", "-deps", "-test", "-f", "{{with .Error}}{{.}}{{end}}", "./...")
		why := unreachable(problems.String())
		if why == "" {
			return result{outcome: passed}
		}
		fmt.Fprintln(j, why)
		r := result{notRun, "dependencies cannot be downloaded; connect to the network, or set GOPROXY, and run this again"}
		if required {
			r.outcome = failed
		}
		return r
	}
}

// unreachable returns the first line of the go command's output that says that a server could not be reached, or "".
func unreachable(output string) string {
	signs := []string{
		"dial tcp", "no such host", "network is unreachable", "connection refused", "connection reset", "i/o timeout",
		"TLS handshake timeout", "proxyconnect", "x509:", "module lookup disabled by GOPROXY=off",
		"500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout",
	}
	for line := range strings.Lines(output) {
		if slices.ContainsFunc(signs, func(sign string) bool { return strings.Contains(line, sign) }) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func lastLine(output string) string {
	output = strings.TrimSpace(output)
	return output[strings.LastIndexByte(output, '\n')+1:]
}

// test runs the tests of a module. Those on servers, in the package at the top of their module, have steps of their own.
func test(o options, withoutTop bool) action {
	env, args := testArgs(o)
	return func(ctx context.Context, j *job) result {
		packages := []string{"./..."}
		if withoutTop {
			var err error
			if packages, err = below(j.module.path()); err != nil {
				return result{failed, err.Error()}
			}
		}
		return goTest(env, append(args, packages...)...)(ctx, j)
	}
}

// below returns patterns for the packages in the folders of dir.
func below(dir string) (patterns []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() && !ignored(e.Name()) {
			patterns = append(patterns, "./"+e.Name()+"/...")
		}
	}
	return patterns, err
}

// testArgs returns the environment and the arguments of go test, but for the packages.
func testArgs(o options) (env, args []string) {
	env = raceEnv(o)
	if o.raced() {
		args = append(args, "-race")
	}
	switch {
	case o.full:
		env, args = append(env, "HOLDALL_FULL=1"), append(args, "-timeout=80m")
	case o.raced():
		args = append(args, "-timeout=30m") // it takes the suite near the go command's ten minutes
	}
	return env, args
}

// raceEnv is the environment of a build with the race detector, which is C, where the options ask for that.
func raceEnv(o options) []string {
	if o.raced() {
		return []string{"CGO_ENABLED=1"}
	}
	return nil
}

// goTest runs go test with these arguments. What it vets by itself is left out, since the step "vet" does more.
func goTest(env []string, args ...string) action {
	return func(ctx context.Context, j *job) result {
		log := newTestLog(j)
		log.alone = func(t *testRun) string {
			flags := []string{"test", "-run", t.pattern()}
			for _, arg := range args {
				if arg == "-race" {
					flags = append(flags, arg)
				}
			}
			return shellCommand(j.module, env, append(flags, t.pkg))
		}
		return log.result(j.command(ctx, env, log, j, append([]string{"test", "-json", "-vet=off"}, args...)...))
	}
}

// cross builds and vets a module, tests included, for a platform without cgo. For one that is not this machine's, nothing
// that it imports is in the go command's cache the first time; without optimization, compiling all that takes less time.
func cross(p platform) action {
	env := []string{"CGO_ENABLED=0", "GOOS=" + p.os, "GOARCH=" + p.arch}
	var quick []string
	if p != (platform{runtime.GOOS, runtime.GOARCH}) {
		quick = []string{"-gcflags=all=-N -l"}
	}
	build := golang(env, slices.Concat([]string{"build", "-o", discard}, quick, []string{"./..."})...)
	vet := golang(env, slices.Concat([]string{"vet"}, quick, []string{"./..."})...)
	return func(ctx context.Context, j *job) result {
		if r := build(ctx, j); r.outcome != passed {
			return r
		}
		return vet(ctx, j)
	}
}

// formatted names the files that gofmt would change, in all modules below that of the step.
func formatted(ctx context.Context, j *job) result {
	r := result{outcome: passed}
	err := walk(j.module.path(), func(path string) error {
		if filepath.Ext(path) != ".go" {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if want, err := format.Source(source); err != nil || !bytes.Equal(source, want) {
			r = result{failed, "run: gofmt -l -w ."}
			name, _ := filepath.Rel(j.module.root, path)
			fmt.Fprintln(j, "not as gofmt writes it:", filepath.ToSlash(name))
		}
		return ctx.Err()
	})
	if err != nil {
		return result{failed, err.Error()}
	}
	return r
}
