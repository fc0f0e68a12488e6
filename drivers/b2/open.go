package b2

import (
	"cmp"
	"context"
	"fmt"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
)

// A Bucket is a bucket of Backblaze B2. Beside the methods of [blob.Bucket] it has what B2 alone can do.
type Bucket struct {
	blob.Wrapper
	raw *bucket
}

// Name is the name of the bucket.
func (b *Bucket) Name() string { return b.raw.base.Name }

// ID is the ID of the bucket.
func (b *Bucket) ID() string { return b.raw.base.ID }

// Calls counts calls by the class that B2 charges them as: A is free, C is dearer than B.
// https://www.backblaze.com/cloud-storage/transaction-pricing
type Calls struct{ A, B, C int64 }

// Calls returns how many calls were made since the bucket was opened, those of Open and those that failed included. A
// download is counted when its Reader is closed or has come to its end. Config.Observe receives each of them.
func (b *Bucket) Calls() Calls {
	n := &b.raw.account.counts
	return Calls{n[classA].Load(), n[classB].Load(), n[classC].Load()}
}

// Open opens the bucket of that name, which must exist. It makes two calls, to get a token and to find the bucket's ID;
// for a key that is restricted to the bucket it makes the first alone. A key that is not accepted is fs.ErrPermission,
// a bucket that does not exist, or that the key may not see, is fs.ErrNotExist.
func Open(ctx context.Context, name string, cfg *Config) (*Bucket, error) {
	if cfg == nil {
		cfg = &Config{}
	}
	raw, err := open(ctx, name, cfg)
	if err != nil {
		return nil, &blob.Error{Op: "open", Bucket: "b2://" + name, Err: err}
	}
	return &Bucket{blob.Own(blob.Check(raw)), raw}, nil
}

func open(ctx context.Context, name string, cfg *Config) (*bucket, error) {
	if err := cmp.Or(cfg.check(), checkBucketName(name)); err != nil {
		return nil, err
	}
	a, err := cfg.account()
	if err != nil {
		return nil, err
	}
	client, g, err := a.authorize(ctx)
	if err != nil {
		return nil, err
	}
	a.grant = g
	var found []*base.Bucket
	err = a.call(ctx, "b2_list_buckets", func(ctx context.Context) (err error) {
		found, err = client.ListBuckets(ctx, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, one := range found {
		if one.Name == name {
			return newBucket(a, one, cfg), nil
		}
	}
	if only := g.APIInfo.StorageAPI.BucketName; only != "" {
		return nil, fmt.Errorf("%w: the application key is restricted to the bucket %q", blob.ErrNotExist, only)
	}
	return nil, fmt.Errorf("%w: the account has no bucket of that name", blob.ErrNotExist)
}
