package ceph

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A listing asks for as many pages as it needs: what lies below a common prefix is passed over, and a short listing of a
// long bucket asks for little.
func TestListingRequests(t *testing.T) {
	b, p := newFake(t)
	for i := range 4000 {
		put(t, b, fmt.Sprintf("a/%05d", i), "", nil)
	}
	for i := range 40 {
		put(t, b, fmt.Sprintf("b%02d", i), "", nil)
	}
	for _, test := range []struct {
		opts    blob.ListOptions
		n       int
		pages   int64 // at most
		entries int64 // at most, that these have
	}{
		{blob.ListOptions{}, 4040, 8, 4040},
		{blob.ListOptions{Prefix: "b"}, 40, 4, 40},
		{blob.ListOptions{Delimiter: "/"}, 41, 8, 4*minPage + 40}, // one page of each shard is passed over
		{blob.ListOptions{Limit: 10}, 10, 8, 4 * minPage},
		{blob.ListOptions{StartAfter: "a/03990"}, 49, 4, 49},
		{blob.ListOptions{StartAt: "b39"}, 1, 4, 1},
		{blob.ListOptions{Prefix: "a/", StartAfter: "b"}, 0, 4, 0},
	} {
		read := p.counting()
		if n := len(listed(t, b, &test.opts)); n != test.n || read.pages.Load() > test.pages || read.entries.Load() > test.entries {
			t.Errorf("%+v: %d entries in %d pages of %d in all, want %d in at most %d of %d",
				test.opts, n, read.pages.Load(), read.entries.Load(), test.n, test.pages, test.entries)
		}
	}
}

func listed(t *testing.T, b blob.Bucket, opts *blob.ListOptions) (all []*blob.Object) {
	t.Helper()
	for o, err := range b.List(t.Context(), opts) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

// Below each common prefix a listing reads little, however much is there; and where little is there, it reads full pages.
func TestListingBelowPrefixes(t *testing.T) {
	for _, test := range []struct {
		prefixes, each int
		pages, entries int64 // at most
	}{
		{20, 400, 21 * 4, 21 * 4 * minPage},
		{1000, 4, 24, 4000},
	} {
		b, p := newFake(t)
		for i := range test.prefixes {
			for j := range test.each {
				put(t, b, fmt.Sprintf("%05d/%05d", i, j), "", nil)
			}
		}
		read := p.counting()
		if n := len(listed(t, b, &blob.ListOptions{Delimiter: "/"})); n != test.prefixes || read.pages.Load() > test.pages || read.entries.Load() > test.entries {
			t.Errorf("%d prefixes with %d keys each: %d are listed by %d pages of %d entries in all, want at most %d of %d",
				test.prefixes, test.each, n, read.pages.Load(), read.entries.Load(), test.pages, test.entries)
		}
	}
}

// What a listing holds is bounded, whatever the number of shards and the size of the entries.
func TestListingMemory(t *testing.T) {
	c := newFakeCluster("pool")
	for _, test := range []struct {
		shards, n int
		metadata  int // bytes of each
		entries   int // that one round reads at most, after the first
		first     int
	}{
		{1024, 30_000, 0, maxPages, maxPages},
		{4, 6000, 16 << 10, maxPagesBytes >> 14, 4 * firstPage},
	} {
		b := mustOpen(t, c, "pool", fmt.Sprint(test.shards), &Config{Create: true, Shards: test.shards})
		p := c.at("pool", b.Namespace())
		opts := &blob.PutOptions{}
		if test.metadata > 0 {
			opts.Attributes.Metadata = map[string]string{"m": strings.Repeat("x", test.metadata-1)}
		}
		for i := range test.n {
			put(t, b, fmt.Sprint(i), "", opts)
		}
		read := p.counting()
		n := 0
		for _, err := range b.List(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 1 && read.entries.Load() > int64(test.first) {
				t.Errorf("%+v: %d entries were read for the first", test, read.entries.Load())
			}
			if ahead := read.entries.Load() - int64(n); n > test.first && ahead > 2*int64(test.entries) {
				t.Fatalf("%+v: %d entries were read ahead of entry %d", test, ahead, n)
			}
		}
		if n != test.n {
			t.Errorf("%+v: %d are listed", test, n)
		}
	}
}

// While one page is used, the next is read.
func TestListingGoesAhead(t *testing.T) {
	b, p := newFake(t)
	for i := range 4000 {
		put(t, b, fmt.Sprintf("%05d", i), "", nil)
	}
	read := p.counting()
	n := 0
	for _, err := range b.List(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n != 4*firstPage*7/8 { // no page is used up
			continue
		}
		for deadline := time.Now().Add(10 * time.Second); read.pages.Load() < 8; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d pages were asked for at entry %d", read.pages.Load(), n)
			}
		}
	}
}

// A listing that is left takes nothing along: what it has asked for ends, and gives its slot back, also where it waits for
// one.
func TestListingLeft(t *testing.T) {
	b, p := newFake(t)
	for i := range 4000 {
		put(t, b, fmt.Sprintf("%05d", i), "", nil)
	}
	soon := func(what string, reached func() bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !reached(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d slots are taken, and %d goroutines run", what, len(b.raw.slots), runtime.NumGoroutine())
			}
		}
	}
	before := runtime.NumGoroutine()
	// leave leaves a listing when none of the first pages is used up. Then is called when these are there, and now
	// before it is left.
	leave := func(then, now func()) {
		n := 0
		for _, err := range b.List(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 1 {
				then()
			}
			if n == 4*firstPage*7/8 {
				now()
				return
			}
		}
	}
	release := make(chan struct{})
	leave(func() {
		p.hook(func(call, _ string) error {
			<-release
			return nil
		}, nil)
	}, func() {
		soon("nothing is on its way", func() bool { return len(b.raw.slots) > 0 })
	})
	close(release)
	ended := func() bool { return runtime.NumGoroutine() <= before }
	soon("what was on its way does not end", func() bool { return len(b.raw.slots) == 0 && ended() })

	leave(func() {
		for range maxCalls {
			b.raw.slots <- struct{}{}
		}
	}, func() {
		soon("nothing waits", func() bool { return !ended() })
	})
	soon("what waited does not end", ended)
}

// An entry that cannot be read is named.
func TestListingOfDamage(t *testing.T) {
	b, p := newFake(t)
	put(t, b, "whole", "x", nil)
	put(t, b, "harmed", "x", &blob.PutOptions{Attributes: blob.Attributes{Metadata: map[string]string{"a": "b"}}})
	raw := omap(b, p, "harmed")[tagEntry+"harmed"]
	for n := range raw {
		omap(b, p, "harmed")[tagEntry+"harmed"] = raw[:n]
		var got error
		for _, err := range b.List(t.Context(), nil) {
			if err != nil {
				got = err
			}
		}
		if got == nil || !strings.Contains(got.Error(), `"harmed"`) {
			t.Errorf("cut off after %d bytes: %v", n, got)
		}
	}
}

// Every page size gives the same listing.
func TestPageSizes(t *testing.T) {
	b, p := newFake(t)
	var want []string
	for i := range 300 {
		key := strings.Repeat(string(rune('a'+i%7)), i%5+1) + fmt.Sprint(i)
		put(t, b, key, "", nil)
		want = append(want, key)
	}
	slices.Sort(want)
	for size := 1; size < 40; size++ {
		p.maxPage = size
		var got []string
		for o, err := range b.List(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.Key)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("pages of %d: %d keys, want %d", size, len(got), len(want))
		}
	}
}

// A DeleteEach takes few operations, and every key goes, also one that is written meanwhile.
func TestDeleteEach(t *testing.T) {
	b, p := newFake(t)
	var keys []string
	for i := range 1000 {
		keys = append(keys, fmt.Sprint("k", i))
		put(t, b, keys[i], "x", nil)
	}
	put(t, b, "k7", string(large), nil)
	operations := 0
	p.hook(func(call, _ string) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if call == "apply" {
			operations++
		}
		return nil
	}, nil)
	if err := b.DeleteEach(t.Context(), slices.Values(keys), nil); err != nil {
		t.Fatal(err)
	}
	if operations > 8 {
		t.Errorf("%d operations for 1,000 keys in four shards", operations)
	}
	for o := range b.List(t.Context(), nil) {
		t.Errorf("%q is left", o.Key)
	}
	if left := p.data(); len(left) > 0 {
		t.Errorf("content is left: %v", left)
	}

	for _, key := range keys[:10] {
		put(t, b, key, "x", nil)
	}
	p.hook(once("apply", func(shard string) error {
		for _, key := range keys[:10] {
			if b.raw.shard(key) == shard {
				put(t, b, key, "y", nil)
			}
		}
		return nil
	}), nil)
	if err := b.DeleteEach(t.Context(), slices.Values(keys[:10]), nil); err != nil {
		t.Fatal(err)
	}
	for o := range b.List(t.Context(), nil) {
		t.Errorf("%q is left", o.Key)
	}

	put(t, b, "a", "x", nil)
	p.hook(func(call, object string) error {
		if call == "apply" {
			return fail(denied, "apply", object)
		}
		return nil
	}, nil)
	var told []string
	err := b.DeleteEach(t.Context(), slices.Values([]string{"a", "a"}), func(key string, err error) { told = append(told, key) })
	if err == nil || len(told) == 0 {
		t.Errorf("denied: %v, told of %q", err, told)
	}
}
