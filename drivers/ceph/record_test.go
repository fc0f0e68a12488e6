package ceph

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

func mustOpen(t *testing.T, c *fakeCluster, pool, namespace string, cfg *Config) *Bucket {
	t.Helper()
	b, err := c.open(t.Context(), pool, namespace, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// No two buckets have their content in one namespace of a pool: each would take the other's for orphans.
func TestContentOfTwoBuckets(t *testing.T) {
	c := newFakeCluster("ssd1", "ssd2", "ec", "ec2")
	b := mustOpen(t, c, "ssd1", "photos", &Config{Create: true, DataPool: "ec"})
	put(t, b, "k", string(large), nil)
	if got := problems(t, b); len(got) > 0 {
		t.Errorf("fsck found %q", got)
	}
	for _, test := range []struct {
		what, pool string
		cfg        *Config
		kind       error
		says       string
	}{
		{"another with its content there", "ssd2", &Config{Create: true, DataPool: "ec"}, blob.ErrInvalid, "use another namespace, or another DataPool"},
		{"one there itself", "ec", &Config{Create: true}, blob.ErrInvalid, "make one in another namespace"},
		{"one there itself, not made", "ec", nil, fs.ErrNotExist, "no bucket"},
	} {
		_, err := c.open(t.Context(), test.pool, "photos", test.cfg)
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "ceph://ssd1/photos") {
			t.Errorf("%s: %v, want %q", test.what, err, test.says)
		}
	}
	// What was refused is not half there.
	other := mustOpen(t, c, "ssd2", "photos", &Config{Create: true, DataPool: "ec2"})
	put(t, other, "k", string(large), nil)
	mustOpen(t, c, "ssd2", "videos", &Config{Create: true, DataPool: "ec"})
	if _, err := c.open(t.Context(), "ssd1", "videos", &Config{Create: true, DataPool: "ssd2"}); !errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), "is a bucket itself") {
		t.Errorf("content in a bucket: %v", err)
	}
	for _, b := range []*Bucket{b, other} {
		sweep(t, b, &SweepOptions{Alone: true})
		wantContent(t, b, "k", string(large))
	}
	again := mustOpen(t, c, "ssd1", "photos", nil)
	wantContent(t, again, "k", string(large))
}

// What was interrupted between the record and the claim is finished by who opens the bucket with Create.
func TestInterruptedClaim(t *testing.T) {
	for name, hook := range map[string]func(p *fakePool){
		"not sent":     func(p *fakePool) { p.hook(once("make", lose), nil) },
		"not answered": func(p *fakePool) { p.hook(nil, once("make", lose)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newFakeCluster("ssd", "ec")
			hook(c.at("ec", "space"))
			cfg := &Config{Create: true, DataPool: "ec"}
			var e *blob.Error
			if _, err := c.open(t.Context(), "ssd", "space", cfg); !errors.As(err, &e) || !e.Retryable() {
				t.Fatalf("a claim that was lost: %v", err)
			}
			if _, err := c.open(t.Context(), "ssd", "space", nil); name == "not sent" && (!errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "with Create")) {
				t.Errorf("before it is made to its end: %v", err)
			}
			b := mustOpen(t, c, "ssd", "space", cfg)
			put(t, b, "k", string(large), nil)
			again := mustOpen(t, c, "ssd", "space", nil)
			if wantContent(t, again, "k", string(large)); again.raw.record != b.raw.record {
				t.Errorf("%+v was made to %+v", b.raw.record, again.raw.record)
			}
		})
	}
}

// Of many who make one bucket at once, all have it. Of two buckets that are made over one namespace at once, one is.
func TestRacingClaims(t *testing.T) {
	for round := range 50 {
		c := newFakeCluster("ssd1", "ssd2", "ec")
		var all sync.WaitGroup
		errs := map[string][]error{}
		var mu sync.Mutex
		for i := range 8 {
			name := []string{"ssd1", "ssd2"}[i%2]
			all.Go(func() {
				b, err := c.open(context.Background(), name, "space", &Config{Create: true, DataPool: "ec", Shards: 2})
				mu.Lock()
				defer mu.Unlock()
				errs[name] = append(errs[name], err)
				if err == nil {
					b.Close()
				}
			})
		}
		all.Wait()
		won := map[string]int{}
		for name, some := range errs {
			for _, err := range some {
				if err == nil {
					won[name]++
				} else if !errors.Is(err, blob.ErrInvalid) {
					t.Errorf("round %d: %s: %v", round, name, err)
				}
			}
		}
		if len(won) != 1 || won["ssd1"]+won["ssd2"] != 4 {
			t.Fatalf("round %d: it was made as %v", round, won)
		}
	}
}

// A handle whose bucket was removed meanwhile, or whose claim is another's, removes nothing.
func TestSweepOfAnother(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, c *fakeCluster){
		"the claim is gone": func(t *testing.T, c *fakeCluster) { delete(c.at("ec", "space").objects, recordObject) },
		"the claim is another's": func(t *testing.T, c *fakeCluster) {
			p := c.at("ec", "space")
			delete(p.objects, recordObject)
			if err := claim(p, newID(), "ssd2", "space", true); err != nil {
				t.Fatal(err)
			}
		},
		"the claim is no claim": func(t *testing.T, c *fakeCluster) {
			c.at("ec", "space").objects[recordObject].content = []byte("{}")
		},
		"the bucket was made anew": func(t *testing.T, c *fakeCluster) {
			delete(c.at("ssd", "space").objects, recordObject)
			delete(c.at("ec", "space").objects, recordObject)
			mustOpen(t, c, "ssd", "space", &Config{Create: true, DataPool: "ec"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newFakeCluster("ssd", "ec")
			b := mustOpen(t, c, "ssd", "space", &Config{Create: true, DataPool: "ec", Shards: 2})
			p := c.at("ec", "space")
			write(t, p, putPiece(agedID(MinSweepAge+time.Hour), 1).object(0))
			harm(t, c)
			if swept, err := b.Sweep(t.Context(), &SweepOptions{Alone: true}); err == nil || swept.Objects > 0 || len(p.data()) != 1 {
				t.Errorf("swept %+v, %v", swept, err)
			}
			if got := problems(t, b); len(got[Damaged]) != 1 || len(got) != 1 {
				t.Errorf("fsck found %q", got)
			}
		})
	}
	// A cluster that does not answer is no finding.
	c := newFakeCluster("ssd", "ec")
	b := mustOpen(t, c, "ssd", "space", &Config{Create: true, DataPool: "ec"})
	c.at("ec", "space").hook(once("read", lose), nil)
	if checked, err := b.Fsck(t.Context(), nil, nil); !is(err, late) || checked.Problems > 0 {
		t.Errorf("fsck: %+v, %v", checked, err)
	}
}

// A refusal repeats no value of a URL's parameters.
func TestErrorsKeepParameters(t *testing.T) {
	c := newFakeCluster("ssd", "s3cr3t", "other")
	mustOpen(t, c, "ssd", "one", &Config{Create: true})
	mustOpen(t, c, "ssd", "two", &Config{Create: true, DataPool: "other", Shards: 3})
	mustOpen(t, c, "s3cr3t", "three", &Config{Create: true})
	for _, test := range []struct {
		namespace string
		cfg       Config
		says      string
	}{
		{"one", Config{User: "client.s3cr3t"}, "User (user in a URL)"},
		{"one", Config{Shards: 73737}, "Shards (shards in a URL)"},
		{"two", Config{Shards: 737}, "is 3"},
		{"two", Config{DataPool: "s3cr3t"}, `is "other"`},
		{"new", Config{Create: true, DataPool: "s3cr3t-missing"}, "DataPool"},
		{"three", Config{Create: true, DataPool: "s3cr3t"}, "DataPool"},
	} {
		_, err := c.open(t.Context(), "ssd", test.namespace, &test.cfg)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), "737") {
			t.Errorf("%s: %v, want %q", fmt.Sprint(test.cfg), err, test.says)
		}
	}
}
