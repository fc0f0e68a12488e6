package providers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/conformance/providers/b2front"
	driver "github.com/holdall-go/holdall/drivers/b2"
)

// What is B2's alone, and takes a server that behaves like it: drivers/b2 has the tests of single answers.

// open opens the bucket of the test by the driver.
func (b *b2) open(change ...func(*driver.Config)) *driver.Bucket {
	b.Helper()
	who := b.server.Provider.Holders[0]
	cfg := &driver.Config{KeyID: who.Access, Key: who.Secret, Endpoint: b.server.Endpoint.String()}
	for _, c := range change {
		c(cfg)
	}
	opened, err := driver.Open(b.Context(), b.bucket.Name, cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = opened.Close() })
	return opened
}

// versions counts what the server has of a key: versions, markers and unfinished uploads.
func (b *b2) versions(key string) (n int) {
	b.Helper()
	var found struct{ Files []b2front.File }
	b.call("b2_list_file_versions", b2front.Params{"prefix": key, "maxFileCount": 1000}, &found)
	for _, f := range found.Files {
		if f.Name == key {
			n++
		}
	}
	return n
}

// allVersions is how many versions the bucket holds, of up to 1,000, hide markers included.
func (b *b2) allVersions() int {
	b.Helper()
	var found struct{ Files []b2front.File }
	b.call("b2_list_file_versions", b2front.Params{"maxFileCount": 1000}, &found)
	return len(found.Files)
}

// content reads an object, or answers "" if it is missing.
func content(t *testing.T, b blob.Bucket, key string) string {
	t.Helper()
	got, err := blob.ReadAll(t.Context(), b, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(got)
}

// While deletions and an overwrite race, nobody sees what was deleted again, and nothing old is left in the end.
func TestB2NothingOldComesBack(t *testing.T) {
	b := newB2(t)
	open := b.open()
	ctx := t.Context()
	rounds := 20
	if tier() > 0 {
		rounds = 200
	}
	for round := range rounds {
		key, old, young := fmt.Sprint("k", round), "old", "new"
		for i := range 1 + round%3 { // so many versions below
			b.put(key, fmt.Sprint("older ", i))
		}
		b.put(key, old)
		var acting, watching sync.WaitGroup
		over := make(chan struct{})
		watching.Go(func() {
			gone := false
			for {
				got := content(t, open, key)
				switch {
				case got != "" && got != old && got != young, got == old && gone:
					t.Errorf("round %d: %q was seen, after it had been deleted or overwritten", round, got)
				case got != old:
					gone = true
				}
				select {
				case <-over:
					return
				default:
				}
			}
		})
		for range 3 {
			acting.Go(func() {
				if err := open.Delete(ctx, key, nil); err != nil {
					t.Errorf("round %d: delete: %v", round, err)
				}
			})
		}
		if round%2 == 0 {
			acting.Go(func() {
				if _, err := open.Put(ctx, key, strings.NewReader(young), nil); err != nil {
					t.Errorf("round %d: put: %v", round, err)
				}
			})
		}
		acting.Wait()
		close(over)
		watching.Wait()
		if got := content(t, open, key); got != "" && (got != young || round%2 == 1) {
			t.Errorf("round %d: in the end there is %q", round, got)
		}
		if err := open.Delete(ctx, key, nil); err != nil {
			t.Fatal(err)
		}
		if n := b.versions(key); n > 0 {
			t.Errorf("round %d: after the last deletion %d versions are left", round, n)
		}
	}
}

// An upload that completes is what shows, whatever was written or deleted since it began; unless it is kept, what it
// was below is no more. An upload that is under way survives a Delete.
func TestB2CompletionShows(t *testing.T) {
	b := newB2(t)
	ctx := t.Context()
	part := bytes.Repeat([]byte("p"), 5_000_000)
	for _, keep := range []bool{false, true} {
		open := b.open(func(c *driver.Config) { c.KeepVersions = keep })
		for name, meanwhile := range map[string]func(key string) error{
			"nothing":  func(string) error { return nil },
			"a put":    func(key string) error { _, err := open.Put(ctx, key, strings.NewReader("meanwhile"), nil); return err },
			"a delete": func(key string) error { return open.Delete(ctx, key, nil) },
		} {
			key := fmt.Sprintf("%s-%t", strings.ReplaceAll(name, " ", "-"), keep)
			b.put(key, "before")
			u, err := open.Upload(ctx, key, &blob.UploadOptions{PartSize: int64(len(part))})
			if err != nil {
				t.Fatal(err)
			}
			for n, p := range [][]byte{part, []byte("last")} {
				if _, err := u.Put(ctx, n+1, io.NewSectionReader(bytes.NewReader(p), 0, int64(len(p)))); err != nil {
					t.Fatal(err)
				}
			}
			if err := meanwhile(key); err != nil {
				t.Fatal(err)
			}
			before := open.Calls().C
			o, err := u.Complete(ctx)
			if err != nil {
				t.Errorf("%s, versions kept %t: %v", name, keep, err)
				continue
			}
			want := int64(2) // the parts that have arrived, and whether it is the newest
			if name == "a put" || name == "a delete" && keep {
				want++ // its copy
			}
			if got := open.Calls().C - before; got != want {
				t.Errorf("%s, versions kept %t: completion makes %d calls of class C, not %d", name, keep, got, want)
			}
			s, err := open.Stat(ctx, key, nil)
			if err != nil || s.Size != int64(len(part)+len("last")) || s.ETag != o.ETag {
				t.Errorf("%s, versions kept %t: then there is %+v, %v; it made %+v", name, keep, s, err, o)
			}
		}
	}
}

// B2 would remove a version by its ID in whatever bucket that is.
func TestB2DeleteOfAnotherBucketsVersion(t *testing.T) {
	here, there := newB2(t), newB2(t)
	keep := func(c *driver.Config) { c.KeepVersions = true }
	b, other := here.open(keep), there.open(keep)
	if _, err := b.Put(t.Context(), "k", strings.NewReader("ours"), nil); err != nil {
		t.Fatal(err)
	}
	theirs, err := other.Put(t.Context(), "k", strings.NewReader("theirs"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), "k", &blob.DeleteOptions{Version: theirs.Version}); err != nil {
		t.Errorf("delete: %v", err)
	}
	if got := content(t, other, "k"); got != "theirs" {
		t.Errorf("then the other bucket has %q", got)
	}
}

// A key of one prefix of one bucket works there with nothing but what it needs, and nowhere else.
func TestB2RestrictedKey(t *testing.T) {
	b := newB2(t)
	ctx := t.Context()
	b.put("theirs/k", "theirs")
	id, key, err := b.MakeKey(ctx, b.bucket.ID, "mine/", "listFiles", "readFiles", "writeFiles", "deleteFiles")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("B2_APPLICATION_KEY_ID", id)
	t.Setenv("B2_APPLICATION_KEY", key)
	mine, err := blob.Open(ctx, fmt.Sprintf("b2://%s/mine/?endpoint=%s", b.bucket.Name, b.server.Endpoint))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mine.Put(ctx, "a/k", bytes.NewReader(make([]byte, 11_000_000)), &blob.PutOptions{PartSize: 5_000_000}); err != nil {
		t.Error(err)
	}
	if _, err := blob.Copy(ctx, mine, "copy", mine, "a/k", nil); err != nil {
		t.Error(err)
	}
	var listed []string
	for o, err := range mine.List(ctx, &blob.ListOptions{Delimiter: "/"}) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, o.Key)
	}
	if len(listed) != 2 {
		t.Errorf("it lists %q", listed)
	}
	for _, key := range []string{"a/k", "copy"} {
		if err := mine.Delete(ctx, key, nil); err != nil {
			t.Error(err)
		}
	}
	whole := b.open(func(c *driver.Config) { c.KeyID, c.Key = id, key })
	if _, err := whole.Stat(ctx, "theirs/k", nil); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("what is theirs answers %v", err)
	}
	if err := whole.Delete(ctx, "theirs/k", nil); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("deleting it answers %v", err)
	}
	if got, _, err := b.get("theirs/k"); err != nil || got != "theirs" {
		t.Errorf("it became %q, %v", got, err)
	}
}

// A key without readFiles uploads, in a public bucket also above what was written meanwhile. In a private one it cannot,
// and hears what it lacks.
func TestB2UploadWithoutReadFiles(t *testing.T) {
	b := newB2(t)
	ctx := t.Context()
	id, key, err := b.MakeKey(ctx, b.bucket.ID, "", "listFiles", "writeFiles")
	if err != nil {
		t.Fatal(err)
	}
	open := b.open(func(c *driver.Config) { c.KeyID, c.Key = id, key })
	complete := func(key string, overtaken bool) error {
		u, err := open.Upload(ctx, key, &blob.UploadOptions{PartSize: 5_000_000})
		if err != nil {
			t.Fatal(err)
		}
		for n, size := range []int{5_000_000, 1} {
			if _, err := u.Put(ctx, n+1, io.NewSectionReader(bytes.NewReader(make([]byte, size)), 0, int64(size))); err != nil {
				t.Fatal(err)
			}
		}
		if overtaken {
			b.put(key, "meanwhile")
		}
		_, err = u.Complete(ctx)
		return err
	}
	if err := complete("alone", false); err != nil {
		t.Errorf("an upload: %v", err)
	}
	if err := complete("private", true); !errors.Is(err, blob.ErrAmbiguous) || !strings.Contains(fmt.Sprint(err), "lacks the capability readFiles") {
		t.Errorf("one that was overtaken, in a private bucket: %v", err)
	}
	b.call("b2_update_bucket", b2front.Params{"accountId": b.ID, "bucketType": "allPublic"}, nil)
	if err := complete("public", true); err != nil {
		t.Errorf("one that was overtaken, in a public bucket: %v", err)
	}
}

// Under faults, and when tokens end, many writers store all that they are told is stored, no two use one upload URL,
// none is used that the server has given up, and every call is counted as what it is charged as.
func TestB2ManyWritersUnderFaults(t *testing.T) {
	b := newB2(t)
	ctx := t.Context()
	id, key, err := b.MakeKey(ctx, b.bucket.ID, "", "listFiles", "readFiles", "writeFiles")
	if err != nil {
		t.Fatal(err)
	}
	open := b.open(func(c *driver.Config) { c.KeyID, c.Key = id, key })
	for _, f := range []b2front.Fault{
		{Call: "b2_upload_file", Do: b2front.Answer, Status: 503, Skip: 5, Times: 3},
		{Call: "b2_upload_file", Do: b2front.Answer, Status: 401, Skip: 10, Times: 2},
		{Call: "b2_upload_file", Do: b2front.Drop, After: 1, Skip: 15, Times: 2},
		{Call: "b2_upload_file", Do: b2front.Lose, Skip: 20, Times: 2},
		{Call: "b2_upload_file", Do: b2front.Slow, Rate: 20_000, Skip: 1, Times: 2},
		{Call: "b2_upload_part", Do: b2front.Answer, Status: 500, Skip: 2},
		{Call: "b2_upload_part", Do: b2front.Drop, After: 1_000_000},
		{Call: "b2_get_upload_url", Do: b2front.Answer, Status: 429, RetryAfter: 1},
		{Call: "b2_start_large_file", Do: b2front.Answer, Status: 503, RetryDate: 1},
		{Call: "b2_start_large_file", Do: b2front.Lose},
		{Call: "b2_finish_large_file", Do: b2front.Lose},
		{Call: "b2_list_file_names", Do: b2front.Answer, Status: 502, Body: "<html>bad gateway</html>"},
	} {
		b.fault(f)
	}
	large := bytes.Repeat([]byte("0123456789"), 1_600_000)
	stored := map[string]int{"large": len(large)}
	var writing sync.WaitGroup
	writing.Go(func() {
		if _, err := open.Put(ctx, "large", io.MultiReader(bytes.NewReader(large)), &blob.PutOptions{PartSize: 5_000_000}); err != nil {
			t.Errorf("put of a stream of %d bytes: %v", len(large), err)
		}
	})
	for w := range 8 {
		for i := range 8 {
			stored[fmt.Sprintf("%d/%d", w, i)] = 1000*w + i
		}
		writing.Go(func() {
			for i := range 8 {
				if w == 0 && i%3 == 1 {
					for _, kind := range []string{"upload", "account"} {
						if _, err := b.front.Expire(ctx, kind, id); err != nil {
							t.Error(err)
						}
					}
				}
				key := fmt.Sprintf("%d/%d", w, i)
				if _, err := open.Put(ctx, key, strings.NewReader(strings.Repeat("x", 1000*w+i)), nil); err != nil {
					t.Errorf("put %s: %v", key, err)
				}
			}
		})
	}
	writing.Wait()
	for o, err := range open.List(ctx, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if want, ok := stored[o.Key]; !ok || int64(want) != o.Size {
			t.Errorf("%q is listed with %d bytes, not %d", o.Key, o.Size, want)
		}
		delete(stored, o.Key)
	}
	if len(stored) > 0 {
		t.Errorf("not listed are %v", stored)
	}
	if got := sha1Of(content(t, open, "large")); got != sha1Of(string(large)) {
		t.Errorf("the large one has the SHA-1 %s", got)
	}
	counts := b.counts()
	if shared, answers := counts.UploadURLs["shared"], counts.Answers; shared > 0 || answers["503"] == 0 || answers["reset"] == 0 {
		t.Errorf("%d uploads shared a URL; the answers were %v", shared, answers)
	}
	if n := counts.UploadURLs["refused"]; n > 0 {
		t.Errorf("%d uploads went to a URL that was given up", n)
	}
	for u, err := range open.Uploads(ctx, "") {
		t.Errorf("an upload of %v is left, %v", u, err)
	}
	b.used()
}

// The driver's own count of calls is what the server would charge.
func TestB2CallsAreWhatIsCharged(t *testing.T) {
	b := newB2(t)
	ctx := t.Context()
	id, key, err := b.MakeKey(ctx, b.bucket.ID, "", "listFiles", "readFiles", "writeFiles", "deleteFiles")
	if err != nil {
		t.Fatal(err)
	}
	open := b.open(func(c *driver.Config) { c.KeyID, c.Key = id, key })
	for i := range 30 {
		if _, err := open.Put(ctx, fmt.Sprint(i), strings.NewReader("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := open.Calls(); got != (driver.Calls{A: 31, C: 1}) {
		t.Errorf("opening and 30 puts are counted as %+v", got)
	}
	if _, err := open.Put(ctx, "large", bytes.NewReader(make([]byte, 11_000_000)), &blob.PutOptions{PartSize: 5_000_000, Concurrency: 1}); err != nil {
		t.Fatal(err)
	}
	content(t, open, "large")
	content(t, open, "missing")
	for _, err := range open.List(ctx, nil) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := open.Delete(ctx, "large", nil); err != nil {
		t.Fatal(err)
	}
	charged, err := b.front.Counts(ctx, id, "")
	if err != nil {
		t.Fatal(err)
	}
	got := open.Calls()
	if tr := charged.Transactions; int64(tr["A"]) != got.A || int64(tr["B"]) != got.B || int64(tr["C"]) != got.C {
		t.Errorf("the driver counts %+v, and the server %v for %v", got, tr, charged.Calls)
	}
}

// An upload that a process has left is resumed by who knows its ID, listed, and swept.
func TestB2UploadsOutliveTheirProcess(t *testing.T) {
	b := newB2(t)
	ctx := t.Context()
	part := bytes.Repeat([]byte("p"), 5_000_000)
	section := func(p []byte) *io.SectionReader { return io.NewSectionReader(bytes.NewReader(p), 0, int64(len(p))) }
	first := b.open()
	u, err := first.Upload(ctx, "k", &blob.UploadOptions{PartSize: int64(len(part)), Attributes: blob.Attributes{CacheControl: "no-store", Metadata: map[string]string{"a": "ü"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Put(ctx, 2, section(part)); err != nil {
		t.Fatal(err)
	}
	_ = first.Close()
	other := b.open()
	var id string
	for info, err := range other.Uploads(ctx, "k") {
		if err != nil {
			t.Fatal(err)
		}
		id = info.ID
	}
	again, err := other.Upload(ctx, "k", &blob.UploadOptions{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 3} {
		if _, err := again.Put(ctx, n, section(part)); err != nil {
			t.Fatal(err)
		}
	}
	o, err := again.Complete(ctx)
	if err != nil || o.Size != int64(3*len(part)) || o.CacheControl != "no-store" || o.Metadata["a"] != "ü" {
		t.Fatalf("resumed, it makes %+v, %v", o, err)
	}
	if _, err := other.Upload(ctx, "left", nil); err != nil {
		t.Fatal(err)
	}
	if n, err := other.Sweep(ctx, o.ModTime); n != 0 || err != nil {
		t.Errorf("a sweep of what is older removes %d, %v", n, err)
	}
	if n, err := other.Sweep(context.WithoutCancel(ctx), o.ModTime.AddDate(1, 0, 0)); n != 1 || err != nil {
		t.Errorf("a sweep removes %d, %v", n, err)
	}
}

// With AnyKeys what some of Backblaze's pages allow is stored to the letter, where the server takes it.
func TestB2AnyKeys(t *testing.T) {
	b := newB2(t)
	ctx := t.Context()
	if err := b.front.Relax(ctx, b.bucket.Name); err != nil {
		t.Fatal(err)
	}
	open := b.open(func(c *driver.Config) { c.AnyKeys = true })
	keys := []string{"/", "//", "/a", "a", "a/", "a//", "a//b", "a/b", `a\b`, "a\u0085", strings.Repeat("k", 300)}
	for _, key := range keys {
		if _, err := open.Put(ctx, key, strings.NewReader("of "+key), nil); err != nil {
			t.Errorf("put %.20q: %v", key, err)
		}
	}
	var listed []string
	for o, err := range open.List(ctx, nil) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, o.Key)
	}
	slices.Sort(keys)
	if !slices.Equal(listed, keys) {
		t.Errorf("listed are %.200q", listed)
	}
	for _, key := range keys {
		if got := content(t, open, key); got != "of "+key {
			t.Errorf("%.20q holds %.30q", key, got)
		}
		if err := open.Delete(ctx, key, nil); err != nil {
			t.Errorf("delete %.20q: %v", key, err)
		}
		if n := b.versions(key); n > 0 {
			t.Errorf("of %.20q %d versions are left", key, n)
		}
	}
}

// With AnyKeys the suite's cases about keys hold too: each key is kept to the letter, or is declared and refused.
func TestB2AnyKeysInTheSuite(t *testing.T) {
	about := conformance.Only(func(c *conformance.Case) bool { return c.Group() == "B" })
	conformance.Run(t, serveB2(t).B2AnyKeysHarness(), conformance.InTier(conformance.Default), about)
}
