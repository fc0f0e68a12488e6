package faultproxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// A Witness is a foreign server: it answers 200 to whatever it is asked, and remembers everything that it was told.
type Witness struct {
	server http.Server
	url    string
	mu     sync.Mutex
	heard  []string
}

// NewWitness starts a witness on a free port.
func NewWitness() (*Witness, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("faultproxy: %w", err)
	}
	w := &Witness{}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	w.url = "http://localhost:" + port
	w.server.Handler = http.HandlerFunc(w.hear)
	go w.server.Serve(l)
	return w, nil
}

// URL names the witness by another host than that of a Proxy, "localhost", though both are this machine: what a client
// would tell another server is judged by the name.
func (w *Witness) URL() string { return w.url }

// Heard returns each request as text: line, header and body.
func (w *Witness) Heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.heard...)
}

// Close ends the witness.
func (w *Witness) Close() { _ = w.server.Close() }

func (w *Witness) hear(rw http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\nHost: %s\n", r.Method, r.RequestURI, r.Host)
	_ = r.Header.Write(&b)
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	b.WriteString("\n" + string(body))
	w.mu.Lock()
	w.heard = append(w.heard, b.String())
	w.mu.Unlock()
	rw.WriteHeader(http.StatusOK)
}
