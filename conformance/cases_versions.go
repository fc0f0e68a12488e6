package conformance

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/holdall-go/holdall/blob"
)

// wantVersions reports a listing of the versions of key that is not this, newest first; a delete marker is "".
func (t *T) wantVersions(key string, want ...string) {
	got := []string{}
	for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{Prefix: key, Versions: true}) {
		t.WantOK("list of versions", err)
		if o.Key != key {
			continue
		}
		if o.IsDeleteMarker {
			got = append(got, "")
		} else {
			got = append(got, o.Version)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the versions of %q are %q, not %q (a marker is empty)", key, got, want)
	}
}

// marker returns the version of the newest delete marker of key.
func (t *T) marker(key string) string {
	for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{Prefix: key, Versions: true}) {
		t.WantOK("list of versions", err)
		if o.IsDeleteMarker && o.Key == key {
			return o.Version
		}
	}
	t.Fatalf("%q has no delete marker", key)
	return ""
}

func versionsOfOverwrites(t *T) {
	var ids []string
	for i := range 4 {
		o := t.Put("k", fmt.Sprint("content ", i))
		if o.Version == "" || slices.Contains(ids, o.Version) {
			t.Errorf("overwrite %d has the version %q, after %q", i, o.Version, ids)
		}
		ids = append(ids, o.Version)
		if s := t.Stat("k"); s.Version != o.Version {
			t.Errorf("put answers version %q and stat %q", o.Version, s.Version)
		}
	}
	for i, id := range ids {
		want := fmt.Sprint("content ", i)
		got, o, err := get(t, t.Bucket, "k", &blob.GetOptions{Version: id})
		if err != nil || got != want || o.Version != id {
			t.Errorf("version %q holds %q as %+v, %v; it was written with %q", id, got, o, err, want)
		}
		if got, _, err := get(t, t.Bucket, "k", &blob.GetOptions{Version: id, Range: blob.Last(1)}); err != nil || got != want[len(want)-1:] {
			t.Errorf("the last byte of version %q is %q, %v", id, got, err)
		}
		if s, err := t.Bucket.Stat(t.ctx, "k", &blob.StatOptions{Version: id}); err != nil || s.Version != id || s.Size != int64(len(want)) {
			t.Errorf("stat of version %q answers %+v, %v", id, s, err)
		}
	}
	t.Put("other", "x")
	_, err := t.Bucket.Stat(t.ctx, "other", &blob.StatOptions{Version: ids[0]})
	t.WantError("stat with a version of another key", err, fs.ErrNotExist)
	slices.Reverse(ids)
	t.wantVersions("k", ids...)
	t.WantEntries(nil, "k", "other")
	dotted := []string{"..k", ".k", "a/..k", "a/.k"} // a path would read how they begin as a segment
	t.fill(dotted...)
	for _, dots := range []string{".", "..", "a/.", "a/.."} {
		opts := blob.ListOptions{Prefix: dots, Versions: true}
		t.wantListing(dotted, &opts)
		opts.Prefix, opts.StartAfter = "a/", dots
		t.wantListing(dotted, &opts)
	}
}

func versionsUnderMarker(t *T) {
	first, second := t.Put("k", "first"), t.Put("k", "second")
	t.Delete("k")
	t.WantMissing("k")
	marker := t.marker("k")
	t.wantVersions("k", "", second.Version, first.Version)
	if got, _, err := get(t, t.Bucket, "k", &blob.GetOptions{Version: first.Version}); err != nil || got != "first" {
		t.Errorf("under the marker, version 1 holds %q, %v", got, err)
	}
	_, err := t.Bucket.Stat(t.ctx, "k", &blob.StatOptions{Version: marker})
	t.WantError("stat of a delete marker", err, fs.ErrNotExist)
	t.WantOK("delete of the marker", t.Bucket.Delete(t.ctx, "k", &blob.DeleteOptions{Version: marker}))
	t.WantContent("k", "second")
	t.wantVersions("k", second.Version, first.Version)
	if !t.Caps.Copy {
		return
	}
	src, err := t.Bucket.Source(t.ctx, "k", &blob.SourceOptions{Version: first.Version})
	t.WantOK("source of a version", err)
	third, err := t.Bucket.Copy(t.ctx, "k", src, nil)
	t.WantOK("copy of an old version over the new one", err)
	t.WantContent("k", "first")
	t.wantVersions("k", third.Version, second.Version, first.Version)
}

func deleteVersion(t *T) {
	first, second := t.Put("k", "first"), t.Put("k", "second")
	remove := func(version string) {
		t.WantOK("delete of a version", t.Bucket.Delete(t.ctx, "k", &blob.DeleteOptions{Version: version}))
	}
	remove(second.Version)
	t.WantContent("k", "first") // the one before is current again
	t.wantVersions("k", first.Version)
	t.Delete("k")
	remove(first.Version)
	t.WantMissing("k")
	t.wantVersions("k", "")
	remove(t.marker("k"))
	t.wantVersions("k")
	remove(first.Version) // it is gone already
	third := t.Put("k", "third")
	t.wantVersions("k", third.Version)
	t.WantContent("k", "third")
}
