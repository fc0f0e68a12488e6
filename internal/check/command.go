package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// grace is how long an interrupted command may take to clean up before it is killed.
const grace = 10 * time.Second

// command runs the go command in a module by itself: as a user's go get would build it, without a workspace, and
// without changing its go.mod. When ctx ends the command and all that it started are interrupted, then killed.
func command(ctx context.Context, m module, env []string, stdout, stderr io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = m.path()
	cmd.Env = append(environment(os.Environ()), env...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = grace
	ownGroup(cmd)
	defer killGroup(cmd)
	return cmd.Run()
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
