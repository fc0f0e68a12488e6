package conformance

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// Versions are in cases_versions.go.
var etagCases = []Case{
	{ID: "G01", Doc: "an ETag is a strong one in quotes (RFC 9110), the same in put, stat, get and list", Needs: []Need{strongRead, strongList}, Run: etagIsOne},
	{ID: "G02", Doc: "the ETag changes with the content, also in the same instant and with the same size", Run: etagChanges},
	{ID: "G03", Doc: "whether a rewrite of the same content has the same ETag is recorded", Run: etagOfRewrite},
	{ID: "G05", Doc: "the ETag of an object that was sent in parts serves if-match", Needs: []Need{needMultipart, needIfMatch}, Run: etagOfParts},
	{ID: "G06", Doc: "every checksum that an object has, MD5 or another, is that of its content", Run: checksumsAreTrue},
	{ID: "G07", Doc: "the declared checksums are there for every put, and right", Needs: []Need{needChecksumOut}, Run: checksumsAreThere},
	{ID: "G08", Doc: "a checksum in a listing is that of stat", Needs: []Need{needChecksumOut}, Run: checksumsListed},
	{ID: "G11", Doc: "each overwrite makes a version, and the old ones can be read", Needs: []Need{needVersions}, Run: versionsOfOverwrites},
	{ID: "G12", Doc: "a delete hides the versions under a marker, which a listing shows and whose removal undeletes", Needs: []Need{needVersions}, Run: versionsUnderMarker},
	{ID: "G14", Doc: "whoever reads all of an object whose content rotted hears of it", Needs: []Need{needChecksumOut, needCorrupt}, Run: rotIsHeard},
	{ID: "G15", Doc: "one flipped bit is found wherever it is", Needs: []Need{needChecksumOut, needCorrupt}, Run: rotAnywhere},
}

var quoted = regexp.MustCompile(`^"[\x21\x23-\x7e\x80-\xff]+"$`)

func etagIsOne(t *T) {
	for _, key := range []string{"empty", "d/some"} {
		put := t.Put(key, strings.Repeat("x", len(key)-5))
		if !quoted.MatchString(put.ETag) {
			t.Errorf("put of %q answers the ETag %s", key, put.ETag)
		}
		for range 2 {
			if s := t.Stat(key); s.ETag != put.ETag {
				t.Errorf("put of %q answers the ETag %s, and stat %s", key, put.ETag, s.ETag)
			}
			if _, o, err := get(t, t.Bucket, key, nil); err != nil || o.ETag != put.ETag {
				t.Errorf("put of %q answers the ETag %s, and get %+v, %v", key, put.ETag, o, err)
			}
			for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{Prefix: key}) {
				if err != nil || o.ETag != put.ETag && !t.Caps.Deviations.ListWithoutETag {
					t.Errorf("put of %q answers the ETag %s, and list %+v, %v", key, put.ETag, o, err)
				}
			}
		}
	}
}

func etagChanges(t *T) {
	last := ""
	for i := range t.rounds(100) {
		o := t.Put("k", fmt.Sprintf("%04d", i))
		if o.ETag == last {
			t.Errorf("round %d: new content has the ETag %s of the old one", i, last)
		}
		last = o.ETag
	}
}

func etagOfRewrite(t *T) {
	first, second := t.Put("k", "same"), t.Put("k", "same")
	t.Recordf("a rewrite of the same content keeps the ETag: %t", first.ETag == second.ETag)
}

func etagOfParts(t *T) {
	o := t.upload("k", 2*int(t.partSize())+1)
	if s := t.Stat("k"); s.ETag != o.ETag {
		t.Errorf("complete answers the ETag %s, and stat %s", o.ETag, s.ETag)
	}
	t.PutWith("k", "next", &blob.PutOptions{If: blob.IfMatch(o.ETag)})
	_, err := t.Bucket.Put(t.ctx, "k", strings.NewReader("late"), &blob.PutOptions{If: blob.IfMatch(o.ETag)})
	wantClass(t, "put if-match with the ETag of what was overwritten", err, blob.ErrPrecondition)
	t.WantContent("k", "next")
}

// wantTrueSums reports the checksums of o that are not those of content, and the algorithms that are missing.
func wantTrueSums(t *T, what string, o *blob.Object, content string, must blob.AlgorithmSet) {
	for algorithm, sum := range o.Checksums.All() {
		h, err := algorithm.New()
		t.WantOK("algorithm of a checksum", err)
		io.WriteString(h, content)
		if want := h.Sum(nil); !bytes.Equal(sum, want) {
			t.Errorf("%s of %s says %s %x; it is %x", what, brief(content), algorithm, sum, want)
		}
	}
	for algorithm := range must.All() {
		if _, ok := o.Checksums.Get(algorithm); !ok {
			t.Errorf("%s of %s has no %s, which is declared", what, brief(content), algorithm)
		}
	}
}

func checksumsAreTrue(t *T) {
	if t.Caps.Uploads.Supported {
		t.upload("parts", 2*int(t.partSize())+1)
	}
	t.Put("whole", "content")
	t.Put("empty", "")
	if _, err := blob.Copy(t.ctx, t.Bucket, "copy", t.Bucket, "whole", nil); err != nil {
		t.Errorf("copy: %v", err)
	}
	for _, key := range t.Entries(nil) {
		content, o, err := get(t, t.Bucket, key, nil)
		t.WantOK("get", err)
		wantTrueSums(t, "get", o, content, 0)
		wantTrueSums(t, "stat", t.Stat(key), content, 0)
	}
}

func checksumsAreThere(t *T) {
	for _, n := range []int{0, 1, 4096, 70_001} {
		content := t.content(n)
		wantTrueSums(t, "put", t.Put("k", content), content, t.Caps.Checksums.Out)
		wantTrueSums(t, "stat", t.Stat("k"), content, t.Caps.Checksums.Out)
		o, err := t.Bucket.Put(t.ctx, "k", struct{ io.Reader }{strings.NewReader(content)}, nil)
		t.WantOK("put of a stream", err)
		wantTrueSums(t, "put of a stream", o, content, t.Caps.Checksums.Out)
		got, o, err := get(t, t.Bucket, "k", nil)
		if err != nil || got != content {
			t.Errorf("get answers %s, %v", brief(got), err)
		}
		wantTrueSums(t, "get", o, content, t.Caps.Checksums.Out)
	}
}

func checksumsListed(t *T) {
	t.Put("a", "one")
	t.Put("b/c", "two")
	t.Put("a", "three")
	for o, err := range t.Bucket.List(t.ctx, nil) {
		t.WantOK("list", err)
		if s := t.Stat(o.Key); !o.Checksums.IsZero() && o.Checksums != s.Checksums {
			t.Errorf("%q is listed with %s, and stat says %s", o.Key, o.Checksums, s.Checksums)
		}
	}
}

func rotIsHeard(t *T) {
	content := t.content(300_000)
	t.Put("k", content)
	t.Harness.Corrupt(t, t.Bucket, "k", 150_000)
	_, _, err := get(t, t.Bucket, "k", nil)
	wantClass(t, "get of rotten content", err, blob.ErrChecksum)
	_, _, err = get(t, t.Bucket, "k", &blob.GetOptions{Range: blob.From(0)})
	wantClass(t, "get of all of it as a range", err, blob.ErrChecksum)
	_, err = blob.ReadAll(t.ctx, t.Bucket, "k")
	wantClass(t, "ReadAll of rotten content", err, blob.ErrChecksum)
	r, err := t.Bucket.Get(t.ctx, "k", nil)
	t.WantOK("get", err)
	_, err = r.WriteTo(io.Discard)
	r.Close()
	wantClass(t, "WriteTo of rotten content", err, blob.ErrChecksum)
	t.Put("k", content)
	t.WantContent("k", content)
}

func rotAnywhere(t *T) {
	for _, size := range []int{1, 2, 511, 65_537} {
		for _, at := range []int{0, size / 2, size - 1} {
			content := t.content(size)
			t.Put("k", content)
			t.Harness.Corrupt(t, t.Bucket, "k", int64(at))
			got, _, err := get(t, t.Bucket, "k", nil)
			if got == content {
				t.Fatalf("the harness flipped no bit at %d of %d", at, size)
			}
			wantClass(t, fmt.Sprintf("a bit flipped at %d of %d", at, size), err, blob.ErrChecksum)
		}
	}
}
