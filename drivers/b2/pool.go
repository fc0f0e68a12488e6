package b2

import (
	"context"
	"sync"
)

// A pool holds the upload URLs that are good and not in use. Each upload that is under way has one of its own, as
// Backblaze prescribes; one that failed in a way that speaks against its URL is not given back.
// https://www.backblaze.com/docs/cloud-storage-integration-checklist
type pool[P any] struct {
	mu   sync.Mutex
	idle []P
}

// mostIdle is how many are kept. They cost nothing but memory.
const mostIdle = 64

func (p *pool[P]) take() (place P, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return place, false
	}
	place, p.idle = p.idle[n-1], p.idle[:n-1]
	return place, true
}

func (p *pool[P]) give(place P) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < mostIdle {
		p.idle = append(p.idle, place)
	}
}

// uploadTo makes a call that uploads, at an upload URL of the pool, or at one that fetch gets.
func uploadTo[P any](ctx context.Context, a *account, call string, p *pool[P], fetch func(context.Context) (P, error), send func(context.Context, P) error) error {
	failed := false // then those of the pool may be no better, as tokens end together
	return a.call(ctx, call, func(ctx context.Context) error {
		var place P
		ok := false
		if !failed {
			place, ok = p.take()
		}
		if !ok {
			var err error
			if place, err = fetch(ctx); err != nil {
				return &finally{err}
			}
		}
		err := send(ctx, place)
		if e := exchangeOf(ctx).err; err == nil || e != nil && !e.place {
			p.give(place)
		} else {
			failed = true
		}
		return err
	})
}
