package conformance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/holdall-go/holdall/blob"
)

// What a bucket copies by itself needs Copy. All the others go through blob.Copy and blob.Move, which stream where the
// bucket cannot.
var copyCases = []Case{
	{ID: "J01", Doc: "a copy has the content, headers and metadata of its source, or those that the call gives", Needs: []Need{needCopy}, Run: copyAll},
	{ID: "J02", Doc: "a copy of a missing object is fs.ErrNotExist, names the source, and leaves the destination alone", Run: copyMissing},
	{ID: "J03", Doc: "a copy replaces what was there, all of it", Run: copyOver},
	{ID: "J04", Doc: "a copy onto itself leaves the content as it is", Run: copyOntoItself},
	{ID: "J05", Doc: "an empty object is copied", Run: copyEmpty},
	{ID: "J06", Doc: "awkward keys are copied from and to", Run: copyAwkward},
	{ID: "J08", Doc: "a copy and its source are independent of each other", Run: copyIndependent},
	{ID: "J09", Doc: "of many copies if-absent to one key just one wins", Needs: []Need{needCopyIfAbsent}, Run: copyIfAbsent},
	{ID: "J10", Doc: "a condition on the source, and one on the destination, of a copy is honoured", Needs: []Need{needCopyIfMatch, needCopyOverMatch}, Run: copyIfMatch},
	{ID: "J11", Doc: "a copy of a source that is overwritten meanwhile is of one version", Run: copyRacesPut},
	{ID: "J13", Doc: "copies go between buckets of a driver, and between drivers through this process", Needs: []Need{needCopy}, Run: copyAcross},
	{ID: "J14", Doc: "a copy that is cancelled is there whole or not at all, and leaves nothing behind", Needs: []Need{needCopy}, Run: copyCancelled},
	{ID: "J16", Doc: "a move leaves the destination and not the source, also onto itself, onto others and into a directory", Run: move},
	{ID: "J17", Doc: "a move that ends between its copy and its delete leaves both, never neither", Run: moveInterrupted},
}

// copy copies within the bucket, by whatever way there is.
func (t *T) copy(to, from string) *blob.Object {
	o, err := blob.Copy(t.ctx, t.Bucket, to, t.Bucket, from, nil)
	if err != nil {
		t.Fatalf("copy %q to %q: %v", from, to, err)
	}
	return t.made(to, o)
}

// attributes are as much as the store keeps.
func (t *T) attributes() blob.Attributes {
	a := blob.Attributes{ContentType: "text/x-test; charset=utf-8"}
	if t.Caps.Objects.Headers {
		a.ContentLanguage, a.CacheControl, a.ContentDisposition = "de, en", "max-age=60", `attachment; filename="a b.txt"`
	}
	if t.Caps.Objects.Metadata {
		a.Metadata = map[string]string{"first": "1", "second-name": "two words"}
	}
	return a
}

// wantAttributes reports an object that has not just these attributes.
func (t *T) wantAttributes(what string, o *blob.Object, want blob.Attributes) {
	got := o.Attributes
	same := maps.Equal(got.Metadata, want.Metadata)
	got.Metadata, want.Metadata = nil, nil
	if !same || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s has the attributes %+v, metadata %q; it must have %+v", what, got, o.Metadata, want)
	}
}

func copyAll(t *T) {
	content, with := t.content(100_000), t.attributes()
	from := t.PutWith("d/from", content, &blob.PutOptions{Attributes: with})
	src, err := t.Bucket.Source(t.ctx, "d/from", nil)
	t.WantOK("source", err)
	o, err := t.Bucket.Copy(t.ctx, "to", src, nil)
	t.WantOK("copy", err)
	s := t.Stat("to")
	if o.Key != "to" || o.Size != from.Size || o.ETag != s.ETag || o.Version != s.Version {
		t.Errorf("copy answers %+v, and stat %+v", o, s)
	}
	t.wantAttributes("the copy", s, with)
	t.WantContent("to", content)
	wantTrueSums(t, "a copy", s, content, 0)
	other := blob.Attributes{ContentType: "application/x-other"}
	_, err = t.Bucket.Copy(t.ctx, "to", src, &blob.CopyOptions{Attributes: &other})
	t.WantOK("copy with attributes of its own", err)
	t.wantAttributes("the copy with attributes of its own", t.Stat("to"), other)
	t.WantContent("to", content)
	t.wantAttributes("the source", t.Stat("d/from"), with)
}

func copyMissing(t *T) {
	t.Put("to", "old")
	before := t.Snapshot()
	for _, to := range []string{"to", "new"} {
		_, err := blob.Copy(t.ctx, t.Bucket, to, t.Bucket, "d/missing", nil)
		wantClass(t, "copy of a missing object", err, fs.ErrNotExist)
		if err != nil && !strings.Contains(err.Error(), `"d/missing"`) {
			t.Errorf("the error does not name the source: %v", err)
		}
	}
	t.wantUnchanged("copies of a missing object", before)
}

func copyOver(t *T) {
	t.PutWith("to", t.content(5000), &blob.PutOptions{Attributes: t.attributes()})
	t.Put("from", "short")
	old := t.Stat("to")
	o := t.copy("to", "from")
	if s := t.Stat("to"); o.ETag == old.ETag || s.Size != 5 {
		t.Errorf("over %+v, copy answers %+v, and stat %+v", old, o, s)
	}
	t.wantAttributes("what was copied over", t.Stat("to"), t.Stat("from").Attributes)
	t.WantContent("to", "short")
	t.WantEntries(nil, "from", "to")
}

func copyOntoItself(t *T) {
	with := t.attributes()
	for _, content := range []string{"", "content", t.content(200_000)} {
		t.PutWith("d/k", content, &blob.PutOptions{Attributes: with})
		o, err := blob.Copy(t.ctx, t.Bucket, "d/k", t.Bucket, "d/k", nil)
		if err != nil {
			t.Recordf("copy onto itself: %q", classes(err))
		} else if o.Size != int64(len(content)) || !t.answers(o, t.Stat("d/k").ETag) {
			t.Errorf("copy onto itself answers %+v, and stat %+v", o, t.Stat("d/k"))
		}
		t.WantContent("d/k", content)
		t.wantAttributes("what was copied onto itself", t.Stat("d/k"), with)
		t.WantEntries(nil, "d/k")
	}
}

func copyEmpty(t *T) {
	t.Put("from", "")
	t.Put("to", "not empty")
	if o := t.copy("to", "from"); o.Size != 0 {
		t.Errorf("the copy of an empty object has %d bytes", o.Size)
	}
	t.WantContent("to", "")
}

func copyAwkward(t *T) {
	keys := t.awkwardKeys()
	for i, from := range keys {
		to := keys[(i+1)%len(keys)]
		t.Put(from, from)
		t.copy(to, from)
		t.WantContent(to, from)
		t.WantContent(from, from)
		t.WantOK("delete", t.Bucket.DeleteEach(t.ctx, slices.Values([]string{from, to}), nil))
	}
	t.WantEntries(nil)
}

func copyIndependent(t *T) {
	t.PutWith("from", "as it was", &blob.PutOptions{Attributes: t.attributes()})
	o := t.copy("to", "from")
	t.Put("from", "changed")
	t.WantContent("to", "as it was")
	t.wantAttributes("the copy", t.Stat("to"), t.attributes())
	if s := t.Stat("to"); s.ETag != o.ETag {
		t.Errorf("a change of the source gave the copy the ETag %s instead of %s", s.ETag, o.ETag)
	}
	t.Delete("from")
	t.WantContent("to", "as it was")
	t.copy("third", "to")
	t.Put("to", "changed too")
	t.WantContent("third", "as it was")
	t.Delete("to")
	t.WantContent("third", "as it was")
}

func copyIfAbsent(t *T) {
	const racers = 16
	for i := range racers {
		t.Put(fmt.Sprint("from", i), stamped(i, 0, 50+i))
	}
	for round := range t.rounds(200) {
		to := fmt.Sprintf("to/%d", round)
		var won, winner atomic.Int32
		t.crowd(racers, func(i int) {
			src, err := t.Bucket.Source(t.ctx, fmt.Sprint("from", i), nil)
			if err == nil {
				_, err = t.Bucket.Copy(t.ctx, to, src, &blob.CopyOptions{If: blob.IfAbsent})
			}
			if err == nil {
				won.Add(1)
				winner.Store(int32(i))
			} else {
				wantClass(t, "a copy if-absent that lost", err, blob.ErrExist)
			}
		})
		if won.Load() != 1 {
			t.Errorf("round %d: %d of %d copies if-absent won", round, won.Load(), racers)
		}
		t.WantContent(to, stamped(int(winner.Load()), 0, 50+int(winner.Load())))
	}
}

func copyIfMatch(t *T) {
	old := t.Put("from", "old")
	now := t.Put("from", "now")
	there := t.Put("to", "there")
	before := t.Snapshot()
	try := func(from, fromETag, toETag string) error {
		src, err := t.Bucket.Source(t.ctx, from, &blob.SourceOptions{If: blob.IfMatch(fromETag)})
		t.WantOK("source if-match", err)
		_, err = t.Bucket.Copy(t.ctx, "to", src, &blob.CopyOptions{If: blob.IfMatch(toETag)})
		return err
	}
	wantClass(t, "copy of a source that changed", try("from", old.ETag, there.ETag), blob.ErrPrecondition)
	wantClass(t, "copy over a destination that changed", try("from", now.ETag, old.ETag), blob.ErrPrecondition)
	wantClass(t, "copy if-match of a missing source", try("missing", now.ETag, there.ETag), blob.ErrPrecondition)
	t.wantUnchanged("copies whose conditions do not hold", before)
	t.WantOK("copy with both conditions", try("from", now.ETag, there.ETag))
	t.WantContent("to", "now")

	// The condition is judged when the copy is made, not when the source is named.
	src, err := t.Bucket.Source(t.ctx, "from", &blob.SourceOptions{If: blob.IfMatch(now.ETag)})
	t.WantOK("source if-match", err)
	t.Put("from", "later")
	_, err = t.Bucket.Copy(t.ctx, "to", src, nil)
	wantClass(t, "copy of a source that changed since it was named", err, blob.ErrPrecondition)
	t.WantContent("to", "now")
}

func copyRacesPut(t *T) {
	size := func(i int) int { return 50_000 + 1000*(i%50) }
	t.Put("from", stamped(0, 0, size(0)))
	copied := false
	for round := range t.rounds(200) {
		t.crowd(2, func(w int) {
			if w == 0 {
				if _, err := t.Bucket.Put(t.ctx, "from", strings.NewReader(stamped(1, round, size(round))), nil); err != nil {
					t.Errorf("put: %v", err)
				}
				return
			}
			switch _, err := blob.Copy(t.ctx, t.Bucket, "to", t.Bucket, "from", nil); {
			case err == nil:
				copied = true
			case !errors.Is(err, blob.ErrChanged):
				t.Errorf("copy: %v", err)
			}
		})
		content, _, err := get(t, t.Bucket, "to", nil)
		if err == nil {
			err = checkStamped(content)
		} else if errors.Is(err, fs.ErrNotExist) && !copied {
			err = nil // the source changed under each copy
		}
		if err != nil {
			t.Errorf("round %d: the copy is not of one version: %v", round, err)
		}
	}
}

func copyAcross(t *T) {
	with := t.attributes()
	t.PutWith("from", "content", &blob.PutOptions{Attributes: with})
	other := t.OpenAnother()
	_, err := blob.Copy(t.ctx, other, "d/to", t.Bucket, "from", nil)
	t.WantOK("copy into another bucket", err)
	content, o, err := get(t, other, "d/to", nil)
	if err != nil || content != "content" {
		t.Errorf("in the other bucket the copy holds %q, %v", content, err)
	} else {
		t.wantAttributes("the copy in another bucket", o, with)
	}
	t.WantEntries(nil, "from")

	before := t.Snapshot()
	_, err = t.Bucket.Copy(t.ctx, "to", blob.NewSource("from", struct{ foreign string }{"from"}), nil)
	wantClass(t, "copy from a source of another driver", err, errors.ErrUnsupported)
	_, err = t.Bucket.Copy(t.ctx, "to", blob.Source{}, nil)
	wantClass(t, "copy from no source", err, blob.ErrInvalid)
	t.wantUnchanged("copies that cannot be", before)

	// Behind a bucket that makes no sources of its own, the copy goes through this process.
	_, err = blob.Copy(t.ctx, t.Bucket, "to", blob.Check(sourceless{blob.Wrap(t.Bucket)}), "from", nil)
	t.WantOK("copy from a bucket without sources", err)
	t.WantContent("to", "content")
	t.wantAttributes("the streamed copy", t.Stat("to"), with)
}

// sourceless is a bucket that cannot copy, as one of another driver.
type sourceless struct{ blob.Wrapper }

func (s sourceless) Capabilities() blob.Capabilities {
	caps := s.Wrapper.Capabilities()
	caps.Copy, caps.If.Copy, caps.If.Source = false, 0, 0
	return caps
}

func copyCancelled(t *T) {
	content := t.content(1 << 20)
	t.Put("from", content)
	for _, early := range []bool{true, false} {
		before := t.Snapshot()
		src, err := t.Bucket.Source(t.ctx, "from", nil)
		t.WantOK("source", err)
		ctx, cancel := context.WithCancel(t.ctx)
		if early {
			cancel()
		}
		// A driver runs the check of the source just before it reads: that is the middle of the copy.
		_, err = t.Bucket.Copy(ctx, "to", src.Checked(func(context.Context) error { cancel(); return nil }), nil)
		if err == nil && !early {
			t.WantContent("to", content)
			t.Delete("to")
		} else {
			wantClass(t, "a copy whose ctx ended", err, context.Canceled)
		}
		t.wantUnchanged("a copy whose ctx ended", before)
	}
}

func move(t *T) {
	with := t.attributes()
	step := func(what, from, to, content string) {
		o, err := blob.Move(t.ctx, t.Bucket, to, t.Bucket, from, nil)
		if err != nil {
			t.Fatalf("move %s: %v", what, err)
		}
		if o.Size != int64(len(content)) {
			t.Errorf("move %s answers %+v", what, o)
		}
		t.WantContent(to, content)
		t.wantAttributes("what was moved "+what, t.Stat(to), with)
		if from != to {
			t.WantMissing(from)
		}
	}
	t.PutWith("a", "content", &blob.PutOptions{Attributes: with})
	step("to a new key", "a", "b", "content")
	step("into a directory", "b", "d/e/f", "content")
	step("onto itself", "d/e/f", "d/e/f", "content")
	t.Put("g", "what was there")
	step("onto another", "d/e/f", "g", "content")
	t.WantEntries(nil, "g")
	if !t.Caps.Keys.NoFileBesideDir {
		step("below itself", "g", "g/h", "content")
		step("above itself", "g/h", "g", "content")
	}
	t.Put("x", "stays")
	before := t.Snapshot()
	_, err := blob.Move(t.ctx, t.Bucket, "x", t.Bucket, "missing", nil)
	wantClass(t, "move of a missing object", err, fs.ErrNotExist)
	_, err = blob.Move(t.ctx, t.Bucket, "missing", t.Bucket, "missing", nil)
	wantClass(t, "move of a missing object onto itself", err, fs.ErrNotExist)
	t.wantUnchanged("moves of a missing object", before)
}

func moveInterrupted(t *T) {
	t.Put("from", "content")
	f, failing := newFaulty(t.Bucket)
	fault := f.breakMethod("Delete")
	_, err := blob.Move(t.ctx, failing, "to", failing, "from", nil)
	t.WantError("a move whose delete fails", err, fault)
	t.WantContent("from", "content")
	t.WantContent("to", "content")
	_, err = blob.Move(t.ctx, t.Bucket, "to", t.Bucket, "from", nil)
	t.WantOK("the same move again", err)
	t.WantMissing("from")
	t.WantContent("to", "content")
}
