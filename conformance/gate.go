package conformance

import (
	"io"
	"time"
)

// stuck is after how long a call that should be prompt counts as hanging.
const stuck = 20 * time.Second

// A gate is the body of a Put that stops in the middle, until the case lets it go on: to its end, or to an error.
type gate struct {
	begin   string
	reached chan struct{} // closed when everything before the gate was read
	rest    chan io.Reader
	r       io.Reader
}

func newGate(begin string) *gate {
	return &gate{begin: begin, reached: make(chan struct{}), rest: make(chan io.Reader, 1)}
}

func (g *gate) Read(p []byte) (int, error) {
	if g.begin != "" {
		n := copy(p, g.begin)
		g.begin = g.begin[n:]
		return n, nil
	}
	if g.r == nil {
		close(g.reached)
		g.r = <-g.rest
	}
	return g.r.Read(p)
}

// open lets the body go on with rest, and end.
func (g *gate) open(rest string) { g.rest <- &finite{rest, io.EOF} }

// fail lets the body fail.
func (g *gate) fail(err error) { g.rest <- &finite{"", err} }

// finite delivers content and then err.
type finite struct {
	content string
	err     error
}

func (f *finite) Read(p []byte) (int, error) {
	if f.content == "" {
		return 0, f.err
	}
	n := copy(p, f.content)
	f.content = f.content[n:]
	return n, nil
}
