package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/holdall-go/holdall/blob"
)

// Linearizability (N05) is in package model, which may use a checker.
var consistencyCases = []Case{
	{ID: "N01", Doc: "what was written, overwritten or deleted shows at once in get, stat and list, through another handle too", Needs: []Need{strongRead, strongList}, Run: readAfterWrite},
	{ID: "N02", Doc: "a key that was looked for in vain is found once it is written", Needs: []Need{strongRead}, Run: noNegativeCache},
	{ID: "N03", Doc: "readers among overwriting writers get whole versions only", Run: noTornReads},
	{ID: "N04", Doc: "of two writers at once one wins with content and attributes together", Run: twoWriters},
	{ID: "N07", Doc: "a listing holds what was there throughout, and nothing that was not there at all", Needs: []Need{strongRead, strongList}, Run: listIsASet},
	{ID: "N08", Doc: "a handle never sees an older version after a newer one", Needs: []Need{strongRead}, Run: monotonicReads},
	{ID: "N09", Doc: "twenty keys are written and read at once", Needs: []Need{strongRead}, Run: twentyKeys},
	{ID: "N10", Doc: "getters, putters, deleters and listers share a pool of keys", Run: sharedPool},
	{ID: "N11", Doc: "readers who come before the object see nothing, then all of it", Run: earlyReaders},
	{ID: "N12", Doc: "fifty goroutines use every method of one bucket", Run: fiftyGoroutines},
	{ID: "N19", Doc: "64 workers count with if-match and lose no increment", Needs: []Need{needIfMatch, strongRead}, Tier: Long, Run: counterSoak},
	{ID: "N20", Doc: "a random workload, replayed from its seed on another namespace, gets the same answers, those of a map", Needs: []Need{strongRead, strongList}, Run: replayedWorkload},
}

func readAfterWrite(t *T) {
	handles := t.handles()
	for i := range t.rounds(1000) {
		writer, reader := handles[i%len(handles)], handles[(i+1)%len(handles)]
		key := fmt.Sprintf("k%d", i%7)
		content := strings.Repeat("x", i%50) + strconv.Itoa(i)
		o, err := writer.Put(t.ctx, key, strings.NewReader(content), nil)
		t.WantOK("put", err)
		got, _, err := get(t, reader, key, nil)
		if err != nil || got != content {
			t.Errorf("round %d: after a put of %q, get answers %q, %v", i, content, got, err)
		}
		if s, err := reader.Stat(t.ctx, key, nil); err != nil || s.Size != int64(len(content)) || !t.answers(o, s.ETag) {
			t.Errorf("round %d: after a put of %d bytes with ETag %s, stat answers %+v, %v", i, len(content), o.ETag, s, err)
		}
		if size := listedSize(t, reader, key); size != int64(len(content)) {
			t.Errorf("round %d: after a put of %d bytes, the listing says %d (-1: it is not there)", i, len(content), size)
		}
		if i%3 != 0 {
			continue
		}
		t.WantOK("delete", writer.Delete(t.ctx, key, nil))
		if _, err := reader.Stat(t.ctx, key, nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("round %d: stat after delete answers %v", i, err)
		}
		if size := listedSize(t, reader, key); size != -1 {
			t.Errorf("round %d: after delete the key is still listed", i)
		}
	}
}

// listedSize is the size of key in a listing, or -1.
func listedSize(t *T, b blob.Bucket, key string) int64 {
	for o, err := range b.List(t.ctx, &blob.ListOptions{StartAt: key, Limit: 1}) {
		t.WantOK("list", err)
		if o.Key == key {
			return o.Size
		}
	}
	return -1
}

func noNegativeCache(t *T) {
	handles := t.handles()
	for i := range t.rounds(50) {
		key := fmt.Sprint("trap", i)
		for _, b := range handles {
			if _, err := b.Stat(t.ctx, key, nil); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("stat before the write: %v", err)
			}
			if _, _, err := get(t, b, key, nil); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("get before the write: %v", err)
			}
		}
		t.Put(key, "now")
		for n, b := range handles {
			if got, _, err := get(t, b, key, nil); err != nil || got != "now" {
				t.Errorf("handle %d looked for the key before it was written, and now reads %q, %v", n, got, err)
			}
		}
	}
}

func noTornReads(t *T) {
	const writers, readers, versions = 3, 4, 2
	largest := [...]int{256 << 10, 2 << 20, 8 << 20}[t.Tier]
	t.Put("torn", stamped(0, 0, 1024))
	rands := t.rands(writers)
	var reads atomic.Int64
	for range t.rounds(10) {
		var done atomic.Int32
		t.crowd(writers+readers, func(i int) {
			if i < writers {
				defer done.Add(1)
				for n := range versions {
					// As many sizes of each order of magnitude.
					size := 1024 << rands[i].IntN(log2(largest/1024)+1)
					size -= rands[i].IntN(size / 2)
					if _, err := t.Bucket.Put(t.ctx, "torn", strings.NewReader(stamped(i, n, size)), nil); err != nil {
						t.Errorf("put of %d bytes: %v", size, err)
					}
				}
				return
			}
			for last := false; !last; {
				last = done.Load() == writers
				content, o, err := get(t, t.Bucket, "torn", nil)
				if errors.Is(err, blob.ErrChanged) {
					continue // a clean refusal
				}
				if err == nil {
					err = checkStamped(content)
				}
				if err == nil && o.Size != int64(len(content)) {
					err = fmt.Errorf("the attributes say %d bytes and the content has %d", o.Size, len(content))
				}
				if err != nil {
					t.Errorf("torn read: %v", err)
					return
				}
				reads.Add(1)
			}
		})
	}
	t.Recordf("%d whole reads", reads.Load())
}

func log2(n int) int {
	l := 0
	for ; n > 1; n /= 2 {
		l++
	}
	return l
}

func twoWriters(t *T) {
	for round := range t.rounds(200) {
		var made [2]*blob.Object
		attributes := func(w int) blob.Attributes {
			a := blob.Attributes{ContentType: fmt.Sprintf("text/x-writer-%d", w)}
			if t.Caps.Objects.Metadata {
				a.Metadata = map[string]string{"writer": strconv.Itoa(w)}
			}
			return a
		}
		t.crowd(2, func(w int) {
			o, err := t.Bucket.Put(t.ctx, "both", strings.NewReader(stamped(w, round, 100+w)), &blob.PutOptions{Attributes: attributes(w)})
			if err != nil {
				t.Errorf("put of writer %d: %v", w, err)
			}
			made[w] = o
		})
		if t.Failed() {
			return
		}
		content, o, err := get(t, t.Bucket, "both", nil)
		t.WantOK("get", err)
		w := len(content) - 100
		switch {
		case w != 0 && w != 1, content != stamped(w, round, 100+w):
			t.Errorf("round %d: the content is of neither writer: %s", round, brief(content))
		case o.ContentType != attributes(w).ContentType, t.Caps.Objects.Metadata && o.Metadata["writer"] != strconv.Itoa(w):
			t.Errorf("round %d: the content is of writer %d, the attributes are %+v", round, w, o.Attributes)
		case made[w].ETag != "" && o.ETag != made[w].ETag:
			t.Errorf("round %d: the content is of writer %d, whose ETag is %s; the object's is %s", round, w, made[w].ETag, o.ETag)
		}
	}
}

func monotonicReads(t *T) {
	t.Put("count", "0")
	handles := t.handles()
	next := 1
	for range t.rounds(20) {
		var done atomic.Bool
		t.crowd(1+2*len(handles), func(i int) {
			if i == 0 {
				defer done.Store(true)
				for range 10 {
					if _, err := t.Bucket.Put(t.ctx, "count", strings.NewReader(strconv.Itoa(next)), nil); err != nil {
						t.Errorf("put: %v", err)
					}
					next++
				}
				return
			}
			seen := -1
			for last := false; !last; {
				last = done.Load()
				content, _, err := get(t, handles[i%len(handles)], "count", nil)
				if errors.Is(err, blob.ErrChanged) {
					continue
				}
				n, nerr := strconv.Atoi(content)
				if err != nil || nerr != nil || n < seen {
					t.Errorf("a handle that saw version %d now reads %q, %v", seen, content, err)
					return
				}
				seen = n
			}
		})
	}
}

func twentyKeys(t *T) {
	for round := range t.rounds(20) {
		t.crowd(20, func(i int) {
			key, content := fmt.Sprintf("key%02d", i), stamped(i, round, 1000+i)
			if _, err := t.Bucket.Put(t.ctx, key, strings.NewReader(content), nil); err != nil {
				t.Errorf("put %q: %v", key, err)
				return
			}
			if got, _, err := get(t, t.Bucket, key, nil); err != nil || got != content {
				t.Errorf("%q reads %s, %v, after a put of %s", key, brief(got), err, brief(content))
			}
		})
	}
	if n := len(t.Entries(nil)); n != 20 && !t.Caps.Deviations.EventualList {
		t.Errorf("%d keys are listed, not 20", n)
	}
}

func sharedPool(t *T) {
	const workers = 12
	rands := t.rands(workers)
	key := func(i int) string { return fmt.Sprintf("pool/%d", rands[i].IntN(10)) }
	for round := range t.rounds(20) {
		t.crowd(workers, func(i int) {
			for n := range 10 {
				var err error
				switch i % 4 {
				case 0:
					_, err = t.Bucket.Put(t.ctx, key(i), strings.NewReader(stamped(i, round*10+n, 100+rands[i].IntN(5000))), nil)
				case 1:
					err = t.Bucket.Delete(t.ctx, key(i), nil)
				case 2:
					var content string
					if content, _, err = get(t, t.Bucket, key(i), nil); err == nil {
						err = checkStamped(content)
					}
				case 3:
					err = inOrder(t, "pool/")
				}
				if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, blob.ErrChanged) {
					t.Errorf("worker %d: %v", i, err)
				}
			}
		})
	}
	if t.Caps.Deviations.EventualList || t.Caps.Deviations.EventualRead {
		return
	}
	for _, key := range t.Entries(nil) {
		if err := checkStamped(t.Get(key)); err != nil {
			t.Errorf("%q is listed when all is quiet, but %v", key, err)
		}
	}
}

// inOrder lists, and returns what is wrong with the order, if anything is.
func inOrder(t *T, prefix string) error {
	last := ""
	for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{Prefix: prefix}) {
		if err != nil {
			return err
		}
		if o.Key <= last {
			return fmt.Errorf("%q is listed after %q", o.Key, last)
		}
		last = o.Key
	}
	return nil
}

func earlyReaders(t *T) {
	for round := range t.rounds(100) {
		key := fmt.Sprint("early", round)
		var done atomic.Bool
		t.crowd(4, func(i int) {
			if i == 0 {
				defer done.Store(true)
				body := struct{ io.Reader }{strings.NewReader(stamped(0, round, 100_000))} // of unknown size
				if _, err := t.Bucket.Put(t.ctx, key, body, nil); err != nil {
					t.Errorf("put: %v", err)
				}
				return
			}
			for {
				last := done.Load()
				content, _, err := get(t, t.Bucket, key, nil)
				if err == nil {
					if err = checkStamped(content); err != nil {
						t.Errorf("an early reader got a part: %v", err)
					}
					return
				}
				if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("an early reader got %v", err)
					return
				}
				if last {
					if !t.Caps.Deviations.EventualRead {
						t.Errorf("after the put a reader gets %v", err)
					}
					return
				}
			}
		})
	}
}

func fiftyGoroutines(t *T) {
	for round := range t.rounds(10) {
		t.crowd(50, func(i int) {
			if err := everyMethod(t, fmt.Sprintf("g%02d/", i), stamped(i, round, 3000)); err != nil {
				t.Errorf("goroutine %d: %v", i, err)
			}
		})
	}
	if left := t.Entries(nil); len(left) > 0 && !t.Caps.Deviations.EventualList {
		t.Errorf("all was deleted, yet there is %q", left)
	}
}

// everyMethod uses all of the bucket under a prefix that nobody else uses, and leaves nothing there.
func everyMethod(t *T, prefix, content string) error {
	ctx, b, key := t.ctx, t.Bucket, prefix+"object"
	keys := []string{key}
	if _, err := b.Put(ctx, key, strings.NewReader(content), nil); err != nil {
		return err
	}
	if _, err := b.Stat(ctx, key, nil); err != nil && !t.Caps.Deviations.EventualRead {
		return err
	}
	part, _, err := get(t, b, key, &blob.GetOptions{Range: blob.Bytes(100, 50)})
	if (err != nil || part != content[100:150]) && !t.Caps.Deviations.EventualRead {
		return fmt.Errorf("a range reads %q, %v", part, err)
	}
	if t.Caps.Copy {
		src, err := b.Source(ctx, key, nil)
		if err != nil {
			return err
		}
		if _, err := b.Copy(ctx, prefix+"copy", src, nil); err != nil {
			return err
		}
		keys = append(keys, prefix+"copy")
	}
	if t.Caps.Uploads.Supported {
		u, err := b.Upload(ctx, prefix+"upload", nil)
		if err != nil {
			return err
		}
		if _, err := u.Put(ctx, 1, io.NewSectionReader(strings.NewReader(content), 0, int64(len(content)))); err != nil {
			return err
		}
		if _, err := u.Complete(ctx); err != nil {
			return err
		}
		keys = append(keys, prefix+"upload")
	}
	var listed []string
	for o, err := range b.List(ctx, &blob.ListOptions{Prefix: prefix}) {
		if err != nil {
			return err
		}
		listed = append(listed, o.Key)
	}
	slices.Sort(keys)
	if !slices.Equal(listed, keys) && !t.Caps.Deviations.EventualList {
		return fmt.Errorf("%q are listed, not %q", listed, keys)
	}
	if err := b.Delete(ctx, key, nil); err != nil {
		return err
	}
	return b.DeleteEach(ctx, slices.Values(keys), nil)
}

func counterSoak(t *T) {
	const workers, increments = 64, 100
	t.Put("counter", "0")
	t.crowd(workers, func(int) {
		for done := 0; done < increments; {
			content, o, err := get(t, t.Bucket, "counter", nil)
			if errors.Is(err, blob.ErrChanged) {
				continue
			}
			n, nerr := strconv.Atoi(content)
			if err != nil || nerr != nil {
				t.Errorf("the counter reads %q, %v", content, err)
				return
			}
			_, err = t.Bucket.Put(t.ctx, "counter", bytes.NewReader(strconv.AppendInt(nil, int64(n+1), 10)), &blob.PutOptions{If: blob.IfMatch(o.ETag)})
			switch {
			case err == nil:
				done++
			case !errors.Is(err, blob.ErrPrecondition):
				t.Errorf("put: %v", err)
				return
			}
		}
	})
	t.WantContent("counter", strconv.Itoa(workers*increments))
}
