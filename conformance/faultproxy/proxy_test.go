package faultproxy_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/holdall-go/holdall/conformance/faultproxy"
)

// An echo answers a request with what it saw of it. It counts what it carried out.
type echo struct {
	mu   sync.Mutex
	seen []string // bodies that arrived whole
	host string
	uri  string
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	e.mu.Lock()
	e.seen = append(e.seen, string(body))
	e.host, e.uri = r.Host, r.RequestURI
	e.mu.Unlock()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("X-Name", r.Header.Get("X-Name"))
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(body)
}

func (e *echo) carriedOut() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string{}, e.seen...)
}

type bench struct {
	t      *testing.T
	p      *faultproxy.Proxy
	server *echo
	client *http.Client
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, server: &echo{}}
	s := httptest.NewServer(b.server)
	t.Cleanup(s.Close)
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if b.p, err = faultproxy.New(target); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.p.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	b.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return b
}

// post sends a body and returns the answer. An error of the body is returned with what came before.
func (b *bench) post(body string) (*http.Response, string, error) {
	resp, err := b.client.Post(b.p.URL().String()+"/a%2Fb//c?x=%7E&y", "text/plain", strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp, string(got), err
}

// echoes reports a request that does not pass unchanged.
func (b *bench) echoes() {
	b.t.Helper()
	resp, got, err := b.post("hello")
	if err != nil || resp.StatusCode != http.StatusAccepted || got != "hello" {
		b.t.Errorf("a request that no fault wants answers %q, %v", got, err)
	}
}

func TestRequestsPassUnchanged(t *testing.T) {
	b := newBench(t)
	req, err := http.NewRequest("PUT", b.p.URL().String()+"/a%2Fb//c%20d/%c3%a9?x=%7E&y", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "bucket.example.com"
	req.Header.Set("X-Name", "é ü")
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != "hello" || resp.Header.Get("X-Name") != "é ü" || resp.StatusCode != http.StatusAccepted {
		t.Errorf("the answer is %v, %q, %v", resp, got, err)
	}
	if b.server.host != "bucket.example.com" || b.server.uri != "/a%2Fb//c%20d/%c3%a9?x=%7E&y" {
		t.Errorf("the server saw %s on host %s", b.server.uri, b.server.host)
	}
	all := b.p.Requests()
	if len(all) != 1 || all[0].Method != "PUT" || all[0].URL != b.server.uri || all[0].Status != http.StatusAccepted ||
		all[0].Host != "bucket.example.com" || all[0].Fault != "" || !all[0].Mentions("%c3%a9") || !all[0].Mentions("ü") || all[0].Mentions("nothing") {
		t.Errorf("the log says %+v", all)
	}
}

func TestScript(t *testing.T) {
	b := newBench(t)
	first, second := faultproxy.Status(503).Repeat(2).On("POST").RetryAfter(3*time.Second), faultproxy.Status(400).After(1)
	never := faultproxy.Status(500).Mentioning("nowhere")
	b.p.Inject(never, first, second)
	var statuses []int
	for range 5 {
		resp, body, err := b.post("x")
		if err != nil {
			t.Fatal(err)
		}
		statuses = append(statuses, resp.StatusCode)
		if resp.StatusCode == 503 && (resp.Header.Get("Retry-After") != "3" || !strings.Contains(body, "<Code>SlowDown</Code>")) {
			t.Errorf("503 says %v, %s", resp.Header, body)
		}
	}
	if want := []int{503, 503, 202, 400, 202}; !equal(statuses, want) {
		t.Errorf("the answers are %v, not %v", statuses, want)
	}
	if b.p.Fired(first) != 2 || b.p.Fired(second) != 1 || b.p.Fired(never) != 0 {
		t.Errorf("the faults happened %d, %d and %d times", b.p.Fired(first), b.p.Fired(second), b.p.Fired(never))
	}
	if n := b.p.Count(func(r faultproxy.Request) bool { return r.Fault == "answer 503" }); n != 2 {
		t.Errorf("the log has %d requests that were answered with 503", n)
	}
	if got := len(b.server.carriedOut()); got != 2 {
		t.Errorf("the server carried out %d requests", got)
	}
	b.p.Inject(faultproxy.Status(500).Forever())
	for range 3 {
		if resp, _, _ := b.post("x"); resp.StatusCode != 500 {
			t.Errorf("a fault for ever ended with %d", resp.StatusCode)
		}
	}
	b.p.Calm()
	b.echoes()
	kept, withdrawn := faultproxy.Status(401), faultproxy.Status(402).Forever()
	b.p.Inject(withdrawn, kept)
	b.p.Withdraw(withdrawn)
	if resp, _, _ := b.post("x"); resp.StatusCode != 401 {
		t.Errorf("after the first fault was withdrawn, the answer is %d", resp.StatusCode)
	}
	b.echoes()
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

const size = 300_000

var content = strings.Repeat("0123456789", size/10)

// Each fault shows to the client, and to the server, as its comment says; and the next request passes.
func TestFaults(t *testing.T) {
	whole := []string{content}
	var none []string
	for _, test := range []struct {
		name   string
		fault  *faultproxy.Fault
		server []string // what it carried out
		check  func(resp *http.Response, got string, err error) bool
	}{
		{"reset", faultproxy.Reset(), none, isReset},
		{"reset of the request", faultproxy.ResetRequest(size / 2), none, isReset},
		{"reset of the request at its last byte", faultproxy.ResetRequest(size - 1), none, isReset},
		{"reset of the response", faultproxy.ResetResponse(1000), whole, func(resp *http.Response, got string, err error) bool {
			return isReset(nil, "", err) && got == content[:1000]
		}},
		{"truncated response", faultproxy.TruncateResponse(1000), whole, func(resp *http.Response, got string, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && got == content[:1000]
		}},
		{"dropped response", faultproxy.DropResponse(), whole, isReset},
		{"duplicate", faultproxy.Duplicate(), []string{content, content}, isWhole},
		{"short request", faultproxy.ShortenRequest(1000), []string{content[:1000]}, func(_ *http.Response, got string, err error) bool {
			return err == nil && got == content[:1000]
		}},
		{"short response", faultproxy.ShortenResponse(1000), whole, func(resp *http.Response, got string, err error) bool {
			return err == nil && got == content[:1000] && resp.ContentLength == 1000
		}},
		{"bit in the request", faultproxy.FlipRequest(5), []string{"01234%" + content[6:]}, func(_ *http.Response, got string, err error) bool {
			return err == nil && got == "01234%"+content[6:]
		}},
		{"bit in the response", faultproxy.FlipResponse(size - 5), whole, func(_ *http.Response, got string, err error) bool {
			return err == nil && got == content[:size-5]+"%6789"
		}},
		{"page", faultproxy.HTML(), none, func(resp *http.Response, got string, err error) bool {
			return err == nil && resp.StatusCode == 200 && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") && strings.Contains(got, "<html>")
		}},
		{"error in 200", faultproxy.ErrorIn200(), none, func(resp *http.Response, got string, err error) bool {
			return err == nil && resp.StatusCode == 200 && strings.Contains(got, "InternalError")
		}},
		{"redirect", faultproxy.Redirect(307, "http://localhost:1"), none, func(resp *http.Response, got string, err error) bool {
			return err == nil && resp.StatusCode == 307 && resp.Header.Get("Location") == "http://localhost:1/a%2Fb//c?x=%7E&y"
		}},
		{"slices", faultproxy.Slices(1000), whole, isWhole},
		{"slow close", faultproxy.SlowClose(time.Hour), whole, isWhole},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			var noticed atomic.Bool
			b.p.Inject(test.fault.Then(func() { noticed.Store(true) }))
			resp, got, err := b.post(content)
			if !test.check(resp, got, err) {
				t.Errorf("the client sees %v, %d bytes, %v", resp, len(got), err)
			}
			carriedOut := b.server.carriedOut()
			if len(carriedOut) != len(test.server) {
				t.Errorf("the server carried out %d requests, not %d", len(carriedOut), len(test.server))
			}
			for i, body := range test.server {
				if i < len(carriedOut) && carriedOut[i] != body {
					t.Errorf("the server was sent %d bytes that are not those that were expected", len(carriedOut[i]))
				}
			}
			if !noticed.Load() || b.p.Fired(test.fault) != 1 {
				t.Errorf("the fault happened %d times, and Then was called: %v", b.p.Fired(test.fault), noticed.Load())
			}
			b.echoes()
		})
	}
}

func isWhole(resp *http.Response, got string, err error) bool {
	return err == nil && resp.StatusCode == http.StatusAccepted && got == content
}

func isReset(_ *http.Response, _ string, err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) // the client's transport, when it wrote to what was reset
}

// A client that waits for nothing gives up, and the proxy lets go of it.
func TestStalls(t *testing.T) {
	for _, fault := range []*faultproxy.Fault{faultproxy.Stall(), faultproxy.StallResponse(1000)} {
		b := newBench(t)
		b.p.Inject(fault)
		b.client.Timeout = 200 * time.Millisecond
		begin := time.Now()
		_, got, err := b.post(content)
		if err == nil || time.Since(begin) < b.client.Timeout || len(got) > 1000 {
			t.Errorf("%v: %d bytes, %v after %v", fault, len(got), err, time.Since(begin))
		}
		for deadline := time.Now().Add(5 * time.Second); b.p.Busy() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%v: a connection is busy for ever", fault)
			}
		}
		b.client.Timeout = 0
		b.p.Calm() // it has not met the request, if that gave up before it came
		b.echoes()
	}
}

func TestSlowness(t *testing.T) {
	b := newBench(t)
	timed := func() time.Duration {
		begin := time.Now()
		if resp, got, err := b.post(content); !isWhole(resp, got, err) {
			t.Errorf("the answer has %d bytes, %v", len(got), err)
		}
		return time.Since(begin)
	}
	b.p.Inject(faultproxy.Delay(100*time.Millisecond, 300*time.Millisecond))
	if d := timed(); d < 100*time.Millisecond {
		t.Errorf("a delay of at least 100 ms took %v", d)
	}
	b.p.Inject(faultproxy.Bandwidth(2 * size))
	if d := timed(); d < 900*time.Millisecond {
		t.Errorf("%d bytes there and back at %d a second took %v", size, 2*size, d)
	}
}

func TestDownAndUp(t *testing.T) {
	b := newBench(t)
	b.echoes()
	where := b.p.URL().String()
	b.p.Down()
	b.client.CloseIdleConnections()
	if _, _, err := b.post("x"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a proxy that is down answers %v", err)
	}
	if err := b.p.Up(); err != nil {
		t.Fatal(err)
	}
	if b.p.URL().String() != where {
		t.Errorf("the proxy moved from %s to %s", where, b.p.URL())
	}
	b.echoes()
}

func TestConnectionsAreCounted(t *testing.T) {
	b := newBench(t)
	for range 10 {
		b.echoes()
	}
	if n := b.p.Dials(); n < 1 || n > 3 { // a busy client may not find one idle in time
		t.Errorf("ten requests, one after the other, take %d connections", n)
	}
	b.p.Forget()
	if b.p.Dials() != 0 || len(b.p.Requests()) != 0 {
		t.Error("the proxy does not forget")
	}
}

func TestServerIsAway(t *testing.T) {
	p, err := faultproxy.New(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if resp, err := http.Get(p.URL().String()); !isReset(resp, "", err) {
		t.Errorf("a server that is away answers %v", err)
	}
	if _, err := faultproxy.New(&url.URL{Path: "/x"}); err == nil {
		t.Error("a proxy in front of nothing is made")
	}
}

func TestWitness(t *testing.T) {
	w, err := faultproxy.NewWitness()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	req, err := http.NewRequest("PUT", w.URL()+"/k?q=1", bytes.NewReader([]byte("body")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "secret")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	heard := strings.Join(w.Heard(), "")
	for _, part := range []string{"PUT /k?q=1", "localhost", "Authorization: secret", "\nbody"} {
		if !strings.Contains(heard, part) {
			t.Errorf("the witness heard no %q in %q", part, heard)
		}
	}
}

// What a request is about is in a short document of its body, too, or behind an ID that the proxy has learned.
func TestRequestsMentionByBodyAndID(t *testing.T) {
	b := newBench(t)
	b.p.Learn(func(r *faultproxy.Request, answer []byte) string {
		if r.Mentions("begin") {
			return "id-of-" + strconv.Itoa(len(answer)) // the echo answers with the body
		}
		return ""
	})
	const began = `{"call":"begin","key":"the-key"}`
	long := `{"key":"the-key","more":"` + strings.Repeat("x", 8<<10) + `"}`
	for _, test := range []struct {
		path, body string
		want       bool
	}{
		{"/call", `{"key":"the-key"}`, true},
		{"/call", `{"key":"another"}`, false},
		{"/call", "the-key", false}, // no document
		{"/call", long, false},
		{"/part/id-of-32", "content", false}, // not yet
		{"/call", began, true},
		{"/part/id-of-32", "content", true},
		{"/part/id-of-33", "content", false},
	} {
		b.p.Forget()
		resp, err := b.client.Post(b.p.URL().String()+test.path, "", strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(got) != test.body {
			t.Errorf("%s comes through as %q, %v", test.path, got, err)
		}
		if all := b.p.Requests(); len(all) != 1 || all[0].Mentions("the-key") != test.want {
			t.Errorf("POST %s of %.40q mentions the key: %t", test.path, test.body, !test.want)
		}
	}
}
