package conformance

import (
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// What cases about listings share: the rule of a listing in its plainest form, to compare buckets with, and the keys on
// which others went wrong.

// trapKeys are keys that trap a listing which sorts by path, folds, goes by UTF-16, or guesses what follows a prefix.
// U+1F600 sorts after U+FF5E in UTF-8, and before it in UTF-16.
var trapKeys = []string{
	"B", "_", "a", "a!", "a-", "a-b", "a.", "a.txt", "a/", "a/b", "a/b-", "a/b.d/e", "a/b/", "a/b/c", "a/b/c/d", "a/b0", "a/x",
	"a0", "aa", "a~", "é", "é/é", "\uff5e", "\U0001F600",
}

// holdable leaves out the keys that the store declares it cannot hold beside others of them.
func (t *T) holdable(keys ...string) []string {
	keep := []string{}
	folded := map[string]bool{}
	for _, key := range keys {
		beside := func(other string) bool {
			return other != key && strings.HasPrefix(other, strings.TrimSuffix(key, "/")+"/")
		}
		if t.Caps.Keys.NoSlashAtEnd && strings.HasSuffix(key, "/") || t.Caps.Keys.NoFileBesideDir && slices.ContainsFunc(keys, beside) {
			continue
		}
		lower := strings.ToLower(key)
		if t.Caps.Keys.CaseFolding && folded[lower] {
			continue
		}
		folded[lower] = true
		keep = append(keep, key)
	}
	return keep
}

// fill stores an object under each key, with the key for content. Where listings lag, it waits until this one does not.
func (t *T) fill(keys ...string) {
	workers := min(16, len(keys))
	t.crowd(workers, func(w int) {
		for i := w; i < len(keys) && !t.Failed(); i += workers {
			if _, err := t.Bucket.Put(t.ctx, keys[i], strings.NewReader(keys[i]), nil); err != nil {
				t.Errorf("put %q: %v", keys[i], err)
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	if t.Caps.Deviations.EventualList {
		t.Until(true, "all that was put is listed", func() bool {
			listed := t.Entries(nil)
			return !slices.ContainsFunc(keys, func(key string) bool { return !slices.Contains(listed, key) })
		})
	}
}

// An entry is what a listing yields: a key, or a common prefix.
type entry struct {
	key    string
	common bool
}

// listing returns what a bucket lists.
func (t *T) listing(b blob.Bucket, opts *blob.ListOptions) []entry {
	found := []entry{}
	for o, err := range b.List(t.ctx, opts) {
		if err != nil {
			t.Fatalf("list %+v: %v", opts, err)
		}
		found = append(found, entry{o.Key, o.IsPrefix})
	}
	return found
}

// entries returns what List must yield for keys. It is the rule word for word: roll up first, then judge entries.
func entries(keys []string, o *blob.ListOptions) []entry {
	all := map[entry]bool{}
	for _, key := range keys {
		rest, ok := strings.CutPrefix(key, o.Prefix)
		if !ok {
			continue
		}
		e := entry{key: key}
		if before, _, found := strings.Cut(rest, o.Delimiter); found && o.Delimiter != "" {
			e = entry{o.Prefix + before + o.Delimiter, true}
		}
		if (o.StartAfter == "" || e.key > o.StartAfter) && e.key >= o.StartAt {
			all[e] = true
		}
	}
	found := []entry{}
	for e := range all {
		found = append(found, e)
	}
	slices.SortFunc(found, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	if o.Limit > 0 && len(found) > o.Limit {
		found = found[:o.Limit]
	}
	return found
}

// wantListing reports a listing that is not what the rule makes of keys, which are all that the bucket holds.
func (t *T) wantListing(keys []string, opts *blob.ListOptions) {
	if got, want := t.listing(t.Bucket, opts), entries(keys, opts); !slices.Equal(got, want) {
		t.Errorf("list %+v yields %v, not %v", opts, got, want)
	}
}

// pages returns a listing that is fetched in pieces of n entries, each beginning after the last entry of the one before.
func (t *T) pages(b blob.Bucket, opts blob.ListOptions, n int) []entry {
	all := []entry{}
	opts.Limit = n
	for {
		page := t.listing(b, &opts)
		all = append(all, page...)
		if len(page) < n {
			return all
		}
		last := page[len(page)-1].key
		if len(page) > n || last <= opts.StartAfter {
			t.Fatalf("list %+v yields %v", opts, page)
		}
		opts.StartAfter, opts.StartAt = last, ""
	}
}
