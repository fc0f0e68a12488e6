package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The tour runs on a tree of one's own, shows what it should, and leaves the tree as it was.
func TestTour(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"big/one", "big/two", "big/in/secret", "big/in/other", "docs/manual", "docs/index", "alone"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	before := snapshot(t, dir)
	var out strings.Builder
	if err := run(context.Background(), &out, []string{dir}); err != nil {
		t.Fatal(err)
	}
	if after := snapshot(t, dir); after != before {
		t.Errorf("the tree was changed from\n%s\nto\n%s", before, after)
	}
	for _, want := range []string{
		"7 objects",
		"2 objects, under big/",  // alice: two files, but not those behind the barrier
		"2 objects, under docs/", // bob
		"an empty bucket",        // nobody
		"big/one: 7 bytes",
		`get "big/in/other" in file://`, ": permission denied",
		`stopped by the barrier at "big/in/"`,
		"may she still read big/one? yes",
		"may she still read big/one? no",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the tour does not say %q:\n%s", want, out.String())
		}
	}
}

func TestTourOfTooLittle(t *testing.T) {
	dir := t.TempDir()
	if err := run(context.Background(), &strings.Builder{}, []string{dir}); err == nil || !strings.Contains(err.Error(), "two folders") {
		t.Errorf("an empty directory answers %v", err)
	}
	for _, args := range [][]string{{dir, dir}, {"-h"}, {""}} {
		if err := run(context.Background(), &strings.Builder{}, args); err == nil || !strings.Contains(err.Error(), "director") {
			t.Errorf("%q answers %v", args, err)
		}
	}
}

// snapshot lists names, sizes and times.
func snapshot(t *testing.T, dir string) string {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
