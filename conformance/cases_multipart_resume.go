package conformance

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

func resume(t *T) {
	t.Put("other", "x")
	content, with := t.content(int(t.partSize()*4)+5), t.attributes()
	u := t.begin("d/k", &blob.UploadOptions{Attributes: with})
	parts := cut(content, u.PartSize())
	sent := map[int]blob.Part{}
	for _, n := range []int{4, 1, 2} {
		sent[n] = t.sendPart(u, n, parts[n-1])
	}

	// From here on nothing is known but the key and the ID.
	b := t.Reopen()
	_, err := b.Upload(t.ctx, "other", &blob.UploadOptions{ID: u.ID()})
	wantClass(t, "resumption under another key", err, t.noSuchUpload())
	_, err = b.Upload(t.ctx, "d/k", &blob.UploadOptions{ID: strings.Repeat("0", len(u.ID()))})
	wantClass(t, "resumption of no upload", err, t.noSuchUpload())
	_, err = b.Upload(t.ctx, "d/k", &blob.UploadOptions{ID: u.ID(), Attributes: with})
	wantClass(t, "resumption with attributes", err, blob.ErrInvalid)
	again, err := b.Upload(t.ctx, "d/k", &blob.UploadOptions{ID: u.ID()})
	t.WantOK("resumption", err)
	if again.ID() != u.ID() || again.PartSize() != u.PartSize() {
		t.Errorf("upload %q in parts of %d is resumed as %q in parts of %d", u.ID(), u.PartSize(), again.ID(), again.PartSize())
	}
	var numbers []int
	for _, p := range t.parts(again) {
		numbers = append(numbers, p.Number)
		if want := sent[p.Number]; p.Size != want.Size || p.ETag != want.ETag {
			t.Errorf("part %d has arrived as %+v; it was sent as %+v", p.Number, p, want)
		}
	}
	if !slices.Equal(numbers, []int{1, 2, 4}) {
		t.Errorf("of parts 4, 1 and 2 there are %v", numbers)
	}
	for _, n := range []int{3, 5} {
		t.sendPart(again, n, parts[n-1])
	}
	t.wantAttributes("what was resumed", t.complete(again, "d/k", content), with)
	_, err = b.Upload(t.ctx, "d/k", &blob.UploadOptions{ID: u.ID()})
	wantClass(t, "resumption of what is complete", err, fs.ErrNotExist)
}

func resumeChanged(t *T) {
	u := t.begin("k", nil)
	content := t.content(int(u.PartSize()))
	first := t.sendPart(u, 1, content)
	again, err := t.Bucket.Upload(t.ctx, "k", &blob.UploadOptions{ID: u.ID()})
	t.WantOK("resumption", err)
	check := func(sent blob.Part, content string) {
		parts := t.parts(again)
		if len(parts) != 1 {
			t.Fatalf("one part was sent, and there are %+v", parts)
		}
		p := parts[0]
		if p.Number != 1 || p.Size != int64(len(content)) || p.ETag == "" || p.ETag != sent.ETag {
			t.Errorf("the part has arrived as %+v; it was sent as %+v", p, sent)
		}
		wantTrueSums(t, "a part", &blob.Object{Checksums: p.Checksums}, content, 0)
	}
	check(first, content)
	changed := "!" + content[1:]
	second := t.sendPart(again, 1, changed)
	if second.ETag == first.ETag {
		t.Errorf("a part of other content has the same ETag %s", second.ETag)
	}
	check(second, changed)
	t.complete(again, "k", changed)
}

func listUploads(t *T) {
	begin := time.Now()
	keys := t.holdable("a", "a/b", "a/c", "b", "é/x")
	began := map[string]blob.Upload{}
	for _, i := range t.Rand.Perm(len(keys)) {
		u := t.begin(keys[i], nil)
		t.sendPart(u, 1, "x")
		began[u.ID()] = u
	}
	slices.Sort(keys)
	list := func(prefix string) (found []*blob.UploadInfo) {
		for u, err := range t.Bucket.Uploads(t.ctx, prefix) {
			t.WantOK("uploads", err)
			found = append(found, u)
		}
		return found
	}
	for _, prefix := range []string{"", "a", "a/", "b", "none", "é"} {
		want := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !strings.HasPrefix(k, prefix) })
		if got := t.uploads(prefix); !slices.Equal(got, want) {
			t.Errorf("the unfinished uploads under %q are of %q, not %q", prefix, got, want)
		}
	}
	for u := range t.Bucket.Uploads(t.ctx, "") {
		if u.Key != keys[0] {
			t.Errorf("the first upload is of %q", u.Key)
		}
		break
	}
	// The clock of a server may be off.
	old := begin.Add(-time.Hour)
	for _, u := range list("") {
		if began[u.ID] == nil {
			t.Errorf("upload %q of %q was never begun", u.ID, u.Key)
		}
		if u.Initiated.Before(old) || u.Initiated.After(time.Now().Add(time.Hour)) {
			t.Errorf("upload of %q began at %v, it says; it is %v", u.Key, u.Initiated, time.Now())
		}
		resumed, err := t.Bucket.Upload(t.ctx, u.Key, &blob.UploadOptions{ID: u.ID})
		t.WantOK("resumption of a listed upload", err)
		t.WantOK("abort", resumed.Abort(t.ctx))
	}
	t.wantNoUploads("the clean-up")
	t.WantEntries(nil)
}

func uploadLimits(t *T) {
	c := t.Caps
	t.Recordf("parts of %d to %d bytes, at most %d; objects of at most %d", c.Uploads.MinPartSize, c.Uploads.MaxPartSize, c.Uploads.MaxParts, c.Objects.MaxSize)
	refuse := func(opts *blob.UploadOptions) {
		if u, err := t.Bucket.Upload(t.ctx, "k", opts); err == nil {
			t.Errorf("upload with %+v is not refused", opts)
			_ = u.Abort(t.ctx)
		} else {
			wantClass(t, fmt.Sprintf("upload with %+v", opts), err, blob.ErrInvalid)
		}
	}
	refuse(&blob.UploadOptions{PartSize: -2})
	refuse(&blob.UploadOptions{Size: -2})
	if c.Uploads.MinPartSize > 1 {
		refuse(&blob.UploadOptions{PartSize: c.Uploads.MinPartSize - 1})
	}
	if c.Uploads.MaxPartSize > 0 {
		refuse(&blob.UploadOptions{PartSize: c.Uploads.MaxPartSize + 1})
	}
	if c.Objects.MaxSize > 0 {
		refuse(&blob.UploadOptions{Size: c.Objects.MaxSize + 1})
	}
	t.wantNoUploads("what was refused")
	u := t.begin("k", nil)
	for _, n := range []int{0, -1, c.Uploads.MaxParts + 1} {
		if n <= 0 || c.Uploads.MaxParts > 0 {
			_, err := u.Put(t.ctx, n, section("x"))
			wantClass(t, fmt.Sprintf("part %d", n), err, blob.ErrInvalid)
		}
	}
	_, err := u.Put(t.ctx, 1, section(strings.Repeat("x", int(u.PartSize())+1)))
	wantClass(t, "a part that is too large", err, blob.ErrInvalid)
	_, err = u.Put(t.ctx, 1, nil)
	wantClass(t, "a part without a body", err, blob.ErrInvalid)
	if parts := t.parts(u); len(parts) > 0 {
		t.Errorf("parts that were refused are there: %+v", parts)
	}
	t.WantOK("abort", u.Abort(t.ctx))
}
