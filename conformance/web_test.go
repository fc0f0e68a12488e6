package conformance_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
)

// web is the harness of a webStore of one's own, with flaws.
func web(t *testing.T, server storeFlaws, client clientFlaws) conformance.Harness {
	store, err := newWebStore(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.stop)
	names := map[blob.Bucket]string{}
	open := func(name string, at *url.URL, secret string, idle time.Duration) blob.Bucket {
		b := blob.Check(newWebBucket(store, name, at, secret, idle, client))
		names[b] = name
		return b
	}
	return conformance.Harness{
		Name: "web",
		Open: func(*conformance.T) blob.Bucket {
			return open(fmt.Sprintf("web-%d", opened.Add(1)), store.url(), webSecret, 0)
		},
		Reopen:   func(_ *conformance.T, b blob.Bucket) blob.Bucket { return open(names[b], store.url(), webSecret, 0) },
		Endpoint: func(*conformance.T, blob.Bucket) *url.URL { return store.url() },
		Proxied: func(_ *conformance.T, b blob.Bucket, via *url.URL) blob.Bucket {
			return open(names[b], via, webSecret, webIdle)
		},
		IdleTimeout: webIdle,
		Denied: func(_ *conformance.T, b blob.Bucket) blob.Bucket {
			return open(names[b], store.url(), "not the secret", 0)
		},
		Restart: func(t *conformance.T) { t.WantOK("restart", store.restart()) },
		Pause:   func(_ *conformance.T, d time.Duration) { store.pause(d) },
		Secrets: []string{webSecret},
		Impossible: map[conformance.Hook]string{
			conformance.HookURL:         "it has no scheme of its own",
			conformance.HookNonexistent: "a bucket is made when it is first used",
			conformance.HookForeign:     "no other program reaches it",
			conformance.HookCorrupt:     "no other program reaches it",
		},
	}
}

// webIdle is longer than a busy machine needs to answer, and short enough to wait for.
const webIdle = 700 * time.Millisecond

func newWebBucket(s *webStore, name string, at *url.URL, secret string, idle time.Duration, flaws clientFlaws) *webBucket {
	b := &webBucket{store: s, name: name, server: at, secret: secret, idle: idle, flaws: flaws}
	b.client = &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, DisableKeepAlives: flaws.dialsAlways},
		CheckRedirect: func(next *http.Request, before []*http.Request) error {
			if !flaws.follows {
				return http.ErrUseLastResponse
			}
			next.Header = before[0].Header.Clone()
			return nil
		},
	}
	return b
}

// A store behind HTTP passes all that applies to it, and nothing is merely not run.
func TestWebStore(t *testing.T) {
	report := conformance.Run(t, web(t, storeFlaws{}, clientFlaws{}))
	if n := report.Count(conformance.NotRun); n > 0 {
		t.Errorf("%d cases were not run", n)
	}
}
