// Package faultproxy puts a proxy in front of a server that does to chosen requests what networks and servers do on bad
// days: it delays, cuts, stalls, garbles, loses and repeats them, or answers in the server's place. It runs in the
// process of the test, so a test scripts a fault, makes a call, and looks at what was sent:
//
//	p, err := faultproxy.New(server)
//	defer p.Close()
//	p.Inject(faultproxy.Status(503).Repeat(2).On("PUT"), faultproxy.DropResponse().On("PUT"))
//	… a call through p.URL() …
//	attempts := p.Count(func(r faultproxy.Request) bool { return r.Method == "PUT" })
//
// A request takes the first fault of the script that wants it and is not used up; one that no fault wants passes
// unchanged. The proxy hands on the Host that the client named, and the path and headers byte for byte, so signatures
// hold. It listens on 127.0.0.1 and speaks HTTP/1.1 without TLS.
package faultproxy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Proxy stands in front of one server. Its methods may be called by many goroutines.
type Proxy struct {
	target    *url.URL
	addr      string
	transport *http.Transport
	closed    chan struct{} // ends what a fault holds up
	learn     func(r *Request, answer []byte) string

	mu     sync.Mutex
	server *http.Server // nil while the proxy is down
	script []*Fault
	named  map[string]string // the document that began what has an ID
	log    []*Request
	conns  map[net.Conn]http.ConnState
	dials  int
}

// A Request is what the proxy saw of one request, and made of it.
type Request struct {
	Method string
	URL    string // path and query as they were sent
	Host   string
	Header http.Header
	At     time.Time // when its header had arrived
	Fault  string    // the name of the fault that it took, or empty
	Status int       // of the answer, as far as the client was shown one; zero: none

	Document string // the body, if that is a document in JSON of up to 8 KiB

	about string // the documents that began what it mentions by ID
}

// Mentions tells whether text is in the path, the query, the Document or a header, other than those that name the
// client, or in what the request is about by an ID (see [Proxy.Learn]). Text should need no escaping.
func (r *Request) Mentions(text string) bool {
	if strings.Contains(r.URL, text) || strings.Contains(r.Document, text) || strings.Contains(r.about, text) {
		return true
	}
	for name, values := range r.Header {
		if name == "User-Agent" || name == "Authorization" {
			continue
		}
		if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, text) }) {
			return true
		}
	}
	return false
}

// New starts a proxy on a free port, in front of the server at target, of which scheme and host count.
func New(target *url.URL) (*Proxy, error) {
	if target == nil || target.Host == "" {
		return nil, fmt.Errorf("faultproxy: %v names no server to stand in front of", target)
	}
	p := &Proxy{
		target: target,
		addr:   "127.0.0.1:0",
		// What the client asked for is asked of the server, and nothing else.
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		closed:    make(chan struct{}),
		conns:     map[net.Conn]http.ConnState{},
		named:     map[string]string{},
	}
	return p, p.Up()
}

// URL is where the proxy listens. It stays the same when the proxy goes down and up.
func (p *Proxy) URL() *url.URL { return &url.URL{Scheme: "http", Host: p.addr} }

// Up starts to listen again after Down.
func (p *Proxy) Up() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		return nil
	}
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		return fmt.Errorf("faultproxy: %w", err)
	}
	p.addr = l.Addr().String()
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ConnState: p.connState}
	go p.server.Serve(l)
	return nil
}

// Down closes all connections and refuses new ones.
func (p *Proxy) Down() {
	p.mu.Lock()
	server := p.server
	p.server = nil
	p.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
}

// Close ends the proxy and what it holds up.
func (p *Proxy) Close() {
	select {
	case <-p.closed:
		return
	default:
	}
	close(p.closed)
	p.Down()
	p.transport.CloseIdleConnections()
}

// Inject adds faults to the end of the script.
func (p *Proxy) Inject(faults ...*Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = append(p.script, faults...)
}

// Withdraw takes faults out of the script.
func (p *Proxy) Withdraw(faults ...*Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = slices.DeleteFunc(p.script, func(f *Fault) bool { return slices.Contains(faults, f) })
}

// Learn tells the proxy how to read from the answer to a request the ID by which later requests are about the same
// thing: what mentions the ID mentions what that request mentioned. It hears of the answers to requests that have a
// Document; an empty ID is none. Some servers know an upload by its ID alone. Call it before the first request.
func (p *Proxy) Learn(id func(r *Request, answer []byte) string) { p.learn = id }

// Calm drops the script: from here on requests pass.
func (p *Proxy) Calm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = nil
}

// Requests are those that have arrived, in their order.
func (p *Proxy) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Request, len(p.log))
	for i, r := range p.log {
		all[i] = *r
	}
	return all
}

// Count is how many requests arrived that are of a kind.
func (p *Proxy) Count(kind func(r Request) bool) int {
	n := 0
	for _, r := range p.Requests() {
		if kind(r) {
			n++
		}
	}
	return n
}

// Forget empties the log of requests, and the count of dials.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log, p.dials = nil, 0
}

// Dials is how many connections were opened to the proxy.
func (p *Proxy) Dials() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials
}

// Busy is how many connections are in the middle of a request or its answer, apart from those that a fault took over.
func (p *Proxy) Busy() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, state := range p.conns {
		if state == http.StateActive {
			n++
		}
	}
	return n
}

func (p *Proxy) connState(c net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch state {
	case http.StateNew:
		p.dials++
		p.conns[c] = state
	case http.StateClosed, http.StateHijacked: // a hijacked one is closed by the fault that took it
		delete(p.conns, c)
	default:
		p.conns[c] = state
	}
}

// take logs a request and returns the fault that it takes, or nil.
func (p *Proxy) take(r *http.Request) (*Fault, *Request) {
	entry := &Request{Method: r.Method, URL: r.RequestURI, Host: r.Host, Header: r.Header.Clone(), At: time.Now(), Document: document(r)}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, document := range p.named {
		if entry.Mentions(id) {
			entry.about += document
		}
	}
	p.log = append(p.log, entry)
	for _, f := range p.script {
		if f.wants(entry, r.ContentLength) {
			entry.Fault = f.name
			return f, entry
		}
	}
	return nil, entry
}

// document returns the body of r if that is a document in JSON of up to 8 KiB, and leaves it to be read again.
func document(r *http.Request) string {
	const most = 8 << 10
	if r.ContentLength <= 0 || r.ContentLength > most {
		return ""
	}
	b, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	if err != nil || b[0] != '{' {
		return ""
	}
	return string(b)
}

// heard learns from the answer to a request, and leaves it to be read again.
func (p *Proxy) heard(entry *Request, resp *http.Response) {
	if p.learn == nil || entry.Document == "" {
		return
	}
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(b))
	if id := p.learn(entry, b); err == nil && id != "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.named[id] = entry.Document
	}
}

func (p *Proxy) answered(entry *Request, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	entry.Status = status
}

// Fired is how often a fault of this proxy was taken.
func (p *Proxy) Fired(f *Fault) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return f.fired
}
