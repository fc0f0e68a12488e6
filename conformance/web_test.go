package conformance_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
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
			if !flaws.follows || len(before) > 50 {
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

// The cases that wait are few, and each of them is run here as they are on a server.
func TestWebStoreSlowly(t *testing.T) {
	if testing.Short() {
		t.Skip("the cases of the default tier wait for timeouts")
	}
	slow := func(c *conformance.Case) bool {
		return c.Tier == conformance.Default && strings.Contains("DMP", c.Group())
	}
	conformance.Run(t, web(t, storeFlaws{}, clientFlaws{}), conformance.Only(slow), conformance.InTier(conformance.Default))
}

// Cases that take a server are tested with a server, or a client, that is wrong in one point.
var brokenWebs = []struct {
	name   string
	cases  []string
	server storeFlaws
	client clientFlaws
}{
	{"asks for no signature", []string{"M02"}, storeFlaws{open: true}, clientFlaws{}},
	{"takes any method", []string{"M07"}, storeFlaws{anyMethod: true}, clientFlaws{}},
	{"takes any key", []string{"M08"}, storeFlaws{anyKey: true}, clientFlaws{}},
	{"takes any header", []string{"M04", "M22"}, storeFlaws{anyHeader: true}, clientFlaws{}},
	{"never lets a signature expire", []string{"M10"}, storeFlaws{endless: true}, clientFlaws{}},
	{"does not read the policy of a form", []string{"M21"}, storeFlaws{noForm: true}, clientFlaws{}},
	{"takes a signed request once", []string{"M01"}, storeFlaws{onlyOnce: true}, clientFlaws{}},
	{"drops the attributes of a signed request", []string{"M03"}, storeFlaws{noAttributes: true}, clientFlaws{}},
	{"says that it deleted", []string{"M06"}, storeFlaws{neverDeletes: true}, clientFlaws{}},
	{"reads a plus as a space", []string{"M12"}, storeFlaws{plusIsSpace: true}, clientFlaws{}},
	{"delivers no ranges", []string{"M13"}, storeFlaws{noRanges: true}, clientFlaws{}},
	{"answers 200 for what is missing", []string{"M17"}, storeFlaws{hidesMissing: true}, clientFlaws{}},
	{"looks at no parameter but the signature", []string{"M09"}, storeFlaws{anyHeader: true, anyKey: true, open: true}, clientFlaws{}},
	{"stores what does not have its checksum", []string{"C23", "P22"}, storeFlaws{unchecked: true}, clientFlaws{}},
	{"stores the beginning of a body", []string{"P11"}, storeFlaws{shortBodies: true}, clientFlaws{}},
	{"stores twice what arrives twice", []string{"P15"}, storeFlaws{appends: true}, clientFlaws{}},
	{"forgets when it crashes", []string{"Q19"}, storeFlaws{forgets: true}, clientFlaws{}},
	{"forgets when it freezes", []string{"P30"}, storeFlaws{thaws: true}, clientFlaws{}},

	{"never tries again", []string{"P04", "P05", "P06", "P08", "P10", "P11", "P14", "P16"}, storeFlaws{}, clientFlaws{neverRetries: true}},
	{"tries everything again", []string{"P07", "P08"}, storeFlaws{}, clientFlaws{retriesAll: true}},
	{"tries for ages", []string{"P06"}, storeFlaws{}, clientFlaws{retriesLong: true}},
	{"comes back with the herd", []string{"P06"}, storeFlaws{}, clientFlaws{noJitter: true}},
	{"does not read Retry-After", []string{"P05"}, storeFlaws{}, clientFlaws{ignoresAfter: true}},
	{"sleeps on when its context has ended", []string{"P05"}, storeFlaws{}, clientFlaws{sleepsOn: true}},
	{"goes on when its context has ended", []string{"O04", "P16"}, storeFlaws{}, clientFlaws{deaf: true}},
	{"waits for longer than it says", []string{"P16"}, storeFlaws{}, clientFlaws{longIdle: true}},
	{"has one timeout for the whole answer", []string{"D28", "P16", "P18"}, storeFlaws{}, clientFlaws{totalTimeout: true}},
	{"takes denied for missing", []string{"A13", "P07"}, storeFlaws{}, clientFlaws{hidesDenied: true}},
	{"believes every 200", []string{"J12", "L10", "P23"}, storeFlaws{}, clientFlaws{believesAnswers: true}},
	{"follows with its credentials", []string{"P24"}, storeFlaws{}, clientFlaws{follows: true}},
	{"takes an end for the end", []string{"D22", "P12", "P13"}, storeFlaws{}, clientFlaws{readsShort: true, unverified: true}},
	{"reads on in another version", []string{"D21", "P12"}, storeFlaws{}, clientFlaws{unpinned: true}},
	{"does not verify what it reads", []string{"D23", "P21"}, storeFlaws{}, clientFlaws{unverified: true}},
	{"does not release answers", []string{"O10"}, storeFlaws{}, clientFlaws{leaksBodies: true}},
	{"keeps no connection", []string{"O10", "O11"}, storeFlaws{}, clientFlaws{dialsAlways: true}},
	{"sends everything twice", []string{"O11", "P17", "P18", "P19", "P20"}, storeFlaws{}, clientFlaws{hedges: true}},
	{"sends the rest of a body when it tries again", []string{"P04", "P11", "P28"}, storeFlaws{}, clientFlaws{sendsRest: true}},
	{"waits for the end of the connection", []string{"P20"}, storeFlaws{}, clientFlaws{waitsForClose: true}},
	{"never recovers from a refusal", []string{"P09"}, storeFlaws{}, clientFlaws{givesUp: true}},
	{"loses to itself", []string{"K19", "P27"}, storeFlaws{}, clientFlaws{takesOwnForOther: true}},
	{"takes an unknown outcome for a success", []string{"K19", "P29"}, storeFlaws{}, clientFlaws{claimsSuccess: true}},
	{"takes an unknown outcome for a failure", []string{"K19", "P27", "P29"}, storeFlaws{}, clientFlaws{denies: true}},
	{"shows its secret", []string{"M16"}, storeFlaws{}, clientFlaws{showsSecret: true}},
}

func TestBrokenWebsFail(t *testing.T) {
	for _, broken := range brokenWebs {
		t.Run(broken.name, func(t *testing.T) {
			t.Parallel() // most of them wait
			named := func(c *conformance.Case) bool { return slices.Contains(broken.cases, c.ID) }
			report := runAll(t, web(t, broken.server, broken.client), conformance.Only(named), conformance.InTier(conformance.Default))
			if len(report.Results) != len(broken.cases) {
				t.Errorf("%d of the cases %q were run", len(report.Results), broken.cases)
			}
			for _, res := range report.Results {
				t.Log(res.ID, res.Outcome, res.Duration, res.Reason)
				if res.Outcome != conformance.Fail {
					t.Errorf("%s ends as %q, and does not see who %s", res.ID, res.Outcome, broken.name)
				}
			}
		})
	}
}

// Every case that takes the hooks of a server has somebody who fails it, or says why not.
func TestServerCasesCanFail(t *testing.T) {
	excused := map[string]string{
		"A06": "it records", "M05": "it records", "M11": "it needs no server", "M19": "it needs no server",
	}
	broken := map[string]bool{}
	for _, b := range brokenWebs {
		for _, id := range b.cases {
			broken[id] = true
		}
	}
	for _, c := range conformance.Cases() {
		server := c.Group() == "M" || slices.ContainsFunc(c.Needs, func(n conformance.Need) bool {
			return slices.Contains([]conformance.Hook{conformance.HookProxied, conformance.HookDenied, conformance.HookRestart, conformance.HookPause}, n.Hook)
		})
		if server && !broken[c.ID] && excused[c.ID] == "" {
			t.Errorf("nobody is seen to fail %s: %s", c.ID, c.Doc)
		}
	}
}
