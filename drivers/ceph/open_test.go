package ceph

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

func TestBadConfig(t *testing.T) {
	c := newFakeCluster("pool")
	for _, test := range []struct {
		pool, namespace string
		cfg             Config
		says            string
	}{
		{"", "space", Config{}, "no pool"},
		{"pool", "", Config{}, "no namespace"},
		{"pool", "a\x00b", Config{}, "namespace"},
		{"pool", "a/b", Config{}, "slash"},
		{"pool", "space", Config{Shards: -1}, "Shards (shards in a URL) is 1 to 1024"},
		{"pool", "space", Config{Shards: 1025}, "Shards (shards in a URL) is 1 to 1024"},
		{"pool", "space", Config{Timeout: -1}, "Timeout"},
		{"pool", "space", Config{User: "client.admin"}, `without "client."`},
		{"pool", "space", Config{Keyring: "a\x00"}, "NUL"},
	} {
		_, err := c.open(t.Context(), test.pool, test.namespace, &test.cfg)
		if !errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v, want %q", test, err, test.says)
		}
	}
	if len(c.pools) > 0 {
		t.Error("the cluster was asked")
	}
}

func TestBadURLs(t *testing.T) {
	for rawURL, says := range map[string]string{
		"ceph://pool":                          "ceph://pool/namespace/prefix/",
		"ceph:///space":                        "ceph://pool/namespace/prefix/",
		"ceph://pool//prefix/":                 "ceph://pool/namespace/prefix/",
		"ceph://pool/space/prefix":             `does not end in "/"`,
		"ceph://u:secret@pool/space":           "keyring",
		"ceph://pool/space?timeout=x":          "timeout is no duration",
		"ceph://pool/space?timeout=-1s":        "timeout is no duration",
		"ceph://pool/space?create=perhaps":     "create",
		"ceph://pool/space?shards=0":           "shards",
		"ceph://pool/space?shards=5000":        "is 1 to 1024",
		"ceph://pool/space?user=":              `"user" has no value`,
		"ceph://pool/space?key=secret":         "known are conf, create, data, keyring, shards, timeout, user",
		"ceph://pool/space?user=client.secret": "client.",
	} {
		_, err := blob.Open(t.Context(), rawURL)
		if !errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", rawURL, err, says)
		}
	}
}

// A bucket is made when that is asked for, and stays as it was made.
func TestMaking(t *testing.T) {
	c := newFakeCluster("pool", "data", "other")
	if _, err := c.open(t.Context(), "pool", "space", nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "create=true") {
		t.Errorf("a bucket that does not exist: %v", err)
	}
	if _, err := c.open(t.Context(), "missing", "space", &Config{Create: true}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `"missing"`) {
		t.Errorf("a pool that does not exist: %v", err)
	}
	if _, err := c.open(t.Context(), "pool", "space", &Config{Create: true, DataPool: "missing"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a pool for content that does not exist: %v", err)
	}
	if n := len(c.at("pool", "space").objects); n > 0 {
		t.Errorf("%d objects were made for a bucket that could not be", n)
	}
	b, err := c.open(t.Context(), "pool", "space", &Config{Create: true, Shards: 3, DataPool: "data"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	put(t, b, "k", string(large), nil)
	again, err := c.open(t.Context(), "pool", "space", &Config{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Shards() != 3 || again.Namespace() != "space" {
		t.Errorf("it has %d shards, in %q", again.Shards(), again.Namespace())
	}
	wantContent(t, again, "k", string(large))
	if len(c.at("pool", "space").data()) > 0 || len(c.at("data", "space").data()) != 3 {
		t.Error("the content is in the wrong pool")
	}
	for _, cfg := range []*Config{{Shards: 4}, {DataPool: "other"}} {
		if _, err := c.open(t.Context(), "pool", "space", cfg); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	if n := c.shuts.Load(); n != 5 {
		t.Errorf("%d connections were shut of the 5 that failed", n)
	}
}

// A pool that takes no entries, as an erasure-coded one, gets no bucket.
func TestMakingWithoutOmaps(t *testing.T) {
	c := newFakeCluster("pool")
	p := c.at("pool", "space")
	p.hook(func(call, object string) error {
		if call == "apply" {
			return fail(other, call, object)
		}
		return nil
	}, nil)
	if _, err := c.open(t.Context(), "pool", "space", &Config{Create: true}); err == nil || !strings.Contains(err.Error(), "replicated") {
		t.Errorf("a pool without omaps: %v", err)
	}
	if p.objects[recordObject] != nil {
		t.Error("the bucket was made all the same")
	}
}

// Of those who make a bucket at once, one decides how it is laid out, and all of them use that.
func TestMadeByMany(t *testing.T) {
	c := newFakeCluster("pool")
	var all sync.WaitGroup
	shards := make([]int, 16)
	for i := range shards {
		all.Go(func() {
			b, err := c.open(context.Background(), "pool", "space", &Config{Create: true})
			if err != nil {
				t.Error(err)
				return
			}
			defer b.Close()
			put(t, b, strings.Repeat("k", i+1), "x", nil)
			shards[i] = b.Shards()
		})
	}
	all.Wait()
	if slices.Min(shards) != slices.Max(shards) {
		t.Errorf("they have %v shards", shards)
	}
	p := c.at("pool", "space")
	// Another one's record comes first.
	lost, p2 := 0, newFakePool()
	p2.hook(func(call, object string) error {
		if call == "make" && object == recordObject && lost == 0 {
			lost++
			return p2.make(recordObject, p.objects[recordObject].content)
		}
		return nil
	}, nil)
	c.pools["pool/late"] = p2
	if _, err := c.open(t.Context(), "pool", "late", &Config{Create: true, Shards: 5}); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("made with other shards by another: %v", err)
	}
}

// A namespace that other programs use is not taken for a bucket.
func TestForeignRecords(t *testing.T) {
	for _, content := range []string{"x", "{}", `{"v":2,"shards":1,"data":"pool"}`, `{"v":1,"shards":1,"data":"pool"}`,
		`{"v":1,"id":"` + newID() + `","shards":0,"data":"pool"}`, `{"v":1,"id":"` + newID() + `","shards":1}`} {
		c := newFakeCluster("pool")
		if err := c.at("pool", "space").make(recordObject, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.open(t.Context(), "pool", "space", &Config{Create: true}); err == nil || !strings.Contains(err.Error(), "not this driver's") {
			t.Errorf("record %q: %v", content, err)
		}
	}
}

// Who opens a bucket on a cluster that does not answer gets an answer when his ctx ends.
func TestOpenAbandoned(t *testing.T) {
	c := newFakeCluster("pool")
	begun, release := block(c.at("pool", "space"), "read")
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := c.open(ctx, "pool", "space", &Config{Create: true})
		ended <- err
	}()
	<-begun
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	release()
	for deadline := time.Now().Add(10 * time.Second); c.shuts.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the connection was not shut")
		}
	}
}

// A bucket whose shards were removed is gone.
func TestGone(t *testing.T) {
	b, p := newFake(t)
	for n := range 4 {
		delete(p.objects, shardObject(n))
	}
	if _, err := b.Put(t.Context(), "k", strings.NewReader("x"), nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "gone") {
		t.Errorf("put: %v", err)
	}
	for _, err := range b.List(t.Context(), nil) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("list: %v", err)
		}
	}
}
