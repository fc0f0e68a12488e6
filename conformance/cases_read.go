package conformance

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing/iotest"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// What a Get delivers. Ranges, seeking and reading at are in cases_read_ranges.go.
var readCases = slices.Concat(rangeCases, []Case{
	{ID: "D01", Doc: "a missing key is fs.ErrNotExist from Get, before any Read, and the error names it", Run: getMissing},
	{ID: "D02", Doc: "a Reader delivers everything and carries the attributes that Stat has", Needs: []Need{strongRead}, Run: readerHasAttributes},
	{ID: "D13", Doc: "testing/iotest accepts whole and ranged readers, and those that seek", Run: readersPassIotest},
	{ID: "D16", Doc: "reads through buffers of every size deliver the same, and an empty buffer gets nothing", Run: readBufferSizes},
	{ID: "D17", Doc: "a Reader that is closed early returns at once and frees what it held", Run: closeEarly},
	{ID: "D18", Doc: "a second Close does nothing, and a Read after Close is ErrClosed", Run: readAfterClose},
	{ID: "D19", Doc: "a reader whose object is overwritten gets all of the old one or a clean error, never a mix", Run: overwriteUnderReader},
	{ID: "D20", Doc: "a ranged reader whose object is deleted gets all of its range or a clean error", Run: deleteUnderRange},
	{ID: "D22", Doc: "a body that ends early is io.ErrUnexpectedEOF, never a short success", Run: andThroughProxy(truncatedBody, truncatedOnTheWire)},
	{ID: "D23", Doc: "a byte that changes on its way to the reader is ErrChecksum", Needs: []Need{needChecksumOut}, Run: andThroughProxy(flippedByte, flippedOnTheWire)},
	{ID: "D24", Doc: "an object with Content-Encoding gzip is delivered as it was stored, size and ranges too", Needs: []Need{needHeaders}, Run: gzipEncoded},
	{ID: "D25", Doc: "gzip content without Content-Encoding is left alone", Run: gzipContent},
	{ID: "D26", Doc: "reading a large object takes no memory that grows with it", Tier: Long, Run: readsInBoundedMemory},
	{ID: "D27", Doc: "two hundred readers of one object each get all of it", Run: manyReaders},
	{ID: "D29", Doc: "where the writer of a download fails, the error is the writer's", Run: consumerFails},
	{ID: "D30", Doc: "an error of the consumer comes back unchanged, and nothing is tried again", Run: consumerErrorIsFinal},
	{ID: "D32", Doc: "a version that is named is read, whole or in ranges, and a missing one is fs.ErrNotExist", Needs: []Need{needVersions}, Run: readVersions},
})

func getMissing(t *T) {
	t.fill("d/k", "dd")
	for _, key := range []string{"missing", "d", "d/", "d/k/", "d/k/x", "d/K2", "dd/x"} {
		r, err := t.Bucket.Get(t.ctx, key, nil)
		wantClass(t, fmt.Sprintf("get of missing %q", key), err, fs.ErrNotExist)
		if r != nil {
			t.Errorf("get of missing %q answers a Reader beside its error", key)
		}
		if err != nil && !strings.Contains(err.Error(), key) {
			t.Errorf("the error of missing %q does not name it: %v", key, err)
		}
		_, err = t.Bucket.Get(t.ctx, key, &blob.GetOptions{Range: blob.Bytes(5, 5)})
		wantClass(t, fmt.Sprintf("get of a range of missing %q", key), err, fs.ErrNotExist)
	}
}

func readerHasAttributes(t *T) {
	content, with := t.content(5000), t.attributes()
	t.PutWith("d/k", content, &blob.PutOptions{Attributes: with})
	s := t.Stat("d/k")
	for _, rng := range []blob.Range{{}, blob.Bytes(10, 20), blob.Last(1)} {
		r, err := t.Bucket.Get(t.ctx, "d/k", &blob.GetOptions{Range: rng})
		t.WantOK("get", err)
		if r.Key != "d/k" || r.Size != 5000 || r.ETag != s.ETag || r.Version != s.Version || !t.sameTime(r.ModTime, s.ModTime) {
			t.Errorf("the Reader of %v says %+v, and stat %+v", rng, r.Object, s)
		}
		t.wantAttributes(fmt.Sprintf("the Reader of %v", rng), &r.Object, with)
		off, n, _ := rng.Resolve(5000)
		got, err := io.ReadAll(r)
		if err != nil || string(got) != content[off:off+n] || r.Offset() != off || r.Length() != n {
			t.Errorf("the Reader of %v delivers %s, %v, at %d of length %d", rng, brief(string(got)), err, r.Offset(), r.Length())
		}
		t.WantOK("close", r.Close())
	}
}

func readersPassIotest(t *T) {
	content := t.content(1000)
	t.Put("k", content)
	t.Put("empty", "")
	for _, of := range []struct {
		key  string
		rng  blob.Range
		want string
	}{{"k", blob.Range{}, content}, {"k", blob.Bytes(100, 50), content[100:150]}, {"k", blob.From(990), content[990:]}, {"k", blob.Bytes(5, 0), ""}, {"empty", blob.Range{}, ""}} {
		r, err := t.Bucket.Get(t.ctx, of.key, &blob.GetOptions{Range: of.rng})
		t.WantOK("get", err)
		if err := iotest.TestReader(r, []byte(of.want)); err != nil {
			t.Errorf("the Reader of %v: %v", of.rng, err)
		}
		t.WantOK("close", r.Close())
	}
	if !canPin(t.Caps) {
		return
	}
	for _, key := range []string{"k", "empty"} {
		r, err := blob.OpenAt(t.ctx, t.Bucket, key, nil)
		t.WantOK("OpenAt", err)
		want := map[string]string{"k": content, "empty": ""}[key]
		if err := iotest.TestReader(r, []byte(want)); err != nil {
			t.Errorf("the ReaderAt: %v", err)
		}
		t.WantOK("close", r.Close())
	}
}

func readBufferSizes(t *T) {
	content := t.content(10_007)
	t.Put("k", content)
	for _, size := range []int{1, 2, 3, 7, 512, 4096, 10_006, 10_007, 10_008, 1 << 20} {
		r, err := t.Bucket.Get(t.ctx, "k", nil)
		t.WantOK("get", err)
		var got []byte
		buf := make([]byte, size)
		for err == nil {
			for _, none := range [][]byte{nil, {}} {
				if n, err := r.Read(none); n != 0 || err != nil && err != io.EOF {
					t.Errorf("a Read of nothing answers %d, %v", n, err)
				}
			}
			var n int
			n, err = r.Read(buf)
			got = append(got, buf[:n]...)
		}
		if err != io.EOF || string(got) != content {
			t.Errorf("in reads of %d bytes there come %d, %v", size, len(got), err)
		}
		if n, err := r.Read(buf); n != 0 || err != io.EOF {
			t.Errorf("a Read after the end answers %d, %v", n, err)
		}
		t.WantOK("close", r.Close())
	}
}

func closeEarly(t *T) {
	t.Put("k", t.content(1<<20))
	t.NoLeaks(func() {
		for i := range t.rounds(50) {
			r, err := t.Bucket.Get(t.ctx, "k", nil)
			t.WantOK("get", err)
			if i%2 == 0 {
				_, err = io.ReadFull(r, make([]byte, 100))
				t.WantOK("read", err)
			}
			t.within(10*time.Second, "close of a reader before its end", func() { t.WantOK("close", r.Close()) })
		}
	})
}

func readAfterClose(t *T) {
	t.Put("k", "content")
	for _, read := range []int{0, 3, 7} {
		r, err := t.Bucket.Get(t.ctx, "k", nil)
		t.WantOK("get", err)
		_, err = io.ReadFull(r, make([]byte, read))
		t.WantOK("read", err)
		t.WantOK("close", r.Close())
		t.WantOK("a second close", r.Close())
		n, err := r.Read(make([]byte, 1))
		wantClass(t, fmt.Sprintf("a read of %d bytes after close", n), err, blob.ErrClosed)
		_, err = r.WriteTo(io.Discard)
		wantClass(t, "WriteTo after close", err, blob.ErrClosed)
	}
}

func overwriteUnderReader(t *T) {
	sizes := []int{100, 256 << 10}
	if t.Tier > Short {
		sizes = []int{100, 1 << 20, 4 << 20, 8 << 20}
	}
	for _, size := range sizes {
		content := t.content(size)
		for _, next := range []string{t.content(size), t.content(size / 2), t.content(size + 1000), ""} {
			t.Put("d/k", content)
			r, err := t.Bucket.Get(t.ctx, "d/k", nil)
			t.WantOK("get", err)
			begin := make([]byte, 10)
			_, err = io.ReadFull(r, begin)
			t.WantOK("read", err)
			t.Put("d/k", next)
			rest, err := io.ReadAll(r)
			if err != nil {
				wantClass(t, "a reader whose object was overwritten", err, blob.ErrChanged)
			} else if string(begin)+string(rest) != content {
				t.Errorf("a reader of %d bytes, overwritten by %d, gets %d that are not what it opened", size, len(next), len(rest)+10)
			}
			t.WantOK("close", r.Close())
			t.WantContent("d/k", next)
		}
	}
}

func deleteUnderRange(t *T) {
	content := t.content(500_000)
	for _, read := range []int{0, 1000} {
		t.Put("d/k", content)
		r, err := t.Bucket.Get(t.ctx, "d/k", &blob.GetOptions{Range: blob.From(1000)})
		t.WantOK("get", err)
		begin := make([]byte, read)
		_, err = io.ReadFull(r, begin)
		t.WantOK("read", err)
		t.Delete("d/k")
		rest, err := io.ReadAll(r)
		if err != nil {
			wantClass(t, "a ranged reader whose object was deleted", err, blob.ErrChanged)
		} else if string(begin)+string(rest) != content[1000:] {
			t.Errorf("a ranged reader whose object was deleted gets %d bytes that are not what it opened", read+len(rest))
		}
		t.WantOK("close", r.Close())
		t.WantMissing("d/k")
	}
}

// A wire damages the bodies that a bucket delivers, as a bad connection does.
type wire struct {
	blob.Wrapper
	damage func(body io.Reader) io.Reader
}

func (w *wire) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	r, err := w.Wrapper.Get(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	body := struct {
		io.Reader
		io.Closer
	}{w.damage(r), r}
	return blob.NewReader(ctx, body, &r.Object, r.Offset(), r.Length()), nil
}

func truncatedBody(t *T) {
	content := t.content(100_000)
	t.Put("k", content)
	for _, rng := range []blob.Range{{}, blob.Bytes(10, 50_000), blob.From(99_000)} {
		off, n, err := rng.Resolve(100_000)
		t.WantOK("range", err)
		for _, left := range []int64{0, 1, n / 2, n - 1} {
			b := blob.Check(&wire{blob.Wrap(t.Bucket), func(body io.Reader) io.Reader { return io.LimitReader(body, left) }})
			got, _, err := get(t, b, "k", &blob.GetOptions{Range: rng})
			t.WantError(fmt.Sprintf("%d bytes of %d", left, n), err, io.ErrUnexpectedEOF)
			if got != content[off:off+int64(len(got))] {
				t.Errorf("a body that ends early delivers other bytes")
			}
			r, err := b.Get(t.ctx, "k", &blob.GetOptions{Range: rng})
			t.WantOK("get", err)
			_, err = io.Copy(io.Discard, r)
			t.WantError("io.Copy of a body that ends early", err, io.ErrUnexpectedEOF)
			r.Close()
		}
	}
}

func flippedByte(t *T) {
	for _, size := range []int{1, 1000, 300_001} {
		t.Put("k", t.content(size))
		for _, at := range []int{0, size / 2, size - 1} {
			b := blob.Check(&wire{blob.Wrap(t.Bucket), func(body io.Reader) io.Reader {
				content, err := io.ReadAll(body)
				t.WantOK("read", err)
				content[at] ^= 1
				return bytes.NewReader(content)
			}})
			_, err := blob.ReadAll(t.ctx, b, "k")
			wantClass(t, fmt.Sprintf("a read of %d bytes of which number %d has changed", size, at), err, blob.ErrChecksum)
		}
	}
}

func zipped(t *T, content string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, content)
	t.WantOK("gzip", errors.Join(err, w.Close()))
	return b.String()
}

// wantRaw reports an object that is not delivered byte by byte.
func (t *T) wantRaw(key, raw string) {
	t.WantContent(key, raw)
	if s := t.Stat(key); s.Size != int64(len(raw)) {
		t.Errorf("stat says %d bytes of %d", s.Size, len(raw))
	}
	n := int64(len(raw))
	t.wantRange(key, raw, blob.Bytes(2, 5))
	t.wantRange(key, raw, blob.From(n-3))
	t.wantRange(key, raw, blob.Last(4))
	for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{Prefix: key}) {
		if err != nil || o.Size != n {
			t.Errorf("%d bytes are listed as %+v, %v", n, o, err)
		}
	}
}

func gzipEncoded(t *T) {
	raw := zipped(t, strings.Repeat("plain text ", 1000))
	for _, body := range []string{raw, "not gzip at all"} {
		t.PutWith("k.txt", body, &blob.PutOptions{Attributes: blob.Attributes{ContentType: "text/plain", ContentEncoding: "gzip"}})
		t.wantRaw("k.txt", body)
		if s := t.Stat("k.txt"); s.ContentEncoding != "gzip" {
			t.Errorf("Content-Encoding gzip became %q", s.ContentEncoding)
		}
	}
}

func gzipContent(t *T) {
	raw := zipped(t, strings.Repeat("plain text ", 1000))
	for _, contentType := range []string{"", "application/gzip", "text/plain", "application/json"} {
		t.PutWith("k.gz", raw, &blob.PutOptions{Attributes: blob.Attributes{ContentType: contentType}})
		t.wantRaw("k.gz", raw)
		if s := t.Stat("k.gz"); s.ContentEncoding != "" {
			t.Errorf("gzip content without Content-Encoding got %q", s.ContentEncoding)
		}
	}
}

func readsInBoundedMemory(t *T) {
	size, most := int64(256<<20), uint64(32<<20)
	if m := t.Caps.Objects.MaxSize; m > 0 {
		size = min(size, m)
	}
	_, err := t.Bucket.Put(t.ctx, "large", io.LimitReader(zeros{}, size), &blob.PutOptions{Size: size})
	t.WantOK("put", err)
	var m runtime.MemStats
	inUse := func() uint64 {
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := inUse()
	r, err := t.Bucket.Get(t.ctx, "large", nil)
	t.WantOK("get", err)
	defer r.Close()
	for {
		n, err := io.CopyN(io.Discard, r, size/8)
		if now := inUse(); now > before+most {
			t.Fatalf("reading %d bytes took %d bytes of memory", size, now-before)
		}
		if err == io.EOF {
			break
		}
		t.WantOK(fmt.Sprintf("read of %d bytes", n), err)
	}
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func manyReaders(t *T) {
	readers := 200
	if t.Tier == Short {
		readers = 50
	}
	content := t.content(100_000)
	t.Put("k", content)
	t.crowd(readers, func(i int) {
		opts := &blob.GetOptions{}
		want := content
		if i%2 == 1 {
			opts.Range, want = blob.From(int64(i)), content[i:]
		}
		if got, _, err := get(t, t.Bucket, "k", opts); err != nil || got != want {
			t.Errorf("reader %d gets %s, %v", i, brief(got), err)
		}
	})
}

// failingWriter fails after some bytes.
type failingWriter struct {
	left int
	err  error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return w.left, w.err
	}
	w.left -= len(p)
	return len(p), nil
}

func (w *failingWriter) WriteAt(p []byte, _ int64) (int, error) { return 0, w.err }

var errConsumer = errors.New("the consumer fails")

func consumerFails(t *T) {
	t.Put("k", t.content(1<<20))
	for _, n := range []int{0, 1, 300_000, 1<<20 - 1} {
		r, err := t.Bucket.Get(t.ctx, "k", nil)
		t.WantOK("get", err)
		moved, err := io.Copy(&failingWriter{n, errConsumer}, r)
		if err != errConsumer || moved != int64(n) {
			t.Errorf("io.Copy to a writer that takes %d bytes moves %d, and answers %v, not the writer's error", n, moved, err)
		}
		t.WantOK("close", r.Close())
	}
	if _, err := blob.Download(t.ctx, t.Bucket, "k", &failingWriter{0, errConsumer}, &blob.DownloadOptions{PartSize: 100_000, Concurrency: 3}); err != errConsumer {
		t.Errorf("Download to a writer that fails answers %v, not the writer's error", err)
	}
}

func consumerErrorIsFinal(t *T) {
	t.fill("a", "b", "c")
	f, b := newFaulty(t.Bucket)
	walked := 0
	err := blob.Walk(t.ctx, b, "", func(*blob.Object) error { walked++; return errConsumer })
	if err != errConsumer || walked != 1 || f.calls("List") != 1 {
		t.Errorf("Walk calls its function, which fails, %d times in %d listings, and answers %v", walked, f.calls("List"), err)
	}
	f.repair()
	r, err := b.Get(t.ctx, "a", nil)
	t.WantOK("get", err)
	if _, err = r.WriteTo(&failingWriter{0, errConsumer}); err != errConsumer || f.calls("Get") != 1 {
		t.Errorf("WriteTo answers %v after %d requests", err, f.calls("Get"))
	}
	t.WantOK("close", r.Close())
	f.repair()
	if _, err = blob.Download(t.ctx, b, "a", &failingWriter{0, errConsumer}, nil); err != errConsumer || f.calls("Get") != 1 {
		t.Errorf("Download answers %v after %d requests", err, f.calls("Get"))
	}
	f.repair()
	for range b.List(t.ctx, nil) {
		break
	}
	if n := f.calls("List"); n != 1 {
		t.Errorf("a listing that is abandoned is made %d times", n)
	}
}

func readVersions(t *T) {
	contents := []string{"the first", t.content(1000), ""}
	var versions []string
	for _, content := range contents {
		versions = append(versions, t.Put("k", content).Version)
	}
	for i, v := range versions {
		got, o, err := get(t, t.Bucket, "k", &blob.GetOptions{Version: v})
		if err != nil || got != contents[i] || o.Version != v {
			t.Errorf("version %q, number %d, is %s, %+v, %v", v, i, brief(got), o, err)
		}
		if s, err := t.Bucket.Stat(t.ctx, "k", &blob.StatOptions{Version: v}); err != nil || s.Version != v || s.Size != int64(len(contents[i])) {
			t.Errorf("stat of version %q answers %+v, %v", v, s, err)
		}
	}
	got, _, err := get(t, t.Bucket, "k", &blob.GetOptions{Version: versions[0], Range: blob.From(4)})
	if err != nil || got != "first" {
		t.Errorf("a range of an old version is %q, %v", got, err)
	}
	t.WantOK("delete of a version", t.Bucket.Delete(t.ctx, "k", &blob.DeleteOptions{Version: versions[1]}))
	_, _, err = get(t, t.Bucket, "k", &blob.GetOptions{Version: versions[1]})
	wantClass(t, "get of a version that was deleted", err, fs.ErrNotExist)
	_, _, err = get(t, t.Bucket, "other", &blob.GetOptions{Version: versions[0]})
	wantClass(t, "get of another key's version", err, fs.ErrNotExist)
	t.WantContent("k", "")
}
