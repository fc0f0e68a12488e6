package conformance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing/fstest"

	"github.com/holdall-go/holdall/blob"
)

func sequenceTwice(t *T) {
	keys := t.holdable(trapKeys...)
	t.fill(keys...)
	opts := &blob.ListOptions{Delimiter: "/", StartAfter: "a-"}
	want := entries(keys, opts)
	seq := t.Bucket.List(t.ctx, opts)
	*opts = blob.ListOptions{Prefix: "nowhere"} // the sequence keeps the options that it was made with
	for range 2 {
		got := []entry{}
		for o, err := range seq {
			t.WantOK("list", err)
			got = append(got, entry{o.Key, o.IsPrefix})
		}
		if !slices.Equal(got, want) {
			t.Errorf("a sequence yields %v, not %v", got, want)
		}
	}
	for _, start := range []string{"\xff", "a\xc3", "a\x00", "\xed\xa0\x80"} {
		n := 0
		for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{StartAfter: start}) {
			n++
			t.WantError(fmt.Sprintf("list after %q", start), err, blob.ErrInvalid)
			if o != nil {
				t.Errorf("after %q, which is no text, the listing yields %q", start, o.Key)
			}
		}
		if n != 1 {
			t.Errorf("after %q, which is no text, the listing yields %d times", start, n)
		}
	}
	long := "a" + strings.Repeat("~", 5000)
	t.wantListing(keys, &blob.ListOptions{StartAfter: long})
	t.wantListing(keys, &blob.ListOptions{StartAt: long, Delimiter: "/"})
}

// standing begins a listing of keys in pages of two, takes three entries of it, calls change, and returns the rest, once
// as the same sequence goes on and once as a new one resumes.
func (t *T) standing(change func()) (goesOn, resumed []string) {
	next, stop := iter.Pull2(t.Bucket.List(t.ctx, &blob.ListOptions{PageSize: 2}))
	defer stop()
	last := ""
	for range 3 {
		o, err, ok := next()
		if !ok || err != nil {
			t.Fatalf("the listing ends early: %v", err)
		}
		last = o.Key
	}
	change()
	for {
		o, err, ok := next()
		if !ok {
			return goesOn, t.Entries(&blob.ListOptions{StartAfter: last, PageSize: 2})
		}
		t.WantOK("list", err)
		goesOn = append(goesOn, o.Key)
	}
}

func insertBefore(t *T) {
	t.fill("b", "d", "f", "h", "j", "l", "n")
	goesOn, resumed := t.standing(func() { t.fill("a", "c", "e") })
	want := []string{"h", "j", "l", "n"}
	if !slices.Equal(goesOn, want) || !slices.Equal(resumed, want) {
		t.Errorf("after a, c and e came, a listing that stood at f goes on with %q and resumes with %q, not %q", goesOn, resumed, want)
	}
}

func deleteBefore(t *T) {
	t.fill("b", "d", "f", "h", "j", "l", "n")
	goesOn, resumed := t.standing(func() {
		t.Delete("b")
		t.Delete("f")
	})
	want := []string{"h", "j", "l", "n"}
	if !slices.Equal(goesOn, want) || !slices.Equal(resumed, want) {
		t.Errorf("after b and f went, a listing that stood at f goes on with %q and resumes with %q, not %q", goesOn, resumed, want)
	}
}

func deleteStart(t *T) {
	keys := t.holdable(trapKeys...)
	t.fill(keys...)
	slices.Sort(keys)
	for len(keys) > 1 {
		last := t.Entries(&blob.ListOptions{Limit: 1})[0]
		t.Delete(last)
		keys = keys[1:]
		if got := t.Entries(&blob.ListOptions{StartAfter: last}); !slices.Equal(got, keys) {
			t.Errorf("after %q, which is gone, come %q, not %q", last, got, keys)
		}
	}
}

func listChurn(t *T) {
	var stay []string
	for i := range 40 {
		stay = append(stay, fmt.Sprintf("%02d-stays", i), fmt.Sprintf("%02d/stays", i))
	}
	t.fill(stay...)
	slices.Sort(stay)
	var done atomic.Bool
	t.crowd(3, func(i int) {
		if i > 0 {
			for n := i; !done.Load() && !t.Failed(); n++ {
				key := fmt.Sprintf("%02d%cgoes%d", n%40, "!/~"[n%3], i)
				if _, err := t.Bucket.Put(t.ctx, key, nil, nil); err != nil {
					t.Errorf("put %q: %v", key, err)
				}
				if err := t.Bucket.Delete(t.ctx, key, nil); err != nil {
					t.Errorf("delete %q: %v", key, err)
				}
			}
			return
		}
		defer done.Store(true)
		for range t.rounds(200) {
			got, last := []string{}, ""
			for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{PageSize: 7}) {
				if err != nil {
					t.Errorf("list: %v", err)
					return
				}
				if o.Key <= last {
					t.Errorf("%q comes after %q", o.Key, last)
				}
				if last = o.Key; strings.HasSuffix(last, "stays") {
					got = append(got, last)
				}
			}
			if !slices.Equal(got, stay) {
				t.Errorf("of %d keys that are there throughout %d are listed: %q", len(stay), len(got), got)
			}
		}
	})
}

func sequenceCancel(t *T) {
	var keys []string
	for i := range 12 {
		keys = append(keys, fmt.Sprintf("%02d", i))
	}
	t.fill(keys...)
	for _, at := range []int{0, 1, 5, 12} { // before, on the first, in the middle of a page, on the last
		ctx, cancel := context.WithCancel(t.ctx)
		entries, failures := 0, 0
		if at == 0 {
			cancel()
		}
		for _, err := range t.Bucket.List(ctx, &blob.ListOptions{PageSize: 4}) {
			if err != nil {
				failures++
				t.WantError("a listing whose ctx ended", err, context.Canceled)
				continue
			}
			if entries++; entries == at {
				cancel()
			}
		}
		if entries != at || failures != 1 {
			t.Errorf("a listing whose ctx ended on entry %d yields %d entries and %d errors", at, entries, failures)
		}
		cancel()
	}
}

func sequenceDropped(t *T) {
	t.fill("a", "b/c", "d", "e", "f")
	t.NoLeaks(func() {
		for range 20 {
			_ = t.Bucket.List(t.ctx, nil)
			next, stop := iter.Pull2(t.Bucket.List(t.ctx, &blob.ListOptions{PageSize: 2}))
			_, err, _ := next()
			t.WantOK("list", err)
			stop()
			_, stop = iter.Pull2(t.Bucket.List(t.ctx, nil))
			stop()
		}
	})
}

func sequenceLeft(t *T) {
	t.fill("a", "b/c", "d", "e", "f")
	seq := t.Bucket.List(t.ctx, &blob.ListOptions{PageSize: 2})
	ways := map[string]func(){
		"break": func() {
			for range seq {
				break
			}
		},
		"return": func() {
			for range seq {
				return
			}
		},
		"panic": func() {
			defer func() { _ = recover() }()
			for range seq {
				panic("out of a listing")
			}
		},
	}
	through := func() {
		for name, leave := range ways {
			leave()
			// A lock that is still held would show here.
			t.Put("a", "after "+name)
			t.WantContent("a", "after "+name)
			t.WantEntries(nil, "a", "b/c", "d", "e", "f")
		}
	}
	through() // the first overwrite may open what the handle then keeps
	t.NoLeaks(through)
}

func sequenceTwo(t *T) {
	keys := t.holdable(trapKeys...)
	t.fill(keys...)
	options := []*blob.ListOptions{{PageSize: 2}, {PageSize: 3, Delimiter: "/"}}
	var next [2]func() (*blob.Object, error, bool)
	for i, o := range options {
		n, stop := iter.Pull2(t.Bucket.List(t.ctx, o))
		defer stop()
		next[i] = n
	}
	var got [2][]entry
	for range 2 * len(keys) {
		for i := range next {
			if o, err, ok := next[i](); ok {
				t.WantOK("list", err)
				got[i] = append(got[i], entry{o.Key, o.IsPrefix})
			}
		}
	}
	for i, o := range options {
		if want := entries(keys, o); !slices.Equal(got[i], want) {
			t.Errorf("beside another, list %+v yields %v, not %v", o, got[i], want)
		}
	}
}

func walkError(t *T) {
	t.fill("a", "b", "c", "d")
	stop := errors.New("the caller has seen enough")
	var seen []string
	walk := func(fn func(key string) error) error {
		seen = nil
		return blob.Walk(t.ctx, t.Bucket, "", func(o *blob.Object) error {
			seen = append(seen, o.Key)
			return fn(o.Key)
		})
	}
	for _, end := range []struct{ from, want error }{{stop, stop}, {fs.SkipAll, nil}} {
		err := walk(func(key string) error {
			if key == "b" {
				return end.from
			}
			return nil
		})
		if err != end.want || !slices.Equal(seen, []string{"a", "b"}) {
			t.Errorf("a walk that %v ends on b visits %q and answers %v", end.from, seen, err)
		}
	}
	if err := walk(func(string) error { return nil }); err != nil || !slices.Equal(seen, []string{"a", "b", "c", "d"}) {
		t.Errorf("a walk visits %q and answers %v", seen, err)
	}
}

func fsTest(t *T) {
	fsys := blob.FS(t.ctx, t.Bucket)
	if err := fstest.TestFS(fsys); err != nil {
		t.Errorf("an empty bucket: %v", err)
	}
	t.Put("empty", "")
	t.PutWith("a.txt", "content of a", &blob.PutOptions{Attributes: t.attributes()})
	t.fill("d/e/f", "d/e.txt", "d-e", "d/é ü", "z/y/x/w")
	if err := fstest.TestFS(fsys, "empty", "a.txt", "d/e/f", "d/e.txt", "d-e", "d/é ü", "z/y/x/w"); err != nil {
		t.Errorf("%v", err)
	}
	if content, err := fs.ReadFile(fsys, "d/e/f"); err != nil || string(content) != "d/e/f" {
		t.Errorf("d/e/f holds %q, %v", content, err)
	}
	if _, err := fs.Stat(fsys, "d/missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of a missing file answers %v", err)
	}
}
