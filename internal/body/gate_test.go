package body

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestGate(t *testing.T) {
	g := NewGate(strings.NewReader("content"))
	var p [7]byte
	if n, err := g.ReadAt(p[:], 0); n != 7 || err != nil {
		t.Errorf("open: %d, %v", n, err)
	}
	g.Shut()
	if n, err := g.ReadAt(p[:], 0); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("shut: %d, %v", n, err)
	}
}
