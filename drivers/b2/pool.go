package b2

import (
	"context"
	"sync"

	"github.com/holdall-go/holdall/internal/remote"
)

// A pool holds the upload URLs that are valid and not in use. Each upload that is in progress has one of its own, as
// Backblaze prescribes. The URL of an upload that failed in a way that suggests that it is no longer valid is not given
// back.
// https://www.backblaze.com/docs/cloud-storage-integration-checklist
type pool[P any] struct {
	mu   sync.Mutex
	idle []P
}

// maxIdle is how many are kept. They cost nothing but memory.
const maxIdle = 64

func (p *pool[P]) take() (url P, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return url, false
	}
	url, p.idle = p.idle[n-1], p.idle[:n-1]
	return url, true
}

func (p *pool[P]) give(url P) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < maxIdle {
		p.idle = append(p.idle, url)
	}
}

// uploadTo makes a call that uploads, at an upload URL of the pool, or at one that fetch gets. Ambiguous reports whether a
// failed attempt may have been carried out.
func uploadTo[P any](ctx context.Context, a *account, call string, p *pool[P], fetch func(context.Context) (P, error), send func(context.Context, P) error) (ambiguous bool, err error) {
	failed := false // then those of the pool may be no better, as their tokens expire together
	return a.try(ctx, call, func(ctx context.Context) error {
		var url P
		ok := false
		if !failed {
			url, ok = p.take()
		}
		if !ok {
			var err error
			if url, err = fetch(ctx); err != nil {
				return remote.Final{Err: err}
			}
		}
		err := send(ctx, url)
		if x := exchangeOf(ctx); err == nil || x.failure != nil && !x.badURL {
			p.give(url)
		} else {
			failed = true
		}
		return err
	})
}
