package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"go/format"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// discard is where go build puts a binary that nobody wants. Without it, a module with one command would leave that
// in its folder.
const discard = os.DevNull

// golang runs the go command in a module, and passes if that does.
func golang(m module, env []string, args ...string) action {
	return func(ctx context.Context, log io.Writer) result {
		if err := command(ctx, m, env, log, log, args...); err != nil {
			return result{outcome: failed, note: err.Error()}
		}
		return result{outcome: passed}
	}
}

// prepare downloads what the packages of a module, and their tests, import. If that cannot be had, a module that is
// required fails, and any other is not run. Other errors in the packages are left to the steps that follow.
func prepare(m module, required bool) action {
	return func(ctx context.Context, log io.Writer) result {
		var problems bytes.Buffer
		command(ctx, m, nil, &problems, io.MultiWriter(&problems, log),
			"list", "-e", "-deps", "-test", "-f", "{{with .Error}}{{.}}{{end}}", "./...")
		why := unreachable(problems.String())
		if why == "" {
			return result{outcome: passed}
		}
		fmt.Fprintln(log, why)
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

// servers builds what the module's tests need to start their servers, unless it is there: it takes minutes the first
// time, which no limit of go test is meant for. Without it the tests leave out the servers that cannot run, so this is
// not run rather than failed, except under -ci.
func servers(m module, o options) action {
	args := []string{"run", "./prepare"}
	if o.airgapped {
		args = append(args, "-airgapped")
	}
	return func(ctx context.Context, log io.Writer) result {
		var said, complaint bytes.Buffer
		err := command(ctx, m, nil, io.MultiWriter(&said, log), &complaint, args...)
		log.Write(complaint.Bytes()) // of the go command
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

func lastLine(output string) string {
	output = strings.TrimSpace(output)
	return output[strings.LastIndexByte(output, '\n')+1:]
}

// test runs the tests of a module.
func test(m module, o options, race bool) action {
	args, env := testArgs(m, o, race)
	return golang(m, env, args...)
}

// testArgs is how the go command is told to test a module.
func testArgs(m module, o options, race bool) (args, env []string) {
	args = []string{"test"}
	if race {
		args, env = append(args, "-race"), append(env, "CGO_ENABLED=1") // the detector is C
	}
	if m.dir == serversDir {
		args = append(args, "-count=1") // the go command cannot tell whether the engine is the one of an earlier result
	}
	switch {
	case o.full && m.dir == serversDir:
		args, env = append(args, "-timeout=4h"), append(env, "HOLDALL_FULL=1")
	case o.full:
		args, env = append(args, "-timeout=80m"), append(env, "HOLDALL_FULL=1")
	case m.dir == serversDir:
		args = append(args, "-timeout=70m") // the servers, one after the other, on a machine that may be busy
		if !o.ci {
			args = append(args, "-short") // each store once, but Swift, which takes as long as all the others
		}
	case race:
		args = append(args, "-timeout=30m") // it takes the suite near the go command's ten minutes
	}
	if o.ci {
		env = append(env, "HOLDALL_REQUIRE=all") // a server that cannot start is a failure, not a reason to skip
	}
	return append(args, "./..."), env
}

// cross builds and vets a module, tests included, for another platform.
func cross(m module, p platform) action {
	env := []string{"CGO_ENABLED=0", "GOOS=" + p.os, "GOARCH=" + p.arch}
	build := golang(m, env, "build", "-o", discard, "./...")
	vet := golang(m, env, "vet", "./...")
	return func(ctx context.Context, log io.Writer) result {
		if r := build(ctx, log); r.outcome != passed {
			return r
		}
		return vet(ctx, log)
	}
}

// formatted names the files that gofmt would change, in all modules below m.
func formatted(m module) action {
	return func(ctx context.Context, log io.Writer) result {
		r := result{outcome: passed}
		err := walk(m.path(), func(path string) error {
			if filepath.Ext(path) != ".go" {
				return nil
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if want, err := format.Source(source); err != nil || !bytes.Equal(source, want) {
				r = result{failed, "run: gofmt -l -w ."}
				name, _ := filepath.Rel(m.root, path)
				fmt.Fprintln(log, "not as gofmt writes it:", filepath.ToSlash(name))
			}
			return ctx.Err()
		})
		if err != nil {
			return result{failed, err.Error()}
		}
		return r
	}
}
