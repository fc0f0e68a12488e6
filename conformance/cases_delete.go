package conformance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

var deleteCases = []Case{
	{ID: "I01", Doc: "a deleted object is gone from get, stat and list", Needs: []Need{strongRead}, Run: deleteOne},
	{ID: "I02", Doc: "to delete a missing key is success, and changes nothing", Run: deleteMissing},
	{ID: "I03", Doc: "a second delete is success", Run: deleteTwice},
	{ID: "I04", Doc: "what is put again right after a delete is there", Needs: []Need{strongRead}, Run: deleteRecreate},
	{ID: "I05", Doc: "a delete takes its key alone, not those beside or below", Run: deleteAlone},
	{ID: "I06", Doc: "awkward keys are deleted, each alone", Run: deleteAwkward},
	{ID: "I07", Doc: "DeleteEach tries every key, present, missing, awkward or bad, and tells of each that stays", Run: deleteEach},
	{ID: "I08", Doc: "DeleteEach removes as many as one bulk call takes, and one more", Tier: Default, Run: deleteBulk},
	{ID: "I09", Doc: "DeletePrefix removes the prefix and nothing else, counts, and can be called again after a failure", Needs: []Need{strongList}, Run: deletePrefix},
	{ID: "I10", Doc: "delete if-match removes only what it names", Needs: []Need{needIfMatchDelete}, Run: deleteIfMatch},
	{ID: "I11", Doc: "a version, or a delete marker, is deleted for good", Needs: []Need{needVersions}, Run: deleteVersion},
	{ID: "I12", Doc: "an open reader gets all of what it opened, though that is deleted, or a clean error", Run: deleteUnderReader},
	{ID: "I13", Doc: "after a delete races a put, get and list agree", Needs: []Need{strongRead, strongList}, Run: deleteRacesPut},
	{ID: "I15", Doc: "a put wins against the deletion of the last key beside it", Run: deleteLastBeside},
}

func deleteOne(t *T) {
	t.fill("a", "d/b", "d/c")
	t.Delete("d/b")
	t.WantMissing("d/b")
	t.Delete("a")
	t.WantMissing("a")
	t.WantEntries(nil, "d/c")
	t.WantContent("d/c", "d/c")
}

func deleteMissing(t *T) {
	t.fill("d/a")
	before := t.Snapshot()
	for _, key := range []string{"missing", "d/missing", "no/such/dir", "d", "d/", "d/a/below"} {
		if err := t.Bucket.Delete(t.ctx, key, nil); err != nil {
			t.Errorf("delete of missing %q answers %v", key, err)
		}
	}
	t.wantUnchanged("deletes of missing keys", before)
}

// wantUnchanged reports a bucket that is not as it was.
func (t *T) wantUnchanged(what string, before map[string]string) {
	after := t.Snapshot()
	for key, was := range before {
		if is, ok := after[key]; !ok || is != was {
			t.Errorf("%s changed %q: %s became %s (there: %t)", what, key, brief(was), brief(is), ok)
		}
	}
	for key := range after {
		if _, ok := before[key]; !ok {
			t.Errorf("%s made %q", what, key)
		}
	}
}

func deleteTwice(t *T) {
	t.fill("a", "d/b")
	for range 3 {
		t.Delete("a")
		t.Delete("d/b")
	}
	t.WantEntries(nil)
}

func deleteRecreate(t *T) {
	for i := range t.rounds(50) {
		want := fmt.Sprint("life ", i)
		t.Put("d/k", want)
		t.WantContent("d/k", want)
		t.Delete("d/k")
		if _, err := t.Bucket.Stat(t.ctx, "d/k", nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("round %d: stat after delete answers %v", i, err)
		}
	}
}

func deleteAlone(t *T) {
	keys := t.holdable("a", "a/", "a/b", "a/b/c", "a/bc", "ab", "b")
	t.fill(keys...)
	slices.Sort(keys)
	for _, key := range []string{"a", "a/b", "a/", "ab"} {
		t.Delete(key)
		keys = slices.DeleteFunc(keys, func(k string) bool { return k == key })
		t.WantEntries(nil, keys...)
		for _, k := range keys {
			t.WantContent(k, k)
		}
	}
}

func deleteAwkward(t *T) {
	keys := t.awkwardKeys()
	t.fill(keys...)
	slices.Sort(keys)
	for len(keys) > 0 {
		i := t.Rand.IntN(len(keys))
		t.Delete(keys[i])
		keys = slices.Delete(keys, i, i+1)
		if len(keys)%10 == 0 {
			t.WantEntries(nil, keys...)
		}
	}
}

func deleteEach(t *T) {
	present := t.awkwardKeys()
	t.fill(append(present, "stays", "d/stays")...)
	bad := []string{"", "nul\x00", "\xff", strings.Repeat("x", t.Caps.Keys.Max()+1)}
	all := slices.Concat(present, []string{"missing", "d/missing"}, bad, present[:3])
	t.Rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var stayed []string
	err := t.Bucket.DeleteEach(t.ctx, slices.Values(all), func(key string, err error) {
		stayed = append(stayed, key)
		t.WantError(fmt.Sprintf("DeleteEach of %q", key), err, blob.ErrInvalid)
	})
	t.WantError("DeleteEach with bad keys among them", err, blob.ErrInvalid)
	slices.Sort(stayed)
	slices.Sort(bad)
	if !slices.Equal(stayed, bad) {
		t.Errorf("DeleteEach tells that %q stay, not %q", stayed, bad)
	}
	t.WantEntries(nil, "d/stays", "stays")
	t.WantOK("DeleteEach without a callback", t.Bucket.DeleteEach(t.ctx, slices.Values([]string{"stays", "gone"}), nil))
	t.WantOK("DeleteEach of nothing", t.Bucket.DeleteEach(t.ctx, slices.Values([]string(nil)), nil))
	if err := t.Bucket.DeleteEach(t.ctx, slices.Values(bad), nil); err == nil {
		t.Errorf("DeleteEach of bad keys, without a callback, answers nil")
	}
	t.WantEntries(nil, "d/stays")
}

func deleteBulk(t *T) {
	most := t.Caps.BulkDelete
	if most == 0 {
		most = 100
	}
	for _, n := range []int{most, most + 1} {
		keys := make([]string, n)
		for i := range keys {
			keys[i] = fmt.Sprintf("d%d/%05d", i%7, i)
		}
		t.fill(append(keys, "stays")...)
		err := t.Bucket.DeleteEach(t.ctx, slices.Values(keys), func(key string, err error) { t.Errorf("delete %q: %v", key, err) })
		t.WantOK(fmt.Sprintf("DeleteEach of %d keys", n), err)
		t.WantEntries(nil, "stays")
	}
}

func deletePrefix(t *T) {
	keys := t.holdable("a", "a/", "a/b", "a/b/c", "a/é %", "a0", "ab/c", "b")
	t.fill(keys...)
	slices.Sort(keys)
	inside := func(key string) bool { return strings.HasPrefix(key, "a/") }
	count := int64(len(slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !inside(k) })))

	// A store that fails in the middle loses nothing but time.
	f, failing := newFaulty(t.Bucket)
	f.breakMethod("Delete")
	f.breakMethod("DeleteEach")
	if n, err := blob.DeletePrefix(t.ctx, failing, "a/"); n != 0 || err == nil {
		t.Errorf("DeletePrefix over a store that fails answers %d, %v", n, err)
	}
	t.WantEntries(nil, keys...)
	if n, err := blob.DeletePrefix(t.ctx, t.Bucket, "a/"); n != count || err != nil {
		t.Errorf("DeletePrefix answers %d, %v; there were %d", n, err, count)
	}
	keys = slices.DeleteFunc(keys, inside)
	t.WantEntries(nil, keys...)
	if n, err := blob.DeletePrefix(t.ctx, t.Bucket, "a/"); n != 0 || err != nil {
		t.Errorf("a second DeletePrefix answers %d, %v", n, err)
	}
	if n, err := blob.DeletePrefix(t.ctx, t.Bucket, ""); n != int64(len(keys)) || err != nil {
		t.Errorf("DeletePrefix of everything answers %d, %v; there were %d", n, err, len(keys))
	}
	t.WantEntries(nil)
}

func deleteIfMatch(t *T) {
	old := t.Put("k", "old")
	now := t.Put("k", "now")
	del := func(key, etag string) error {
		return t.Bucket.Delete(t.ctx, key, &blob.DeleteOptions{If: blob.IfMatch(etag)})
	}
	wantClass(t, "delete if-match with the ETag of what was overwritten", del("k", old.ETag), blob.ErrPrecondition)
	t.WantContent("k", "now")
	wantClass(t, "delete if-match of a missing key", del("missing", now.ETag), blob.ErrPrecondition)
	t.WantOK("delete if-match", del("k", now.ETag))
	t.WantMissing("k")
	wantClass(t, "delete if-match of what is deleted", del("k", now.ETag), blob.ErrPrecondition)
	again := t.Put("k", "again")
	t.WantOK("delete if-match of what was put again", del("k", again.ETag))
	t.WantEntries(nil)
}

func deleteUnderReader(t *T) {
	content := t.content(1 << 20)
	t.Put("d/k", content)
	r, err := t.Bucket.Get(t.ctx, "d/k", nil)
	t.WantOK("get", err)
	defer r.Close()
	first := make([]byte, 1000)
	if _, err := io.ReadFull(r, first); err != nil {
		t.Fatalf("the first bytes: %v", err)
	}
	t.Delete("d/k")
	rest, err := io.ReadAll(r)
	if err != nil {
		wantClass(t, "a reader whose object was deleted", err, blob.ErrChanged)
	} else if string(first)+string(rest) != content {
		t.Errorf("a reader whose object was deleted gets %d bytes, which are not what it opened", len(first)+len(rest))
	}
	t.Recordf("a reader outlives its object: %t", err == nil)
	t.WantMissing("d/k")
}

func deleteRacesPut(t *T) {
	for i := range t.rounds(200) {
		if i%2 == 0 {
			t.Put("d/k", stamped(9, i, 100))
		}
		t.crowd(3, func(w int) {
			var err error
			if w == 0 {
				err = t.Bucket.Delete(t.ctx, "d/k", nil)
			} else {
				_, err = t.Bucket.Put(t.ctx, "d/k", strings.NewReader(stamped(w, i, 100*w)), nil)
			}
			if err != nil {
				t.Errorf("round %d: %v", i, err)
			}
		})
		content, o, err := get(t, t.Bucket, "d/k", nil)
		listed := listedSize(t, t.Bucket, "d/k")
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if listed != -1 {
				t.Errorf("round %d: get finds nothing, and the listing has %d bytes", i, listed)
			}
		case err != nil:
			t.Errorf("round %d: get: %v", i, err)
		case checkStamped(content) != nil || listed != o.Size:
			t.Errorf("round %d: %v; the object has %d bytes, and is listed with %d", i, checkStamped(content), o.Size, listed)
		}
	}
}

// In a tree of files, the directory that the delete removes is the one that the put needs.
func deleteLastBeside(t *T) {
	for i := range t.rounds(200) {
		dir := fmt.Sprintf("d%d/e/", i%3)
		t.Put(dir+"last", "x")
		t.crowd(2, func(w int) {
			if w == 0 {
				if err := t.Bucket.Delete(t.ctx, dir+"last", nil); err != nil {
					t.Errorf("round %d: delete: %v", i, err)
				}
			} else if _, err := t.Bucket.Put(t.ctx, dir+"new", strings.NewReader("new"), nil); err != nil {
				t.Errorf("round %d: put beside what is deleted: %v", i, err)
			}
		})
		t.WantContent(dir+"new", "new")
		t.WantEntries(&blob.ListOptions{Prefix: dir}, dir+"new")
		t.Delete(dir + "new")
	}
	t.WantEntries(&blob.ListOptions{Delimiter: "/"})
}
