package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// withLibrados has every command build drivers/ceph for a cluster, if this machine has what that takes, and says so if
// not. Builds without cgo, such as those for other platforms, are as they were.
func withLibrados(ctx context.Context, stdout io.Writer) {
	if !compiles(ctx, "#include <rados/librados.h>\n") {
		fmt.Fprintln(stdout, "no librados, so drivers/ceph is checked without a cluster (on Debian: apt-get install gcc librados-dev)")
		return
	}
	os.Setenv("GOFLAGS", strings.TrimSpace(os.Getenv("GOFLAGS")+" -tags=ceph"))
}

// compiles tells whether cgo can compile this C.
func compiles(ctx context.Context, source string) bool {
	out, err := exec.CommandContext(ctx, "go", "env", "CGO_ENABLED", "CC").Output()
	enabled, cc, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil || enabled != "1" || cc == "" {
		return false
	}
	name := strings.Fields(cc)
	cmd := exec.CommandContext(ctx, name[0], append(name[1:], "-x", "c", "-fsyntax-only", "-")...)
	cmd.Stdin = strings.NewReader(source)
	return cmd.Run() == nil
}
