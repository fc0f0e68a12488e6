package conformance

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// wantPages reports a listing that comes out differently when it is fetched in pages of n: by Limit and StartAfter, or by
// the driver itself, which takes PageSize for a hint.
func (t *T) wantPages(keys []string, opts blob.ListOptions, n int) {
	want := entries(keys, &opts)
	if got := t.pages(t.Bucket, opts, n); !slices.Equal(got, want) {
		t.Errorf("%+v, %d at a time, yields %v, not %v", opts, n, got, want)
	}
	opts.PageSize = n
	if got := t.listing(t.Bucket, &opts); !slices.Equal(got, want) {
		t.Errorf("%+v yields %v, not %v", opts, got, want)
	}
}

// Paging past names that sort before the slash lost and repeated keys in gocloud.dev's fileblob (issue 3089).
func pageAtDirectory(t *T) {
	keys := t.holdable("a", "a!", "a-b", "a.txt", "a/x", "a/y", "a/z", "a0", "b/.c", "b/c")
	t.fill(keys...)
	for n := 1; n <= 4; n++ {
		for _, delimiter := range []string{"", "/"} {
			t.wantPages(keys, blob.ListOptions{Delimiter: delimiter}, n)
			t.wantPages(keys, blob.ListOptions{Delimiter: delimiter, Prefix: "a"}, n)
		}
	}
}

func pageInPrefix(t *T) {
	keys := []string{"a", "q"}
	for i := range 20 {
		keys = append(keys, fmt.Sprintf("p/%02d", i), fmt.Sprintf("p0/%02d", i))
	}
	t.fill(keys...)
	for _, n := range []int{1, 2, 7} {
		t.wantPages(keys, blob.ListOptions{Delimiter: "/"}, n)
		t.wantPages(keys, blob.ListOptions{Delimiter: "/", Prefix: "p"}, n)
		t.wantPages(keys, blob.ListOptions{Delimiter: "/", Prefix: "p/"}, n)
	}
}

func pageSizes(t *T) {
	keys := t.holdable(trapKeys...)
	t.fill(keys...)
	for _, delimiter := range []string{"", "/"} {
		opts := blob.ListOptions{Delimiter: delimiter}
		whole := len(entries(keys, &opts))
		for _, n := range []int{1, 2, 3, whole - 1, whole, whole + 1, 1000, 1001} {
			t.wantPages(keys, opts, n)
		}
	}
}

func pageNegative(t *T) {
	t.fill("a", "b", "c")
	for _, opts := range []blob.ListOptions{{Limit: -1}, {PageSize: -1}, {Limit: math.MinInt}} {
		n := 0
		for o, err := range t.Bucket.List(t.ctx, &opts) {
			n++
			if o != nil {
				t.Errorf("list %+v yields %q", opts, o.Key)
			}
			t.WantError(fmt.Sprintf("list %+v", opts), err, blob.ErrInvalid)
		}
		if n != 1 {
			t.Errorf("list %+v yields %d times", opts, n)
		}
	}
	t.WantEntries(&blob.ListOptions{Limit: 0, PageSize: 0}, "a", "b", "c")
}

func pageHuge(t *T) {
	t.fill("a", "b", "c")
	for _, n := range []int{1001, 5001, 10_001, math.MaxInt32, math.MaxInt} {
		t.WantEntries(&blob.ListOptions{PageSize: n}, "a", "b", "c")
		t.WantEntries(&blob.ListOptions{Limit: n}, "a", "b", "c")
		t.WantEntries(&blob.ListOptions{Limit: n, PageSize: n, StartAfter: "a"}, "b", "c")
	}
}

func pageResume(t *T) {
	keys := t.holdable(trapKeys...)
	t.fill(keys...)
	again := t.Reopen()
	for _, delimiter := range []string{"", "/"} {
		whole := entries(keys, &blob.ListOptions{Delimiter: delimiter})
		for i, e := range whole {
			if got := t.listing(again, &blob.ListOptions{Delimiter: delimiter, StartAfter: e.key}); !slices.Equal(got, whole[i+1:]) {
				t.Errorf("delimiter %q: after %q another handle goes on with %v, not %v", delimiter, e.key, got, whole[i+1:])
			}
		}
	}
}

// The rule has two wrong readings, and both were seen: to filter keys first and roll up after repeats a prefix for ever,
// and to skip past a subtree with a guessed successor loses a/b0 after a/b/.
func startRule(t *T) {
	keys := t.holdable(trapKeys...)
	t.fill(keys...)
	prefixes := []string{"", "a", "a/", "a/b", "a/b.", "a/b/", "a/b/c", "a/x", "b", "é", "é/", "\uff5e"}
	delimiters := []string{"", "/", "/"}
	if !t.Caps.Deviations.OnlySlash {
		delimiters = append(delimiters, "-", "b", "/b")
	}
	starts := []string{"A", "a/b/d", "z", "\U0010FFFF"}
	for _, key := range keys {
		starts = append(starts, key, key+"!", key+"~", key[:strings.LastIndex(key[:len(key)-1], "/")+1])
	}
	starts = slices.DeleteFunc(starts, func(s string) bool { return s == "" })
	for _, delimiter := range delimiters {
		for _, start := range []string{"a/b", "a/b/", "a/b0", "a/", "a", "a0"} {
			t.wantListing(keys, &blob.ListOptions{Prefix: "a", Delimiter: delimiter, StartAfter: start})
			t.wantListing(keys, &blob.ListOptions{Prefix: "a/", Delimiter: delimiter, StartAt: start})
		}
	}
	pick := func(from []string) string { return from[t.Rand.IntN(len(from))] }
	for i := range t.rounds(2000) {
		opts := &blob.ListOptions{Prefix: pick(prefixes), Delimiter: pick(delimiters), Limit: max(0, t.Rand.IntN(8)-3), PageSize: t.Rand.IntN(5)}
		if i%3 == 0 {
			opts.StartAt = pick(starts)
		} else {
			opts.StartAfter = pick(starts)
		}
		t.wantListing(keys, opts)
	}
}

func startTwice(t *T) {
	t.fill("a", "b")
	for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{StartAfter: "a", StartAt: "a"}) {
		t.WantError("list with both starts", err, blob.ErrInvalid)
		if o != nil {
			t.Errorf("it yields %q", o.Key)
		}
	}
}
