package conformance_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A webBucket is the client of a webStore: its retries, and what it makes of answers. What it does for each method is in
// webbucket_test.go.
type webBucket struct {
	blob.Unsupported
	store  *webStore
	name   string
	server *url.URL
	secret string
	idle   time.Duration
	flaws  clientFlaws
	client *http.Client
	broken atomic.Bool // for givesUp
}

// clientFlaws are what a client may do wrong.
type clientFlaws struct {
	neverRetries     bool
	retriesAll       bool // also what can never succeed
	retriesLong      bool // far more often than is any use
	noJitter         bool
	ignoresAfter     bool // Retry-After
	sleepsOn         bool // does not look at its context between attempts
	longIdle         bool // waits for ten times as long as it says
	totalTimeout     bool // the idle timeout is one for the whole answer
	hidesDenied      bool // says of what is denied that it is missing
	believesAnswers  bool // takes any 200 for the server's
	follows          bool // a redirection, with its credentials
	readsShort       bool // takes the end of a connection for the end of the content
	unpinned         bool // goes on reading whatever version is there
	unverified       bool // does not look at checksums
	leaksBodies      bool // of answers that are errors
	dialsAlways      bool
	takesOwnForOther bool // says of its own write, whose answer was lost, that it was another's
	claimsSuccess    bool // says of a write whose outcome it does not know that it succeeded
	sendsRest        bool // of a body, when it tries again
	hedges           bool // sends every request twice, to be sure
	deaf             bool // does not stop when its context ends
	givesUp          bool // fails for ever when a connection was refused once
	waitsForClose    bool // of a connection that was announced to end
	showsSecret      bool // in a signed request
	denies           bool // takes an outcome that is not known for a failure
}

const webAttempts = 4

// A webError is an answer that is an error.
type webError struct {
	status int // zero: there was no answer
	text   string
	err    error // what it answers to, or nil
	after  time.Duration
	lost   bool // the request may have been carried out
}

func (e *webError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.text) }
func (e *webError) Unwrap() error { return e.err }

func (e *webError) Retryable() bool {
	switch e.status {
	case 0, 408, 429, 500, 502, 503, 504:
		return true
	}
	return false
}

// at is the URL of a key.
func (b *webBucket) at(key string) *url.URL {
	u := *b.server
	u.Path = "/" + b.name + "/" + key
	return &u
}

// A webCall is a request that can be made again.
type webCall struct {
	method string
	key    string
	query  url.Values
	header http.Header
	body   []byte
}

// do makes a request until it succeeds, or will not. Lost tells that an attempt before the last may have been carried
// out.
func (b *webBucket) do(ctx context.Context, c webCall) (resp *http.Response, lost bool, err error) {
	attempts := webAttempts
	switch {
	case b.flaws.neverRetries:
		attempts = 1
	case b.flaws.retriesLong:
		attempts = 30
	}
	wait := 50 * time.Millisecond // and so more than a busy machine adds to it
	for n := 1; ; n++ {
		if n > 1 && b.flaws.sendsRest {
			c.body = c.body[len(c.body)/2:]
		}
		resp, err = b.once(ctx, c)
		var e *webError
		if err == nil || !errors.As(err, &e) || ctx.Err() != nil {
			return resp, lost, err
		}
		if n == attempts || !e.Retryable() && !b.flaws.retriesAll {
			return nil, lost, err
		}
		lost = lost || e.lost
		pause := wait/2 + rand.N(wait)
		if b.flaws.noJitter {
			pause = 10 * wait
		}
		if !b.flaws.ignoresAfter {
			pause = max(pause, e.after)
		}
		done := ctx.Done()
		if b.flaws.sleepsOn {
			done = nil
			pause = min(pause, 3*time.Second)
		}
		select {
		case <-time.After(pause):
		case <-done:
			return nil, lost, ctx.Err()
		}
		wait = min(2*wait, 80*time.Millisecond)
	}
}

// once makes a request. The answer's body fails when nothing of it arrives for the idle timeout.
func (b *webBucket) once(parent context.Context, c webCall) (*http.Response, error) {
	if b.flaws.deaf {
		later, cancel := context.WithCancel(context.WithoutCancel(parent))
		context.AfterFunc(parent, func() { time.AfterFunc(5*time.Second, cancel) })
		parent = later
	}
	ctx, cancel := context.WithCancelCause(parent)
	u := b.at(c.key)
	u.RawQuery = c.query.Encode()
	req, err := http.NewRequestWithContext(ctx, c.method, u.String(), bytes.NewReader(c.body))
	if err != nil {
		cancel(err)
		return nil, err
	}
	if c.header != nil {
		req.Header = c.header.Clone()
	}
	if c.method == http.MethodPut && c.header.Get("X-Copy") == "" {
		req.Header.Set("X-Crc32c", strconv.FormatUint(uint64(crc32c(c.body)), 16))
	}
	req.Header.Set("X-Time", time.Now().UTC().Format(time.RFC3339))
	uri := req.URL.RequestURI()
	req.Header.Set("Authorization", webKey+" "+webSignature(b.secret, c.method, req.URL.Host, uri, req.Header, signedNames(req.Header)))
	idle := &idleTimer{limit: b.idle, total: b.flaws.totalTimeout, cancel: cancel}
	if b.flaws.longIdle || b.flaws.deaf {
		idle.limit = 8 * time.Second
	}
	idle.begin()
	resp, err := b.send(req, c.body)
	idle.end()
	if err != nil {
		if parent.Err() != nil {
			cancel(err)
			return nil, parent.Err()
		}
		if context.Cause(ctx) == errIdle {
			err = errIdle // rather than that of the context, which is none of the caller's
		}
		cancel(err)
		return nil, &webError{text: err.Error(), err: err, lost: !errors.Is(err, syscall.ECONNREFUSED)}
	}
	resp.Body = &idleBody{resp.Body, idle}
	if err := b.judge(resp); err != nil {
		if !b.flaws.leaksBodies {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		return nil, err
	}
	return resp, nil
}

func (b *webBucket) send(req *http.Request, body []byte) (*http.Response, error) {
	if b.flaws.hedges {
		if resp, err := b.client.Do(req); err == nil {
			resp.Body.Close()
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	if b.broken.Load() {
		return nil, errors.New("given up")
	}
	resp, err := b.client.Do(req)
	if b.flaws.givesUp && errors.Is(err, syscall.ECONNREFUSED) {
		b.broken.Store(true)
	}
	if b.flaws.waitsForClose && err == nil && resp.Close {
		time.Sleep(6 * time.Second)
	}
	return resp, err
}

// judge returns what is wrong with an answer.
func (b *webBucket) judge(resp *http.Response) error {
	e := &webError{status: resp.StatusCode, text: http.StatusText(resp.StatusCode)}
	if resp.StatusCode < 300 {
		if resp.Header.Get("X-Store") == "" && !b.flaws.believesAnswers {
			e.text = "this is not the server's answer"
			return e
		}
		return nil
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		e.after = time.Duration(seconds) * time.Second
	}
	if b.flaws.hidesDenied && resp.StatusCode == 403 {
		e.err = fs.ErrNotExist
		return e
	}
	for _, c := range webCodes {
		if resp.Header.Get("X-Code") == c.code {
			e.text, _ = url.QueryUnescape(resp.Header.Get("X-Text"))
			e.err = c.err
			if c.code == "missing" && resp.Request.Header.Get("If-Match") != "" && resp.Request.URL.RawQuery == "" {
				e.err = blob.ErrPrecondition // a server that looks for the object first
			}
			return e
		}
	}
	switch resp.StatusCode {
	case 304:
		e.err = blob.ErrNotModified
	case 401, 403:
		e.err = fs.ErrPermission
	case 404:
		e.err = fs.ErrNotExist
	case 412:
		e.err = blob.ErrPrecondition
		if resp.Request.Header.Get("If-None-Match") == "*" {
			e.err = blob.ErrExist
		}
	case 416:
		e.err = blob.ErrRange
	}
	return e
}

// call makes a request whose answer is JSON.
func (b *webBucket) call(ctx context.Context, c webCall, answer any) (lost bool, err error) {
	resp, lost, err := b.do(ctx, c)
	if err != nil {
		return lost, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return true, &webError{text: err.Error(), err: err, lost: true}
	}
	if answer == nil {
		return lost, nil
	}
	if err := json.Unmarshal(text, answer); err != nil && !b.flaws.believesAnswers {
		return true, &webError{status: 200, text: "an answer that is none: " + err.Error(), lost: true}
	}
	return lost, nil
}

var errIdle = errors.New("nothing arrived for too long")

// An idleTimer cancels a request that waits for too long for the next byte.
type idleTimer struct {
	limit  time.Duration
	total  bool
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

func (i *idleTimer) begin() {
	if i.limit > 0 && (!i.total || i.timer == nil) {
		i.timer = time.AfterFunc(i.limit, func() { i.cancel(errIdle) })
	}
}

func (i *idleTimer) end() {
	if i.timer != nil && !i.total {
		i.timer.Stop()
	}
}

type idleBody struct {
	io.ReadCloser
	idle *idleTimer
}

func (b *idleBody) Read(p []byte) (int, error) {
	b.idle.begin()
	defer b.idle.end()
	return b.ReadCloser.Read(p)
}

func (b *idleBody) Close() error {
	if b.idle.timer != nil {
		b.idle.timer.Stop()
	}
	err := b.ReadCloser.Close()
	b.idle.cancel(nil)
	return err
}

func setAttributes(h http.Header, a blob.Attributes) {
	for name, value := range map[string]string{"Content-Type": a.ContentType, "Content-Encoding": a.ContentEncoding,
		"Content-Language": a.ContentLanguage, "Content-Disposition": a.ContentDisposition, "Cache-Control": a.CacheControl} {
		if value != "" {
			h.Set(name, value)
		}
	}
	if len(a.Metadata) > 0 {
		text, _ := json.Marshal(a.Metadata) // strings always can
		h.Set("X-Meta", base64.StdEncoding.EncodeToString(text))
	}
}

func setCondition(h http.Header, c blob.Condition) {
	switch c.Kind() {
	case blob.KindAbsent:
		h.Set("If-None-Match", "*")
	case blob.KindMatch:
		h.Set("If-Match", c.ETag())
	case blob.KindNoneMatch:
		h.Set("If-None-Match", c.ETag())
	case blob.KindModifiedSince:
		h.Set("If-Modified-Since", c.Time().UTC().Format(http.TimeFormat))
	case blob.KindUnmodifiedSince:
		h.Set("If-Unmodified-Since", c.Time().UTC().Format(http.TimeFormat))
	}
}
