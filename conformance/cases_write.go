package conformance

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing/iotest"

	"github.com/holdall-go/holdall/blob"
)

// What a Put stores, and what it answers. Puts that fail are in cases_write_fail.go.
var writeCases = slices.Concat(writeFailCases, []Case{
	{ID: "C01", Doc: "content of sizes around the powers of two comes back as it was put", Run: putSizes},
	{ID: "C02", Doc: "an empty body, and none, makes an empty object", Run: putEmpty},
	{ID: "C03", Doc: "an empty object replaces one that is not empty", Run: putEmptyOver},
	{ID: "C14", Doc: "a stream of unknown size is stored, be it empty, short or of many parts", Run: putStream},
	{ID: "C15", Doc: "a Writer takes a hundred thousand single bytes, one huge write, and odd sizes", Run: writerWrites},
	{ID: "C16", Doc: "every kind of reader is a body, and io.Copy loses nothing into a Writer or out of a Reader", Run: bodiesOfAllKinds},
	{ID: "C17", Doc: "neither a Writer nor a Put keeps or changes the caller's bytes", Run: callersBytes},
	{ID: "C18", Doc: "the body of a Put is not closed", Run: bodyIsNotClosed},
	{ID: "C19", Doc: "a body that can seek is read from where it stands, like one that cannot", Run: bodyFromWhereItStands},
	{ID: "C20", Doc: "a Put answers the attributes that a later Stat does", Needs: []Need{strongRead}, Run: putAnswersStat},
	{ID: "C21", Doc: "content with the right checksum is stored, for each algorithm that is declared", Needs: []Need{needChecksumIn}, Run: rightChecksum},
	{ID: "C26", Doc: "of a hundred writes to a key the last one is there, and one entry is listed", Run: overwriteOften},
	{ID: "C27", Doc: "an overwrite may be smaller, equal or larger", Run: overwriteSizes},
	{ID: "C28", Doc: "ten thousand small objects under one prefix are stored, listed and deleted", Tier: Long, Run: tenThousand},
	{ID: "C31", Doc: "over a read-only bucket, functions that write answer fs.ErrPermission, and the store hears of no write", Run: functionsOverReadOnly},
})

func putSizes(t *T) {
	sizes := []int{0, 1, 2, 511, 512, 513, 4095, 4096, 4097, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1}
	for _, n := range sizes {
		content := t.content(n)
		o := t.Put("d/k", content)
		if o.Size != int64(n) || o.Key != "d/k" {
			t.Errorf("put of %d bytes answers %+v", n, o)
		}
		t.WantContent("d/k", content)
		if s := t.Stat("d/k"); s.Size != int64(n) {
			t.Errorf("stat says %d bytes of %d", s.Size, n)
		}
	}
}

func putEmpty(t *T) {
	bodies := map[string]io.Reader{
		"string": strings.NewReader(""), "stream": io.MultiReader(), "nil": nil, "buffer": &bytes.Buffer{}, "bytes": bytes.NewReader(nil),
	}
	for name, body := range bodies {
		o, err := t.Bucket.Put(t.ctx, name, body, nil)
		t.WantOK("put of an empty "+name, err)
		if o.Size != 0 {
			t.Errorf("put of an empty %s answers %+v", name, o)
		}
		t.WantContent(name, "")
	}
	t.WantEntries(nil, slices.Sorted(maps.Keys(bodies))...)
	for o, err := range t.Bucket.List(t.ctx, nil) {
		if err != nil || o.Size != 0 {
			t.Errorf("an empty object is listed as %+v, %v", o, err)
		}
	}
}

func putEmptyOver(t *T) {
	old := t.Put("k", "not empty")
	if o := t.Put("k", ""); o.Size != 0 || o.ETag == old.ETag {
		t.Errorf("the empty object over %+v is %+v", old, o)
	}
	t.WantContent("k", "")
	if s := t.Stat("k"); s.Size != 0 {
		t.Errorf("stat says %d bytes of an empty object", s.Size)
	}
}

// onlyReader hides what else a reader can do, so its size is not known.
type onlyReader struct{ io.Reader }

func putStream(t *T) {
	part := t.partSize()
	opts := &blob.PutOptions{PartSize: part, Concurrency: 2}
	sizes := []int{0, 1, 100_000}
	if t.Tier > Short || part < 1<<20 {
		sizes = append(sizes, int(part)-1, int(part), int(part)+1, 3*int(part), 3*int(part)+7)
	}
	for _, n := range sizes {
		content := t.content(n)
		for _, o := range []*blob.PutOptions{nil, opts, {Size: -1}} {
			made, err := t.Bucket.Put(t.ctx, "k", onlyReader{strings.NewReader(content)}, o)
			t.WantOK(fmt.Sprintf("put of a stream of %d bytes", n), err)
			if made.Size != int64(n) {
				t.Errorf("put of a stream of %d bytes answers %+v", n, made)
			}
			t.WantContent("k", content)
			t.Delete("k")
		}
	}
	t.wantNoUploads("streams")
}

func writerWrites(t *T) {
	scale := 1
	if t.Tier == Short {
		scale = 64
	}
	writes := map[string][]int{
		"bytes": slices.Repeat([]int{1}, 100_000/scale),
		"huge":  {64 << 20 / scale},
		"odd":   slices.Repeat([]int{0, 1, 7, 4095, 4097, 65_537, 300_001}, max(1, 10/scale)),
	}
	for name, sizes := range writes {
		w := blob.NewWriter(t.ctx, t.Bucket, name, nil)
		total := 0
		for _, n := range sizes {
			total += n
		}
		content := []byte(t.content(total))
		for rest := content; len(sizes) > 0; sizes = sizes[1:] {
			if n, err := w.Write(rest[:sizes[0]]); n != sizes[0] || err != nil {
				t.Fatalf("write of %d bytes answers %d, %v", sizes[0], n, err)
			}
			rest = rest[sizes[0]:]
		}
		o, err := w.Commit()
		t.WantOK("commit", err)
		if o.Size != int64(total) {
			t.Errorf("commit of %d bytes answers %+v", total, o)
		}
		t.WantContent(name, string(content))
	}
}

func bodiesOfAllKinds(t *T) {
	content := t.content(70_000)
	path := filepath.Join(t.TempDir(), "body")
	t.WantOK("write of a file", os.WriteFile(path, []byte(content), 0o600))
	file, err := os.Open(path)
	t.WantOK("open of a file", err)
	defer file.Close()
	pipe, into := io.Pipe()
	go func() {
		_, err := io.WriteString(into, content)
		into.CloseWithError(err)
	}()
	defer pipe.Close()
	s := func() io.Reader { return strings.NewReader(content) }
	bodies := map[string]io.Reader{
		"strings": s(), "bytes": bytes.NewReader([]byte(content)), "buffer": bytes.NewBufferString(content), "file": file, "pipe": pipe,
		"section": io.NewSectionReader(strings.NewReader("before"+content+"after"), 6, 70_000), "bufio": bufio.NewReader(s()),
		"limited": io.LimitReader(strings.NewReader(content+"after"), 70_000), "joined": io.MultiReader(strings.NewReader(content[:9]), strings.NewReader(content[9:])),
		"halves": iotest.HalfReader(s()), "EOF with the last byte": iotest.DataErrReader(s()), "byte by byte": iotest.OneByteReader(s()),
		"nothing now and then": &idleReader{r: s()},
	}
	for name, body := range bodies {
		_, err := t.Bucket.Put(t.ctx, name, body, nil)
		t.WantOK("put of "+name, err)
		t.WantContent(name, content)
	}

	w := blob.NewWriter(t.ctx, t.Bucket, "copied", nil)
	for _, piece := range []io.Reader{iotest.HalfReader(strings.NewReader(content[:30_000])), strings.NewReader(content[30_000:])} {
		if _, err := io.Copy(w, piece); err != nil {
			t.Errorf("io.Copy into a Writer: %v", err)
		}
	}
	_, err = w.Commit()
	t.WantOK("commit", err)
	r, err := t.Bucket.Get(t.ctx, "copied", nil)
	t.WantOK("get", err)
	defer r.Close()
	var got bytes.Buffer
	if _, err := io.CopyN(&got, r, 10); err != nil {
		t.Errorf("io.CopyN: %v", err)
	}
	if n, err := io.Copy(&got, r); err != nil || n != 70_000-10 || got.String() != content {
		t.Errorf("io.Copy out of a Reader moves %d bytes, %v; together %s", n, err, brief(got.String()))
	}
}

// idleReader returns nothing, and no error, at every second call.
type idleReader struct {
	r    io.Reader
	idle bool
}

func (i *idleReader) Read(p []byte) (int, error) {
	if i.idle = !i.idle; i.idle {
		return 0, nil
	}
	return i.r.Read(p[:min(len(p), 10_000)])
}

func callersBytes(t *T) {
	content := t.content(300_000)
	w := blob.NewWriter(t.ctx, t.Bucket, "written", nil)
	for rest := content; rest != ""; {
		piece := []byte(rest[:min(len(rest), 7_777)])
		rest = rest[len(piece):]
		before := string(piece)
		if _, err := w.Write(piece); err != nil {
			t.Fatalf("write: %v", err)
		}
		if string(piece) != before {
			t.Errorf("Write changes the caller's bytes")
		}
		clear(piece)
	}
	_, err := w.Commit()
	t.WantOK("commit", err)
	t.WantContent("written", content)

	mine := []byte(content)
	_, err = t.Bucket.Put(t.ctx, "put", bytes.NewReader(mine), nil)
	t.WantOK("put", err)
	if string(mine) != content {
		t.Errorf("Put changes the caller's bytes")
	}
	clear(mine)
	t.WantContent("put", content)
	got, err := blob.ReadAll(t.ctx, t.Bucket, "put")
	t.WantOK("ReadAll", err)
	clear(got)
	t.WantContent("put", content)
}

// closeCounter counts how often it is closed.
type closeCounter struct {
	*strings.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

func bodyIsNotClosed(t *T) {
	for _, opts := range []*blob.PutOptions{nil, {Size: 7}, {Size: 8}} {
		body := &closeCounter{Reader: strings.NewReader("content")}
		_, err := t.Bucket.Put(t.ctx, "k", body, opts)
		if wrong := opts != nil && opts.Size == 8; (err != nil) != wrong {
			t.Errorf("put: %v", err)
		}
		if body.closed > 0 {
			t.Errorf("Put closed its body %d times; err is %v", body.closed, err)
		}
	}
	body := &closeCounter{Reader: strings.NewReader("content")}
	w := blob.NewWriter(t.ctx, t.Bucket, "k", nil)
	_, err := w.ReadFrom(body)
	t.WantOK("ReadFrom", err)
	_, err = w.Commit()
	t.WantOK("commit", err)
	if body.closed > 0 {
		t.Errorf("a Writer closed the reader that it read from")
	}
}

func bodyFromWhereItStands(t *T) {
	path := filepath.Join(t.TempDir(), "body")
	t.WantOK("write of a file", os.WriteFile(path, []byte("skipped content"), 0o600))
	file, err := os.Open(path)
	t.WantOK("open of a file", err)
	defer file.Close()
	for _, body := range []io.ReadSeeker{strings.NewReader("skipped content"), bytes.NewReader([]byte("skipped content")), file, io.NewSectionReader(strings.NewReader("skipped content"), 0, 15)} {
		for _, opts := range []*blob.PutOptions{nil, {Size: 7}} {
			_, err := body.Seek(8, io.SeekStart)
			t.WantOK("seek", err)
			o, err := t.Bucket.Put(t.ctx, "k", body, opts)
			t.WantOK(fmt.Sprintf("put of a %T that stands at 8 of 15", body), err)
			if o.Size != 7 {
				t.Errorf("put of a %T that stands at 8 of 15 answers %+v", body, o)
			}
			t.WantContent("k", "content")
		}
	}
}

func putAnswersStat(t *T) {
	with := t.attributes()
	for _, content := range []string{"", "content", t.content(1 << 20)} {
		for name, body := range map[string]io.Reader{"text": strings.NewReader(content), "stream": onlyReader{strings.NewReader(content)}} {
			put, err := t.Bucket.Put(t.ctx, "d/"+name, body, &blob.PutOptions{Attributes: with})
			t.WantOK("put", err)
			stat := t.Stat("d/" + name)
			if put.Key != stat.Key || put.Size != stat.Size || put.Size != int64(len(content)) || !t.answers(put, stat.ETag) || put.Version != stat.Version || put.IsPrefix {
				t.Errorf("put answers %+v, and stat %+v", put, stat)
			}
			t.wantTime("put", put, stat)
			if t.Caps.Deviations.WriteWithoutModTime && !put.ModTime.IsZero() {
				t.Errorf("put returns the time %v, though the store declares that writes return none", put.ModTime)
			}
			for algorithm, sum := range put.Checksums.All() {
				if other, ok := stat.Checksums.Get(algorithm); ok && !bytes.Equal(sum, other) {
					t.Errorf("put answers the checksums %v, and stat %v", put.Checksums, stat.Checksums)
				}
			}
			t.wantAttributes("stat", stat, with)
		}
	}
}

// checksumOf computes a checksum of content.
func checksumOf(t *T, a blob.Algorithm, content string) blob.Checksums {
	h, err := a.New()
	t.WantOK("algorithm", err)
	io.WriteString(h, content)
	return blob.Checksums{}.With(a, h.Sum(nil))
}

func rightChecksum(t *T) {
	for a := range t.Caps.Checksums.In.All() {
		for _, content := range []string{"", "content", t.content(200_000)} {
			opts := &blob.PutOptions{Checksums: checksumOf(t, a, content)}
			t.PutWith("text", content, opts)
			t.WantContent("text", content)
			_, err := t.Bucket.Put(t.ctx, "stream", onlyReader{strings.NewReader(content)}, opts)
			t.WantOK("put of a stream with a right "+string(a), err)
			t.WantContent("stream", content)
		}
	}
}

func overwriteOften(t *T) {
	last := ""
	for i := range t.rounds(100) {
		last = fmt.Sprintf("%d %s", i, strings.Repeat("x", i%7*100))
		t.Put("d/k", last)
	}
	t.WantContent("d/k", last)
	t.WantEntries(nil, "d/k")
	t.wantNoUploads("overwrites")
	t.Delete("d/k")
	t.WantEntries(nil)
}

func overwriteSizes(t *T) {
	for _, n := range []int{1000, 10, 10, 100_000, 99_999, 0, 1} {
		content := t.content(n)
		t.Put("k", content)
		t.WantContent("k", content)
		if s := t.Stat("k"); s.Size != int64(n) {
			t.Errorf("stat says %d bytes of %d", s.Size, n)
		}
	}
}

func tenThousand(t *T) {
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("many/%05d", i)
	}
	t.fill(keys...)
	t.WantEntries(&blob.ListOptions{Prefix: "many/"}, keys...)
	t.WantEntries(&blob.ListOptions{Delimiter: "/"}, "many/")
	if n, err := blob.DeletePrefix(t.ctx, t.Bucket, "many/"); n != int64(len(keys)) || err != nil {
		t.Errorf("DeletePrefix answers %d, %v", n, err)
	}
	t.WantEntries(nil)
}

func functionsOverReadOnly(t *T) {
	t.Put("k", "content")
	before := t.Snapshot()
	f, inner := newFaulty(t.Bucket)
	b := blob.ReadOnly(inner)
	for name, call := range map[string]func() error{
		"WriteAll":     func() error { _, err := blob.WriteAll(t.ctx, b, "new", []byte("x"), nil); return err },
		"Copy":         func() error { _, err := blob.Copy(t.ctx, b, "new", b, "k", nil); return err },
		"Copy into it": func() error { _, err := blob.Copy(t.ctx, b, "new", t.Bucket, "k", nil); return err },
		"Move":         func() error { _, err := blob.Move(t.ctx, b, "new", b, "k", nil); return err },
		"DeletePrefix": func() error { _, err := blob.DeletePrefix(t.ctx, b, ""); return err },
		"Commit":       func() error { _, err := blob.NewWriter(t.ctx, b, "new", nil).Commit(); return err },
		"put in a Sub": func() error { return putOf(t, blob.Sub(b, "d/"), "new") },
	} {
		f.repair()
		wantClass(t, name+" over a read-only bucket", call(), fs.ErrPermission)
		if n := f.written(); n > 0 {
			t.Errorf("%s over a read-only bucket reached the store %d times", name, n)
		}
	}
	t.wantUnchanged("functions over a read-only bucket", before)
}
