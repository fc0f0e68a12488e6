package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestModulesAreFoundRootFirst(t *testing.T) {
	root := tree(t, "go.mod", "internal/check/main.go", "drivers/s3/go.mod", "bench/go.mod",
		"bench/testdata/go.mod", ".git/go.mod", "_old/go.mod", "vendor/x/go.mod", "blob/go.mod.txt")
	modules, err := findModules(root)
	if err != nil {
		t.Fatal(err)
	}
	var dirs, names []string
	for _, m := range modules {
		dirs, names = append(dirs, m.dir), append(names, m.name())
	}
	if want := []string{".", "bench", "drivers/s3"}; !slices.Equal(dirs, want) {
		t.Errorf("folders %q, want %q", dirs, want)
	}
	if want := []string{"holdall", "bench", "drivers/s3"}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}

	one, err := oneModule(modules, "bench/")
	if err != nil || len(one) != 1 || one[0].dir != "bench" {
		t.Errorf("oneModule(bench/) = %v, %v", one, err)
	}
	if _, err := oneModule(modules, "drivers/s4"); err == nil || !strings.Contains(err.Error(), "bench, drivers/s3") {
		t.Errorf("an unknown module: %v; want the known ones named", err)
	}
}

func TestOnlyTheRootOfTheRepositoryWillDo(t *testing.T) {
	if _, err := findModules(tree(t, "go.mod")); err == nil || !strings.Contains(err.Error(), "go run ./internal/check") {
		t.Errorf("error %v; want the command that works", err)
	}
}

// tree makes a folder with empty files.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range files {
		path := filepath.Join(root, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
