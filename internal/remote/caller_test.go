package remote

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

var quick = Backoff{First: time.Microsecond, Max: time.Microsecond}

// A call is repeated as its failures say, and it is known whether an attempt may have been carried out.
func TestDo(t *testing.T) {
	transient := func() error { return &Failure{Meaning: Meaning{Transient: true}, Status: 503} }
	lost := func() error { return &Failure{Meaning: Meaning{Transient: true, Ambiguous: true}, Status: 500} }
	permanent := func() error { return &Failure{Status: 403} }
	slow := func() error { return &Failure{Meaning: Meaning{Transient: true}, RetryAfter: MaxRetryAfter + 1} }
	final := func() error { return Final{transient()} }
	other := func() error { return errors.New("not a failure") }
	none := func() error { return nil }
	for name, test := range map[string]struct {
		attempts  []func() error // the last one is repeated
		want      int            // attempts
		fails     bool
		ambiguous bool
	}{
		"success":                        {[]func() error{none}, 1, false, false},
		"two transient failures":         {[]func() error{transient, transient, none}, 3, false, false},
		"one too many":                   {[]func() error{transient}, 3, true, false},
		"permanent":                      {[]func() error{permanent}, 1, true, false},
		"lost, then success":             {[]func() error{lost, none}, 2, false, true},
		"lost, then permanent":           {[]func() error{lost, permanent}, 2, true, true},
		"the last attempt is lost":       {[]func() error{transient, transient, lost}, 3, true, true},
		"a Retry-After that is too long": {[]func() error{slow}, 1, true, false},
		"final":                          {[]func() error{final}, 1, true, false},
		"not a failure":                  {[]func() error{other}, 1, true, false},
	} {
		n := 0
		c := &Caller{Attempts: 3, Backoff: quick}
		ambiguous, err := c.Do(context.Background(), "Call", func(context.Context) error {
			n++
			return test.attempts[min(n, len(test.attempts))-1]()
		})
		if n != test.want || (err != nil) != test.fails || ambiguous != test.ambiguous {
			t.Errorf("%s: %d attempts, ambiguous %t, %v", name, n, ambiguous, err)
		}
		if f := AsFailure(err); f != nil && name != "final" && f.Call != "Call" {
			t.Errorf("%s: the failure is of the call %q", name, f.Call)
		}
		if name == "final" && fmt.Sprintf("%T", err) != "*remote.Failure" {
			t.Errorf("a final error is returned as a %T", err)
		}
	}
}

// A call that waits ends with its ctx, and is not repeated after that.
func TestDoEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Caller{Attempts: 9, Backoff: Backoff{First: time.Hour, Max: time.Hour}}
	n := 0
	_, err := c.Do(ctx, "Call", func(context.Context) error {
		n++
		time.AfterFunc(10*time.Millisecond, cancel)
		return &Failure{Meaning: Meaning{Transient: true}, Message: "no"}
	})
	if n != 1 || AsFailure(err) == nil {
		t.Errorf("%d attempts, %v", n, err)
	}
}

// A remedy can repeat a call at once, within its attempts or in addition to them, and can end it.
func TestRemedies(t *testing.T) {
	broken := errors.New("no remedy")
	for name, test := range map[string]struct {
		transient bool
		remedies  []Remedy
		err       error
		want      int
	}{
		"uncounted":           {false, []Remedy{Uncounted, Uncounted, Uncounted, Wait}, nil, 4},
		"uncounted, then two": {true, []Remedy{Uncounted, Wait, Wait, Wait}, nil, 3},
		"at once":             {true, []Remedy{AtOnce, AtOnce, AtOnce}, nil, 2},
		"at once, permanent":  {false, []Remedy{AtOnce}, nil, 1},
		"an error":            {true, []Remedy{Uncounted, Wait}, broken, 1},
	} {
		n := 0
		c := &Caller{Attempts: 2, Backoff: quick}
		_, err := c.DoRemedied(context.Background(), "Call", func(context.Context) error {
			n++
			return &Failure{Meaning: Meaning{Transient: test.transient}}
		}, func(context.Context, *Failure) (Remedy, error) { return test.remedies[n-1], test.err })
		if n != test.want || test.err != nil && err != test.err || test.err == nil && AsFailure(err) == nil {
			t.Errorf("%s: %d attempts, want %d; %v", name, n, test.want, err)
		}
	}
}

// What is known of a request without a response depends on how far it came.
func TestNoResponse(t *testing.T) {
	trusting := httptest.NewTLSServer(http.NotFoundHandler())
	defer trusting.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	breaking := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer breaking.Close()
	stuck := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer stuck.Close()
	within := func(timeout time.Duration, u string) error {
		client := &http.Client{Transport: NewTransport(nil), Timeout: timeout}
		defer client.CloseIdleConnections()
		_, err := client.Get(u + "/?Signature=s3cr3t")
		return err
	}
	get := func(u string) error { return within(time.Minute, u) }
	for name, test := range map[string]struct {
		err       error
		transient bool
		ambiguous bool
	}{
		"refused connection":    {get(closed.URL), true, false},
		"untrusted certificate": {get(trusting.URL), false, false},
		"no TLS":                {get("https" + strings.TrimPrefix(plain.URL, "http")), false, false},
		"broken connection":     {get(breaking.URL), true, true},
		"timeout":               {within(100*time.Millisecond, stuck.URL), true, true},
		"unknown host":          {&url.Error{Op: "Get", URL: "http://x/?Signature=s3cr3t", Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}}, false, false},
		"name server is down":   {&net.DNSError{Err: "server misbehaving", Name: "x", IsTemporary: true}, true, false},
		"reset while writing":   {&net.OpError{Op: "write", Net: "tcp", Err: syscall.ECONNRESET}, true, true},
		"end of file":           {io.ErrUnexpectedEOF, true, true},
	} {
		f := NoResponse(test.err)
		if f.Transient != test.transient || f.Ambiguous != test.ambiguous || !errors.Is(f, test.err) {
			t.Errorf("%s: transient %t, ambiguous %t: %v", name, f.Transient, f.Ambiguous, f)
		}
		if strings.Contains(f.Error(), "s3cr3t") || strings.Contains(f.Error(), "http://") {
			t.Errorf("%s shows the URL: %v", name, f)
		}
	}
}

// All failures read alike, without what is not known of them.
func TestFailureText(t *testing.T) {
	for want, f := range map[string]*Failure{
		"object does not exist: GetObject: 404 Not Found, NoSuchKey: The key does not exist (request REQ1)": {Meaning: Meaning{Is: blob.ErrNotExist},
			Call: "GetObject", Status: 404, Code: "NoSuchKey", Message: "The key does not exist.", RequestID: "REQ1"},
		"HeadObject: 403 Forbidden":                {Call: "HeadObject", Status: 403, Code: "Forbidden"},
		"Call: 599":                                {Call: "Call", Status: 599},
		"Call: no response: EOF":                   {Call: "Call", Message: "no response: EOF", Cause: io.EOF},
		"permission denied: the key lacks a right": {Meaning: Meaning{Is: fs.ErrPermission}, Message: "the key lacks a right"},
		"Call: 200 OK: the response lacks an ETag, so it was not sent by the store": func() *Failure { f := Unproven(200, "an ETag"); f.Call = "Call"; return f }(),
	} {
		if got := f.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// An ambiguous error has no other meaning, and its cause is reached.
func TestAmbiguous(t *testing.T) {
	cause := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	err := Ambiguous(&Failure{Meaning: Meaning{Is: blob.ErrPrecondition}, Status: 412, Cause: cause})
	if !errors.Is(err, blob.ErrAmbiguous) || errors.Is(err, blob.ErrPrecondition) || !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	if err := Ambiguous(nil); !errors.Is(err, blob.ErrAmbiguous) || strings.Contains(err.Error(), "%!") {
		t.Errorf("%v", err)
	}
	was := errors.New("was")
	for outcome, want := range map[Outcome]error{Applied: nil, NotApplied: was, Unknown: blob.ErrAmbiguous} {
		if v, err := Resolve(was, func() (int, Outcome) { return 7, outcome }); !errors.Is(err, want) || (v == 7) != (outcome == Applied) {
			t.Errorf("outcome %d: %d, %v", outcome, v, err)
		}
	}
}

// A listing goes on while there are pages, and never without end.
func TestPages(t *testing.T) {
	type page = Page[int, string]
	for name, test := range map[string]struct {
		pages map[string]page
		want  string
		fails bool
	}{
		"one page":          {map[string]page{"": {Items: []int{1, 2}}}, "[1 2]", false},
		"three, one empty":  {map[string]page{"": {[]int{1}, "a", true}, "a": {nil, "b", true}, "b": {Items: []int{2}}}, "[1 2]", false},
		"a repeated token":  {map[string]page{"": {[]int{1}, "a", true}, "a": {[]int{2}, "a", true}}, "[1 2]", true},
		"a missing token":   {map[string]page{"": {[]int{1}, "", true}}, "[1]", true},
		"a page that fails": {map[string]page{"": {[]int{1}, "a", true}}, "[1]", true},
	} {
		var got []int
		var last error
		for item, err := range Pages(context.Background(), "", func(_ context.Context, token string) (page, error) {
			p, ok := test.pages[token]
			if !ok {
				return page{Items: []int{99}}, errors.New("no such page")
			}
			return p, nil
		}) {
			if last = err; err == nil {
				got = append(got, item)
			}
		}
		if fmt.Sprint(got) != test.want || (last != nil) != test.fails {
			t.Errorf("%s: %v, %v", name, got, last)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	fetched := 0
	for _, err := range Pages(ctx, 0, func(_ context.Context, n int) (Page[int, int], error) {
		fetched++
		return Page[int, int]{[]int{n}, n + 1, true}, nil
	}) {
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if fetched != 1 {
		t.Errorf("%d pages are fetched of a listing whose ctx ends at the first item", fetched)
	}
}

func TestWithGrace(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	extended, done := WithGrace(ctx, 50*time.Millisecond)
	defer done()
	begin := time.Now()
	cancel()
	if extended.Err() != nil {
		t.Error("the ctx ends without grace")
	}
	<-extended.Done()
	if took := time.Since(begin); took < 50*time.Millisecond {
		t.Errorf("the grace period took %v", took)
	}
}

// What is removed after a call has its own time, and the call does not wait for it longer than it says.
func TestCleanUp(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ran := false
	CleanUp(ctx, func(ctx context.Context) {
		deadline, ok := ctx.Deadline()
		ran = ctx.Err() == nil && ok && time.Until(deadline) > CleanUpTime/2
	})
	if !ran {
		t.Error("the ctx of the removal has ended")
	}
	release := make(chan struct{})
	defer close(release)
	begin := time.Now()
	CleanUp(ctx, func(context.Context) { <-release })
	if took := time.Since(begin); took < CleanUpWait || took > CleanUpTime/2 {
		t.Errorf("a removal without end is waited for %v", took)
	}
}

// An attempt without a request is not observed, and one that is delivered late is observed with all of its bytes.
func TestObserved(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "response")
	}))
	defer server.Close()
	var mu sync.Mutex
	var seen []blob.Attempt
	c := &Caller{Attempts: 2, Backoff: quick, Observe: func(a blob.Attempt) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, a)
	}}
	transport := NewTransport(nil)
	defer transport.CloseIdleConnections()
	rt := Observed(transport)
	var resp *http.Response
	n := 0
	_, err := c.Do(context.Background(), "Call", func(ctx context.Context) error {
		if n++; n == 1 {
			return &Failure{Meaning: Meaning{Transient: true}, Message: "refused here"}
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader("request"))
		if err != nil {
			return err
		}
		resp, err = rt.RoundTrip(req)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) > 0 {
		t.Errorf("a download that is not read yet is observed: %+v", seen)
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if len(seen) != 1 || seen[0].Duration <= 0 {
		t.Fatalf("observed are %+v", seen)
	}
	seen[0].Duration = 0
	if want := (blob.Attempt{Call: "Call", Number: 2, Status: 200, Sent: 7, Received: 8}); seen[0] != want {
		t.Errorf("observed is %+v, want %+v", seen[0], want)
	}
	req, err := http.NewRequest(http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err = rt.RoundTrip(req); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if len(seen) != 1 {
		t.Errorf("a request of no call is observed: %+v", seen[1:])
	}
}

func TestClientsAreShared(t *testing.T) {
	one, other := x509.NewCertPool(), x509.NewCertPool()
	other.AddCert(&x509.Certificate{Raw: []byte("other"), RawSubject: []byte("other")})
	system := Client(nil)
	bundle := Client(one)
	for name, test := range map[string]struct {
		client *http.Client
		shared bool
	}{
		"the system's": {Client(nil), true}, "a bundle": {bundle, false}, "the same bundle": {Client(x509.NewCertPool()), false}, "another": {Client(other), false},
	} {
		if (test.client == system) != test.shared {
			t.Errorf("the client of %s certificates is that of the system's: %t", name, test.client == system)
		}
		if err := test.client.CheckRedirect(nil, nil); err != http.ErrUseLastResponse {
			t.Errorf("%s: a redirect is followed: %v", name, err)
		}
	}
	if Client(other) == bundle || Client(other) != Client(other.Clone()) {
		t.Error("a client is not shared by the buckets that trust the same certificates")
	}
}
