package providers_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/holdall-go/holdall/conformance/providers"
)

var (
	bucketURL   = flag.String("url", "", "run the suite on the bucket of this `URL`, in a prefix of its own, and on nothing else")
	writeMatrix = flag.Bool("matrix", false, "run the default tier everywhere, and write conformance/MATRIX.md")
)

// TestMain removes the servers in the end, also when it is interrupted. For a child that writes until it is killed, it is
// all that runs.
func TestMain(m *testing.M) {
	if to := os.Getenv(killedWriter); to != "" {
		writeUntilKilled(to, os.Getenv("HOLDALL_KILLED_ROUND"))
		os.Exit(1)
	}
	flag.Parse()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		providers.Purge()
		os.Exit(1)
	}()
	status := m.Run()
	if err := providers.Purge(); err != nil {
		fmt.Fprintln(os.Stderr, "removing the servers:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

// serve returns the server, or skips the test with the reason why there is none here, and what would help. Where it is
// required, that is a failure. The servers of the other subtests that will run start at the same time, and serve waits for
// them too: a case that looks for leaks would take what starts meanwhile for one.
func serve(t *testing.T, p *providers.Provider) *providers.Server {
	t.Helper()
	var starting sync.WaitGroup
	for _, other := range providers.S3() {
		if selected(other.Name) {
			starting.Go(func() { other.Start(t.Context()) })
		}
	}
	starting.Wait()
	s := started(t, p)
	for name, value := range s.Environment() {
		t.Setenv(name, value)
	}
	return s
}

// serveB2 is serve for the server of B2.
func serveB2(t *testing.T) *providers.Server {
	t.Helper()
	if *bucketURL != "" {
		t.Skip("not run: -url names the one store to test")
	}
	s := started(t, providers.B2)
	for name, value := range s.B2Environment() {
		t.Setenv(name, value)
	}
	return s
}

// started returns the server, or skips the test of one that cannot run here.
func started(t *testing.T, p *providers.Provider) *providers.Server {
	t.Helper()
	required, err := p.Required()
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Start(t.Context())
	var unavailable *providers.Unavailable
	switch {
	case errors.As(err, &unavailable) && !required:
		t.Skip("not run:", err)
	case err != nil:
		t.Fatal(err)
	}
	return s
}

// selected tells whether -run lets the subtest of a server run, so that it is worth starting. It is a guess: where it
// errs, the server starts later, or in vain.
func selected(name string) bool {
	run := flag.Lookup("test.run").Value.String()
	parts := strings.Split(run, "/")
	if len(parts) < 2 {
		return true
	}
	matched, err := regexp.MatchString(parts[1], name)
	return matched || err != nil
}

// each runs a test on every server that speaks S3's protocol.
func each(t *testing.T, test func(t *testing.T, s *providers.Server)) {
	if *bucketURL != "" {
		t.Skip("not run: -url names the one store to test")
	}
	for _, p := range providers.S3() {
		t.Run(p.Name, func(t *testing.T) { test(t, serve(t, p)) })
	}
}
