package ceph

import (
	"context"
	"fmt"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
)

// TestConformance runs the suite on the driver over a cluster in memory, whose pages are short, with the content in the
// pool of the entries and in another.
func TestConformance(t *testing.T) {
	t.Run("one pool", func(t *testing.T) { conformance.Run(t, harness("")) })
	t.Run("two pools", func(t *testing.T) { conformance.Run(t, harness("data"), conformance.InTier(conformance.Short)) })
}

func harness(dataPool string) conformance.Harness {
	c := newFakeCluster("pool", "data")
	made := 0
	open := func(t *conformance.T, namespace string, create bool) blob.Bucket {
		b, err := c.open(t.Context(), "pool", namespace, &Config{Create: create, DataPool: dataPool})
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return b
	}
	return conformance.Harness{
		Name: "ceph:fake",
		Open: func(t *conformance.T) blob.Bucket {
			made++
			namespace := fmt.Sprint(made)
			c.at("pool", namespace).maxPage = 7
			return open(t, namespace, true)
		},
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket {
			return open(t, b.(*Bucket).Namespace(), false)
		},
		Nonexistent: func(t *conformance.T) (blob.Bucket, error) {
			b, err := c.open(t.Context(), "pool", "nonexistent", nil)
			if err != nil {
				return nil, err
			}
			return b, nil
		},
		Impossible: map[conformance.Hook]string{
			conformance.HookURL:      "the cluster is in the memory of the test",
			conformance.HookForeign:  "the entries are the driver's own",
			conformance.HookEndpoint: "there is no server",
			conformance.HookProxied:  "there is no server",
			conformance.HookDenied:   "there is no server",
			conformance.HookRestart:  "there is no server",
			conformance.HookPause:    "there is no server",
		},
		Corrupt: func(t *conformance.T, b blob.Bucket, key string, off int64) { flip(b.(*Bucket), key, off) },
	}
}

// flip flips a bit of the content of key.
func flip(b *Bucket, key string, off int64) {
	index, data := b.raw.index.(*fakePool), b.raw.data.(*fakePool)
	h, err := b.raw.look(context.Background(), key)
	if err != nil || h == nil {
		panic("nothing to flip")
	}
	if h.entry.Inline {
		index.objects[b.raw.shard(key)].omap[tagContent+key][off] ^= 1
		return
	}
	pieces, err := h.entry.pieces(h.beside)
	if err != nil {
		panic(err)
	}
	p := pieces[off/pieces[0].size]
	off %= pieces[0].size
	data.objects[p.object(off/chunkSize)].content[off%chunkSize] ^= 1
}
