package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/conformance/providers"
	"github.com/holdall-go/holdall/conformance/providers/images"
)

// What is built is kept: the next time there is nothing to do.
func TestSecondTimeDoesNothing(t *testing.T) {
	pool, err := providers.Engine()
	if err != nil {
		t.Skip("not run: no Docker engine answers:", err)
	}
	if missing, err := images.Missing(pool.Client); err != nil || len(missing) > 0 {
		t.Skipf("not run: it takes the images of %q: go -C conformance/providers run ./prepare (%v)", missing, err)
	}
	if err := providers.InstallVersitygw(t.Context(), os.Stderr); err != nil {
		t.Skip("not run:", err)
	}
	var log bytes.Buffer
	if err := prepare(t.Context(), false, &log); err != nil || log.Len() > 0 {
		t.Errorf("error %v, log\n%s", err, &log)
	}
}

// Without an engine the last line says so, and what would help.
func TestWithoutEngine(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "run", ".")
	// Whether versitygw can be built does not matter here, so that is not tried for long.
	cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+t.TempDir()+"/none.sock", "GOPROXY=off")
	out, err := cmd.Output()
	if err == nil {
		t.Fatalf("it passes:\n%s", out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, "no Docker engine answers") || !strings.Contains(last, "DOCKER_HOST") {
		t.Errorf("the last line is %q", last)
	}
}
