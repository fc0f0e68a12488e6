package conformance

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance/faultproxy"
)

// What a driver makes of answers that are no good: errors that pass and errors that stay, and answers that are not the
// server's at all.
var faultAnswerCases = []Case{
	{ID: "J12", Doc: "a copy that is answered with an error in a 200 is not a success", Needs: append([]Need{needCopy}, throughProxy...), Run: func(t *T) { t.errorIn200(copyOperation) }},
	{ID: "L10", Doc: "a completion that is answered with an error in a 200 is not a success, and can be made again", Needs: append([]Need{needMultipart}, throughProxy...), Run: func(t *T) { t.errorIn200(completionOperation()) }},
	{ID: "P04", Doc: "a single 500, 502, 503, 504, 429 or 408 is tried again, and the call succeeds", Needs: throughProxy, Run: oneErrorPasses},
	{ID: "P05", Doc: "the next attempt comes no earlier than Retry-After says, and a context that ends ends the wait", Needs: throughProxy, Tier: Default, Run: retryAfter},
	{ID: "P06", Doc: "a 503 that stays is a retryable error after a few attempts, which are spread at random", Needs: throughProxy, Run: errorStays},
	{ID: "P07", Doc: "400, 401, 403, 404, 409, 412 and 416 are not tried again, and are of their class", Needs: throughProxy, Run: finalErrors},
	{ID: "P08", Doc: "a 503 is tried again, and the 400 that follows is not", Needs: throughProxy, Run: finalAfterTemporary},
	{ID: "P23", Doc: "a page from a captive portal, with a 200, is an error and not an object, an empty listing or a success", Needs: throughProxy, Run: captivePortal},
	{ID: "P24", Doc: "a redirection to a foreign host brings it no credentials and no object, and a loop of them ends", Needs: throughProxy, Run: redirected},
}

func oneErrorPasses(t *T) {
	l := t.link()
	var all []scenario
	for _, status := range []int{500, 502, 503, 504, 429, 408} {
		once := one(func() *faultproxy.Fault { return faultproxy.Status(status) })
		all = append(all, scenario{fmt.Sprint("status", status), t.operations(), once, func(op operation, key string, r *trial) {
			r.succeeds().attempts(2, 2).within(budget / 2)
			op.done(t, key)
		}})
	}
	l.inAll(all...)
}

func retryAfter(t *T) {
	const wait = 2 * time.Second
	l := t.link()
	busy := one(func() *faultproxy.Fault { return faultproxy.Status(http.StatusServiceUnavailable).RetryAfter(wait) })
	l.everywhere("after", []operation{statOperation, putOperation}, busy, func(op operation, key string, r *trial) {
		r.succeeds().attempts(2, 2).within(budget / 2)
		if len(r.gaps) == 1 && r.gaps[0] < wait {
			t.Errorf("%s: after Retry-After: 2 the next attempt came after %v", op.name, r.gaps[0])
		}
		op.done(t, key)
	})
	// A driver may wait as long as it is told, or give up at once.
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	soon := func() { time.AfterFunc(100*time.Millisecond, cancel) } // when the answer has arrived
	call := statOperation.prepare(l, "never")
	r := l.try("never", "stat", func(_ context.Context, b blob.Bucket) error { return call(ctx, b) },
		faultproxy.Status(http.StatusServiceUnavailable).RetryAfter(time.Hour).Forever().Then(soon))
	r.fails().within(2*time.Second).attempts(1, 1)
}

func errorStays(t *T) {
	l := t.link()
	stays := one(func() *faultproxy.Fault { return faultproxy.Status(http.StatusServiceUnavailable).Forever() })
	l.everywhere("stays", t.operations(), stays, func(op operation, key string, r *trial) {
		r.temporary().attempts(2, mostAttempts).within(budget)
		op.undone(t, key)
	})
	// Those who were refused together must not come back together.
	const clients = 8
	var first [clients]time.Duration
	t.crowd(clients, func(i int) {
		key := fmt.Sprint("herd", i)
		r := l.try(key, "stat", func(ctx context.Context, b blob.Bucket) error {
			_, err := b.Stat(ctx, key, nil)
			return err
		}, faultproxy.Status(http.StatusServiceUnavailable).Forever())
		if r.temporary(); len(r.gaps) > 0 {
			first[i] = r.gaps[0]
		}
	})
	slices.Sort(first[:])
	if spread := first[clients-1] - first[0]; spread < first[clients/2]/10 {
		t.Errorf("eight clients that fail at once try again after %v each: there is no chance in it", first)
	}
}

func finalErrors(t *T) {
	l := t.link()
	for status, class := range map[int]error{
		400: nil, 401: fs.ErrPermission, 403: fs.ErrPermission, 404: fs.ErrNotExist, 409: nil, 412: blob.ErrPrecondition, 416: blob.ErrRange,
	} {
		ops := []operation{statOperation, getOperation, putOperation}
		switch status {
		case 404, 412:
			ops = ops[:2] // no put is answered so without a condition
		case 416:
			ops = ops[1:2]
		}
		stays := one(func() *faultproxy.Fault { return faultproxy.Status(status).Forever() })
		l.everywhere(fmt.Sprint("final", status), ops, stays, func(op operation, key string, r *trial) {
			most := 1
			if status == 401 { // it may be about a token that has ended, and then another is no worse than a look
				most = 2
			}
			r.final().attempts(1, most).within(budget / 4)
			if class != nil {
				r.class(class)
			}
			op.undone(t, key)
		})
	}
}

func finalAfterTemporary(t *T) {
	l := t.link()
	mix := func() []*faultproxy.Fault {
		return []*faultproxy.Fault{faultproxy.Status(503), faultproxy.Status(400).Forever()}
	}
	l.everywhere("mix", t.operations(), mix, func(op operation, key string, r *trial) {
		r.final().attempts(2, 2).within(budget / 2)
		op.undone(t, key)
	})
}

func (t *T) errorIn200(op operation) {
	wrong := func() *faultproxy.Fault { return t.toWrites(faultproxy.ErrorIn200()) }
	t.Put(source, newContent)
	l := t.link()
	l.inAll(scenario{"once", []operation{op}, one(wrong), func(op operation, key string, r *trial) {
		r.attempts(1, mostAttempts)
		switch {
		case r.err == nil:
			r.attempts(2, mostAttempts) // the first was none
			op.done(t, key)
		default:
			op.undone(t, key)
		}
	}}, scenario{"always", []operation{op}, one(func() *faultproxy.Fault { return wrong().Forever() }), func(op operation, key string, r *trial) {
		r.fails().attempts(1, mostAttempts)
		op.undone(t, key)
	}})
	if !op.once {
		return
	}
	call := op.prepare(l, "again")
	l.try("again", op.name, call, wrong().Forever()).fails()
	l.try("again", op.name+" when it is over", call).succeeds()
	op.done(t, "again")
}

func captivePortal(t *T) {
	l := t.link()
	portal := one(func() *faultproxy.Fault { return faultproxy.HTML().Forever() })
	all := t.operations()
	t.sideBySide(func() {
		l.everywhere("portal", all, portal, func(op operation, key string, r *trial) {
			r.attempts(1, mostAttempts)
			if op.name == "delete" && r.err == nil {
				t.Recordf("a delete believes any 200")
			} else {
				r.fails()
			}
			for _, class := range []error{fs.ErrNotExist, fs.ErrExist} {
				if r.err != nil && classOf(r.err, class) {
					t.Errorf("%s: a page answers %v, which says something of the object", op.name, r.err)
				}
			}
			op.undone(t, key)
		})
	}, func() {
		t.Put("many/1", "x")
		l.try("many", "list", func(ctx context.Context, b blob.Bucket) error {
			keys, err := keysOf(ctx, b, "many/")
			if len(keys) > 0 {
				t.Errorf("a page is listed as %q", keys)
			}
			return err
		}, faultproxy.HTML().Forever()).fails()
	})
}

func classOf(err, class error) bool { return slices.Contains(classes(err), classes(class)[0]) }

func redirected(t *T) {
	w, err := faultproxy.NewWitness()
	t.WantOK("witness", err)
	t.Cleanup(w.Close)
	l := t.link()
	var all []scenario
	for _, status := range []int{301, 302, 307, 308} {
		away := one(func() *faultproxy.Fault { return faultproxy.Redirect(status, w.URL()).Forever() })
		all = append(all, scenario{fmt.Sprint("away", status), t.operations(), away, func(op operation, key string, r *trial) {
			r.fails().attempts(1, 4*mostAttempts)
			op.undone(t, key)
		}})
		// What is sent to the same server again must be the same request.
		home := one(func() *faultproxy.Fault { return faultproxy.Redirect(status, l.proxy.URL().String()) })
		all = append(all, scenario{fmt.Sprint("home", status), []operation{statOperation, putOperation}, home, func(op operation, key string, r *trial) {
			if r.err != nil {
				op.undone(t, key)
			} else {
				op.done(t, key)
			}
		}})
		loop := one(func() *faultproxy.Fault { return faultproxy.Redirect(status, l.proxy.URL().String()).Forever() })
		all = append(all, scenario{fmt.Sprint("loop", status), []operation{getOperation, putOperation}, loop, func(op operation, key string, r *trial) {
			r.fails().attempts(1, 4*mostAttempts).within(budget)
			op.undone(t, key)
		}})
	}
	l.inAll(all...)
	for _, heard := range w.Heard() {
		t.wantNoCredentials(heard)
	}
	t.Recordf("a foreign host that the server names is asked: %v", len(w.Heard()) > 0)
}

// wantNoCredentials reports what a foreign host could use.
func (t *T) wantNoCredentials(heard string) {
	for _, secret := range t.Harness.Secrets {
		if strings.Contains(heard, secret) {
			t.Errorf("a foreign host was told a secret")
		}
	}
	head, _, _ := strings.Cut(strings.ToLower(heard), "\n\n")
	for _, name := range []string{"\nauthorization:", "\ncookie:", "-token:", "signature=", "\nx-goog-iam"} {
		if strings.Contains(head, name) {
			t.Errorf("a foreign host was told %q", strings.Trim(name, "\n:"))
		}
	}
}

// sameAttempts reports a wrapper that tries again what the driver has tried to its end.
func sameAttempts(t *T) {
	l := t.link()
	attempts := func(label string, b blob.Bucket, inside, outside string) int {
		return l.try(outside, label, func(ctx context.Context, _ blob.Bucket) error {
			_, err := b.Stat(ctx, inside, nil)
			return err
		}, faultproxy.Status(http.StatusServiceUnavailable).Forever()).temporary().sent
	}
	var plain, sub, readOnly, checked int
	t.sideBySide(
		func() { plain = attempts("stat", l.b, "plain", "plain") },
		func() { sub = attempts("stat through Sub", blob.Sub(l.b, "wrapped/"), "sub", "wrapped/sub") },
		func() { readOnly = attempts("stat through ReadOnly", blob.ReadOnly(l.b), "readonly", "readonly") },
		func() { checked = attempts("stat through a second Check", blob.Check(l.b), "checked", "checked") },
	)
	for name, n := range map[string]int{"Sub": sub, "ReadOnly": readOnly, "Check": checked} {
		if n != plain {
			t.Errorf("through %s a request is sent %d times, and without it %d times", name, n, plain)
		}
	}
}
