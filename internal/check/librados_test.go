package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// Without a header nothing is added to what the user has set, and it is said; with it, the tag is.
func TestWithLibrados(t *testing.T) {
	t.Setenv("GOFLAGS", "-v")
	found := compiles(t.Context(), "#include <rados/librados.h>\n")
	var said bytes.Buffer
	withLibrados(t.Context(), &said)
	if got := os.Getenv("GOFLAGS"); found != (got == "-v -tags=ceph") || !found && got != "-v" {
		t.Errorf("GOFLAGS is %q; librados: %t", got, found)
	}
	if found == strings.Contains(said.String(), "librados-dev") {
		t.Errorf("it says %q; librados: %t", said.String(), found)
	}
	t.Setenv("CGO_ENABLED", "0")
	if compiles(t.Context(), "") {
		t.Error("C compiles without cgo")
	}
	t.Setenv("CGO_ENABLED", "1")
	if compiles(t.Context(), "#include <no/such/header.h>\n") {
		t.Error("a header is found that is nowhere")
	}
}
