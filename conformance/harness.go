package conformance

import (
	"context"
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance/faultproxy"
)

// A Harness tells how one store is reached. Only Open is required; a nil hook means that the harness has none.
type Harness struct {
	Name string // of the store as it really runs, such as "s3:minio-2026-02-12"

	// Open returns a Bucket on an empty namespace that nobody else uses. It calls t.Fatal if it cannot, and t.Cleanup
	// to remove the namespace. The runner closes the Bucket.
	Open func(t *T) blob.Bucket

	// Reopen returns another handle to the namespace of b, which Open returned. The runner closes it.
	Reopen func(t *T, b blob.Bucket) blob.Bucket

	// URL returns a URL that opens the namespace of b.
	URL func(t *T, b blob.Bucket) string

	// Nonexistent opens a bucket that does not exist. It returns whatever Open of the driver answers.
	Nonexistent func(t *T) (blob.Bucket, error)

	// Foreign stores an object in the namespace of b as another program would, without this library.
	Foreign func(t *T, b blob.Bucket, key, content string)

	// Corrupt flips one bit of the byte at off of what the store of b holds for key, without a trace elsewhere.
	Corrupt func(t *T, b blob.Bucket, key string, off int64)

	// Endpoint returns the URL of the server behind b, to put the fault proxy in front of. Its path is not used.
	Endpoint func(t *T, b blob.Bucket) *url.URL

	// Proxied returns another handle to the namespace of b, like that of Open in all but one: its requests go to via,
	// which hands them on to the Endpoint as they are, with the Host that they name. Its retries are those that the
	// driver has by default, unless they take more than a minute. The runner closes it.
	Proxied func(t *T, b blob.Bucket, via *url.URL) blob.Bucket

	// Protocol tells what requests to the Endpoint mean, where their method, URL and headers do not. Nil: they do.
	Protocol *Protocol

	// IdleTimeout is how long the handle of Proxied waits for the next byte of an answer. Zero means that only the ctx
	// of the call ends the wait. Make it short, if the driver lets you: a case waits for it.
	IdleTimeout time.Duration

	// Denied returns another handle to the namespace of b, with credentials that the server does not accept. The runner
	// closes it.
	Denied func(t *T, b blob.Bucket) blob.Bucket

	// Restart stops the server as a crash does and starts it again with what it stored. It returns when the server
	// answers. Other cases must not be using the server.
	Restart func(t *T)

	// Pause freezes the server for d, and returns when it runs again. Connections stay open.
	Pause func(t *T, d time.Duration)

	// Secrets are what nobody may be shown: the keys that requests are signed with, passwords, tokens.
	Secrets []string

	// Impossible names the hooks that cannot exist for this store, each with the reason: the restart of a map in
	// memory, or a proxy before files. What needs one is unsupported, not merely not run.
	Impossible map[Hook]string

	// Expected names cases that are known to fail, by ID.
	Expected map[string]KnownFailure
}

// A Protocol tells cases that put faults in the way of requests what these are. Without one, requests of one method and
// URL are the same, PUT, POST and DELETE change something, and what a request is about is in its URL or headers.
type Protocol struct {
	// Name returns what a request has in common with the same request sent again, and with no other.
	Name func(r *faultproxy.Request) string

	// Writes tells whether a request changes what is stored.
	Writes func(r *faultproxy.Request) bool

	// Begins returns the ID by which later requests are about the key of r, from the answer to r, or "".
	Begins func(r *faultproxy.Request, answer []byte) string
}

// A Hook is an optional part of a Harness.
type Hook string

// The hooks that cases may need.
const (
	HookReopen      Hook = "Reopen"
	HookURL         Hook = "URL"
	HookNonexistent Hook = "Nonexistent"
	HookForeign     Hook = "Foreign"
	HookCorrupt     Hook = "Corrupt"
	HookEndpoint    Hook = "Endpoint"
	HookProxied     Hook = "Proxied"
	HookDenied      Hook = "Denied"
	HookRestart     Hook = "Restart"
	HookPause       Hook = "Pause"
	HookSecrets     Hook = "Secrets"
)

func (h *Harness) has(hook Hook) bool {
	switch hook {
	case HookReopen:
		return h.Reopen != nil
	case HookURL:
		return h.URL != nil
	case HookNonexistent:
		return h.Nonexistent != nil
	case HookForeign:
		return h.Foreign != nil
	case HookCorrupt:
		return h.Corrupt != nil
	case HookEndpoint:
		return h.Endpoint != nil
	case HookProxied:
		return h.Proxied != nil
	case HookDenied:
		return h.Denied != nil
	case HookRestart:
		return h.Restart != nil
	case HookPause:
		return h.Pause != nil
	case HookSecrets:
		return h.Secrets != nil
	}
	return false
}

// Bucket opens what a case would get, for a test that is no case. The caller closes it; what the harness made goes with
// the test.
func (h Harness) Bucket(tb testing.TB) blob.Bucket {
	tb.Helper()
	t := &T{Harness: &h, Case: &Case{}, Rand: rand.New(rand.NewPCG(rand.Uint64(), 0))}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	inGoroutine(t, func() { t.Bucket = h.Open(t) })
	tb.Cleanup(func() {
		inGoroutine(t, t.end)
		for _, line := range t.failures.lines {
			tb.Error(line)
		}
	})
	if t.failed {
		tb.FailNow()
	}
	return t.Bucket
}

// Wrapped returns a harness for a wrapper around every bucket that h opens. The hooks that would go past the wrapper
// are gone, except Reopen, which is wrapped too; wrap must give two handles to one namespace the same view of it.
// Restart and Pause are about the server, and stay. Endpoint and Proxied are gone, since the cases that use them count
// the requests of a driver, to which a wrapper adds its own. A wrapper may hide a known failure, so each of them may pass
// as well; if the case fails, it must still be by the text of that failure.
func (h Harness) Wrapped(name string, wrap func(t *T, b blob.Bucket) blob.Bucket) Harness {
	inner := h
	// What a wrapper returned leads back to the bucket inside, for Reopen.
	within := map[blob.Bucket]blob.Bucket{}
	w := Harness{Name: h.Name + "+" + name, Restart: h.Restart, Pause: h.Pause, Impossible: h.Impossible, Expected: map[string]KnownFailure{}}
	for id, known := range h.Expected {
		known.Sometimes = true
		w.Expected[id] = known
	}
	w.Open = func(t *T) blob.Bucket {
		b := inner.Open(t)
		t.Cleanup(func() { _ = b.Close() })
		outer := wrap(t, b)
		within[outer] = b
		return outer
	}
	if inner.Reopen != nil {
		w.Reopen = func(t *T, b blob.Bucket) blob.Bucket {
			again := inner.Reopen(t, within[b])
			t.Cleanup(func() { _ = again.Close() })
			return wrap(t, again)
		}
	}
	return w
}
