package remote

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// An attempt is one attempt of a call that is observed. Its ctx carries it to the transport, which adds the requests that
// it sends: usually one, more if a redirect is followed, or none if the attempt fails before.
type attempt struct {
	call    string
	number  int
	observe func(blob.Attempt)

	mu  sync.Mutex
	req *exchange // the last one
}

type attemptKey struct{}

// begin returns the ctx of an attempt, and the attempt, which is nil if it is not observed.
func (c *Caller) begin(ctx context.Context, call string, number int) (context.Context, *attempt) {
	if c.Observe == nil {
		return ctx, nil
	}
	a := &attempt{call: call, number: number, observe: c.Observe}
	return context.WithValue(ctx, attemptKey{}, a), a
}

// end ends the attempt with err, after which the call is repeated or not.
func (a *attempt) end(err error, repeat bool) {
	if a == nil {
		return
	}
	a.mu.Lock()
	e := a.req
	a.mu.Unlock()
	if e != nil {
		e.end(err, repeat)
	}
}

// send adds a request to the attempt. An earlier one was answered with a redirect.
func (a *attempt) send() *exchange {
	e := &exchange{Attempt: blob.Attempt{Call: a.call, Number: a.number}, observe: a.observe, begun: time.Now()}
	a.mu.Lock()
	earlier := a.req
	a.req = e
	a.mu.Unlock()
	if earlier != nil {
		earlier.finish(nil)
		earlier.end(nil, false)
	}
	return e
}

// An exchange is a request and its response. It is reported when two things are known: how its attempt ended, and, if
// that succeeded, how many bytes of the response were read, since a download is read after its call has returned.
type exchange struct {
	observe        func(blob.Attempt)
	begun          time.Time
	sent, received atomic.Int64

	mu       sync.Mutex
	finished bool // the response was read, or there is none
	ended    bool // the attempt has
	reported bool
	blob.Attempt
}

// finish says that nothing more is read of the response, whose body broke off if err is not nil.
func (e *exchange) finish(err error) {
	e.mu.Lock()
	if !e.finished {
		e.finished, e.Duration = true, time.Since(e.begun)
		if err != nil {
			e.Err = BrokenBody(e.Call, err)
		}
	}
	e.report()
}

func (e *exchange) end(err error, repeat bool) {
	e.mu.Lock()
	if !e.ended {
		e.ended = true
		if err != nil {
			e.Err, e.Retried = err, repeat
		}
		if err != nil && !e.finished {
			e.finished, e.Duration = true, time.Since(e.begun)
		}
	}
	e.report()
}

// report reports the exchange, once, if all is known. It unlocks e.
func (e *exchange) report() {
	now := e.finished && e.ended && !e.reported
	e.reported = e.reported || now
	report := e.Attempt
	e.mu.Unlock()
	if now {
		report.Sent, report.Received = e.sent.Load(), e.received.Load()
		e.observe(report)
	}
}

// Observed returns a transport that reports the requests that it sends for a [Caller] to its observer. Next sends them.
func Observed(next http.RoundTripper) http.RoundTripper { return observed{next} }

type observed struct{ next http.RoundTripper }

func (o observed) RoundTrip(req *http.Request) (*http.Response, error) {
	a, _ := req.Context().Value(attemptKey{}).(*attempt)
	if a == nil {
		return o.next.RoundTrip(req)
	}
	e := a.send()
	resp, err := o.next.RoundTrip(e.counting(req))
	if err != nil {
		e.finish(nil) // the call says why it failed
		return nil, err
	}
	e.mu.Lock()
	e.Status = resp.StatusCode
	e.mu.Unlock()
	if resp.Request != nil {
		resp.Request = req
	}
	if resp.Body == nil || resp.Body == http.NoBody {
		e.finish(nil)
		return resp, nil
	}
	resp.Body = &countedResponse{resp.Body, e}
	return resp, nil
}

// counting returns req with a body whose bytes are counted.
func (e *exchange) counting(req *http.Request) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	counting := *req
	counting.Body = &countedRequest{req.Body, e}
	if again := req.GetBody; again != nil {
		counting.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			if err != nil {
				return nil, err
			}
			return &countedRequest{body, e}, nil
		}
	}
	return &counting
}

type countedRequest struct {
	io.ReadCloser
	e *exchange
}

func (c *countedRequest) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.e.sent.Add(int64(n))
	return n, err
}

type countedResponse struct {
	io.ReadCloser
	e *exchange
}

func (c *countedResponse) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.e.received.Add(int64(n))
	switch {
	case err == io.EOF:
		c.e.finish(nil)
	case err != nil:
		c.e.finish(err)
	}
	return n, err
}

func (c *countedResponse) Close() error {
	err := c.ReadCloser.Close()
	c.e.finish(nil)
	return err
}
