package holdall_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// These tests hold the architecture: which package may know which, what importing holdall brings into a program, and
// that each nested module builds as a user's go get would build it.

const root = "github.com/holdall-go/holdall"

// arrows says which rooms the packages of a room may import, besides their own. They point one way: examples to acl and
// transfer, those to blob, and drivers to blob; conformance to blob and acl. Each folder of drivers is a room of its
// own, so no driver imports another, and what two share is in internal. A room is a folder and what lies below it, up to
// the next room.
var arrows = map[string][]string{
	".":                     {}, // the front door is documentation
	"blob":                  {"internal"},
	"blob/transfer":         {"blob", "internal"},
	"acl":                   {"blob", "internal"},
	"drivers":               {"blob", "internal"},
	"conformance":           {"blob", "acl", "internal"},
	"conformance/model":     {"blob", "acl", "conformance", "internal"},
	"conformance/providers": {"blob", "blob/transfer", "acl", "conformance", "drivers", "internal"},
	// It has what tests of gocloud.dev's and of ours share, and only tests import it.
	"drivers/gocdk/gocdktest": {"blob", "conformance", "drivers"},
	"examples":                {"blob", "blob/transfer", "acl", "drivers"}, // people copy them, and cannot copy internal
	"bench":                   {"blob", "blob/transfer", "acl", "drivers", "internal"},
	"internal":                {"blob"},
}

// What the packages of the root module may import beside the standard library, and what its tests may.
var (
	dependencies     = []string{"golang.org/x/sys"}
	testDependencies = []string{"golang.org/x/sys", "github.com/google/go-cmp"}
)

// A source is what the rules see of a Go file.
type source struct {
	file    string // below the root, with slashes
	nested  bool   // in a nested module
	imports []string
}

func (s source) dir() string  { return path.Dir(s.file) }
func (s source) isTest() bool { return strings.HasSuffix(s.file, "_test.go") }

// forbidden returns why a file may not import a package, or "". A test may import more of holdall than what it tests
// may, but not examples.
func forbidden(s source, imported string) string {
	if dir, ours := inTree(imported); ours {
		from, to := room(s.dir()), room(dir)
		switch {
		case from == "" || to == "":
			return "the room is not in the table of arrows"
		case from == to:
			return ""
		case to == "examples":
			return "nothing imports examples"
		case s.isTest() || slices.Contains(arrows[row(from)], row(to)):
			return ""
		}
		return "the arrows do not lead from " + from + " to " + to
	}
	allowed := dependencies
	if s.isTest() {
		allowed = testDependencies
	}
	if s.nested || isStandard(imported) || slices.ContainsFunc(allowed, func(m string) bool { return below(imported, m) }) {
		return ""
	}
	return "the root module depends on nothing but the standard library and " + strings.Join(allowed, ", ")
}

// room returns the room that a folder belongs to, or "" if the table has none for it.
func room(dir string) string {
	for d := dir; d != "."; d = path.Dir(d) {
		if _, known := arrows[d]; known || path.Dir(d) == "drivers" {
			return d
		}
	}
	if dir == "." {
		return "."
	}
	return ""
}

// row returns the room's row in the table.
func row(room string) string {
	if path.Dir(room) == "drivers" {
		return "drivers"
	}
	return room
}

// inTree returns the folder of a package of holdall.
func inTree(imported string) (dir string, ok bool) {
	if !below(imported, root) {
		return "", false
	}
	return path.Join(".", strings.TrimPrefix(strings.TrimPrefix(imported, root), "/")), true
}

func below(p, parent string) bool { return p == parent || strings.HasPrefix(p, parent+"/") }

func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return imported != "C" && !strings.Contains(first, ".")
}

func TestImportsFollowTheArrows(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			if why := forbidden(s, imported); why != "" {
				t.Errorf("%s imports %s: %s", s.file, imported, why)
			}
		}
	}
}

func TestBadImportsAreSeen(t *testing.T) {
	for _, test := range []struct {
		file, imported string
		nested, bad    bool
	}{
		{"blob/open.go", "net/url", false, false},
		{"blob/open.go", root + "/internal/keyspace", false, false},
		{"blob/open.go", root + "/acl", false, true},
		{"blob/open.go", root + "/drivers/mem", false, true},
		{"blob/open_test.go", root + "/drivers/mem", false, false},
		{"blob/open_test.go", root + "/examples/notes", false, true},
		{"blob/transfer/sync.go", root + "/blob", false, false},
		{"blob/transfer/sync.go", root + "/acl", false, true},
		{"acl/view.go", root + "/blob", false, false},
		{"acl/view.go", root + "/drivers/mem", false, true},
		{"acl/view.go", root + "/conformance", false, true},
		{"drivers/s3/bucket.go", root + "/drivers/s3/flavour", true, false},
		{"drivers/s3/bucket.go", root + "/drivers/mem", true, true},
		{"drivers/s3/bucket.go", "github.com/aws/smithy-go", true, false},
		{"drivers/s3/bucket.go", root + "/conformance", true, true},
		{"drivers/s3/bucket_test.go", root + "/conformance", true, false},
		{"drivers/file/sync.go", "golang.org/x/sys/unix", false, false},
		{"drivers/file/sync.go", "golang.org/x/system", false, true},
		{"drivers/file/sync.go", "github.com/google/go-cmp/cmp", false, true},
		{"drivers/file/sync_test.go", "github.com/google/go-cmp/cmp", false, false},
		{"drivers/file/sync_test.go", "github.com/stretchr/testify/assert", false, true},
		{"drivers/file/sync.go", "C", false, true},
		{"conformance/run.go", root + "/acl", false, false},
		{"conformance/run.go", root + "/drivers/mem", false, true},
		{"conformance/model/walk.go", "pgregory.net/rapid", true, false},
		{"conformance/providers/all.go", root + "/drivers/s3", true, false},
		{"examples/notes/main.go", root + "/drivers/file", false, false},
		{"examples/notes/main.go", root + "/internal/keyspace", false, true},
		{"bench/main.go", root + "/examples/notes", true, true},
		{"internal/parts/parts.go", root + "/blob", false, false},
		{"internal/parts/parts.go", root + "/acl", false, true},
		{"doc.go", root + "/blob", false, true},
		{"cache/cache.go", root + "/blob", false, true},
		{"blob/open.go", root, false, true},
	} {
		why := forbidden(source{file: test.file, nested: test.nested}, test.imported)
		if (why != "") != test.bad {
			t.Errorf("%s imports %s: %q, want forbidden %v", test.file, test.imported, why, test.bad)
		}
	}
}

// Whoever imports blob to write a driver gets the standard library, and nothing else of ours that needs more.
func TestBlobRestsOnTheStandardLibraryAlone(t *testing.T) {
	imports := map[string][]string{}
	for _, s := range sources(t) {
		if !s.isTest() {
			imports[s.dir()] = append(imports[s.dir()], s.imports...)
		}
	}
	reached := []string{"blob"}
	for i := 0; i < len(reached); i++ {
		for _, imported := range imports[reached[i]] {
			if dir, ours := inTree(imported); ours && !slices.Contains(reached, dir) {
				reached = append(reached, dir)
			} else if !ours && !isStandard(imported) {
				t.Errorf("blob reaches %s, which imports %s", reached[i], imported)
			}
		}
	}
}

func TestRootModuleHoldsNoOther(t *testing.T) {
	for _, m := range strings.Fields(golang(t, ".", "list", "-m", "-f", "{{.Path}}", "all")) {
		if m != root && !slices.Contains(testDependencies, m) {
			t.Errorf("the module graph holds %s; only %s may be in it", m, strings.Join(testDependencies, " and "))
		}
	}
}

// A goMod is the part of a go.mod that the rules look at.
type goMod struct {
	Module  struct{ Path string }
	Require []struct{ Path, Version string }
	Replace []struct {
		Old, New struct{ Path, Version string }
	}
}

// A nested module is named after its folder, requires the root, and replaces modules of holdall, and no others, with
// their folders. Go ignores the replacements in a user's build, so others would make ours differ from theirs.
func (m goMod) wrong(dir string) (whys []string) {
	if want := path.Join(root, dir); m.Module.Path != want {
		whys = append(whys, "its path is "+m.Module.Path+", not "+want)
	}
	replaced := map[string]bool{}
	for _, r := range m.Replace {
		replaced[r.Old.Path] = true
		folder, ours := inTree(r.Old.Path)
		if !ours || path.Join(dir, r.New.Path) != folder {
			whys = append(whys, "it replaces "+r.Old.Path+" with "+r.New.Path)
		}
	}
	required := false
	for _, r := range m.Require {
		required = required || r.Path == root
		if _, ours := inTree(r.Path); ours && !replaced[r.Path] {
			whys = append(whys, "it does not replace "+r.Path+" with its folder")
		}
	}
	if !required {
		whys = append(whys, "it does not require "+root)
	}
	return whys
}

func TestNestedModulesBuildByThemselves(t *testing.T) {
	walk(t, func(file string) {
		if path.Base(file) != "go.mod" || file == "go.mod" {
			return
		}
		var m goMod
		dir := path.Dir(file)
		if err := json.Unmarshal([]byte(golang(t, dir, "mod", "edit", "-json")), &m); err != nil {
			t.Fatal(err)
		}
		for _, why := range m.wrong(dir) {
			t.Errorf("%s: %s", file, why)
		}
	})
}

func TestBadNestedModulesAreSeen(t *testing.T) {
	const good = `{"Module": {"Path": "github.com/holdall-go/holdall/drivers/s3"},
		"Require": [{"Path": "github.com/holdall-go/holdall"}, {"Path": "example.com/sdk"}],
		"Replace": [{"Old": {"Path": "github.com/holdall-go/holdall"}, "New": {"Path": "../.."}}]}`
	for _, test := range []struct{ old, new, why string }{
		{"", "", ""},
		{"holdall/drivers/s3", "holdall-s3", "its path is"},
		{`"../.."`, `"../../.."`, "it replaces"},
		{`{"Path": "example.com/sdk"}`, `{"Path": "github.com/holdall-go/holdall/drivers/b2"}`, "it does not replace"},
		{`"Require": [{"Path": "github.com/holdall-go/holdall"}, `, `"Require": [`, "it does not require"},
		{`"Replace": [`, `"Replace": [{"Old": {"Path": "example.com/sdk"}, "New": {"Path": "../../sdk"}}, `, "it replaces example.com/sdk"},
	} {
		var m goMod
		if err := json.Unmarshal([]byte(strings.Replace(good, test.old, test.new, 1)), &m); err != nil {
			t.Fatal(err)
		}
		whys := strings.Join(m.wrong("drivers/s3"), "; ")
		if (whys == "") != (test.why == "") || !strings.Contains(whys, test.why) {
			t.Errorf("with %s for %s: %q, want %q", test.new, test.old, whys, test.why)
		}
	}
}

func TestThereIsNoWorkspace(t *testing.T) {
	walk(t, func(file string) {
		if path.Base(file) == "go.work" {
			t.Errorf("%s would pull every nested module into the first run, and hide what a go.mod lacks; "+
				"keep yours in a folder above the repository, where the go command finds it too", file)
		}
	})
}

// sources parses the imports of every Go file, for every platform and build tag.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	nested := map[string]bool{".": false}
	walk(t, func(file string) {
		if path.Ext(file) != ".go" {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(file), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		s := source{file: file, nested: isNested(path.Dir(file), nested)}
		for _, i := range f.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			s.imports = append(s.imports, imported)
		}
		all = append(all, s)
	})
	return all
}

// isNested tells whether a go.mod stands in dir, or above it below the root.
func isNested(dir string, known map[string]bool) bool {
	if is, ok := known[dir]; ok {
		return is
	}
	_, err := os.Stat(filepath.Join(filepath.FromSlash(dir), "go.mod"))
	known[dir] = err == nil || isNested(path.Dir(dir), known)
	return known[dir]
}

// walk visits the files of the repository, except in folders that the go command ignores.
func walk(t *testing.T, visit func(file string)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("."), ".", func(file string, d fs.DirEntry, err error) error {
		name := path.Base(file)
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != "." && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")):
			return fs.SkipDir
		case d.Type().IsRegular():
			visit(file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// golang runs the go command in a folder, and returns what it prints.
func golang(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = filepath.FromSlash(dir)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
