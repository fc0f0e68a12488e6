package conformance

import (
	"context"
	"errors"
	"testing"
)

// An endless body fails once its case is over, so that nothing goes on reading it.
func TestEndlessBodyEndsWithItsCase(t *testing.T) {
	var c T
	c.ctx, c.cancel = context.WithCancel(t.Context())
	signals := 0
	e := &endless{over: c.ctx, signalAt: 10, signal: func() { signals++ }}
	for range 3 {
		if n, err := e.Read(make([]byte, 8)); n != 8 || err != nil {
			t.Fatalf("the body delivers %d bytes, %v, while its case runs", n, err)
		}
	}
	c.end()
	if n, err := e.Read(make([]byte, 8)); n != 0 || !errors.Is(err, context.Canceled) || signals != 1 {
		t.Errorf("the body delivers %d bytes, %v, after its case, and signals %d times", n, err, signals)
	}
}
