package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	const folder = "  beach.jpg     18 bytes  The sea\n  party/\n"
	const want = "As it was, over gocloud.dev's file store:\n" + folder +
		"\nThe same program over holdall, on the same folder:\n" + folder +
		"\nWhat alice sees:\n" + folder +
		"  2026/party/cake.jpg: here it is\n  2026/beach.jpg: here it is\n  private/diary.jpg: 403\n" +
		"\nWhat bob sees:\n  party/\n" +
		"  2026/party/cake.jpg: here it is\n  2026/beach.jpg: 403\n  private/diary.jpg: 403\n"
	if out.String() != want {
		t.Errorf("it says\n%s\nand should say\n%s", out.String(), want)
	}
}
