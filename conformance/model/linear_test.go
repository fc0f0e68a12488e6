package model

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

func TestRacyBucketIsNotLinearizable(t *testing.T) {
	for seed := range uint64(20) {
		why := explain(t.Context(), blob.Check(&looksFirst{blob.Wrap(mem.New(nil))}), Load{Clients: 16, Seed: seed + 1})
		if errors.Is(why, errNotLinearizable) {
			return
		}
	}
	t.Error("a bucket that looks first and then writes passes as linearizable")
}

// looksFirst judges a condition by a look that comes before the write.
type looksFirst struct{ blob.Wrapper }

func (d *looksFirst) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	current, err := d.Stat(ctx, key, nil)
	if err != nil {
		current = nil
	}
	if err := opts.If.Eval(current); err != nil {
		return nil, err
	}
	runtime.Gosched()
	o := *opts
	o.If = blob.Condition{}
	return d.Wrapper.Put(ctx, key, body, &o)
}
