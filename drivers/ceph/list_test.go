package ceph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

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
	pages := 0
	p.hook(func(call, _ string) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if call == "page" {
			pages++
		}
		return nil
	}, nil)
	for _, test := range []struct {
		opts      blob.ListOptions
		n, atMost int
	}{
		{blob.ListOptions{}, 4040, 8},
		{blob.ListOptions{Prefix: "b"}, 40, 4},
		{blob.ListOptions{Delimiter: "/"}, 41, 8},
		{blob.ListOptions{Limit: 10}, 10, 8},
		{blob.ListOptions{StartAfter: "a/03990"}, 49, 4},
		{blob.ListOptions{StartAt: "b39"}, 1, 4},
		{blob.ListOptions{Prefix: "a/", StartAfter: "b"}, 0, 4},
	} {
		pages = 0
		n := 0
		for _, err := range b.List(t.Context(), &test.opts) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != test.n || pages > test.atMost {
			t.Errorf("%+v: %d entries in %d pages, want %d in at most %d", test.opts, n, pages, test.n, test.atMost)
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
