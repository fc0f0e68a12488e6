package faultproxy

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// An exchange is one request and its answer, on their way.
type exchange struct {
	p     *Proxy
	w     http.ResponseWriter
	r     *http.Request
	entry *Request
	fault *Fault
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	f, entry := p.take(r)
	x := &exchange{p, w, r, entry, f}
	if f == nil {
		x.relay(x.forward(r.Body, r.ContentLength))
		return
	}
	f.do(x)
}

// tell calls what the fault's Then was given.
func (x *exchange) tell() {
	x.p.mu.Lock()
	then := x.fault.then
	if x.fault.notified {
		then = nil
	}
	x.fault.notified = true
	x.p.mu.Unlock()
	if then != nil {
		then()
	}
}

// hopByHop are the headers that belong to a connection (RFC 9110, section 7.6.1), and Expect, which the proxy has met by
// reading the body.
var hopByHop = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"}

// forward sends the request to the server, with this body. Where the server cannot be reached, the answer is nil.
func (x *exchange) forward(body io.Reader, length int64) *http.Response {
	out := x.r.Clone(x.r.Context())
	out.RequestURI = ""
	out.URL = &url.URL{Scheme: x.p.target.Scheme, Host: x.p.target.Host}
	if path, query, ok := strings.Cut(x.r.RequestURI, "?"); !strings.HasPrefix(path, "//") {
		// Opaque is sent as it is; Path would be escaped anew.
		out.URL.Opaque, out.URL.RawQuery, out.URL.ForceQuery = path, query, ok
	} else {
		out.URL.Path, out.URL.RawPath, out.URL.RawQuery = x.r.URL.Path, x.r.URL.RawPath, query
	}
	for _, name := range hopByHop {
		out.Header.Del(name)
	}
	if _, named := out.Header["User-Agent"]; !named {
		out.Header["User-Agent"] = nil // none, rather than Go's own
	}
	out.TransferEncoding, out.Close = nil, false
	out.ContentLength, out.Body = length, io.NopCloser(&bounded{body, length})
	if length == 0 {
		out.Body = http.NoBody
		if x.r.Header.Get("Content-Length") == "0" {
			out.Header.Set("Content-Length", "0")
		}
	}
	resp, err := x.p.transport.RoundTrip(out)
	if err != nil {
		return nil
	}
	for _, name := range hopByHop {
		resp.Header.Del(name)
	}
	x.p.heard(x.entry, resp)
	return resp
}

// bounded reads no further than a body is long, where that is known. A transport looks for more after the last byte,
// at a time when the answer may be on its way and the body closed.
type bounded struct {
	r    io.Reader
	left int64 // negative: not known
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p)
	if b.left > 0 {
		b.left = max(0, b.left-int64(n))
	}
	return n, err
}

// pass forwards the request as it came.
func (x *exchange) pass() *http.Response { return x.forward(x.r.Body, x.r.ContentLength) }

// relay hands the answer back. A server that could not be reached looks to the client as it would without a proxy.
func (x *exchange) relay(resp *http.Response) {
	if resp == nil {
		x.reset()
		return
	}
	defer resp.Body.Close()
	x.header(resp)
	if _, err := io.Copy(x.w, resp.Body); err != nil {
		panic(http.ErrAbortHandler) // the client must not take it for the end
	}
}

// header sends the status and header of an answer.
func (x *exchange) header(resp *http.Response) {
	h := x.w.Header()
	for name, values := range resp.Header {
		h[name] = values
	}
	if _, named := resp.Header["Content-Type"]; !named {
		h["Content-Type"] = nil // none, rather than a guess
	}
	if resp.ContentLength >= 0 && resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusNotModified {
		h.Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
	}
	x.p.answered(x.entry, resp.StatusCode)
	x.w.WriteHeader(resp.StatusCode)
}

func (x *exchange) drain() { _, _ = io.Copy(io.Discard, x.r.Body) }

// hang waits until the client goes away, or the proxy is closed.
func (x *exchange) hang() {
	select {
	case <-x.r.Context().Done():
	case <-x.p.closed:
	}
	panic(http.ErrAbortHandler)
}

// sleep waits, and tells whether the client is still there.
func (x *exchange) sleep(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-x.r.Context().Done():
	case <-x.p.closed:
	}
	return false
}

// hijack takes the connection over.
func (x *exchange) hijack() *net.TCPConn {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	return conn.(*net.TCPConn)
}

// reset ends the connection with a RST.
func (x *exchange) reset() { abort(x.hijack()) }

func abort(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}

func (x *exchange) answer(status int, contentType, body string, header http.Header) {
	x.drain()
	x.tell()
	h := x.w.Header()
	for name, values := range header {
		h[name] = values
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.p.answered(x.entry, status)
	x.w.WriteHeader(status)
	_, _ = io.WriteString(x.w, body)
}

func (x *exchange) delay(least, most time.Duration) {
	if x.sleep(least + time.Duration(rand.Int64N(int64(most-least)+1))) {
		x.tell()
		x.relay(x.pass())
	}
}

// A slow reader delivers so many bytes a second, in steps of a twentieth of one.
type slow struct {
	r    io.Reader
	step int
	x    *exchange
}

func (s *slow) Read(p []byte) (int, error) {
	n, err := s.r.Read(p[:min(len(p), s.step)])
	if n > 0 && !s.x.sleep(time.Second/20) {
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

func (x *exchange) throttle(bytesPerSecond int) {
	step := max(1, bytesPerSecond/20)
	resp := x.forward(&slow{x.r.Body, step, x}, x.r.ContentLength)
	x.tell()
	if resp != nil {
		resp.Body = readCloser{flushing{&slow{resp.Body, step, x}, x.w}, resp.Body}
	}
	x.relay(resp)
}

type readCloser struct {
	io.Reader
	io.Closer
}

// flushing sends what was read before when it is asked for more.
type flushing struct {
	r io.Reader
	w http.ResponseWriter
}

func (f flushing) Read(p []byte) (int, error) {
	_ = http.NewResponseController(f.w).Flush()
	return f.r.Read(p)
}

// whole returns the answer's first line, header and body as bytes, the header apart.
func (x *exchange) whole(resp *http.Response) (head, body []byte, ok bool) {
	if resp == nil {
		return nil, nil, false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, false
	}
	resp.Body, resp.Close = io.NopCloser(bytes.NewReader(body)), true
	resp.ProtoMajor, resp.ProtoMinor = 1, 1
	if resp.ContentLength < 0 {
		resp.ContentLength, resp.TransferEncoding = int64(len(body)), nil
	}
	resp.Request = x.r // so that the answer to a HEAD has none
	var b bytes.Buffer
	if err := resp.Write(&b); err != nil {
		return nil, nil, false
	}
	return b.Bytes()[:b.Len()-len(body)], body, true
}

// raw returns the connection to the client, and the answer to write to it.
func (x *exchange) raw() (conn *net.TCPConn, head, body []byte) {
	resp := x.pass()
	head, body, ok := x.whole(resp)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	x.tell()
	x.p.answered(x.entry, resp.StatusCode)
	return x.hijack(), head, body
}

func (x *exchange) slice(n int) {
	conn, head, body := x.raw()
	defer conn.Close()
	_ = conn.SetNoDelay(true)
	for all := append(head, body...); len(all) > 0; all = all[min(n, len(all)):] {
		if _, err := conn.Write(all[:min(n, len(all))]); err != nil {
			return
		}
	}
}

func (x *exchange) slowClose(d time.Duration) {
	conn, head, body := x.raw()
	defer conn.Close()
	if _, err := conn.Write(append(head, body...)); err == nil {
		select {
		case <-time.After(d):
		case <-x.p.closed:
		}
	}
}

func (x *exchange) stallResponse(n int64) {
	resp := x.pass()
	if resp == nil {
		x.reset()
		return
	}
	defer resp.Body.Close()
	x.header(resp)
	_, _ = io.CopyN(x.w, resp.Body, n)
	_ = http.NewResponseController(x.w).Flush()
	x.tell()
	x.hang()
}

var errCut = errors.New("cut by the fault")

// cut delivers n bytes and then an error.
type cut struct {
	r io.Reader
	n int64
}

func (c *cut) Read(p []byte) (int, error) {
	if c.n == 0 {
		return 0, errCut
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.n)])
	c.n -= int64(n)
	return n, err
}

func (x *exchange) resetRequest(n int64) {
	if resp := x.forward(&cut{x.r.Body, n}, x.r.ContentLength); resp != nil {
		_ = resp.Body.Close() // the server answered before it had all
	}
	x.tell()
	x.reset()
}

func (x *exchange) cutResponse(n int64, reset bool) {
	conn, head, body := x.raw()
	_, _ = conn.Write(append(head, body[:min(n, int64(len(body)))]...))
	if !reset {
		_ = conn.Close()
		return
	}
	// A reset overtakes what the client has not read, so that is given a moment to arrive.
	_ = x.sleep(20 * time.Millisecond)
	abort(conn)
}

func (x *exchange) shortenRequest(n int64) {
	begin, err := io.ReadAll(io.LimitReader(x.r.Body, n))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	x.drain()
	resp := x.forward(bytes.NewReader(begin), int64(len(begin)))
	x.tell()
	x.relay(resp)
}

func (x *exchange) shortenResponse(n int64) {
	resp := x.pass()
	x.tell()
	if resp != nil && resp.ContentLength > n && x.r.Method != http.MethodHead {
		resp.ContentLength = n
		resp.Body = readCloser{io.LimitReader(resp.Body, n), resp.Body}
	}
	x.relay(resp)
}

// flip flips a bit of the byte at off.
type flip struct {
	r   io.Reader
	off int64
}

func (f *flip) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if f.off >= 0 && f.off < int64(n) {
		p[f.off] ^= 1 << 4
	}
	f.off -= int64(n)
	return n, err
}

func (x *exchange) flipRequest(off int64) {
	resp := x.forward(&flip{x.r.Body, off}, x.r.ContentLength)
	x.tell()
	x.relay(resp)
}

func (x *exchange) flipResponse(off int64) {
	resp := x.pass()
	x.tell()
	if resp != nil {
		resp.Body = readCloser{&flip{resp.Body, off}, resp.Body}
	}
	x.relay(resp)
}

func (x *exchange) drop() {
	_, _, _ = x.whole(x.pass())
	x.tell()
	x.reset()
}

func (x *exchange) duplicate() {
	body, err := io.ReadAll(x.r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	first := x.forward(bytes.NewReader(body), int64(len(body)))
	if first != nil { // its body must be complete before the server is asked again
		_, content, _ := x.whole(first)
		first.Body, first.Close = io.NopCloser(bytes.NewReader(content)), false
	}
	if second := x.forward(bytes.NewReader(body), int64(len(body))); second != nil {
		_ = second.Body.Close()
	}
	x.tell()
	x.relay(first)
}
