package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A module is a folder with a go.mod.
type module struct {
	root string // the repository's root
	dir  string // the folder below it, with slashes; "." is the root module
}

func (m module) path() string { return filepath.Join(m.root, filepath.FromSlash(m.dir)) }

// name is what people see: a nested module goes by its folder.
func (m module) name() string {
	if m.dir == "." {
		return "holdall"
	}
	return m.dir
}

// findModules returns the modules of the repository that root is the root of, the root module first. Folders that the
// go command ignores hold none.
func findModules(root string) ([]module, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, "internal", "check")); err != nil {
		return nil, fmt.Errorf("%s is not the root of the repository; change to it and run: go run ./internal/check", root)
	}
	var modules []module
	err = walk(root, func(path string) error {
		if filepath.Base(path) != "go.mod" {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		modules = append(modules, module{root: root, dir: filepath.ToSlash(dir)})
		return err
	})
	slices.SortFunc(modules, func(a, b module) int { // "." sorts before every name of a folder
		return strings.Compare(a.dir, b.dir)
	})
	return modules, err
}

// walk visits the files below root, except in folders that the go command ignores.
func walk(root string, visit func(path string) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && ignored(d.Name()):
			return filepath.SkipDir
		case d.Type().IsRegular():
			return visit(path)
		}
		return nil
	})
}

func ignored(folder string) bool {
	return folder == "testdata" || folder == "vendor" || strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_")
}

func oneModule(modules []module, dir string) ([]module, error) {
	dir = filepath.ToSlash(filepath.Clean(dir))
	var known []string
	for _, m := range modules {
		if m.dir == dir {
			return []module{m}, nil
		}
		known = append(known, m.dir)
	}
	return nil, fmt.Errorf("no module in folder %q; there are %s", dir, strings.Join(known, ", "))
}
