package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// How uploads are resumed and listed is in cases_multipart_resume.go.
var multipartCases = []Case{
	{ID: "L01", Doc: "sizes around those of parts arrive whole: sized, streamed and in parts, for several part sizes", Needs: []Need{needMultipart}, Run: partSizes},
	{ID: "L02", Doc: "the last part may have one byte or none, and may be the only one", Needs: []Need{needMultipart}, Run: lastParts},
	{ID: "L03", Doc: "an upload without a part completes to an empty object", Needs: []Need{needMultipart}, Run: noParts},
	{ID: "L04", Doc: "parts that are sent at once and in any order are joined in theirs", Needs: []Need{needMultipart}, Run: partsInAnyOrder},
	{ID: "L05", Doc: "a part that is sent again replaces the former one, all of it", Needs: []Need{needMultipart}, Run: partAgain},
	{ID: "L06", Doc: "an upload with a part missing does not complete, and can go on or be aborted", Needs: []Need{needMultipart}, Run: partMissing},
	{ID: "L07", Doc: "an upload with a short part before the last does not complete", Needs: []Need{needMultipart}, Run: partShort},
	{ID: "L08", Doc: "of two uploads of one key each stays whole, and the last to complete wins", Needs: []Need{needMultipart}, Run: uploadsInterleaved},
	{ID: "L09", Doc: "a second completion says that all is well or that the upload is gone, and brings nothing back", Needs: []Need{needMultipart}, Run: completeTwice},
	{ID: "L11", Doc: "after an abort parts and completion fail, nothing is there, and a second abort does nothing", Needs: []Need{needMultipart}, Run: aborted},
	{ID: "L12", Doc: "an upload whose ctx ended can be aborted", Needs: []Need{needMultipart}, Run: abortAfterCancel},
	{ID: "L13", Doc: "unfinished uploads are listed by key and prefix, with their time, and can be cleaned up by it", Needs: []Need{needMultipart, needListUploads}, Run: listUploads},
	{ID: "L14", Doc: "parts grow with the size of the object, so that there are not too many", Needs: []Need{needMultipart}, Run: partsGrow},
	{ID: "L16", Doc: "headers and metadata of an upload are those of the object", Needs: []Need{needMultipart}, Run: uploadAttributes},
	{ID: "L17", Doc: "a part, or a put, whose body fails answers that error and leaves nothing behind", Needs: []Need{needMultipart}, Run: partFails},
	{ID: "L18", Doc: "another handle resumes an upload by its ID and sends what is missing", Needs: []Need{needMultipart, needReopen}, Run: resume},
	{ID: "L19", Doc: "a part that has arrived tells its size, ETag and true checksums, by which a changed source is found", Needs: []Need{needMultipart}, Run: resumeChanged},
	{ID: "L20", Doc: "an upload over an object leaves that as it is until it completes", Needs: []Need{needMultipart}, Run: uploadOver},
	{ID: "L21", Doc: "uploads that complete at once make one object, not a blend", Needs: []Need{needMultipart}, Run: completeRace},
	{ID: "L24", Doc: "what is beyond a limit is refused before an upload begins", Needs: []Need{needMultipart}, Run: uploadLimits},
}

func partSizes(t *T) {
	unit := t.partSize()
	sizes := []int64{unit, unit + 1, unit + unit/3, 2 * unit, 3*unit - 1, 4 * unit}
	if unit > 64<<10 { // each byte counts on such a store
		sizes = sizes[:1+min(int(t.Tier), 1)]
	}
	for _, size := range sizes {
		for _, n := range []int64{size - 1, size, size + 1, 2 * size, 2*size + 1} {
			content := t.content(int(n))
			t.PutWith("sized", content, &blob.PutOptions{PartSize: size, Size: n})
			t.WantContent("sized", content)
			_, err := t.Bucket.Put(t.ctx, "streamed", struct{ io.Reader }{strings.NewReader(content)}, &blob.PutOptions{PartSize: size})
			t.WantOK("put of a stream", err)
			t.WantContent("streamed", content)
			u := t.begin("parts", &blob.UploadOptions{PartSize: size, Size: n})
			for i, part := range cut(content, size) {
				t.sendPart(u, i+1, part)
			}
			t.complete(u, "parts", content)
		}
	}
	t.wantNoUploads("puts and uploads that succeeded")
}

func lastParts(t *T) {
	full := t.content(int(t.partSize()))
	for _, parts := range [][]string{{full, "x"}, {full, ""}, {"x"}, {""}, {full}, {full, full, "xyz"}} {
		u := t.begin("k", nil)
		for i, part := range parts {
			t.sendPart(u, i+1, part)
		}
		t.complete(u, "k", strings.Join(parts, ""))
	}
}

func noParts(t *T) {
	t.Put("old", "something")
	for _, key := range []string{"new", "old"} {
		t.complete(t.begin(key, nil), key, "")
	}
}

func partsInAnyOrder(t *T) {
	content := t.content(int(t.partSize()*5) + 7)
	for round := range t.rounds(20) {
		u := t.begin("k", nil)
		parts := cut(content, u.PartSize())
		order := t.Rand.Perm(len(parts))
		if round%2 == 0 {
			for _, i := range order {
				t.sendPart(u, i+1, parts[i])
			}
		} else {
			t.crowd(len(parts), func(i int) {
				if _, err := u.Put(t.ctx, i+1, section(parts[i])); err != nil {
					t.Errorf("part %d: %v", i+1, err)
				}
			})
		}
		t.complete(u, "k", content)
	}
}

func partAgain(t *T) {
	u := t.begin("k", nil)
	full := t.content(int(u.PartSize()))
	t.sendPart(u, 1, t.content(int(u.PartSize())))
	t.sendPart(u, 2, "a long last part that goes")
	t.sendPart(u, 2, "short")
	t.sendPart(u, 1, full)
	if parts := t.parts(u); len(parts) != 2 || parts[1].Size != 5 {
		t.Errorf("the parts are %+v", parts)
	}
	t.complete(u, "k", full+"short")
}

func partMissing(t *T) {
	u := t.begin("d/k", nil)
	full := func(b string) string { return strings.Repeat(b, int(u.PartSize())) }
	t.sendPart(u, 1, full("1"))
	t.sendPart(u, 3, full("3"))
	for range 2 {
		_, err := u.Complete(t.ctx)
		wantClass(t, "completion with part 2 missing", err, blob.ErrInvalid)
		t.WantMissing("d/k")
	}
	t.sendPart(u, 2, full("2"))
	t.complete(u, "d/k", full("1")+full("2")+full("3"))

	u = t.begin("other", nil)
	t.sendPart(u, 2, "x")
	_, err := u.Complete(t.ctx)
	wantClass(t, "completion with part 1 missing", err, blob.ErrInvalid)
	t.WantOK("abort after a completion that failed", u.Abort(t.ctx))
	t.WantMissing("other")
	t.wantNoUploads("abort")
}

func partShort(t *T) {
	u := t.begin("k", nil)
	full := t.content(int(u.PartSize()))
	t.sendPart(u, 1, full[1:])
	t.sendPart(u, 2, "last")
	_, err := u.Complete(t.ctx)
	wantClass(t, "completion with a short part before the last", err, blob.ErrInvalid)
	t.WantMissing("k")
	t.sendPart(u, 1, full)
	t.complete(u, "k", full+"last")
}

func uploadsInterleaved(t *T) {
	a, b := t.begin("k", nil), t.begin("k", nil)
	if a.ID() == b.ID() {
		t.Errorf("two uploads of one key have the ID %q", a.ID())
	}
	full := func(b string) string { return strings.Repeat(b, int(a.PartSize())) }
	t.sendPart(a, 1, full("a"))
	t.sendPart(b, 1, full("b"))
	t.sendPart(b, 2, "b's last part")
	t.sendPart(a, 2, "a's")
	t.complete(b, "k", full("b")+"b's last part")
	t.complete(a, "k", full("a")+"a's")
}

func completeTwice(t *T) {
	u := t.begin("k", nil)
	t.sendPart(u, 1, "parts")
	o := t.complete(u, "k", "parts")
	if again, err := u.Complete(t.ctx); err != nil {
		wantClass(t, "a second completion", err, fs.ErrNotExist)
	} else if again.ETag != o.ETag {
		t.Errorf("a second completion answers %+v, not %+v", again, o)
	}
	t.WantContent("k", "parts")
	t.Put("k", "later")
	_, err := u.Complete(t.ctx)
	t.Recordf("a completion after the object was overwritten: %q", classes(err))
	t.WantContent("k", "later")
	t.Delete("k")
	_, _ = u.Complete(t.ctx)
	t.WantMissing("k")
	t.wantNoUploads("a completion")
}

func aborted(t *T) {
	t.Put("d/k", "old")
	u := t.begin("d/k", nil)
	t.sendPart(u, 1, "parts")
	for range 2 {
		t.WantOK("abort", u.Abort(t.ctx))
		t.wantNoUploads("abort")
	}
	_, err := u.Complete(t.ctx)
	wantClass(t, "completion after an abort", err, fs.ErrNotExist)
	_, err = u.Put(t.ctx, 2, section("late"))
	wantClass(t, "a part after an abort", err, fs.ErrNotExist)
	_, err = t.Bucket.Upload(t.ctx, "d/k", &blob.UploadOptions{ID: u.ID()})
	wantClass(t, "resumption after an abort", err, fs.ErrNotExist)
	t.WantContent("d/k", "old")
	t.WantEntries(nil, "d/k")
	t.wantNoUploads("what was tried after an abort")
}

func abortAfterCancel(t *T) {
	ctx, cancel := context.WithCancel(t.ctx)
	u, err := t.Bucket.Upload(ctx, "k", &blob.UploadOptions{PartSize: t.partSize()})
	t.WantOK("upload", err)
	_, err = u.Put(ctx, 1, section("x"))
	t.WantOK("part", err)
	cancel()
	_, err = u.Put(ctx, 2, section("y"))
	wantClass(t, "a part whose ctx ended", err, context.Canceled)
	_, err = u.Complete(ctx)
	wantClass(t, "a completion whose ctx ended", err, context.Canceled)
	t.WantOK("abort with a ctx of its own", u.Abort(t.ctx))
	t.WantMissing("k")
	t.wantNoUploads("abort")
}

func partsGrow(t *T) {
	if t.Caps.Uploads.MaxParts == 0 {
		return
	}
	largest := int64(5) << 40
	if t.Caps.Uploads.MaxPartSize > 0 {
		largest = min(largest, t.Caps.Uploads.MaxPartSize*int64(t.Caps.Uploads.MaxParts))
	}
	if t.Caps.Objects.MaxSize > 0 {
		largest = min(largest, t.Caps.Objects.MaxSize)
	}
	for _, size := range []int64{1, largest / 1000, largest/2 + 1, largest} {
		u, err := t.Bucket.Upload(t.ctx, "k", &blob.UploadOptions{Size: size})
		t.WantOK(fmt.Sprintf("upload of %d bytes", size), err)
		p := u.PartSize()
		t.WantOK("abort", u.Abort(t.ctx))
		if p < t.Caps.Uploads.MinPartSize || t.Caps.Uploads.MaxPartSize > 0 && p > t.Caps.Uploads.MaxPartSize || (size-1)/p >= int64(t.Caps.Uploads.MaxParts) {
			t.Errorf("%d bytes go in parts of %d, of which there may be %d", size, p, t.Caps.Uploads.MaxParts)
		}
	}
	t.wantNoUploads("abort")
}

func uploadAttributes(t *T) {
	with := t.attributes()
	u := t.begin("k", &blob.UploadOptions{Attributes: with})
	t.sendPart(u, 1, "content")
	t.wantAttributes("what completion answers", t.complete(u, "k", "content"), with)
	t.wantAttributes("the object", t.Stat("k"), with)
	u = t.begin("k", nil)
	t.sendPart(u, 1, "without")
	t.complete(u, "k", "without")
	t.wantAttributes("the object that another upload made, with none,", t.Stat("k"), blob.Attributes{})
}

// A failingAt reads from a string, and fails at its end.
type failingAt struct {
	*strings.Reader
	err error
}

func (f failingAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.Reader.ReadAt(p, off)
	if err != nil {
		err = f.err
	}
	return n, err
}

func (f failingAt) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil {
		err = f.err
	}
	return n, err
}

func partFails(t *T) {
	broken := errors.New("the disk of the reader is broken")
	u := t.begin("parts", nil)
	full := t.content(int(u.PartSize()))
	t.sendPart(u, 1, full)
	body := failingAt{strings.NewReader(full[:len(full)/2]), broken}
	_, err := u.Put(t.ctx, 2, io.NewSectionReader(body, 0, u.PartSize()))
	t.WantError("a part whose body fails", err, broken)
	if parts := t.parts(u); len(parts) != 1 {
		t.Errorf("after part 2 failed the parts are %+v", parts)
	}
	t.sendPart(u, 2, "whole")
	t.complete(u, "parts", full+"whole")

	for _, n := range []int{0, 1, 2*len(full) + 1, 5 * len(full) / 2} {
		body := struct{ io.Reader }{failingAt{strings.NewReader(t.content(n)), broken}}
		_, err := t.Bucket.Put(t.ctx, "put", body, &blob.PutOptions{PartSize: u.PartSize(), Concurrency: 3})
		t.WantError(fmt.Sprintf("a put whose body fails after %d bytes", n), err, broken)
		t.WantMissing("put")
	}
	t.wantNoUploads("a put whose body failed")
}

func uploadOver(t *T) {
	with := t.attributes()
	old := t.PutWith("k", "old", &blob.PutOptions{Attributes: with})
	unchanged := func(when string) {
		t.WantContent("k", "old")
		if s := t.Stat("k"); s.ETag != old.ETag {
			t.Errorf("%s the object has the ETag %s, not %s", when, s.ETag, old.ETag)
		}
		t.WantEntries(nil, "k")
	}
	u := t.begin("k", nil)
	unchanged("after the beginning of an upload")
	t.sendPart(u, 1, "new")
	unchanged("after the first part of an upload")
	t.complete(u, "k", "new")
	if s := t.Stat("k"); s.ETag == old.ETag || len(s.Metadata) > 0 {
		t.Errorf("after completion the object is %+v", s)
	}
}

func completeRace(t *T) {
	unit := int(t.partSize())
	for round := range t.rounds(100) {
		// Two hold the first upload, and one each of the others.
		var uploads []blob.Upload
		var contents []string
		for i := range 3 {
			content := stamped(i, round, 2*unit+10*i)
			u := t.begin("k", nil)
			for n, part := range cut(content, u.PartSize()) {
				t.sendPart(u, n+1, part)
			}
			uploads, contents = append(uploads, u), append(contents, content)
		}
		uploads = append(uploads, uploads[0])
		var done [4]bool
		t.crowd(len(uploads), func(i int) {
			_, err := uploads[i].Complete(t.ctx)
			done[i] = err == nil
			if err != nil && (i == 1 || i == 2 || !errors.Is(err, fs.ErrNotExist)) {
				t.Errorf("round %d: completion %d: %v", round, i, err)
			}
		})
		if !done[0] && !done[3] {
			t.Errorf("round %d: both who completed one upload are told that it is gone", round)
		}
		if got := t.Get("k"); !slices.Contains(contents, got) {
			t.Errorf("round %d: the object is none of those that were completed: %v", round, checkStamped(got))
		}
	}
	t.wantNoUploads("completions")
}
