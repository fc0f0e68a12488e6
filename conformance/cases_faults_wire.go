package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance/faultproxy"
)

// Connections that break, hang or crawl.
var faultWireCases = []Case{
	{ID: "D28", Doc: "a reader who pauses for longer than an idle connection may is not cut off", Needs: throughProxy, Tier: Default, Run: slowConsumer},
	{ID: "P09", Doc: "a server that refuses connections is a retryable error, and the same handle works when it is back", Needs: throughProxy, Run: connectionRefused},
	{ID: "P10", Doc: "a connection that is reset before an answer is made again, and the call succeeds", Needs: throughProxy, Run: resetFirst},
	{ID: "P11", Doc: "a put whose connection is reset in the body, at any place, stores all of it or nothing", Needs: throughProxy, Run: resetInRequest},
	{ID: "P12", Doc: "content whose connection is reset is read on, or an error, and never of two versions", Needs: throughProxy, Run: resetInResponse},
	{ID: "P13", Doc: "an answer that ends early, in good order, is never taken for the whole", Needs: throughProxy, Run: truncatedOnTheWire},
	{ID: "P16", Doc: "a server that says nothing is given up after the idle timeout, or when the context ends, and one that goes on slowly is not", Needs: throughProxy, Tier: Default, Run: stalls},
	{ID: "P17", Doc: "latency that varies changes nothing, and no request is sent twice", Needs: throughProxy, Run: latency},
	{ID: "P18", Doc: "content comes and goes whole at 64 KB a second", Needs: throughProxy, Tier: Default, Run: narrow},
	{ID: "P19", Doc: "answers that come a byte at a time are whole", Needs: throughProxy, Run: byteByByte},
	{ID: "P20", Doc: "a connection that closes late holds nobody up", Needs: throughProxy, Run: closesLate},
}

func connectionRefused(t *T) {
	l, all := t.link(), []operation{statOperation, getOperation, listOperation, putOperation, deleteOperation}
	calls := make([]func(context.Context, blob.Bucket) error, len(all))
	key := func(i int) string { return "refused-" + all[i].name }
	for i, op := range all {
		calls[i] = op.prepare(l, key(i))
	}
	l.proxy.Down()
	t.crowd(len(all), func(i int) {
		l.try(key(i), all[i].name+" while the server is away", calls[i]).temporary().within(budget)
	})
	for i, op := range all {
		op.undone(t, key(i))
	}
	t.WantOK("the server's return", l.proxy.Up())
	for i, op := range all {
		l.try(key(i), op.name+" when the server is back", calls[i]).succeeds().attempts(1, 2)
		op.done(t, key(i))
	}
}

func resetFirst(t *T) {
	l := t.link()
	l.everywhere("once", t.operations(), one(faultproxy.Reset), func(op operation, key string, r *trial) {
		r.settled(op, key).within(budget / 2)
		if r.err == nil {
			r.attempts(2, mostAttempts)
		}
	})
	// By itself: net/http repeats a request on each connection that was used before and breaks, so the more calls run at the
	// same time, the more often one request is sent.
	l.everywhere("always", t.operations(), one(func() *faultproxy.Fault { return faultproxy.Reset().Forever() }), func(op operation, key string, r *trial) {
		most := mostAttempts
		if op.write {
			r.open()
		} else {
			r.temporary()
			most *= 2 // net/http itself repeats what can be repeated if a connection breaks that was used before
		}
		r.attempts(1, most)
		op.undone(t, key)
	})
}

// putSize is that of puts which are cut.
const putSize = 300 << 10

// put stores content by a body that can be read again, or only once.
func (l *link) put(key, content string, seeks bool, opts *blob.PutOptions, faults ...*faultproxy.Fault) *trial {
	what := "put of a stream"
	if seeks {
		what = "put"
	}
	return l.try(key, what, func(ctx context.Context, b blob.Bucket) error {
		var body io.Reader = strings.NewReader(content)
		if !seeks {
			body = struct{ io.Reader }{body}
		}
		o, err := b.Put(ctx, key, body, opts)
		if err == nil && o.Size != int64(len(content)) {
			return falsely("the size is %d", o.Size)
		}
		return err
	}, faults...)
}

func resetInRequest(t *T) {
	l, content := t.link(), t.content(putSize)
	var parts []func()
	for _, at := range []int64{1, 256 << 10, putSize - 1} {
		for _, seeks := range []bool{true, false} {
			parts = append(parts, func() {
				key := fmt.Sprintf("cut%d-%v", at, seeks)
				t.Put(key, oldContent)
				r := l.put(key, content, seeks, nil, faultproxy.ResetRequest(at)).attempts(1, mostAttempts).within(budget / 2)
				if seeks {
					r.succeeds().attempts(2, mostAttempts)
				}
				if r.err == nil {
					t.WantContent(key, content)
					return
				}
				r.open() // a driver that cannot read the body again returns an error
				holdsOld(t, key)
			})
		}
	}
	t.sideBySide(parts...)
	t.Put("always", oldContent)
	l.put("always", content, true, nil, faultproxy.ResetRequest(256<<10).Forever()).open().attempts(2, mostAttempts)
	holdsOld(t, "always")
	if t.Caps.Uploads.Supported {
		resetInPart(t, l)
	}
	t.wantNoUploads("puts whose connection was reset")
}

// resetInPart cuts a put that goes in parts, where it does, at the end of the first and at its last byte.
func resetInPart(t *T, l *link) {
	part := max(t.partSize(), 100_000)
	content := t.content(int(2*part) + 1)
	for _, at := range []int64{part / 2, part - 1, part} {
		key := fmt.Sprintf("part%d", at)
		r := l.put(key, content, true, &blob.PutOptions{PartSize: part, Size: int64(len(content))}, faultproxy.ResetRequest(at))
		if r.succeeds().attempts(2, mostAttempts); r.err == nil {
			t.WantContent(key, content)
		}
	}
}

// read reads an object to its end, and reports bytes that are not its.
func (l *link) read(key, content string, faults ...*faultproxy.Fault) *trial {
	return l.try(key, "get", func(ctx context.Context, b blob.Bucket) error {
		r, err := b.Get(ctx, key, nil)
		if err != nil {
			return err
		}
		defer r.Close()
		got, err := io.ReadAll(r)
		if !strings.HasPrefix(content, string(got)) || err == nil && len(got) != len(content) {
			l.t.Errorf("get of %d bytes delivers %d that are not theirs: %v", len(content), len(got), err)
		}
		return err
	}, faults...)
}

func resetInResponse(t *T) {
	l, content := t.link(), t.content(1<<20)
	reads := []func(){func() {
		t.Put("always", content)
		if r := l.read("always", content, faultproxy.ResetResponse(300_000).Forever()).attempts(1, 2*mostAttempts); r.err != nil {
			r.temporary()
		}
		t.WantContent("always", content)
	}}
	for _, at := range []int64{0, 1, 256 << 10, 1<<20 - 1} {
		reads = append(reads, func() {
			key := fmt.Sprintf("cut%d-once", at)
			t.Put(key, content)
			r := l.read(key, content, faultproxy.ResetResponse(at)).attempts(1, mostAttempts).within(budget / 2)
			if r.err != nil {
				r.temporary()
			}
			t.WantContent(key, content)
		})
	}
	t.sideBySide(reads...)
	resumeIsPinned(t)
}

// resumeIsPinned overwrites, or deletes, an object in the moment in which its reader loses the connection.
func resumeIsPinned(t *T) {
	l := t.link()
	const size = 1 << 20
	for name, change := range map[string]func(key string){
		"overwritten": func(key string) { t.Put(key, strings.Repeat("n", size)) },
		"deleted":     func(key string) { t.Delete(key) },
	} {
		for way, read := range map[string]func(ctx context.Context, b blob.Bucket, key string) (string, error){
			"get":      func(ctx context.Context, b blob.Bucket, key string) (string, error) { return readSome(ctx, b, key) },
			"download": downloaded,
			"readat":   readAtOnce,
		} {
			if way != "get" && !canPin(t.Caps) {
				continue
			}
			key := name + "-" + way
			content := strings.Repeat("o", size)
			t.Put(key, content)
			var got string
			r := l.try(key, way+" of what is "+name, func(ctx context.Context, b blob.Bucket) (err error) {
				got, err = read(ctx, b, key)
				return err
			}, faultproxy.ResetResponse(300_000).On("GET").Then(func() { change(key) }))
			switch {
			case strings.Contains(got, "n"):
				t.Errorf("%s: two versions are mixed: %v", r.what, r.err)
			case r.err == nil && got != content:
				t.Errorf("%s: succeeds with %d bytes of %d", r.what, len(got), size)
			case r.err != nil && !errors.Is(r.err, blob.ErrChanged):
				r.temporary()
			}
			r.attempts(1, mostAttempts)
		}
	}
}

func readSome(ctx context.Context, b blob.Bucket, key string) (string, error) {
	r, err := b.Get(ctx, key, nil)
	if err != nil {
		return "", err
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	return string(got), err
}

func downloaded(ctx context.Context, b blob.Bucket, key string) (string, error) {
	to := &grows{}
	_, err := blob.Download(ctx, b, key, to, &blob.DownloadOptions{Concurrency: 1})
	return string(to.content), err
}

// grows is an io.WriterAt for one goroutine.
type grows struct{ content []byte }

func (g *grows) WriteAt(p []byte, off int64) (int, error) {
	if missing := off + int64(len(p)) - int64(len(g.content)); missing > 0 {
		g.content = append(g.content, make([]byte, missing)...)
	}
	return copy(g.content[off:], p), nil
}

func readAtOnce(ctx context.Context, b blob.Bucket, key string) (string, error) {
	r, err := blob.OpenAt(ctx, b, key, nil)
	if err != nil {
		return "", err
	}
	defer r.Close()
	content := make([]byte, r.Size())
	n, err := r.ReadAt(content, 0)
	if n == len(content) && err == io.EOF {
		err = nil
	}
	return string(content[:n]), err
}

// truncatedOnTheWire cuts answers, and, where content has a checksum, falsifies their length, too.
func truncatedOnTheWire(t *T) {
	l, content := t.link(), t.content(300_000)
	t.Put("k", content)
	wrong := []func(n int64) *faultproxy.Fault{faultproxy.TruncateResponse}
	if t.Caps.Checksums.Out != 0 {
		wrong = append(wrong, faultproxy.ShortenResponse)
	}
	for _, fault := range wrong {
		for _, at := range []int64{0, 1, 150_000, 299_999} {
			r := l.read("k", content, fault(at).On("GET")).attempts(1, mostAttempts).within(budget / 2)
			if r.err != nil && !errors.Is(r.err, io.ErrUnexpectedEOF) && !errors.Is(r.err, blob.ErrChecksum) {
				r.temporary()
			}
		}
		l.read("k", content, fault(100_000).On("GET").Forever()).attempts(1, 2*mostAttempts)
	}
	t.WantContent("k", content)
	truncatedListing(t, l, wrong)
}

func truncatedListing(t *T, l *link, wrong []func(n int64) *faultproxy.Fault) {
	var keys []string
	for i := range 50 {
		keys = append(keys, fmt.Sprintf("listing/%02d", i))
	}
	t.fill(keys...)
	for _, fault := range append(wrong, faultproxy.ShortenResponse) {
		for _, at := range []int64{0, 1, 1000, 2000} {
			var got []string
			r := l.try("listing", "list", func(ctx context.Context, b blob.Bucket) (err error) {
				got, err = keysOf(ctx, b, "listing/")
				return err
			}, fault(at)).attempts(1, mostAttempts).within(budget / 2)
			if len(got) > len(keys) || strings.Join(got, " ") != strings.Join(keys[:len(got)], " ") || r.err == nil && len(got) != len(keys) {
				t.Errorf("%s: %d of %d keys, and %v", r.what, len(got), len(keys), r.err)
			}
		}
	}
}

func stalls(t *T) {
	l, all := t.link(), t.operations()
	// An ended context ends the wait at once; O04 has all calls.
	cancelStalled(t, l, []operation{statOperation, putOperation}, faultproxy.Stall)
	content := t.content(1 << 20)
	t.Put("half", content)
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	l.try("half", "get that stalls in the middle", func(_ context.Context, b blob.Bucket) error {
		_, err := blob.ReadAll(ctx, b, "half")
		return err
	}, faultproxy.StallResponse(1000).Then(cancel)).class(context.Canceled).within(cancelled)

	idle := t.Harness.IdleTimeout
	if idle == 0 {
		t.Recordf("nothing but the ctx ends the wait for a server that says nothing")
		return
	}
	l.everywhere("stall", all, one(faultproxy.Stall), func(op operation, key string, r *trial) {
		r.settled(op, key).attempts(1, mostAttempts).within(2*idle + 5*time.Second)
		if r.took < idle/2 {
			t.Errorf("%s: a server that says nothing is given up after %v; the idle timeout is %v", r.what, r.took, idle)
		}
	})
	if r := l.read("half", content, faultproxy.StallResponse(300_000)).within(2*idle + 5*time.Second); r.err != nil {
		r.temporary()
	}
	// Four times as long as the timeout, and never idle for a twentieth of a second.
	rate := int(float64(len(content)) / (4 * idle.Seconds()))
	l.read("half", content, faultproxy.Bandwidth(rate)).succeeds().attempts(1, 1)
}

// cancelStalled cancels each operation when the server has its request, and says nothing.
func cancelStalled(t *T, l *link, all []operation, stall func() *faultproxy.Fault) {
	calls := make([]func(context.Context, blob.Bucket) error, len(all))
	key := func(i int) string { return "hole-" + all[i].name }
	for i, op := range all {
		calls[i] = op.prepare(l, key(i))
	}
	t.crowd(len(all), func(i int) {
		ctx, cancel := context.WithCancel(t.ctx)
		defer cancel()
		l.try(key(i), all[i].name+" in a black hole", func(_ context.Context, b blob.Bucket) error { return calls[i](ctx, b) },
			stall().Then(cancel)).class(context.Canceled).attempts(1, 1).within(cancelled)
	})
	for i, op := range all {
		op.undone(t, key(i))
	}
}

// cancelInBlackHole is for O04: a server that takes requests and says nothing.
func cancelInBlackHole(t *T) {
	l := t.link()
	t.NoLeaks(func() { cancelStalled(t, l, t.operations(), faultproxy.Stall) })
}

func slowConsumer(t *T) {
	l, content := t.link(), t.content(8<<20) // more than the buffers of the connections hold
	t.Put("k", content)
	pause := max(2*t.Harness.IdleTimeout, 500*time.Millisecond)
	l.try("k", "get by a slow reader", func(ctx context.Context, b blob.Bucket) error {
		r, err := b.Get(ctx, "k", nil)
		if err != nil {
			return err
		}
		defer r.Close()
		got := make([]byte, 1024)
		for range 2 {
			if _, err := io.ReadFull(r, got); err != nil {
				return err
			}
			time.Sleep(pause)
		}
		rest, err := io.ReadAll(r)
		if err == nil && string(rest) != content[2048:] {
			return falsely("%d other bytes", len(rest))
		}
		return err
	}).succeeds().attempts(1, 1).within(2*pause + budget/4)
}

func latency(t *T) {
	l := t.link()
	least, most := 100*time.Millisecond, 300*time.Millisecond
	slow := one(func() *faultproxy.Fault { return faultproxy.Delay(least, most).Forever() })
	l.everywhere("slow", t.operations(), slow, func(op operation, key string, r *trial) {
		r.succeeds().attempts(1, 1).within(budget / 4)
		if r.took < least {
			t.Errorf("%s: took %v, less than its request was held up", r.what, r.took)
		}
		op.done(t, key)
	})
	var keys []string
	for i := range 30 {
		keys = append(keys, fmt.Sprintf("page/%02d", i))
	}
	t.fill(keys...)
	l.try("page", "list in small pages", func(ctx context.Context, b blob.Bucket) error {
		i := 0
		for o, err := range b.List(ctx, &blob.ListOptions{Prefix: "page/", PageSize: 10}) {
			if err != nil {
				return err
			}
			if i >= len(keys) || o.Key != keys[i] {
				return falsely("entry %d is %q", i, o.Key)
			}
			i++
		}
		if i != len(keys) {
			return falsely("%d entries", i)
		}
		return nil
	}, faultproxy.Delay(least, most).Forever()).succeeds().attempts(1, 1)
}

func narrow(t *T) {
	const rate = 64_000
	takes := func(size int) time.Duration { return time.Duration(size) * time.Second / rate }
	size := 2 * rate
	l, content := t.link(), t.content(size)
	t.Put("get", content)
	r := l.read("get", content, faultproxy.Bandwidth(rate).On("GET")).succeeds().attempts(1, 1).within(budget / 2)
	if r.took < takes(size)*3/4 {
		t.Errorf("%s: took %v", r.what, r.took)
	}
	// The buffers of a connection take what is sent at once, and then the answer is waited for.
	if idle := t.Harness.IdleTimeout; idle > 0 {
		size = min(size, int(rate*idle.Seconds()/4))
	}
	r = l.put("put", content[:size], true, nil, t.toWrites(faultproxy.Bandwidth(rate))).succeeds().attempts(1, 1).within(budget / 2)
	if r.took < takes(size)*3/4 {
		t.Errorf("%s: took %v", r.what, r.took)
	}
	t.WantContent("put", content[:size])
}

func byteByByte(t *T) {
	l := t.link()
	sliced := one(func() *faultproxy.Fault { return faultproxy.Slices(1).Forever() })
	l.everywhere("sliced", t.operations(), sliced, func(op operation, key string, r *trial) {
		r.succeeds().attempts(1, 1).within(budget / 2)
		op.done(t, key)
	})
	content := t.content(20_000)
	t.Put("k", content)
	l.read("k", content, faultproxy.Slices(1)).succeeds().attempts(1, 1).within(budget / 2)
}

func closesLate(t *T) {
	l := t.link()
	late := one(func() *faultproxy.Fault { return faultproxy.SlowClose(budget).Forever() })
	l.everywhere("late", t.operations(), late, func(op operation, key string, r *trial) {
		r.succeeds().attempts(1, 1).within(5 * time.Second)
		op.done(t, key)
	})
}
