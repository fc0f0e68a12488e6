package ceph

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

func section(content string) *io.SectionReader {
	return io.NewSectionReader(strings.NewReader(content), 0, int64(len(content)))
}

func begin(t *testing.T, b blob.Bucket, key string, partSize int64, opts *blob.UploadOptions) blob.Upload {
	t.Helper()
	if opts == nil {
		opts = &blob.UploadOptions{}
	}
	opts.PartSize = partSize
	u, err := b.Upload(t.Context(), key, opts)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func send(t *testing.T, u blob.Upload, n int, content string) {
	t.Helper()
	if _, err := u.Put(t.Context(), n, section(content)); err != nil {
		t.Fatal(err)
	}
}

// A completed upload leaves nothing but the object, and so does one that is aborted.
func TestUploadsLeaveNothing(t *testing.T) {
	b, p := newFake(t)
	whole := strings.Repeat("x", chunkSize+1)
	u := begin(t, b, "k", chunkSize+1, nil)
	send(t, u, 2, "end")
	send(t, u, 1, "replaced")
	send(t, u, 1, whole)
	if _, err := u.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "k", whole+"end")
	if n := len(p.data()); n != 3 {
		t.Errorf("the object lies in %v", p.data())
	}
	u = begin(t, b, "other", 10, nil)
	send(t, u, 1, "x")
	send(t, u, 1, "y")
	if err := u.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	if left := p.data(); len(left) > 0 {
		t.Errorf("content is left: %v", left)
	}
	for name, o := range p.objects {
		for key := range o.omap {
			t.Errorf("%s has %q left", name, key)
		}
	}
}

// A part that is sent while the upload is completed is in the object, or is not; what the object names stays there.
func TestPartReplacedDuringComplete(t *testing.T) {
	b, p := newFake(t)
	u := begin(t, b, "k", 10, nil)
	send(t, u, 1, "old")
	p.hook(once("apply", func(string) error {
		send(t, u, 1, "new")
		return nil
	}), nil)
	if _, err := u.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "k", "old")
	if n := len(p.data()); n != 1 {
		t.Errorf("content is left: %v", p.data())
	}
	if _, err := u.Put(t.Context(), 2, section("late")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a part of an upload that has ended: %v", err)
	}
	if n := len(p.data()); n != 1 {
		t.Errorf("the late part is left: %v", p.data())
	}
}

// Two complete one upload: one of them makes the object.
func TestCompletedByAnother(t *testing.T) {
	b, p := newFake(t)
	u := begin(t, b, "k", 10, nil)
	send(t, u, 1, "x")
	other := begin(t, b, "k", 0, &blob.UploadOptions{ID: u.ID()})
	var made *blob.Object
	p.hook(once("apply", func(string) (err error) {
		made, err = other.Complete(t.Context())
		return err
	}), nil)
	o, err := u.Complete(t.Context())
	if err != nil {
		// The entry is its own, as after a lost answer; either answer would do, and this is the one that it gives.
		t.Fatalf("the second: %v", err)
	}
	if !o.ModTime.Equal(made.ModTime) {
		t.Errorf("the object is of %v, and the second says %v", made.ModTime, o.ModTime)
	}
	wantContent(t, b, "k", "x")
	if _, err := u.Complete(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("once more: %v", err)
	}
}

// Two complete one upload, each with parts that the other has not seen. What the object names stays there.
func TestCompletedByAnotherWithOtherParts(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, u blob.Upload){
		"sent again":     func(t *testing.T, u blob.Upload) { send(t, u, 1, "replaced") },
		"the same again": func(t *testing.T, u blob.Upload) { send(t, u, 1, "0123456789") },
		"one more":       func(t *testing.T, u blob.Upload) { send(t, u, 2, "more") },
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newFake(t)
			u := begin(t, b, "k", 10, nil)
			send(t, u, 1, "0123456789")
			other := begin(t, b, "k", 0, &blob.UploadOptions{ID: u.ID()})
			p.hook(once("apply", func(string) error {
				change(t, other)
				_, err := other.Complete(t.Context())
				return err
			}), nil)
			if _, err := u.Complete(t.Context()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the second: %v", err)
			}
			if _, err := blob.ReadAll(t.Context(), b, "k"); err != nil {
				t.Errorf("the object of the first: %v", err)
			}
		})
	}
}

// A Complete that was not answered, and that another has made of other parts, removes nothing of that one's.
func TestCompleteLostToAnother(t *testing.T) {
	b, p := newFake(t)
	u := begin(t, b, "k", 10, nil)
	send(t, u, 1, "0123456789")
	other := begin(t, b, "k", 0, &blob.UploadOptions{ID: u.ID()})
	p.hook(once("apply", func(object string) error {
		send(t, other, 1, "replaced")
		if _, err := other.Complete(t.Context()); err != nil {
			return err
		}
		return lose(object)
	}), nil)
	if _, err := u.Complete(t.Context()); err == nil {
		t.Error("it says that it made what another has made")
	}
	wantContent(t, b, "k", "replaced")
}

// A Complete that was not answered tells the next one what it did.
func TestCompleteNotAnswered(t *testing.T) {
	b, p := newFake(t)
	u := begin(t, b, "k", 10, nil)
	send(t, u, 1, "x")
	p.hook(func(call, object string) error { // the cluster stops after the operation
		if call == "values" && p.objects[b.raw.shard("k")].omap[tagEntry+"k"] != nil {
			return lose(object)
		}
		return nil
	}, once("apply", lose))
	if _, err := u.Complete(t.Context()); !errors.Is(err, blob.ErrAmbiguous) {
		t.Fatalf("not answered: %v", err)
	}
	p.hook(nil, nil)
	o, err := u.Complete(t.Context())
	if err != nil || o.Size != 1 {
		t.Errorf("asked again: %v, %v", o, err)
	}
	wantContent(t, b, "k", "x")
}

// A condition that is lost leaves the upload, which another condition may complete.
func TestUploadLosesItsCondition(t *testing.T) {
	b, p := newFake(t)
	put(t, b, "k", "old", nil)
	u := begin(t, b, "k", 10, &blob.UploadOptions{If: blob.IfAbsent})
	send(t, u, 1, "new")
	if _, err := u.Complete(t.Context()); !errors.Is(err, blob.ErrExist) {
		t.Fatalf("an if-absent upload of what exists: %v", err)
	}
	u = begin(t, b, "k", 0, &blob.UploadOptions{ID: u.ID()})
	if _, err := u.Complete(t.Context()); err != nil {
		t.Error(err)
	}
	wantContent(t, b, "k", "new")
	if n := len(p.data()); n != 1 {
		t.Errorf("the object lies in %v", p.data())
	}
}

// Uploads come by key, in byte order, whatever bytes the keys have.
func TestUploadsInOrder(t *testing.T) {
	b, p := newFake(t)
	p.maxPage = 2
	keys := []string{"a", "a\x01", "a\x01\x01", "a\x01\x02", "a\x02", "a ", "a/", "ab", "b", "é"}
	slices.Sort(keys)
	var want []string
	for _, key := range keys {
		for range 3 {
			u := begin(t, b, key, 10, nil)
			defer u.Abort(t.Context())
		}
		want = append(want, key, key, key)
	}
	list := func(prefix string) (got []string) {
		for u, err := range b.Uploads(t.Context(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, u.Key)
		}
		return got
	}
	if got := list(""); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := list("a\x01"); len(got) != 9 {
		t.Errorf("under %q: %q", "a\x01", got)
	}
}

func TestUploadsTakeLargeParts(t *testing.T) {
	b, p := newFake(t)
	u := begin(t, b, "k", int64(len(large)), nil)
	send(t, u, 1, string(large))
	send(t, u, 2, "")
	if _, err := u.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := b.Get(t.Context(), "k", &blob.GetOptions{Range: blob.Bytes(chunkSize-3, 6)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, large[chunkSize-3:chunkSize+3]) {
		t.Errorf("across two objects: %q, %v", got, err)
	}
	if n := len(p.data()); n != 3 {
		t.Errorf("the part lies in %v", p.data())
	}
}
