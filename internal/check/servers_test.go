package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGroupArgs(t *testing.T) {
	for _, test := range []struct {
		o    options
		g    group
		want string
	}{
		{options{}, group{run: "^A$"}, "-test.run=^A$ -test.timeout=60m -test.short"},
		{options{ci: true}, group{skip: "^A$|^B$"}, "HOLDALL_REQUIRE=all -test.skip=^A$|^B$ -test.timeout=60m"},
		{options{ci: true, full: true}, group{run: "^A$"}, "HOLDALL_FULL=1 HOLDALL_REQUIRE=all -test.run=^A$ -test.timeout=4h"},
	} {
		env, args := groupArgs(test.o, test.g)
		got := strings.Join(append(env, args...), " ")
		if got = strings.Replace(got, "-test.v=test2json -test.paniconexit0 ", "", 1); got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test.o, got, test.want)
		}
	}
}

// The tests that have a subtest for each server are those that the groups name. Otherwise the group of the local stores
// would run them on all servers, one after the other.
func TestPerStoreIsComplete(t *testing.T) {
	files, err := filepath.Glob("../../conformance/providers/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var got []string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain" && startsServers(f) {
				got = append(got, f.Name.Name)
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, perStore) {
		t.Errorf("\n got %q\nwant %q", got, perStore)
	}
}

// startsServers reports whether a test has subtests for the servers: it calls each, or has a subtest named b2.
func startsServers(f *ast.FuncDecl) (does bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			does = does || fun.Name == "each"
		case *ast.SelectorExpr:
			if fun.Sel.Name == "Run" && len(call.Args) > 0 {
				name, ok := call.Args[0].(*ast.BasicLit)
				does = does || ok && name.Value == `"b2"`
			}
		}
		return true
	})
	return does
}

// Each test and subtest is in one group: the testing package itself says so, of tests with the names of ours.
func TestGroupsAreDisjointAndComplete(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program")
	}
	root := t.TempDir()
	source := `package m
import "testing"
func stores(t *testing.T) {
	for _, s := range []string{"mem", "ceph", "minio", "swift", "versitygw", "b2", "rados", "new"} {
		t.Run(s, func(t *testing.T) { t.Run("A", func(t *testing.T) { t.Run("A01", func(*testing.T) {}) }) })
	}
}
func TestB2Names(*testing.T) {}
func TestRADOSPaused(*testing.T) {}
func TestB2(t *testing.T) { stores(t) }
func TestOther(t *testing.T) { stores(t) }
func TestMatrixIsRead(*testing.T) {}
`
	for _, name := range perStore {
		source += "func " + name + "(t *testing.T) { stores(t) }\n"
	}
	if err := errors.Join(
		os.WriteFile(filepath.Join(root, "go.mod"), []byte("module m\ngo 1.26\n"), 0o666),
		os.WriteFile(filepath.Join(root, "m_test.go"), []byte(source), 0o666),
	); err != nil {
		t.Fatal(err)
	}
	s := &step{module: module{root: root, dir: "."}}
	binary := filepath.Join(root, "m.test.exe")
	if r := compileTests(options{}, binary)(t.Context(), &job{step: s}); r.outcome != passed {
		t.Fatal(r)
	}
	var logs []*testLog
	ran := map[string]int{}
	for _, g := range groups() {
		j := &job{step: s}
		if r := testGroup(t.Context(), j, options{}, binary, g); r.outcome != passed {
			t.Fatalf("%s: %v\n%s", g.name, r, j.output())
		}
		logs = append(logs, j.tests)
		for _, l := range j.tests.leaves() {
			ran[l.name]++
			if on := strings.Split(l.name, "/"); slices.Contains(perStore, on[0]) && on[1] != g.name && (g.name != "local stores" || on[1] != "mem" && on[1] != "new") {
				t.Errorf("%s ran in group %s", l.name, g.name)
			}
		}
	}
	if want := 3 + 8*(2+len(perStore)); len(ran) != want {
		t.Errorf("%d tests ran, want %d", len(ran), want)
	}
	for name, n := range ran {
		if n != 1 {
			t.Errorf("%s ran %d times", name, n)
		}
	}
	if r := everyTest(t.Context(), &job{step: s}, binary, logs); r.outcome != passed {
		t.Error(r)
	}
	j := &job{step: s}
	r := everyTest(t.Context(), j, binary, append(logs[:2:2], logs[0], logs[6]))
	if want := "TestB2Names ran in no group\nTestRADOSPaused ran in no group\nTestB2 ran in no group\nTestConformance/swift/A/A01 ran in 2 groups\n"; r.outcome != failed || !strings.HasPrefix(j.output(), want) {
		t.Errorf("%v\n%s", r, j.output())
	}
}

// What builds the images is shown. If it fails, its last line is the note.
func TestImages(t *testing.T) {
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
			j := &job{step: &step{module: module{root: root, dir: "."}}}
			if r := images(test.o)(t.Context(), j); r != test.want {
				t.Errorf("%+v, want %+v", r, test.want)
			}
			if !strings.HasPrefix(j.output(), test.says) {
				t.Errorf("it writes %q, want %q", j.output(), test.says)
			}
		})
	}
}
