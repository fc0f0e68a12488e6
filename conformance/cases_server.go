package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// What takes a server: connections to it, credentials for it, and its going away.
var serverCases = []Case{
	{ID: "A06", Doc: "how many requests it takes to open a bucket, recorded", Needs: throughProxy, Run: requestsAtOpen},
	{ID: "A13", Doc: "bad credentials are fs.ErrPermission in every call, at once, and change nothing", Needs: []Need{needDenied}, Run: badCredentials},
	{ID: "O10", Doc: "every answer is released: in the end no connection is busy, and few were opened", Needs: throughProxy, Run: answersReleased},
	{ID: "O11", Doc: "a hundred reads one after the other use at most five connections", Needs: throughProxy, Run: connectionsReused},
	{ID: "P30", Doc: "when a server that froze goes on, so do its clients, and no write that was acknowledged is lost", Needs: []Need{needPause}, Run: serverFreezes},
	{ID: "Q19", Doc: "what was acknowledged is there after the server crashed and started again", Needs: []Need{needRestart}, Run: serverCrashes},
}

func requestsAtOpen(t *T) {
	l := t.coldLink()
	t.Recordf("opening a bucket takes %d requests", len(l.proxy.Requests()))
	_, err := l.b.Stat(t.ctx, "k", nil)
	t.WantError("stat", err, fs.ErrNotExist)
	t.Recordf("with the first stat it is %d", len(l.proxy.Requests()))
}

func badCredentials(t *T) {
	t.Put("k", "x")
	t.Put(source, "x")
	before := t.Snapshot()
	b := t.Harness.Denied(t, t.Bucket)
	t.Cleanup(func() { _ = b.Close() })
	for _, c := range calls(t.Caps) {
		if c.op == "sign" || c.op == "source" {
			continue // neither asks the server
		}
		for _, key := range []string{"k", "missing"} {
			begin := time.Now()
			err := c.run(t.ctx, b, key)
			wantClass(t, c.name+" with bad credentials", err, fs.ErrPermission)
			if retryable(err) {
				t.Errorf("%s with bad credentials answers %v, which calls itself retryable", c.name, err)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%s with bad credentials took %v", c.name, took)
			}
			for _, secret := range t.Harness.Secrets {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the error of %s shows a secret", c.name)
				}
			}
		}
	}
	if after := t.Snapshot(); !maps.Equal(before, after) {
		t.Errorf("bad credentials changed %q to %q", before, after)
	}
}

// quiet waits until no connection of the proxy is busy.
func (l *link) quiet() {
	for deadline := time.Now().Add(5 * time.Second); l.proxy.Busy() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Errorf("%d connections are busy after the calls are over", l.proxy.Busy())
			return
		}
	}
}

func answersReleased(t *T) {
	l := t.link()
	t.Put("large", t.content(4<<20)) // more than the buffers of a connection hold
	t.Put("small", "x")
	for i := range 30 {
		t.Put(fmt.Sprintf("list/%02d", i), "x")
	}
	l.proxy.Forget()
	for range 20 {
		_, err := l.b.Stat(t.ctx, "missing", nil)
		t.WantError("stat", err, fs.ErrNotExist)
		_, _, err = get(t, l.b, "missing", nil)
		t.WantError("get", err, fs.ErrNotExist)
		if t.Caps.If.Put.Has(blob.KindAbsent) {
			_, err = l.b.Put(t.ctx, "small", strings.NewReader("y"), &blob.PutOptions{If: blob.IfAbsent})
			t.WantError("put", err, fs.ErrExist)
		}
		_, _, err = get(t, l.b, "small", &blob.GetOptions{Range: blob.From(100)})
		t.WantError("get beyond the end", err, blob.ErrRange)
		for _, err := range l.b.List(t.ctx, &blob.ListOptions{Prefix: "list/", PageSize: 10}) {
			t.WantOK("list", err)
			break
		}
	}
	if n := l.proxy.Dials(); n > 10 {
		t.Errorf("%d connections were opened for calls one after the other, so answers with an error, or listings that are abandoned, are not released", n)
	}
	l.quiet()
	// A body that is given up is worth no more than its connection.
	for range 5 {
		r, err := l.b.Get(t.ctx, "large", nil)
		t.WantOK("get", err)
		_, err = io.CopyN(io.Discard, r, 1000)
		t.WantOK("read", err)
		t.WantOK("close", r.Close())
		ctx, cancel := context.WithCancel(t.ctx)
		_, err = l.b.Get(ctx, "large", nil) // which is not closed, but whose context ends
		t.WantOK("get", err)
		cancel()
	}
	l.quiet()
}

func connectionsReused(t *T) {
	l := t.link()
	t.Put("k", "content")
	l.proxy.Forget()
	for range 100 {
		content, _, err := get(t, l.b, "k", nil)
		if err != nil || content != "content" {
			t.Fatalf("get: %q, %v", content, err)
		}
	}
	if n := l.proxy.Dials(); n > 5 {
		t.Errorf("a hundred reads one after the other opened %d connections", n)
	}
	if n := len(l.proxy.Requests()); n != 100 {
		t.Errorf("a hundred reads took %d requests", n)
	}
	l.quiet()
}

// steadyWrites are writers that store one object after the other, and know which were acknowledged.
type steadyWrites struct {
	t     *T
	stop  chan struct{}
	done  sync.WaitGroup
	mu    sync.Mutex
	acked map[string]string
	tried map[string]string
}

const writers = 4

// startWriting begins to write, with writers at once.
func (t *T) startWriting() *steadyWrites {
	w := &steadyWrites{t: t, stop: make(chan struct{}), acked: map[string]string{}, tried: map[string]string{}}
	for i := range writers {
		w.done.Go(func() { w.write(i) })
	}
	return w
}

func (w *steadyWrites) write(writer int) {
	for n := 0; ; n++ {
		select {
		case <-w.stop:
			return
		default:
		}
		key, content := fmt.Sprintf("w%d/%06d", writer, n), stamped(writer, n, 2000)
		w.mu.Lock()
		w.tried[key] = content
		w.mu.Unlock()
		_, err := w.t.Bucket.Put(w.t.ctx, key, strings.NewReader(content), nil)
		switch {
		case err == nil:
			w.mu.Lock()
			w.acked[key] = content
			w.mu.Unlock()
		case !retryable(err) && !errors.Is(err, blob.ErrAmbiguous):
			w.t.Errorf("put while the server is away answers %v, which is neither retryable nor ErrAmbiguous", err)
			return
		default:
			time.Sleep(10 * time.Millisecond) // who was refused need not hurry
		}
	}
}

func (w *steadyWrites) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acked)
}

// progress waits until n more writes were acknowledged.
func (w *steadyWrites) progress(n int) {
	from := w.count()
	for deadline := time.Now().Add(budget); w.count() < from+n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Errorf("%d writes were acknowledged in %v, not %d", w.count()-from, budget, n)
			return
		}
	}
}

// end stops the writers and reports what is not as they were told, as another handle sees it where there is one.
func (w *steadyWrites) end() {
	close(w.stop)
	w.t.within(2*budget, "writers that were told to stop", w.done.Wait)
	t := w.t
	for _, b := range t.handles() {
		listed := map[string]bool{}
		for _, key := range t.EntriesOf(b, nil) {
			listed[key] = true
		}
		for key, content := range w.acked {
			if !listed[key] {
				t.Errorf("%s was acknowledged and is not listed", key)
			}
			if got, _, err := get(t, b, key, nil); err != nil || got != content {
				t.Errorf("%s was acknowledged and holds %s, %v", key, brief(got), err)
			}
		}
		// What was not acknowledged is there whole or not at all.
		for key, content := range w.tried {
			if got, _, err := get(t, b, key, nil); !errors.Is(err, fs.ErrNotExist) && (err != nil || got != content) {
				t.Errorf("%s, which was not acknowledged, holds %s, %v", key, brief(got), err)
			}
		}
	}
	t.Recordf("%d of %d writes were acknowledged", len(w.acked), len(w.tried))
}

func serverFreezes(t *T) {
	w := t.startWriting()
	w.progress(20)
	frozen := 5 * time.Second
	if t.Tier == Short {
		frozen = time.Second
	}
	t.Harness.Pause(t, frozen)
	w.progress(20)
	w.end()
}

func serverCrashes(t *T) {
	t.Put("before", oldContent)
	var u blob.Upload
	if t.Caps.Uploads.Supported {
		u = t.begin("parts", nil)
		t.sendPart(u, 1, "a part")
	}
	w := t.startWriting()
	w.progress(20)
	t.Harness.Restart(t)
	w.progress(20)
	w.end()
	t.WantContent("before", oldContent)
	if u != nil {
		t.complete(u, "parts", "a part")
	}
}
