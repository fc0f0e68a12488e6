package body

import (
	"io"
	"sync"
)

// A Gate passes reads on until it is shut. An HTTP client may go on reading a body after its request has failed, when
// the body is the caller's again.
type Gate struct {
	r      io.ReaderAt
	mu     sync.RWMutex
	closed bool
}

// NewGate returns an open gate before r.
func NewGate(r io.ReaderAt) *Gate { return &Gate{r: r} }

// ReadAt implements io.ReaderAt.
func (g *Gate) ReadAt(p []byte, off int64) (int, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return 0, io.ErrClosedPipe
	}
	return g.r.ReadAt(p, off)
}

// Shut waits for the reads in progress and lets no other pass.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}
