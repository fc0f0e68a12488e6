package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnreachable(t *testing.T) {
	for _, test := range []struct{ output, want string }{
		{"", ""},
		{"x.go:3:8: undefined: y\n", ""},
		{"go: downloading a v1.0.0\n  x.go:3:8: a@v1.0.0: Get \"https://proxy.example/a\": dial tcp: lookup proxy.example: no such host\n",
			"x.go:3:8: a@v1.0.0: Get \"https://proxy.example/a\": dial tcp: lookup proxy.example: no such host"},
		{"c/m_test.go:3:8: module lookup disabled by GOPROXY=off", "c/m_test.go:3:8: module lookup disabled by GOPROXY=off"},
		{"x.go:3:8: missing go.sum entry for module providing package y\n", ""},
		{"verifying a@v1.0.0: checksum mismatch\n\nSECURITY ERROR\n", ""},
		{"a@v9.9.9: invalid version: unknown revision v9.9.9\n", ""},
	} {
		if got := unreachable(test.output); got != test.want {
			t.Errorf("unreachable(%q)\n got %q\nwant %q", test.output, got, test.want)
		}
	}
}

func TestFormatted(t *testing.T) {
	root := t.TempDir()
	write := func(name, source string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(source), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	log := &job{step: &step{module: module{root: root, dir: "."}}}
	write("good.go", "package p\n\nvar x = 1\n")
	write("good.txt", "package  p")
	if r := formatted(t.Context(), log); r.outcome != passed || log.output() != "" {
		t.Fatalf("a tidy folder %v: %s", r, log.output())
	}
	write("wide.go", "package p\n\nvar  x = 1\n")
	write("broken.go", "package {\n")
	r := formatted(t.Context(), log)
	if r.outcome != failed || !strings.Contains(log.output(), "wide.go") || !strings.Contains(log.output(), "broken.go") {
		t.Errorf("an untidy folder %v: %s; want wide.go and broken.go named", r, log.output())
	}
	if strings.Contains(log.output(), "good") {
		t.Errorf("a tidy file is named: %s", log.output())
	}
}

func TestTestArgs(t *testing.T) {
	for _, test := range []struct {
		o    options
		want string
	}{
		{options{}, ""},
		{options{race: true}, "CGO_ENABLED=1 -race -timeout=30m"},
		{options{full: true}, "HOLDALL_FULL=1 -timeout=80m"},
		{options{full: true, ci: true}, "CGO_ENABLED=1 HOLDALL_FULL=1 -race -timeout=80m"},
	} {
		env, args := testArgs(test.o)
		if got := strings.Join(append(env, args...), " "); got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test.o, got, test.want)
		}
	}
}
