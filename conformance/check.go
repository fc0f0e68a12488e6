package conformance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// What most cases do, in one line each. All of these use t.Bucket and end the case where going on makes no sense.

// Put stores content and returns what the bucket says of it.
func (t *T) Put(key, content string) *blob.Object {
	o, err := t.Bucket.Put(t.ctx, key, strings.NewReader(content), nil)
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return t.made(key, o)
}

// made returns what a write answered, which nobody else has overwritten. What a store does not answer, and declares so,
// is filled in from Stat.
func (t *T) made(key string, o *blob.Object) *blob.Object {
	if !t.Caps.Deviations.WriteWithoutETag {
		return o
	}
	if o.ETag != "" {
		t.Errorf("a write of %q answers the ETag %s, though the store declares that it answers none", key, o.ETag)
	}
	s := t.Stat(key)
	if s.Size != o.Size {
		t.Errorf("a write of %q answers %+v, and stat %+v", key, o, s)
	}
	return s
}

// answers tells whether a write answered this ETag, or none, where the store declares that.
func (t *T) answers(o *blob.Object, etag string) bool {
	return o.ETag == etag || t.Caps.Deviations.WriteWithoutETag && o.ETag == ""
}

// putOf stores a few bytes in any bucket, for cases that look at the error.
func putOf(t *T, b blob.Bucket, key string) error {
	_, err := b.Put(t.ctx, key, strings.NewReader("new"), nil)
	return err
}

// PutWith stores content with options.
func (t *T) PutWith(key, content string, opts *blob.PutOptions) *blob.Object {
	o, err := t.Bucket.Put(t.ctx, key, strings.NewReader(content), opts)
	if err != nil {
		t.Fatalf("put %q with %+v: %v", key, opts, err)
	}
	return t.made(key, o)
}

// Stat returns the attributes of an object that must be there.
func (t *T) Stat(key string) *blob.Object {
	o, err := t.Bucket.Stat(t.ctx, key, nil)
	if err != nil {
		t.Fatalf("stat %q: %v", key, err)
	}
	return o
}

// Get returns the content of an object that must be there.
func (t *T) Get(key string) string {
	content, _, err := get(t, t.Bucket, key, nil)
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	return content
}

// get reads an object, or a range of it, whole.
func get(t *T, b blob.Bucket, key string, opts *blob.GetOptions) (string, *blob.Object, error) {
	r, err := b.Get(t.ctx, key, opts)
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	return string(content), &r.Object, err
}

// Delete removes an object.
func (t *T) Delete(key string) {
	if err := t.Bucket.Delete(t.ctx, key, nil); err != nil {
		t.Fatalf("delete %q: %v", key, err)
	}
}

// Entries returns a listing as strings: keys and common prefixes as they come.
func (t *T) Entries(opts *blob.ListOptions) []string { return t.EntriesOf(t.Bucket, opts) }

// EntriesOf returns the listing of any bucket.
func (t *T) EntriesOf(b blob.Bucket, opts *blob.ListOptions) []string {
	found := []string{}
	for o, err := range b.List(t.ctx, opts) {
		if err != nil {
			t.Fatalf("list %+v: %v", opts, err)
		}
		found = append(found, o.Key)
	}
	return found
}

// WantContent reports an object that does not hold content.
func (t *T) WantContent(key, content string) {
	got, _, err := get(t, t.Bucket, key, nil)
	switch {
	case err != nil:
		t.Errorf("get %q: %v", key, err)
	case got != content:
		t.Errorf("%q holds %s, not %s", key, brief(got), brief(content))
	}
}

// WantMissing reports a key that get, stat or list find.
func (t *T) WantMissing(key string) {
	if _, err := t.Bucket.Stat(t.ctx, key, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of missing %q answers %v, not fs.ErrNotExist", key, err)
	}
	if _, _, err := get(t, t.Bucket, key, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get of missing %q answers %v, not fs.ErrNotExist", key, err)
	}
	t.Until(t.Caps.Deviations.EventualList, "missing "+key+" is no longer listed", func() bool {
		return !slices.Contains(t.Entries(&blob.ListOptions{Prefix: key}), key)
	})
}

// WantEntries reports a listing that is not just this.
func (t *T) WantEntries(opts *blob.ListOptions, want ...string) {
	if want == nil {
		want = []string{}
	}
	var got []string
	same := func() bool {
		got = t.Entries(opts)
		return slices.Equal(got, want)
	}
	if !same() && t.Caps.Deviations.EventualList {
		t.Until(true, "the listing settles", same)
	}
	if !slices.Equal(got, want) {
		t.Errorf("list %+v yields %q, not %q", opts, got, want)
	}
}

// WantError reports an error that is not target; what says which call it came from.
func (t *T) WantError(what string, err, target error) {
	if !errors.Is(err, target) {
		t.Errorf("%s answers %v; it must be %v", what, err, target)
	}
}

// WantOK ends the case on an error.
func (t *T) WantOK(what string, err error) {
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Snapshot is the whole content of the bucket, to show that a refused call left no trace: each key with its ETag and
// content, and the unfinished uploads.
func (t *T) Snapshot() map[string]string {
	all := map[string]string{}
	for _, key := range t.Entries(nil) {
		content, o, err := get(t, t.Bucket, key, nil)
		if err != nil {
			t.Fatalf("get %q: %v", key, err)
		}
		all[key] = o.ETag + " " + content
	}
	if t.Caps.Uploads.Listed {
		for u, err := range t.Bucket.Uploads(t.ctx, "") {
			if err != nil {
				t.Fatalf("uploads: %v", err)
			}
			all["upload "+u.ID] = u.Key
		}
	}
	return all
}

// brief shows content in an error without drowning it.
func brief(content string) string {
	if len(content) <= 60 {
		return strconv.Quote(content)
	}
	return fmt.Sprintf("%q… (%d bytes)", content[:40], len(content))
}
