package conformance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
)

var statCases = []Case{
	{ID: "E01", Doc: "Stat tells the key, size, time, type, ETag and version of an object", Needs: []Need{strongRead}, Run: statTells},
	{ID: "E02", Doc: "a directory is no object: dir and dir/ are missing where only dir/x is there", Run: statDirectory},
	{ID: "E03", Doc: "file/ is missing where file is there", Run: func(t *T) { t.statBelow("file/", "file//", "d/file/") }},
	{ID: "E04", Doc: "file/child is missing, and no other error, where file is there", Run: func(t *T) { t.statBelow("file/child", "file/a/b", "d/file/child") }},
	{ID: "E05", Doc: "Exists is true, false, or an error, which is never taken for false", Run: exists},
	{ID: "E06", Doc: "the time of an object is the time of its last write, in UTC, and never goes back", Run: modTime},
	{ID: "E07", Doc: "the time is of the declared precision, the same in put, stat, get and list", Needs: []Need{strongRead, strongList}, Run: modTimePrecision},
	{ID: "E09", Doc: "Content-Type is stored to the letter, parameters and case included", Run: contentTypes},
	{ID: "E10", Doc: "where no Content-Type is given, that of the object is recorded", Run: noContentType},
	{ID: "E11", Doc: "a Content-Type that is none is refused", Run: badContentTypes},
	{ID: "E12", Doc: "Cache-Control, Content-Disposition, -Encoding and -Language are kept, each alone and together", Needs: []Need{needHeaders}, Run: headersKept},
	{ID: "E13", Doc: "a Content-Disposition with an encoded file name is kept", Needs: []Need{needHeaders}, Run: contentDispositions},
	{ID: "E14", Doc: "a header with a line break or a control byte is refused before the store hears of it", Run: headerInjection},
	{ID: "E15", Doc: "an overwrite without headers clears the old ones", Run: headersCleared},
	{ID: "E16", Doc: "a copy of an object onto itself changes its attributes and not its content", Needs: []Need{needCopy}, Run: attributesChanged},
	{ID: "E18", Doc: "size, ETag, attributes and body are always of one version, however many write", Run: oneVersion},
	{ID: "E19", Doc: "a hundred Stats at once answer the same", Needs: []Need{strongRead}, Run: manyStats},
}

// sameTime tells whether two times are the same in the precision of the store.
func (t *T) sameTime(a, b time.Time) bool {
	return a.Truncate(t.Caps.Objects.TimePrecision).Equal(b.Truncate(t.Caps.Objects.TimePrecision))
}

func statTells(t *T) {
	content, with := t.content(12_345), t.attributes()
	put := t.PutWith("d/k", content, &blob.PutOptions{Attributes: with})
	s := t.Stat("d/k")
	if s.Key != "d/k" || s.Size != 12_345 || s.ETag != put.ETag || s.ETag == "" || s.Version != put.Version || (s.Version != "") != t.Caps.Versions || s.ModTime.IsZero() || s.IsPrefix || s.IsDeleteMarker {
		t.Errorf("after put answered %+v, stat answers %+v", put, s)
	}
	t.wantAttributes("stat", s, with)
	for o, err := range t.Bucket.List(t.ctx, nil) {
		if err != nil || o.Key != s.Key || o.Size != s.Size || o.ETag != s.ETag && !t.Caps.Deviations.ListWithoutETag || !t.sameTime(o.ModTime, s.ModTime) {
			t.Errorf("stat answers %+v, and list %+v, %v", s, o, err)
		}
	}
	t.WantMissing("d/K2")
}

func statDirectory(t *T) {
	t.fill("dir/x", "a/b/c/d")
	for _, key := range []string{"dir", "dir/", "a", "a/", "a/b", "a/b/", "a/b/c", "a/b/c/", "a/b/"} {
		t.WantMissing(key)
		if found, err := blob.Exists(t.ctx, t.Bucket, key); found || err != nil {
			t.Errorf("%q, a directory, exists: %t, %v", key, found, err)
		}
	}
}

func (t *T) statBelow(keys ...string) {
	t.fill("file", "d/file")
	for _, key := range keys {
		_, err := t.Bucket.Stat(t.ctx, key, nil)
		if t.refuses(key) {
			wantClass(t, fmt.Sprintf("stat of %q", key), err, blob.ErrInvalid)
			continue
		}
		wantClass(t, fmt.Sprintf("stat of %q where file is there", key), err, fs.ErrNotExist)
		t.WantMissing(key)
	}
	t.WantContent("file", "file")
}

func exists(t *T) {
	t.Put("d/k", "")
	for key, want := range map[string]bool{"d/k": true, "d": false, "missing": false} {
		if found, err := blob.Exists(t.ctx, t.Bucket, key); found != want || err != nil {
			t.Errorf("%q exists: %t, %v", key, found, err)
		}
	}
	t.Delete("d/k")
	if found, err := blob.Exists(t.ctx, t.Bucket, "d/k"); found || err != nil {
		t.Errorf("what was deleted exists: %t, %v", found, err)
	}
	f, b := newFaulty(t.Bucket)
	for _, why := range []error{fs.ErrPermission, blob.ErrClosed, errors.New("the network is down")} {
		f.fail["Stat"] = why
		if found, err := blob.Exists(t.ctx, b, "missing"); found || !errors.Is(err, why) {
			t.Errorf("where Stat answers %v, Exists answers %t, %v", why, found, err)
		}
	}
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	if _, err := blob.Exists(ctx, t.Bucket, "missing"); !errors.Is(err, context.Canceled) {
		t.Errorf("Exists with an ended ctx answers %v", err)
	}
	if _, err := blob.Exists(t.ctx, t.Bucket, ""); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("Exists of the empty key answers %v", err)
	}
}

func modTime(t *T) {
	const drift = 3 * time.Minute
	last := time.Time{}
	for i := range t.rounds(20) {
		begin := time.Now()
		t.Put("k", fmt.Sprint(i))
		s := t.Stat("k")
		if s.ModTime.Before(begin.Add(-drift)) || s.ModTime.After(time.Now().Add(drift)) {
			t.Errorf("an object that was written at %v has the time %v", begin, s.ModTime)
		}
		if s.ModTime.Before(last) {
			t.Errorf("an overwrite takes the time back from %v to %v", last, s.ModTime)
		}
		if s.ModTime.Location() != time.UTC {
			t.Errorf("the time %v is not in UTC", s.ModTime)
		}
		last = s.ModTime
	}
	for o, err := range t.Bucket.List(t.ctx, nil) {
		if err != nil || o.ModTime.Location() != time.UTC {
			t.Errorf("a listing has the time %v, which is not in UTC; %v", o.ModTime, err)
		}
	}
}

// wantTime reports a write that returned another time than Stat. It may return none where the store declares that.
func (t *T) wantTime(what string, made, stat *blob.Object) {
	if made.ModTime.IsZero() && t.Caps.Deviations.WriteWithoutModTime {
		return
	}
	if !t.sameTime(made.ModTime, stat.ModTime) {
		t.Errorf("%s returns the time %v, and stat %v, with a precision of %v", what, made.ModTime, stat.ModTime, t.Caps.Objects.TimePrecision)
	}
}

func modTimePrecision(t *T) {
	for _, key := range []string{"a", "d/b"} {
		put, err := t.Bucket.Put(t.ctx, key, strings.NewReader("content"), nil)
		t.WantOK("put", err)
		s := t.Stat(key)
		same := func(what string, at time.Time) {
			if !t.sameTime(at, s.ModTime) {
				t.Errorf("%s has the time %v, and stat %v, with a precision of %v", what, at, s.ModTime, t.Caps.Objects.TimePrecision)
			}
		}
		t.wantTime("put", put, s)
		_, o, err := get(t, t.Bucket, key, nil)
		t.WantOK("get", err)
		same("get", o.ModTime)
		for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{Prefix: key}) {
			t.WantOK("list", err)
			same("list", o.ModTime)
		}
		same("a second stat", t.Stat(key).ModTime)
	}
	if t.Caps.Copy {
		src, err := t.Bucket.Source(t.ctx, "a", nil)
		t.WantOK("source", err)
		o, err := t.Bucket.Copy(t.ctx, "copy", src, nil)
		t.WantOK("copy", err)
		t.wantTime("copy", o, t.Stat("copy"))
	}
	if t.Caps.Uploads.Supported {
		u := t.begin("parts", nil)
		t.sendPart(u, 1, "content")
		o, err := u.Complete(t.ctx)
		t.WantOK("complete", err)
		t.wantTime("complete", o, t.Stat("parts"))
	}
}

func contentTypes(t *T) {
	for _, contentType := range []string{
		"text/plain", "text/plain; charset=utf-8", "text/html;charset=ISO-8859-1", "Text/HTML; Charset=UTF-8", "application/vnd.api+json",
		`multipart/mixed; boundary="a b; c"`, "application/x-thing; a=1; b=2", "image/svg+xml", "application/octet-stream",
	} {
		with := blob.Attributes{ContentType: contentType}
		t.PutWith("k.bin", "content", &blob.PutOptions{Attributes: with})
		t.wantAttributes("stat", t.Stat("k.bin"), with)
		_, o, err := get(t, t.Bucket, "k.bin", nil)
		t.WantOK("get", err)
		t.wantAttributes("get", o, with)
	}
}

func noContentType(t *T) {
	for key, content := range map[string]string{"plain": "text", "page.html": "<html></html>", "picture.png": "\x89PNG\r\n\x1a\n", "empty": ""} {
		t.Put(key, content)
		t.Recordf("without Content-Type, %s has %q", key, t.Stat(key).ContentType)
		t.WantContent(key, content)
	}
}

func badContentTypes(t *T) {
	t.Put("k", "old")
	before := t.Snapshot()
	for _, contentType := range []string{"text", "text/", "/plain", "text/plain; charset", "text/plain;;a=b", "text plain", "text/plain; a=1; a=2", "\"text/plain\"", " text/plain", "text/plain ", "téxt/plain"} {
		_, err := t.Bucket.Put(t.ctx, "k", strings.NewReader("new"), &blob.PutOptions{Attributes: blob.Attributes{ContentType: contentType}})
		if err == nil && contentType == "text" {
			t.Recordf("a Content-Type without a subtype is taken") // package mime takes it
			t.Put("k", "old")
			before = t.Snapshot()
			continue
		}
		wantClass(t, fmt.Sprintf("put with Content-Type %q", contentType), err, blob.ErrInvalid)
	}
	t.wantUnchanged("puts with a bad Content-Type", before)
}

func headersKept(t *T) {
	all := blob.Attributes{ContentType: "text/css", ContentEncoding: "br", ContentLanguage: "de-CH, en", ContentDisposition: "inline", CacheControl: "public, max-age=31536000, immutable"}
	for _, with := range []blob.Attributes{
		all, {CacheControl: "no-store"}, {CacheControl: `private="x-a", max-age=0`}, {ContentDisposition: `attachment; filename="a \"b\".txt"`},
		{ContentEncoding: "gzip"}, {ContentEncoding: "identity, x-own"}, {ContentLanguage: "mi"}, {},
	} {
		with.ContentType = all.ContentType
		t.PutWith("k", "content", &blob.PutOptions{Attributes: with})
		t.wantAttributes("stat", t.Stat("k"), with)
		content, o, err := get(t, t.Bucket, "k", nil)
		if err != nil || content != "content" {
			t.Errorf("get with %+v answers %q, %v", with, content, err)
			continue
		}
		t.wantAttributes("get", o, with)
	}
}

func contentDispositions(t *T) {
	for _, disposition := range []string{
		`attachment; filename*=UTF-8''%e2%82%ac%20rates.txt`, `attachment; filename="EURO rates.txt"; filename*=utf-8''%E2%82%AC%20rates.txt`, `inline; filename="50%25.txt"`, `attachment; filename="a;b,c=d.txt"`,
	} {
		with := blob.Attributes{ContentType: "text/plain", ContentDisposition: disposition}
		t.PutWith("k", "content", &blob.PutOptions{Attributes: with})
		t.wantAttributes("stat", t.Stat("k"), with)
	}
}

func headerInjection(t *T) {
	t.Put("k", "old")
	f, b := newFaulty(t.Bucket)
	for _, evil := range []string{"x\r\nX-Evil: 1", "x\nX-Evil: 1", "x\rX-Evil: 1", "x\x00", "x\x1b[0m", "x\x7f", "\r\n\r\nbody", "x\u2028y", "x\x85y"} {
		for name, with := range map[string]blob.Attributes{
			"ContentType": {ContentType: "text/plain; a=" + evil}, "ContentEncoding": {ContentEncoding: evil}, "ContentLanguage": {ContentLanguage: evil},
			"ContentDisposition": {ContentDisposition: evil}, "CacheControl": {CacheControl: evil},
		} {
			want := blob.ErrInvalid
			if name != "ContentType" && !t.Caps.Objects.Headers {
				want = errors.ErrUnsupported
			}
			what := fmt.Sprintf("with %s %q", name, evil)
			_, err := b.Put(t.ctx, "k", strings.NewReader("new"), &blob.PutOptions{Attributes: with})
			wantClass(t, "put "+what, err, want)
			if t.Caps.Uploads.Supported {
				_, err = b.Upload(t.ctx, "k", &blob.UploadOptions{Attributes: with})
				wantClass(t, "upload "+what, err, want)
			}
			if t.Caps.Copy {
				_, err = b.Copy(t.ctx, "k", blob.Source{}, &blob.CopyOptions{Attributes: &with})
				wantClass(t, "copy "+what, err, want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\r\n\x1b\x00") {
				t.Errorf("the error passes control bytes on: %q", err.Error())
			}
		}
	}
	if n := f.all(); n > 0 {
		t.Errorf("calls with bad headers reached the store %d times", n)
	}
	t.WantContent("k", "old")
}

func headersCleared(t *T) {
	with := t.attributes()
	t.PutWith("k", "old", &blob.PutOptions{Attributes: with})
	t.wantAttributes("stat", t.Stat("k"), with)
	bare := t.Put("bare", "content")
	t.Put("k", "new")
	s := t.Stat("k")
	t.wantAttributes("an object without attributes of its own, over one with", s, t.Stat(bare.Key).Attributes)
	if len(s.Metadata) > 0 || s.CacheControl != "" || s.ContentType == with.ContentType {
		t.Errorf("an overwrite without attributes leaves %+v", s.Attributes)
	}
}

func attributesChanged(t *T) {
	content := t.content(10_000)
	old := t.PutWith("k", content, &blob.PutOptions{Attributes: blob.Attributes{ContentType: "text/old"}})
	with := t.attributes()
	src, err := t.Bucket.Source(t.ctx, "k", nil)
	t.WantOK("source", err)
	o, err := t.Bucket.Copy(t.ctx, "k", src, &blob.CopyOptions{Attributes: &with})
	t.WantOK("copy onto itself", err)
	t.WantContent("k", content)
	s := t.Stat("k")
	t.wantAttributes("an object that was copied onto itself", s, with)
	if o.ETag != s.ETag || s.Size != old.Size || s.ModTime.Before(old.ModTime) {
		t.Errorf("the copy answers %+v, and stat %+v; before it was %+v", o, s, old)
	}
	t.Recordf("a change of attributes alone changes the ETag: %t", s.ETag != old.ETag)
}

// oneVersion lets four write, each version with a content and attributes that tell its size, while four look.
func oneVersion(t *T) {
	const writers, readers = 4, 4
	var mu sync.Mutex
	made := map[string]int64{} // sizes by ETag
	write := func(w, i int) {
		size := 24 + (w*7919+i*104_729)%20_000
		with := blob.Attributes{ContentType: fmt.Sprintf("x-size/%d", size)}
		if t.Caps.Objects.Metadata {
			with.Metadata = map[string]string{"size": fmt.Sprint(size)}
		}
		o, err := t.Bucket.Put(t.ctx, "d/k", strings.NewReader(stamped(w, i, size)), &blob.PutOptions{Attributes: with})
		if err != nil {
			t.Errorf("put: %v", err)
			return
		}
		if t.Caps.Deviations.WriteWithoutETag {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if other, taken := made[o.ETag]; taken && other != int64(size) {
			t.Errorf("ETag %s is of %d bytes and of %d", o.ETag, other, size)
		}
		made[o.ETag] = int64(size)
	}
	agree := func(what string, o *blob.Object, size int64) {
		if o.Size != size || o.ContentType != fmt.Sprintf("x-size/%d", size) || t.Caps.Objects.Metadata && o.Metadata["size"] != fmt.Sprint(size) {
			t.Errorf("%s mixes versions: %d bytes with %+v", what, size, o)
		}
	}
	write(0, 0)
	type sight struct {
		what string
		o    *blob.Object
	}
	var seen []sight
	for round := range t.rounds(200) {
		t.crowd(writers+readers, func(i int) {
			if i < writers {
				write(i, round)
				return
			}
			if i%2 == 0 {
				s, err := t.Bucket.Stat(t.ctx, "d/k", nil)
				if err != nil {
					t.Errorf("stat: %v", err)
					return
				}
				agree("stat", s, s.Size)
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, sight{"stat", s})
				return
			}
			content, o, err := get(t, t.Bucket, "d/k", nil)
			if errors.Is(err, blob.ErrChanged) {
				return // a clean refusal
			}
			if err == nil {
				err = checkStamped(content)
			}
			if err != nil {
				t.Errorf("get: %v", err)
				return
			}
			agree("get", o, int64(len(content)))
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, sight{"get", o})
		})
	}
	for _, s := range seen {
		o := s.o
		if _, known := made[o.ETag]; !known && t.Caps.Deviations.WriteWithoutETag {
			made[o.ETag] = o.Size // who saw it first says what it is of
		}
		if size, known := made[o.ETag]; !known || size != o.Size {
			t.Errorf("%s mixes versions: the ETag %s with %d bytes; a put made it with %d (known: %t)", s.what, o.ETag, o.Size, size, known)
		}
	}
	t.Recordf("%d versions, seen %d times", len(made), len(seen))
}

func manyStats(t *T) {
	t.PutWith("d/k", "content", &blob.PutOptions{Attributes: t.attributes()})
	show := func(o *blob.Object) string { return fmt.Sprintf("%+v", *o) }
	want := show(t.Stat("d/k"))
	got := make([]string, 100)
	t.crowd(len(got), func(i int) {
		o, err := t.Bucket.Stat(t.ctx, "d/k", nil)
		if err != nil {
			t.Errorf("stat: %v", err)
			return
		}
		got[i] = show(o)
	})
	if i := slices.IndexFunc(got, func(s string) bool { return s != want }); i >= 0 {
		t.Errorf("of a hundred stats one answers %s, and another %s", want, got[i])
	}
}
