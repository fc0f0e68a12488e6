package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// This file runs the commands of a step, and keeps what they print and what they use.

// grace is how long an interrupted command may take to clean up before it is killed.
const grace = 10 * time.Second

// niceness is how much lower the priority of a step that computes is.
const niceness = "10"

// A job is a step that runs or has run. What is written to it is kept, and printed when the step ends. Many goroutines
// may write to it.
type job struct {
	*step
	began time.Time
	cpu   time.Duration // of the commands that have ended, without containers
	tests *testLog      // of the tests that it ran, or nil
	again string        // the command that failed, for a shell in the repository's root, or ""

	mu      sync.Mutex
	written bytes.Buffer
	doing   string // what a heartbeat shows
}

func (j *job) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range bytes.Lines(p) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			j.doing = string(line)
		}
	}
	return j.written.Write(p)
}

// progress has the heartbeat show what the step is doing.
func (j *job) progress(doing string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.doing = doing
}

// lastLine returns what the step is doing: its last line of output, or what it has given to progress since.
func (j *job) lastLine() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.doing
}

func (j *job) output() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.written.String()
}

// command runs the go command, as run does.
func (j *job) command(ctx context.Context, env []string, stdout, stderr io.Writer, args ...string) error {
	err := j.run(ctx, env, stdout, stderr, "go", args...)
	if err != nil {
		j.again = shellCommand(j.module, env, args)
	}
	return err
}

// run runs a program in the step's module by itself: as a user's go get would build it, without a workspace, and without
// changing its go.mod. A step that computes gives way to those that wait, whose cases limit how long a server may take,
// where the system has the command nice. When ctx ends, the program and all that it started are interrupted, then killed.
func (j *job) run(ctx context.Context, env []string, stdout, stderr io.Writer, program string, args ...string) error {
	if nice, err := exec.LookPath("nice"); err == nil && j.lane == computing {
		program, args = nice, append([]string{"-n", niceness, program}, args...)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = j.module.path()
	cmd.Env = append(environment(os.Environ()), env...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = grace
	ownGroup(cmd)
	defer killGroup(cmd)
	err := cmd.Run()
	if s := cmd.ProcessState; s != nil {
		j.cpu += s.UserTime() + s.SystemTime()
	}
	return err
}

// environment adds to base what every command needs. Without -buildvcs=false a checkout that belongs to another user
// would not build.
func environment(base []string) []string {
	flags := "-mod=readonly -buildvcs=false"
	for _, e := range base {
		if v, ok := strings.CutPrefix(e, "GOFLAGS="); ok && v != "" {
			flags = v + " " + flags
		}
	}
	return append(base, "GOWORK=off", "GOFLAGS="+flags)
}

// shellCommand returns how to run the go command with these arguments in a module, from the root of the repository.
func shellCommand(m module, env, args []string) string {
	words := slices.Clone(env)
	if flags := os.Getenv("GOFLAGS"); flags != "" {
		words = append(words, "GOFLAGS="+flags)
	}
	words = append(words, "go")
	if m.dir != "." {
		words = append(words, "-C", m.dir)
	}
	words = append(words, args...)
	for i, w := range words {
		words[i] = quote(w)
	}
	return strings.Join(words, " ")
}

// quote quotes a word for a shell, if it needs that.
func quote(word string) string {
	special := func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-", r)
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	name, value, assigns := strings.Cut(word, "=")
	if assigns && !strings.ContainsFunc(name, special) { // a shell knows an assignment by its name without quotes
		return name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
