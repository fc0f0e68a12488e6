package images

import (
	"fmt"
	"strings"
	"testing"
)

// Steps are shown as they begin; what the last one said, or the end of it, is kept.
func TestSteps(t *testing.T) {
	var log strings.Builder
	s := &steps{log: &log}
	fmt.Fprint(s, "Step 1/2 : FROM x\n ---> 1\nStep 2/2 : R")
	fmt.Fprint(s, "UN false\n\nwhy\n")
	if got, want := log.String(), "Step 1/2 : FROM x\nStep 2/2 : RUN false\n"; got != want {
		t.Errorf("shown is %q, want %q", got, want)
	}
	if got := s.last(); got != "why" {
		t.Errorf("kept is %q", got)
	}
	for i := range kept {
		fmt.Fprintln(s, i)
	}
	if got := strings.Split(s.last(), "\n"); len(got) != kept || got[0] != "0" {
		t.Errorf("kept are %d lines from %q on, want %d from 0 on", len(got), got[0], kept)
	}
}
