package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// Puts that fail, or are not over yet: nothing of them shows, and nothing is left.
var writeFailCases = []Case{
	{ID: "C04", Doc: "an error of the store when it publishes comes back from Put and Commit, and nothing is there", Run: publicationFails},
	{ID: "C05", Doc: "a new object does not show in get, stat and list before its Put returns", Run: func(t *T) { t.inTheMiddle(false) }},
	{ID: "C06", Doc: "an old object is served, whole, until the Put over it returns", Run: func(t *T) { t.inTheMiddle(true) }},
	{ID: "C07", Doc: "after Commit or Abort a Writer takes no more, a second Commit answers as the first, and without one nothing is published", Run: writerEnds},
	{ID: "C08", Doc: "a write that is given up, in whatever way, leaves no object and no entry", Run: giveUpNew},
	{ID: "C09", Doc: "a write of many parts that is given up leaves no unfinished upload", Needs: []Need{needListUploads}, Run: giveUpParts},
	{ID: "C10", Doc: "a write that is given up over an object leaves that object", Run: giveUpOver},
	{ID: "C11", Doc: "a body that fails after any number of bytes stores nothing, and its own error comes back", Run: bodyFails},
	{ID: "C12", Doc: "a body shorter than its declared size is an error and stores nothing", Run: func(t *T) { t.wrongSize(-1, -1000, -99_999) }},
	{ID: "C13", Doc: "a body longer than its declared size is an error, and is not cut", Run: func(t *T) { t.wrongSize(1, 1000, 1<<20) }},
	{ID: "C22", Doc: "content with a wrong checksum is ErrChecksum, and what was there stays", Needs: []Need{needChecksumIn}, Run: wrongChecksum},
	{ID: "C33", Doc: "writes that succeed, fail or are given up leave no goroutine, open file or temporary file", Run: writesLeaveNothing},
}

func publicationFails(t *T) {
	f, b := newFaulty(t.Bucket)
	t.Put(source, "content")
	for _, key := range []string{"new", "old"} {
		if key == "old" {
			t.Put(key, "old content")
		}
		before := t.Snapshot()
		want := f.breakMethod("Put")
		_, err := b.Put(t.ctx, key, strings.NewReader("content"), nil)
		t.WantError("put", err, want)
		w := blob.NewWriter(t.ctx, b, key, nil)
		_, _ = io.WriteString(w, "content") // may answer the error, or leave it to Commit
		_, err = w.Commit()
		t.WantError("commit", err, want)
		_, again := w.Commit()
		t.WantError("a second commit", again, want)
		f.breakMethod("Copy")
		var fault *fault
		if _, err = blob.Copy(t.ctx, b, key, t.Bucket, source, nil); !errors.As(err, &fault) {
			t.Errorf("a copy that the store fails to make answers %v", err)
		}
		f.repair()
		t.wantUnchanged("writes that the store did not publish", before)
	}
	// The same where the store itself is who refuses, having read all of the body.
	if t.Caps.If.Put.Has(blob.KindAbsent) {
		before := t.Snapshot()
		w := blob.NewWriter(t.ctx, t.Bucket, "old", &blob.PutOptions{If: blob.IfAbsent})
		_, _ = io.WriteString(w, "content")
		_, err := w.Commit()
		wantClass(t, "commit if-absent over an object", err, blob.ErrExist)
		t.wantUnchanged("a commit that lost", before)
	}
}

// inTheMiddle looks at a key from every side while a Put of it stands in the middle of its body.
func (t *T) inTheMiddle(over bool) {
	sizes := []int{2, 200_000}
	if t.Tier > Short {
		sizes = append(sizes, int(5*t.partSize()/2))
	}
	for _, size := range sizes {
		for _, opts := range []*blob.PutOptions{nil, {Size: int64(size)}, {PartSize: t.partSize()}} {
			var old *blob.Object
			if over {
				old = t.Put("d/k", "old content")
			}
			content := t.content(size)
			g := newGated(content[:size/2], content[size/2:])
			put := t.putBehind(t.ctx, t.Bucket, "d/k", g, opts)
			for _, b := range t.handles() {
				s, err := b.Stat(t.ctx, "d/k", nil)
				switch {
				case !over:
					t.WantMissing("d/k")
					t.WantEntries(nil)
				case err != nil || s.ETag != old.ETag || s.Size != old.Size:
					t.Errorf("in the middle of a put stat answers %+v, %v; the old object is %+v", s, err, old)
				default:
					t.WantContent("d/k", "old content")
					t.WantEntries(nil, "d/k")
				}
			}
			g.open()
			t.WantOK("put", put.wait().err)
			t.WantContent("d/k", content)
			t.WantEntries(nil, "d/k")
			t.Delete("d/k")
		}
	}
}

func writerEnds(t *T) {
	w := blob.NewWriter(t.ctx, t.Bucket, "committed", nil)
	_, err := io.WriteString(w, "content")
	t.WantOK("write", err)
	first, err := w.Commit()
	t.WantOK("commit", err)
	second, err := w.Commit()
	if err != nil || second.ETag != first.ETag || second.Size != first.Size {
		t.Errorf("a second Commit answers %+v, %v; the first %+v", second, err, first)
	}
	_, err = io.WriteString(w, "more")
	wantClass(t, "write after Commit", err, blob.ErrClosed)
	t.WantOK("abort after Commit", w.Abort())
	t.WantOK("close after Commit", w.Close())
	t.WantContent("committed", "content")

	for _, n := range []int{0, 10, 500_000} {
		w = blob.NewWriter(t.ctx, t.Bucket, "aborted", nil)
		_, err = w.Write(make([]byte, n))
		t.WantOK("write", err)
		t.WantOK("abort", w.Abort())
		t.WantOK("a second abort", w.Abort())
		_, err = io.WriteString(w, "more")
		wantClass(t, "write after Abort", err, blob.ErrClosed)
		_, err = w.Commit()
		wantClass(t, "commit after Abort", err, blob.ErrClosed)
		t.WantMissing("aborted")

		w = blob.NewWriter(t.ctx, t.Bucket, "closed", nil)
		_, err = w.Write(make([]byte, n))
		t.WantOK("write", err)
		if err = w.Close(); (err != nil) != (n > 0) {
			t.Errorf("close without Commit, after %d bytes, answers %v", n, err)
		}
		_, err = w.Commit()
		wantClass(t, "commit after Close", err, blob.ErrClosed)
		t.WantMissing("closed")
	}

	ctx, cancel := context.WithCancel(t.ctx)
	dropped := blob.NewWriter(ctx, t.Bucket, "dropped", nil)
	_, err = dropped.Write(make([]byte, 500_000))
	t.WantOK("write", err)
	t.NoLeaks(cancel)
	t.WantMissing("dropped")
	t.WantEntries(nil, "committed")
}

// waysToGiveUp are the ways in which a write of size bytes ends without success. Each returns the error of the write.
var waysToGiveUp = []struct {
	name string
	run  func(t *T, key string, size int, opts *blob.PutOptions) error
}{
	{"the body fails", func(t *T, key string, size int, opts *blob.PutOptions) error {
		_, err := t.Bucket.Put(t.ctx, key, failingBody(size, errGivenUp), opts)
		return err
	}},
	{"the pipe is closed with an error", func(t *T, key string, size int, opts *blob.PutOptions) error {
		r, w := io.Pipe()
		go func() {
			_, _ = w.Write(make([]byte, size))
			w.CloseWithError(errGivenUp)
		}()
		defer r.Close()
		_, err := t.Bucket.Put(t.ctx, key, r, opts)
		return err
	}},
	{"the ctx ends in the middle of the body", func(t *T, key string, size int, opts *blob.PutOptions) error {
		ctx := newEndable(t.ctx, context.Canceled)
		_, err := t.Bucket.Put(ctx, key, newEndAfter(ctx, size), opts)
		return err
	}},
	{"the writer is aborted", func(t *T, key string, size int, opts *blob.PutOptions) error {
		w := blob.NewWriter(t.ctx, t.Bucket, key, opts)
		_, err := w.Write(make([]byte, size))
		t.WantOK("write", err)
		t.WantOK("abort", w.Abort())
		_, err = w.Commit()
		return err
	}},
	{"the writer is closed", func(t *T, key string, size int, opts *blob.PutOptions) error {
		w := blob.NewWriter(t.ctx, t.Bucket, key, opts)
		_, err := w.Write(make([]byte, size))
		t.WantOK("write", err)
		return w.Close()
	}},
	{"the ctx of the writer ends", func(t *T, key string, size int, opts *blob.PutOptions) error {
		ctx, cancel := context.WithCancel(t.ctx)
		w := blob.NewWriter(ctx, t.Bucket, key, opts)
		_, err := w.Write(make([]byte, size))
		t.WantOK("write", err)
		cancel()
		_, err = w.Commit()
		return err
	}},
	{"the writer reads from what fails", func(t *T, key string, size int, opts *blob.PutOptions) error {
		w := blob.NewWriter(t.ctx, t.Bucket, key, opts)
		_, err := w.ReadFrom(failingBody(size, errGivenUp))
		t.WantError("ReadFrom", err, errGivenUp)
		_, err = w.Commit()
		return err
	}},
}

var errGivenUp = errors.New("the writer has changed his mind")

func giveUpNew(t *T) {
	for _, way := range waysToGiveUp {
		for _, size := range []int{100, 300_000} {
			if err := way.run(t, "d/k", size, nil); err == nil {
				t.Errorf("a write succeeds although %s", way.name)
			}
			t.WantMissing("d/k")
			t.WantEntries(nil)
		}
	}
	t.wantNoUploads("writes that were given up")
}

func giveUpParts(t *T) {
	part := t.partSize()
	if part > 1<<20 && t.Tier == Short {
		t.Recordf("parts of %d bytes are too large for the short tier", part)
		return
	}
	for _, way := range waysToGiveUp {
		if err := way.run(t, "d/k", int(7*part/2), &blob.PutOptions{PartSize: part, Concurrency: 2}); err == nil {
			t.Errorf("a write of many parts succeeds although %s", way.name)
		}
		t.wantNoUploads("a write of many parts in which " + way.name)
		t.WantMissing("d/k")
	}
}

func giveUpOver(t *T) {
	t.PutWith("d/k", "old content", &blob.PutOptions{Attributes: t.attributes()})
	before := t.Snapshot()
	for _, way := range waysToGiveUp {
		for _, size := range []int{5, 300_000} {
			if err := way.run(t, "d/k", size, nil); err == nil {
				t.Errorf("a write succeeds although %s", way.name)
			}
			t.wantUnchanged("a write in which "+way.name, before)
		}
	}
	t.wantAttributes("the old object", t.Stat("d/k"), t.attributes())
}

func bodyFails(t *T) {
	failure := errors.New("the source cannot be read")
	part := int(t.partSize())
	sizes := []int{0, 1, 511, 4096, 100_000}
	if part <= 1<<20 || t.Tier > Short {
		sizes = append(sizes, part-1, part, part+1, 2*part, 2*part+1)
	}
	t.Put("old", "old content")
	before := t.Snapshot()
	for _, n := range sizes {
		for _, opts := range []*blob.PutOptions{nil, {Size: int64(n) + 1}, {PartSize: t.partSize(), Concurrency: 2}} {
			for _, key := range []string{"d/new", "old"} {
				_, err := t.Bucket.Put(t.ctx, key, failingBody(n, failure), opts)
				t.WantError(fmt.Sprintf("put of a body that fails after %d bytes", n), err, failure)
			}
		}
		t.wantUnchanged(fmt.Sprintf("bodies that fail after %d bytes", n), before)
	}
	_, err := t.Bucket.Put(t.ctx, "d/new", io.MultiReader(strings.NewReader("half"), errorReader{io.ErrUnexpectedEOF}), nil)
	t.WantError("put of a body that breaks off", err, io.ErrUnexpectedEOF)
	t.wantUnchanged("a body that breaks off", before)
}

// wrongSize puts bodies that differ in length from their declared size, which can be known beforehand or not.
func (t *T) wrongSize(by ...int) {
	t.Put("old", "old content")
	before := t.Snapshot()
	for _, diff := range by {
		const size = 100_000
		content := t.content(size + diff)
		for _, key := range []string{"d/new", "old"} {
			for name, body := range map[string]io.Reader{
				"text": strings.NewReader(content), "bytes": bytes.NewReader([]byte(content)), "stream": onlyReader{strings.NewReader(content)},
				"buffer": bytes.NewBufferString(content), "stream in pieces": onlyReader{&idleReader{r: strings.NewReader(content)}},
			} {
				_, err := t.Bucket.Put(t.ctx, key, body, &blob.PutOptions{Size: size})
				wantClass(t, fmt.Sprintf("put of a %s of %d bytes with Size %d", name, len(content), size), err, blob.ErrInvalid)
			}
		}
	}
	t.wantUnchanged("bodies of another size than was declared", before)
}

func wrongChecksum(t *T) {
	t.Put("old", "old content")
	before := t.Snapshot()
	for a := range t.Caps.Checksums.In.All() {
		for _, content := range []string{"", "content", t.content(200_000)} {
			wrong := &blob.PutOptions{Checksums: checksumOf(t, a, content+"!")}
			for _, key := range []string{"d/new", "old"} {
				for _, body := range []io.Reader{strings.NewReader(content), onlyReader{strings.NewReader(content)}} {
					_, err := t.Bucket.Put(t.ctx, key, body, wrong)
					wantClass(t, fmt.Sprintf("put of %d bytes with a wrong %s", len(content), a), err, blob.ErrChecksum)
				}
			}
		}
	}
	t.wantUnchanged("puts with wrong checksums", before)
}

// writesLeaveNothing looks at the directory for temporary files, too, which it sets for its own time.
func writesLeaveNothing(t *T) {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		old, was := os.LookupEnv(name)
		t.WantOK("setenv", os.Setenv(name, dir))
		defer func() {
			if was {
				_ = os.Setenv(name, old)
			} else {
				_ = os.Unsetenv(name)
			}
		}()
	}
	through := func() {
		for _, size := range []int{100, 300_000} {
			t.Put("k", t.content(size))
			_, err := t.Bucket.Put(t.ctx, "k", onlyReader{strings.NewReader(t.content(size))}, nil)
			t.WantOK("put of a stream", err)
			for _, way := range waysToGiveUp {
				if err := way.run(t, "k", size, nil); err == nil {
					t.Errorf("a write succeeds although %s", way.name)
				}
			}
		}
	}
	through() // the first overwrite may open what the handle then keeps
	t.NoLeaks(through)
	left, err := os.ReadDir(dir)
	t.WantOK("read of the directory for temporary files", err)
	for _, entry := range left {
		t.Errorf("writes left the temporary file %s", entry.Name())
	}
}
