package acl

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// Bodies are checked while they pass, so that a right that is revoked meanwhile ends a long download, and fails a write
// before it is published.

// A stream is checked again after so many bytes, or so much time, whichever is first.
const (
	checkBytes = 8 << 20
	checkAfter = time.Second
)

// A pace decides when a stream is to be checked again.
type pace struct {
	guard *Guard
	check func(context.Context) error

	mu    sync.Mutex
	last  instant // of the last check that allowed the stream to go on
	bytes int64   // since then
}

func (v *view) pace(check func(context.Context) error) *pace {
	return &pace{guard: v.guard, check: check, last: v.guard.clock.now()}
}

// passed notes n bytes, and checks if it is time to. After a check that failed, the next call checks again.
func (p *pace) passed(ctx context.Context, n int64) error {
	if p.guard.closed.Load() {
		return blob.ErrClosed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes += n
	now := p.guard.clock.now()
	if p.bytes < checkBytes && p.last.since(now) < checkAfter {
		return nil
	}
	if err := p.check(ctx); err != nil {
		p.bytes = checkBytes
		return err
	}
	p.last, p.bytes = now, 0
	return nil
}

// hook returns the Hook of a write: sending is checked while bytes flow, publishing before the object becomes visible.
func (v *view) hook(sending, publishing func(context.Context) error) *blob.Hook {
	return &blob.Hook{OnSend: v.pace(sending).passed, OnPublish: publishing}
}

// download is the body of a Reader. It delivers nothing that arrived after the right was found to be gone. Reader.WithBody
// shows it to everyone, so that no field of it is exported, not even to package reflect.
type download struct {
	body io.ReadCloser
	ctx  context.Context
	pace *pace
}

func (d *download) Read(p []byte) (int, error) {
	n, err := d.body.Read(p[:min(len(p), checkBytes)])
	if n > 0 || err == io.EOF {
		if cerr := d.pace.passed(d.ctx, int64(n)); cerr != nil {
			return 0, cerr
		}
	}
	return n, err
}

func (d *download) Close() error { return d.body.Close() }
