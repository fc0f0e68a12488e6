package faultproxy

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Fault is what happens to a request. A constructor makes one that happens once, to the next request; the methods,
// each of which changes and returns the fault, choose other requests. They are for the time before Inject, and a fault
// is for one script.
type Fault struct {
	name string
	do   func(x *exchange)
	then func()

	methods  []string
	kinds    []func(r *Request) bool
	least    int64 // bytes of body that the request must have
	skip     int
	left     int // negative: for ever
	fired    int
	header   http.Header // of an answer in the server's place
	notified bool
}

func newFault(name string, do func(x *exchange)) *Fault {
	return &Fault{name: name, do: do, left: 1, header: http.Header{}}
}

// String names the fault, as in Request.Fault.
func (f *Fault) String() string { return f.name }

// Repeat lets it happen to n requests.
func (f *Fault) Repeat(n int) *Fault { f.left = n; return f }

// Forever lets it happen to all requests that it wants.
func (f *Fault) Forever() *Fault { f.left = -1; return f }

// After lets the first n requests pass that it would want.
func (f *Fault) After(n int) *Fault { f.skip = n; return f }

// On chooses requests with one of these methods.
func (f *Fault) On(methods ...string) *Fault { f.methods = methods; return f }

// Mentioning chooses requests that hold text in their path, query or headers.
func (f *Fault) Mentioning(text string) *Fault {
	return f.If(func(r *Request) bool { return r.Mentions(text) })
}

// If chooses requests by any rule. All rules of a fault must agree.
func (f *Fault) If(kind func(r *Request) bool) *Fault { f.kinds = append(f.kinds, kind); return f }

// Then calls g the first time that the fault happens: after the server's part, if it has any, and before the client
// learns of it. So g can do what comes in between, such as another's write.
func (f *Fault) Then(g func()) *Fault { f.then = g; return f }

// Header adds a header to the answer that the fault makes in the server's place.
func (f *Fault) Header(name, value string) *Fault { f.header.Add(name, value); return f }

// RetryAfter adds the header of that name, in whole seconds.
func (f *Fault) RetryAfter(d time.Duration) *Fault {
	return f.Header("Retry-After", strconv.Itoa(int(d.Round(time.Second).Seconds())))
}

// wants tells whether the fault happens to this request, and counts it. The proxy's lock is held.
func (f *Fault) wants(r *Request, length int64) bool {
	if f.left == 0 || len(f.methods) > 0 && !slices.Contains(f.methods, r.Method) {
		return false
	}
	if length >= 0 && length < f.least {
		return false
	}
	for _, kind := range f.kinds {
		if !kind(r) {
			return false
		}
	}
	if f.skip > 0 {
		f.skip--
		return false
	}
	if f.left > 0 {
		f.left--
	}
	f.fired++
	return true
}

// Answers in the server's place, which does not hear of the request. The body of the request is read before.

// Answer answers with a status and a body.
func Answer(status int, contentType, body string) *Fault {
	var f *Fault
	f = newFault(fmt.Sprint("answer ", status), func(x *exchange) { x.answer(status, contentType, body, f.header) })
	return f
}

// codes are the error codes that go with a status in the answers of S3, whose form others read, too. (API Reference,
// "Error responses".)
var codes = map[int]string{
	400: "InvalidRequest", 401: "InvalidAccessKeyId", 403: "AccessDenied", 404: "NoSuchKey", 408: "RequestTimeout",
	409: "InvalidBucketState", 412: "PreconditionFailed", 416: "InvalidRange", 429: "TooManyRequests",
	500: "InternalError", 502: "BadGateway", 503: "SlowDown", 504: "GatewayTimeout",
}

// Status answers with an error as S3 and its cousins word it: 503 is SlowDown.
func Status(status int) *Fault {
	code := codes[status]
	if code == "" {
		code = strings.ReplaceAll(http.StatusText(status), " ", "")
	}
	return Answer(status, "application/xml", errorBody(code))
}

func errorBody(code string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + code +
		"</Code><Message>made by a test</Message><RequestId>fault</RequestId></Error>"
}

// ErrorIn200 answers 200 with an error for a body, as S3 does when a copy or a completion fails after its header is
// sent.
func ErrorIn200() *Fault { return Answer(http.StatusOK, "application/xml", errorBody("InternalError")) }

// HTML answers 200 with a page, as a captive portal does.
func HTML() *Fault {
	return Answer(http.StatusOK, "text/html; charset=utf-8", "<!DOCTYPE html><html><body><h1>Welcome to our hotel</h1>"+
		"<form><input name=room></form></body></html>")
}

// Redirect answers with a redirection to the same path and query on another server, such as "http://localhost:8080".
func Redirect(status int, server string) *Fault {
	return newFault(fmt.Sprint("redirect ", status), func(x *exchange) {
		x.answer(status, "text/plain", "moved", http.Header{"Location": {server + x.r.RequestURI}})
	})
}

// What follows happens on the way to the server and back. An offset counts bytes of a body, from zero.

// Delay holds a request up for a random time between least and most.
func Delay(least, most time.Duration) *Fault {
	return newFault("delay", func(x *exchange) { x.delay(least, most) })
}

// Bandwidth lets so many bytes of either body pass in a second.
func Bandwidth(bytesPerSecond int) *Fault {
	return newFault("bandwidth", func(x *exchange) { x.throttle(bytesPerSecond) })
}

// Slices sends the answer, header and all, in packets of n bytes.
func Slices(n int) *Fault { return newFault("slices", func(x *exchange) { x.slice(n) }) }

// SlowClose announces that the connection ends with the answer, and ends it d later.
func SlowClose(d time.Duration) *Fault {
	return newFault("slow close", func(x *exchange) { x.slowClose(d) })
}

// Stall takes the request, does not hand it on, and says nothing until the client goes away.
func Stall() *Fault { return newFault("stall", func(x *exchange) { x.drain(); x.tell(); x.hang() }) }

// StallResponse says nothing more after n bytes of the answer's body, until the client goes away.
func StallResponse(n int64) *Fault {
	return newFault("stall the response", func(x *exchange) { x.stallResponse(n) })
}

// Reset resets the connection when the header of the request has arrived.
func Reset() *Fault { return newFault("reset", func(x *exchange) { x.tell(); x.reset() }) }

// ResetRequest resets the connections to the client and to the server after n bytes of the request's body, for requests
// that have as many.
func ResetRequest(n int64) *Fault {
	f := newFault("reset the request", func(x *exchange) { x.resetRequest(n) })
	f.least = n
	return f
}

// ResetResponse resets the connection to the client after n bytes of the answer's body.
func ResetResponse(n int64) *Fault {
	return newFault("reset the response", func(x *exchange) { x.cutResponse(n, true) })
}

// TruncateResponse closes the connection in order after n bytes of the answer's body, whatever its length was announced
// to be.
func TruncateResponse(n int64) *Fault {
	return newFault("truncate the response", func(x *exchange) { x.cutResponse(n, false) })
}

// ShortenRequest hands on the first n bytes of the request's body, with a Content-Length that says so.
func ShortenRequest(n int64) *Fault {
	f := newFault("shorten the request", func(x *exchange) { x.shortenRequest(n) })
	f.least = n + 1
	return f
}

// ShortenResponse hands back the first n bytes of the answer's body, with a Content-Length that says so.
func ShortenResponse(n int64) *Fault {
	return newFault("shorten the response", func(x *exchange) { x.shortenResponse(n) })
}

// FlipRequest flips a bit of the byte at off of the request's body, for requests that have it.
func FlipRequest(off int64) *Fault {
	f := newFault("flip in the request", func(x *exchange) { x.flipRequest(off) })
	f.least = off + 1
	return f
}

// FlipResponse flips a bit of the byte at off of the answer's body.
func FlipResponse(off int64) *Fault {
	return newFault("flip in the response", func(x *exchange) { x.flipResponse(off) })
}

// DropResponse lets the server do what it is asked, takes its whole answer, and resets the connection to the client
// without a byte of it.
func DropResponse() *Fault { return newFault("drop the response", func(x *exchange) { x.drop() }) }

// Duplicate hands the request on twice, one after the other, and hands back the first answer.
func Duplicate() *Fault { return newFault("duplicate", func(x *exchange) { x.duplicate() }) }
