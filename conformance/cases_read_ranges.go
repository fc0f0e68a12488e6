package conformance

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// Ranges, and what is made of them: reading at, and seeking.
var rangeCases = []Case{
	{ID: "D03", Doc: "every range delivers what slicing would, over a grid of offsets and lengths", Run: rangeGrid},
	{ID: "D04", Doc: "a range of length zero is empty, and tells the size of the object", Run: rangeOfNothing},
	{ID: "D05", Doc: "a range that begins at the end is empty, as in slicing", Run: rangeAtEnd},
	{ID: "D06", Doc: "a range that begins beyond the end is ErrRange, which no repetition will cure", Run: rangeBeyondEnd},
	{ID: "D07", Doc: "a range that reaches beyond the end is cut there, and its Reader says so", Run: rangePastEnd},
	{ID: "D08", Doc: "ranges of an empty object are empty, unless they begin beyond its end", Run: rangesOfEmpty},
	{ID: "D09", Doc: "a negative offset or length is refused before the store hears of it", Run: negativeRange},
	{ID: "D10", Doc: "the last n bytes are delivered, all if there are fewer, none of zero", Run: lastBytes},
	{ID: "D12", Doc: "random ranges that adjoin make up the whole", Run: rangesMakeWhole},
	{ID: "D14", Doc: "ReadAt serves many at once, and ends as io.ReaderAt demands", Needs: []Need{needPin}, Run: readAt},
	{ID: "D15", Doc: "Seek goes anywhere but before the beginning, and what is read there is right", Needs: []Need{needPin}, Run: seek},
	{ID: "D21", Doc: "a ReaderAt whose object is overwritten or deleted answers ErrChanged, and never splices two versions", Needs: []Need{needPin}, Run: andThroughProxy(readAtIsPinned, resumeIsPinned)},
}

// canPin tells whether reads can be held to a version.
func canPin(c blob.Capabilities) bool { return c.If.Read.Has(blob.KindMatch) || c.Versions }

var needPin = Need{Name: "reads that are pinned to a version", Has: canPin, Refused: refused(func(t *T) error {
	_, err := blob.OpenAt(t.ctx, t.Bucket, "here", nil)
	return err
})}

// wantRange reports a range of content that is not what slicing makes of it.
func (t *T) wantRange(key, content string, rng blob.Range) {
	off, n, want := rng.Resolve(int64(len(content)))
	r, err := t.Bucket.Get(t.ctx, key, &blob.GetOptions{Range: rng})
	if want != nil {
		wantClass(t, fmt.Sprintf("range %v of %d bytes", rng, len(content)), err, blob.ErrRange)
		return
	}
	if err != nil {
		t.Errorf("range %v of %d bytes: %v", rng, len(content), err)
		return
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != content[off:off+n] || r.Offset() != off || r.Length() != n || r.Size != int64(len(content)) {
		t.Errorf("range %v of %d bytes delivers %s, %v; the Reader says offset %d, length %d, size %d", rng, len(content), brief(string(got)), err, r.Offset(), r.Length(), r.Size)
	}
}

func rangeGrid(t *T) {
	const n = 1000
	content := t.content(n)
	t.Put("d/k", content)
	for _, off := range []int64{0, 1, n / 2, n - 1, n, n + 1, 2 * n, math.MaxInt64} {
		t.wantRange("d/k", content, blob.From(off))
		for _, length := range []int64{0, 1, max(0, n-off), n, n + 1, math.MaxInt64 - off, math.MaxInt64} {
			t.wantRange("d/k", content, blob.Bytes(off, length))
		}
	}
	t.wantRange("d/k", content, blob.Range{})
}

func rangeOfNothing(t *T) {
	content := t.content(1000)
	t.Put("k", content)
	for _, off := range []int64{0, 1, 500, 999, 1000} {
		got, o, err := get(t, t.Bucket, "k", &blob.GetOptions{Range: blob.Bytes(off, 0)})
		if err != nil || got != "" || o.Size != 1000 || o.ETag == "" {
			t.Errorf("no bytes from %d on: %s, %+v, %v", off, brief(got), o, err)
		}
	}
	_, _, err := get(t, t.Bucket, "k", &blob.GetOptions{Range: blob.Bytes(1001, 0)})
	wantClass(t, "no bytes from beyond the end", err, blob.ErrRange)
}

func rangeAtEnd(t *T) {
	for _, size := range []int64{0, 1, 1000} {
		t.Put("k", t.content(int(size)))
		for _, rng := range []blob.Range{blob.From(size), blob.Bytes(size, 0), blob.Bytes(size, 1), blob.Bytes(size, math.MaxInt64)} {
			got, o, err := get(t, t.Bucket, "k", &blob.GetOptions{Range: rng})
			if err != nil || got != "" || o.Size != size {
				t.Errorf("range %v of %d bytes delivers %s, %+v, %v", rng, size, brief(got), o, err)
			}
		}
	}
}

func rangeBeyondEnd(t *T) {
	for _, size := range []int64{0, 1, 1000} {
		t.Put("k", t.content(int(size)))
		for _, off := range []int64{size + 1, size + 1000, math.MaxInt64} {
			for _, rng := range []blob.Range{blob.From(off), blob.Bytes(off, 1), blob.Bytes(off, 0)} {
				_, err := t.Bucket.Get(t.ctx, "k", &blob.GetOptions{Range: rng})
				wantClass(t, fmt.Sprintf("range %v of %d bytes", rng, size), err, blob.ErrRange)
				var e *blob.Error
				if errors.As(err, &e) && e.Retryable() {
					t.Errorf("range %v of %d bytes answers an error that calls itself retryable: %v", rng, size, err)
				}
			}
		}
	}
}

func rangePastEnd(t *T) {
	content := t.content(1000)
	t.Put("k", content)
	for _, off := range []int64{0, 1, 999} {
		for _, n := range []int64{1001 - off, 2000, math.MaxInt64 - off, math.MaxInt64} {
			t.wantRange("k", content, blob.Bytes(off, n))
		}
	}
}

func rangesOfEmpty(t *T) {
	t.Put("k", "")
	for _, rng := range []blob.Range{{}, blob.From(0), blob.Bytes(0, 0), blob.Bytes(0, 1), blob.Bytes(0, math.MaxInt64), blob.Last(0), blob.Last(1), blob.From(1), blob.Bytes(1, 0), blob.Bytes(1, 1)} {
		t.wantRange("k", "", rng)
	}
}

func negativeRange(t *T) {
	t.Put("k", "content")
	f, b := newFaulty(t.Bucket)
	for _, rng := range []blob.Range{blob.Bytes(-1, 1), blob.Bytes(0, -1), blob.Bytes(1, -2), blob.From(-1), blob.Last(-1), blob.Bytes(math.MinInt64, 1), blob.Bytes(0, math.MinInt64), blob.Bytes(-1, -1)} {
		for _, key := range []string{"k", "missing"} {
			_, err := b.Get(t.ctx, key, &blob.GetOptions{Range: rng})
			wantClass(t, fmt.Sprintf("range %v", rng), err, blob.ErrInvalid)
		}
	}
	if n := f.all(); n > 0 {
		t.Errorf("negative ranges reached the store %d times", n)
	}
}

func lastBytes(t *T) {
	for _, size := range []int{0, 1, 1000} {
		content := t.content(size)
		t.Put("k", content)
		for _, n := range []int64{0, 1, 2, 999, 1000, 1001, math.MaxInt64} {
			t.wantRange("k", content, blob.Last(n))
		}
	}
}

func rangesMakeWhole(t *T) {
	content := t.content(300_000)
	t.Put("k", content)
	for range t.rounds(20) {
		var whole strings.Builder
		for off := 0; off < len(content); {
			n := 1 + t.Rand.IntN(60_000)
			got, _, err := get(t, t.Bucket, "k", &blob.GetOptions{Range: blob.Bytes(int64(off), int64(n))})
			t.WantOK("get of a range", err)
			whole.WriteString(got)
			off += n
		}
		if whole.String() != content {
			t.Errorf("ranges that adjoin make up %s, not %s", brief(whole.String()), brief(content))
		}
	}
}

// openAt opens an object for reading anywhere, until the case is over.
func (t *T) openAt(key string) *blob.ReaderAt {
	r, err := blob.OpenAt(t.ctx, t.Bucket, key, nil)
	if err != nil {
		t.Fatalf("OpenAt %q: %v", key, err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func readAt(t *T) {
	const size = 100_000
	content := t.content(size)
	t.Put("k", content)
	r := t.openAt("k")
	if r.Size() != size || r.Object().ETag != t.Stat("k").ETag {
		t.Errorf("the ReaderAt says %d bytes, %+v", r.Size(), r.Object())
	}
	for _, p := range []struct {
		off, n, want int64
		err          error
	}{{0, 10, 10, nil}, {size - 10, 10, 10, nil}, {size - 10, 11, 10, io.EOF}, {size, 1, 0, io.EOF}, {size + 5, 1, 0, io.EOF}, {0, size, size, nil}, {5, 0, 0, nil}, {size - 1, size, 1, io.EOF}} {
		buf := make([]byte, p.n)
		n, err := r.ReadAt(buf, p.off)
		if int64(n) != p.want || err != p.err && !(err == io.EOF && p.off+p.n == size) || string(buf[:n]) != content[min(p.off, size):min(p.off, size)+int64(n)] {
			t.Errorf("ReadAt of %d bytes at %d answers %d, %v", p.n, p.off, n, err)
		}
	}
	_, err := r.ReadAt(make([]byte, 1), -1)
	wantClass(t, "ReadAt before the beginning", err, blob.ErrInvalid)
	rands := t.rands(8)
	t.crowd(8, func(i int) {
		for range 20 {
			off, n := rands[i].IntN(size), rands[i].IntN(5000)
			got, err := io.ReadAll(io.NewSectionReader(r, int64(off), int64(n)))
			if want := content[off:min(off+n, size)]; err != nil || string(got) != want {
				t.Errorf("a section of %d bytes at %d is %s, %v", n, off, brief(string(got)), err)
			}
		}
	})
	t.WantOK("close", r.Close())
	_, err = r.ReadAt(make([]byte, 1), 0)
	wantClass(t, "ReadAt after close", err, blob.ErrClosed)
	_, err = blob.OpenAt(t.ctx, t.Bucket, "missing", nil)
	wantClass(t, "OpenAt of a missing key", err, blob.ErrNotExist)
}

func seek(t *T) {
	const size = 600_000 // beyond what is skipped rather than asked for again
	content := t.content(size)
	t.Put("k", content)
	r := t.openAt("k")
	pos := int64(0)
	for _, s := range []struct {
		offset int64
		whence int
		want   int64
	}{{10, io.SeekStart, 10}, {5, io.SeekCurrent, 115}, {-100, io.SeekCurrent, 115}, {-10, io.SeekEnd, size - 10}, {0, io.SeekStart, 0}, {size / 2, io.SeekStart, size / 2}, {-size, io.SeekEnd, 0}, {0, io.SeekEnd, size}, {1, io.SeekEnd, size + 1}, {math.MaxInt64, io.SeekStart, math.MaxInt64}} {
		at, err := r.Seek(s.offset, s.whence)
		if err != nil || at != s.want {
			t.Fatalf("Seek(%d, %d) at %d answers %d, %v; it must be %d", s.offset, s.whence, pos, at, err, s.want)
		}
		buf := make([]byte, 100)
		n, err := io.ReadFull(r, buf)
		pos = at + int64(n)
		from := min(at, size)
		want := content[from:min(from+100, size)]
		if string(buf[:n]) != want || (err == nil) != (n == 100) {
			t.Errorf("after Seek(%d, %d) there are %d bytes, %v", s.offset, s.whence, n, err)
		}
	}
	_, err := r.Seek(7, io.SeekStart)
	t.WantOK("seek", err)
	for _, bad := range []struct {
		offset int64
		whence int
	}{{-1, io.SeekStart}, {-8, io.SeekCurrent}, {-size - 1, io.SeekEnd}, {0, 3}, {0, -1}} {
		_, err := r.Seek(bad.offset, bad.whence)
		wantClass(t, fmt.Sprintf("Seek(%d, %d)", bad.offset, bad.whence), err, blob.ErrInvalid)
	}
	if at, err := r.Seek(0, io.SeekCurrent); at != 7 || err != nil {
		t.Errorf("seeks that were refused moved the reader to %d, %v", at, err)
	}
}

func readAtIsPinned(t *T) {
	const size = 600_000
	for _, change := range []func(){
		func() { t.Put("k", t.content(size)) },
		func() { t.Put("k", "shorter") },
		func() { t.Delete("k") },
		func() { t.Delete("k"); t.Put("k", t.content(size)) },
	} {
		content := t.content(size)
		t.Put("k", content)
		r := t.openAt("k")
		begin := make([]byte, 1000)
		_, err := io.ReadFull(r, begin)
		t.WantOK("read", err)
		change()
		buf := make([]byte, 1000)
		switch n, err := r.ReadAt(buf, 5000); {
		case err == nil && string(buf[:n]) != content[5000:6000]:
			t.Errorf("ReadAt after a change of the object delivers bytes of another version")
		case err != nil:
			t.WantError("ReadAt after a change of the object", err, blob.ErrChanged)
		}
		// The stream that was open may go on; a new one must not begin in another version.
		for _, at := range []int64{1000, size - 1000, 0} {
			_, err = r.Seek(at, io.SeekStart)
			t.WantOK("seek", err)
			n, err := io.ReadFull(r, buf)
			if err != nil {
				t.WantError("a read after a change of the object", err, blob.ErrChanged)
			}
			if string(buf[:n]) != content[at:at+int64(n)] {
				t.Errorf("a read at %d after a change of the object delivers bytes of another version", at)
			}
		}
	}
}
