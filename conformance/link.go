package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance/faultproxy"
)

// What cases of faults share. Each of them asserts four things: the class of the result, the state as a clean connection
// shows it, the attempts that were made, and a bound on the time.

const (
	// budget is the longest that a driver may go on trying one call.
	budget = time.Minute
	// mostAttempts is how often a driver may send the same request for one call.
	mostAttempts = 10
)

// throughProxy is what a case of faults needs.
var throughProxy = []Need{needEndpoint, needProxied}

// A link is a way to the server through the fault proxy. The case's own Bucket is the clean connection beside it.
type link struct {
	t     *T
	proxy *faultproxy.Proxy
	b     blob.Bucket // another handle to the case's namespace
}

// hasProxy tells whether the harness can put the fault proxy in between, for cases that do more where it can.
func (t *T) hasProxy() bool { return t.Harness.has(HookEndpoint) && t.Harness.has(HookProxied) }

// andThroughProxy makes a case of what every store can show, and of what is shown through the proxy where the harness can
// put it in between.
func andThroughProxy(here, there func(t *T)) func(t *T) {
	return func(t *T) {
		here(t)
		if t.hasProxy() && !t.Failed() {
			there(t)
		}
	}
}

// link makes a link. What a driver asks a server once, such as where a bucket is, it has asked when this returns.
func (t *T) link() *link {
	l := t.coldLink()
	if _, err := l.b.Stat(t.ctx, "warm-up", nil); !errors.Is(err, blob.ErrNotExist) {
		t.Fatalf("stat of a missing key through a proxy that does nothing answers %v", err)
	}
	return l
}

func (t *T) coldLink() *link {
	p, err := faultproxy.New(t.Harness.Endpoint(t, t.Bucket))
	if err != nil {
		t.Fatalf("proxy: %v", err)
	}
	t.Cleanup(p.Close)
	if protocol := t.Harness.Protocol; protocol != nil {
		p.Learn(protocol.Begins)
	}
	l := &link{t, p, t.Harness.Proxied(t, t.Bucket, p.URL())}
	t.Cleanup(func() { _ = l.b.Close() })
	return l
}

// A trial is what became of one call under faults.
type trial struct {
	t    *T
	what string
	err  error
	took time.Duration
	sent int             // the most that one and the same request was sent
	gaps []time.Duration // between the sendings of that request
}

// A falseSuccess is what a call answers that succeeds with what is not so. It fails the case, whatever is expected.
type falseSuccess string

func (f falseSuccess) Error() string { return string(f) }

func falsely(format string, args ...any) error { return falseSuccess(fmt.Sprintf(format, args...)) }

// try makes a call whose requests mention key, while those requests meet faults. A fault that none of them meets fails
// the case: it would have shown nothing. So key needs no escaping, wherever a driver puts it. Many trials may go on at once, each with a key of its own.
func (l *link) try(key, what string, call func(ctx context.Context, b blob.Bucket) error, faults ...*faultproxy.Fault) *trial {
	for _, f := range faults {
		what += ", " + f.String()
		f.Mentioning(key)
	}
	l.proxy.Inject(faults...)
	ctx, cancel := context.WithTimeout(l.t.ctx, budget)
	defer cancel()
	begin := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- call(ctx, l.b) }()
	r := &trial{t: l.t, what: what}
	select {
	case r.err = <-ended:
	case <-time.After(budget + 20*time.Second): // it does not even hear of its ctx
		r.err = fmt.Errorf("still running\n%s", stacks())
	}
	r.took = time.Since(begin)
	l.proxy.Withdraw(faults...)
	if ctx.Err() != nil {
		l.t.Errorf("%s: not done after %v, and ended by the ctx alone: %v", what, budget, r.err)
	}
	if bogus := falseSuccess(""); errors.As(r.err, &bogus) {
		l.t.Errorf("%s: succeeds, and %v", what, r.err)
	}
	for _, f := range faults {
		if l.proxy.Fired(f) == 0 {
			l.t.Errorf("%s: no request came to the fault %q", what, f)
		}
	}
	l.count(r, key, begin)
	return r
}

// nameOf returns what a request has in common with the same request sent again.
func (l *link) nameOf(q *faultproxy.Request) string {
	if p := l.t.Harness.Protocol; p != nil {
		return p.Name(q)
	}
	return q.Method + " " + q.URL
}

// count finds the request that was sent most often.
func (l *link) count(r *trial, key string, since time.Time) {
	times := map[string][]time.Time{}
	for _, q := range l.proxy.Requests() {
		if same := l.nameOf(&q); q.Mentions(key) && !q.At.Before(since) {
			if times[same] = append(times[same], q.At); len(times[same]) > r.sent {
				r.sent = len(times[same])
				r.gaps = nil
				for i := 1; i < r.sent; i++ {
					r.gaps = append(r.gaps, times[same][i].Sub(times[same][i-1]))
				}
			}
		}
	}
}

// succeeds reports an error.
func (r *trial) succeeds() *trial {
	if r.err != nil {
		r.t.Errorf("%s: answers %v after %d attempts in %v; it must succeed", r.what, r.err, r.sent, r.took)
	}
	return r
}

// succeedsOr reports an error that is none of these.
func (r *trial) succeedsOr(targets ...error) *trial {
	for _, target := range targets {
		if errors.Is(r.err, target) {
			return r
		}
	}
	return r.succeeds()
}

// fails reports a success.
func (r *trial) fails() *trial {
	if r.err == nil {
		r.t.Errorf("%s: succeeds", r.what)
	}
	return r
}

// class reports an error that does not answer to just these.
func (r *trial) class(targets ...error) *trial {
	wantClass(r.t, r.what, r.err, targets...)
	return r
}

// final reports an error that calls itself retryable.
func (r *trial) final() *trial {
	if retryable(r.err) {
		r.t.Errorf("%s: answers %v, which calls itself retryable", r.what, r.err)
	}
	return r.fails()
}

// temporary reports an error that says more, or less, than that the same call may succeed later.
func (r *trial) temporary() *trial {
	if r.fails(); r.err != nil && (!retryable(r.err) || len(classes(r.err)) > 0) {
		r.t.Errorf("%s: answers %v, of the class %q, retryable %v; it must be retryable and nothing else",
			r.what, r.err, classes(r.err), retryable(r.err))
	}
	return r
}

// open reports an error that is neither temporary nor ErrAmbiguous: what a write answers that may have been carried out,
// and may be made again.
func (r *trial) open() *trial {
	if errors.Is(r.err, blob.ErrAmbiguous) {
		return r.class(blob.ErrAmbiguous)
	}
	return r.temporary()
}

func retryable(err error) bool {
	var e *blob.Error
	return errors.As(err, &e) && e.Retryable()
}

// attempts reports a request that was sent less or more often.
func (r *trial) attempts(least, most int) *trial {
	if r.sent < least || r.sent > most {
		r.t.Errorf("%s: the same request was sent %d times, not %d to %d times", r.what, r.sent, least, most)
	}
	return r
}

// within reports a call that took longer.
func (r *trial) within(limit time.Duration) *trial {
	if r.took > limit {
		r.t.Errorf("%s: took %v, longer than %v", r.what, r.took, limit)
	}
	return r
}
