package main

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// The same program over two stores. (Over real servers of S3 it is run where these are started, in conformance/providers.)
func TestRun(t *testing.T) {
	file := (&url.URL{Scheme: "file", Path: filepath.ToSlash(t.TempDir())}).String()
	var outputs []string
	for _, store := range []string{"mem://portable", file} {
		var out strings.Builder
		if err := run(context.Background(), &out, store); err != nil {
			t.Fatalf("%s: %v", store, err)
		}
		outputs = append(outputs, out.String())
	}
	if outputs[0] != outputs[1] || !strings.HasSuffix(outputs[0], "get   tuesday: a note of monday\n") {
		t.Errorf("memory and files differ, or say something else:\n%s\n%s", outputs[0], outputs[1])
	}
	if err := run(context.Background(), &strings.Builder{}, "no-such-scheme://x"); err == nil {
		t.Error("a store that is not known answers nothing")
	}
}
