package main

import (
	"bytes"
	"errors"
	"fmt"
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
	var log bytes.Buffer
	write("good.go", "package p\n\nvar x = 1\n")
	write("good.txt", "package  p")
	if r := formatted(module{root: root, dir: "."})(t.Context(), &log); r.outcome != passed || log.Len() > 0 {
		t.Fatalf("a tidy folder %v: %s", r, &log)
	}
	write("wide.go", "package p\n\nvar  x = 1\n")
	write("broken.go", "package {\n")
	r := formatted(module{root: root, dir: "."})(t.Context(), &log)
	if r.outcome != failed || !strings.Contains(log.String(), "wide.go") || !strings.Contains(log.String(), "broken.go") {
		t.Errorf("an untidy folder %v: %s; want wide.go and broken.go named", r, &log)
	}
	if strings.Contains(log.String(), "good") {
		t.Errorf("a tidy file is named: %s", &log)
	}
}

func TestTestArgs(t *testing.T) {
	for _, test := range []struct {
		dir  string
		o    options
		race bool
		want string
	}{
		{".", options{}, false, "test ./..."},
		{".", options{race: true}, true, "CGO_ENABLED=1 test -race -timeout=30m ./..."},
		{".", options{full: true}, false, "HOLDALL_FULL=1 test -timeout=80m ./..."},
		{".", options{full: true, ci: true}, true, "CGO_ENABLED=1 HOLDALL_FULL=1 HOLDALL_REQUIRE=all test -race -timeout=80m ./..."},
		{serversDir, options{}, false, "test -count=1 -timeout=70m -short ./..."},
		{serversDir, options{ci: true}, true, "CGO_ENABLED=1 HOLDALL_REQUIRE=all test -race -count=1 -timeout=70m ./..."},
	} {
		args, env := testArgs(module{dir: test.dir}, test.o, test.race)
		if got := strings.Join(append(env, args...), " "); got != test.want {
			t.Errorf("%s, %+v, race %v:\n got %s\nwant %s", test.dir, test.o, test.race, got, test.want)
		}
	}
}

// What prepares the servers is shown as it goes. If it fails, its last line is the note.
func TestServers(t *testing.T) {
	for _, test := range []struct {
		name string
		body string // of the program
		o    options
		want result
		says string
	}{
		{"all is there", `fmt.Println("images to build: x")`, options{}, result{outcome: passed}, "images to build: x\n"},
		{"passed on", `fmt.Println(os.Args[1:])`, options{airgapped: true}, result{outcome: passed}, "[-airgapped]\n"},
		{"no engine", `fmt.Println("one\nstart one"); os.Exit(1)`, options{}, result{notRun, "start one"}, "one\nstart one\n"},
		{"no engine under -ci", `fmt.Println("one\nstart one"); os.Exit(1)`, options{ci: true}, result{failed, "start one"}, "one\nstart one\n"},
		{"says nothing", `os.Exit(1)`, options{}, result{notRun, "exit status 1"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			program := fmt.Sprintf("package main\nimport (\"fmt\"; \"os\")\nvar _, _ = fmt.Println, os.Exit\nfunc main() { %s }\n", test.body)
			if err := errors.Join(
				os.WriteFile(filepath.Join(root, "go.mod"), []byte("module m\ngo 1.26\n"), 0o666),
				os.Mkdir(filepath.Join(root, "prepare"), 0o777),
				os.WriteFile(filepath.Join(root, "prepare", "main.go"), []byte(program), 0o666),
			); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			if r := servers(module{root: root, dir: "."}, test.o)(t.Context(), newTranscript(&log)); r != test.want {
				t.Errorf("%+v, want %+v", r, test.want)
			}
			said := strings.ReplaceAll(log.String(), indent, "")
			if !strings.HasPrefix(said, test.says) {
				t.Errorf("shown is %q, want %q", said, test.says)
			}
		})
	}
}
