package ceph

import (
	"context"
	"slices"
	"sync"
)

// contentInFlight is how many bytes of content one handle has under way at once. When a connection has more than 100 MiB
// (objecter_inflight_op_bytes) under way, librados lets every further call wait, however small, where neither the end of a
// ctx nor a timeout reaches it.
const contentInFlight = 64 << 20

// A room is what is left of a number of bytes. Who waits for some is served in turn.
type room struct {
	mu      sync.Mutex
	free    int64
	waiting []*turn
}

type turn struct {
	n    int64
	come chan struct{}
}

// take takes n bytes, which must not be more than the room had in the beginning.
func (r *room) take(ctx context.Context, n int64) error {
	r.mu.Lock()
	if len(r.waiting) == 0 && n <= r.free {
		r.free -= n
		r.mu.Unlock()
		return nil
	}
	t := &turn{n, make(chan struct{})}
	r.waiting = append(r.waiting, t)
	r.mu.Unlock()
	select {
	case <-t.come:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.waiting, t); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
	} else { // its turn came all the same
		r.free += n
	}
	r.serve()
	return ctx.Err()
}

// give gives n bytes back.
func (r *room) give(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free += n
	r.serve()
}

func (r *room) serve() {
	for len(r.waiting) > 0 && r.waiting[0].n <= r.free {
		r.free -= r.waiting[0].n
		close(r.waiting[0].come)
		r.waiting = r.waiting[1:]
	}
}
