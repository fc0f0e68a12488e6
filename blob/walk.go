package blob

import (
	"context"
	"errors"
	"io/fs"
)

// Walk calls fn for each object whose key begins with prefix, in ascending byte order. An error of fn stops the walk and
// is returned as it is; [fs.SkipAll] stops it without one. Fn may change the bucket: what it writes ahead of the walk
// may or may not be visited.
func Walk(ctx context.Context, b Bucket, prefix string, fn func(*Object) error) error {
	for o, err := range b.List(ctx, &ListOptions{Prefix: prefix}) {
		if err != nil {
			return err
		}
		switch err := fn(o); err {
		case nil:
		case fs.SkipAll:
			return nil
		default:
			return err
		}
	}
	return nil
}

// DeletePrefix removes every object whose key begins with the bytes of prefix, and nothing else, so "a/" leaves "a" and
// "ab", and "" empties the bucket. It returns how many it removed. Keys are deleted while they are listed, in memory for
// a page; every key is tried, and the error counts what is left. Whoever was interrupted calls it again.
func DeletePrefix(ctx context.Context, b Bucket, prefix string) (removed int64, err error) {
	var listing error
	keys := func(yield func(string) bool) {
		for o, err := range b.List(ctx, &ListOptions{Prefix: prefix}) {
			if err != nil {
				listing = err
				return
			}
			removed++
			if !yield(o.Key) {
				return
			}
		}
	}
	err = b.DeleteEach(ctx, keys, func(string, error) { removed-- })
	if listing != nil && err != nil {
		return removed, errors.Join(listing, err)
	}
	if listing != nil {
		return removed, listing
	}
	return removed, err
}
