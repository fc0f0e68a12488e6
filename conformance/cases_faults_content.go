package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance/faultproxy"
)

// Content that changes on its way.
var faultContentCases = []Case{
	{ID: "C23", Doc: "a put of which the server is sent less, and told that this is all, stores nothing", Needs: throughProxy, Run: shortenedPut},
	{ID: "P21", Doc: "a bit that flips in an answer is ErrChecksum, or the content comes again and is right", Needs: append([]Need{needChecksumOut}, throughProxy...), Run: flippedOnTheWire},
	{ID: "P22", Doc: "a bit that flips in a put, or in a part, stores nothing, or the content goes again and is right", Needs: append([]Need{needChecksumIn}, throughProxy...), Run: flippedPut},
}

func shortenedPut(t *T) {
	l, content := t.link(), t.content(putSize)
	var parts []func()
	for _, at := range []int64{0, 1, putSize / 2, putSize - 1} {
		for _, always := range []bool{false, true} {
			parts = append(parts, func() {
				key := fmt.Sprintf("short%d-%v", at, always)
				t.Put(key, oldContent)
				fault := t.toWrites(faultproxy.ShortenRequest(at))
				if always {
					fault.Forever()
				}
				r := l.put(key, content, true, nil, fault).attempts(1, mostAttempts).within(budget / 2)
				switch {
				case always:
					r.fails()
					holdsOld(t, key)
				case r.err == nil:
					r.attempts(2, mostAttempts)
					t.WantContent(key, content)
				default:
					holdsOld(t, key)
				}
			})
		}
	}
	t.sideBySide(parts...)
	t.wantNoUploads("puts that were sent short")
}

func flippedOnTheWire(t *T) {
	l := t.link()
	for _, size := range []int{1, 1000, 300_001} {
		key, content := fmt.Sprintf("flip%d", size), t.content(size)
		t.Put(key, content)
		for _, at := range []int{0, size / 2, size - 1} {
			if r := l.readFlipped(key, content, faultproxy.FlipResponse(int64(at)).On("GET")); r.err != nil {
				r.class(blob.ErrChecksum)
			}
			l.readFlipped(key, content, faultproxy.FlipResponse(int64(at)).On("GET").Forever()).class(blob.ErrChecksum)
		}
		t.WantContent(key, content)
	}
}

// readFlipped reads an object of which a bit flips. Only the end shows that, so what was delivered before may be wrong.
func (l *link) readFlipped(key, content string, fault *faultproxy.Fault) *trial {
	return l.try(key, fmt.Sprintf("get of %d bytes", len(content)), func(ctx context.Context, b blob.Bucket) error {
		got, err := blob.ReadAll(ctx, b, key)
		if err == nil && string(got) != content {
			l.t.Errorf("content that changed on its way is delivered without an error")
		}
		return err
	}, fault).attempts(1, mostAttempts).within(budget / 2)
}

func flippedPut(t *T) {
	l, content := t.link(), t.content(putSize)
	var puts []func()
	for _, at := range []int64{100, putSize / 2, putSize - 100} {
		puts = append(puts, func() {
			key := fmt.Sprintf("flip%d-once", at)
			t.Put(key, oldContent)
			r := l.put(key, content, true, nil, t.toWrites(faultproxy.FlipRequest(at)))
			t.wantStoredOrRefused(r, key, content)
		}, func() {
			key := fmt.Sprintf("flip%d-always", at)
			t.wantChecksumRefused(l.put(key, content, true, nil, t.toWrites(faultproxy.FlipRequest(at)).Forever()))
			t.WantMissing(key)
		})
	}
	t.sideBySide(puts...)
	t.wantNoUploads("puts that changed on their way")
	if !t.Caps.Uploads.Supported {
		return
	}
	u := l.uploadThrough("parts", nil)
	sendPart := func(ctx context.Context, _ blob.Bucket) error {
		_, err := u.Put(ctx, 1, section(newContent))
		return err
	}
	flip := faultproxy.FlipRequest(int64(len(newContent)/2)).On("PUT", "POST").Forever()
	t.wantChecksumRefused(l.try("parts", "part", sendPart, flip))
	if parts := t.parts(u); len(parts) > 0 {
		t.Errorf("a part that changed on its way has arrived: %+v", parts)
	}
	l.try("parts", "part when it is over", sendPart).succeeds().attempts(1, 1)
	_, err := u.Complete(t.ctx)
	t.WantOK("completion", err)
	holdsNew(t, "parts")
}

func (t *T) wantStoredOrRefused(r *trial, key, content string) {
	r.attempts(1, mostAttempts).within(budget / 2)
	if r.err == nil {
		r.attempts(2, mostAttempts)
		t.WantContent(key, content)
		return
	}
	t.wantChecksumRefused(r)
	holdsOld(t, key)
}

// wantChecksumRefused reports an error of another class. A server may see a flipped bit in the framing of a body, which
// is no longer a matter of checksums.
func (t *T) wantChecksumRefused(r *trial) {
	if r.fails().attempts(1, mostAttempts); r.err != nil && !errors.Is(r.err, blob.ErrChecksum) {
		t.Recordf("%s: %q", r.what, classes(r.err))
	}
}

// readOnceThroughFaults is for P28: what is tried again is what was read, or nothing is.
func readOnceThroughFaults(t *T) {
	l, content := t.link(), t.content(putSize)
	for name, fault := range map[string]*faultproxy.Fault{
		"503":   t.toWrites(faultproxy.Status(http.StatusServiceUnavailable)),
		"reset": faultproxy.ResetRequest(256 << 10),
		"lost":  t.toWrites(faultproxy.DropResponse()),
	} {
		body := &oneWay{r: strings.NewReader(content)}
		r := l.try(name, "put of a stream", func(ctx context.Context, b blob.Bucket) error {
			_, err := b.Put(ctx, name, struct{ io.ReadCloser }{body}, nil)
			return err
		}, fault).attempts(1, mostAttempts).within(budget / 2)
		if body.read > putSize || body.closes > 0 {
			t.Errorf("%s: of a stream of %d bytes %d were read, and it was closed %d times", r.what, putSize, body.read, body.closes)
		}
		if r.err == nil {
			t.WantContent(name, content)
			continue
		}
		if r.open(); name != "lost" {
			t.WantMissing(name)
		}
	}
}
