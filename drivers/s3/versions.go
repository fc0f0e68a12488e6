package s3

import (
	"context"
	"errors"
	"iter"

	"github.com/holdall-go/holdall/blob"
)

func (b *bucket) listVersions(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) { yield(nil, errors.ErrUnsupported) }
}
