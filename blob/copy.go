package blob

import (
	"context"
	"errors"
)

// Copy stores the object srcKey of src under dstKey of dst, which may be the same bucket, and returns what it made. The
// store copies by itself where both are of one driver that can; otherwise the bytes pass through this process, in the
// memory of a stream. Either way the copy is of one version of the source, appears whole or not at all, and is bound
// to the condition in opts. A copy onto itself leaves the content as it is.
//
// The source's attributes go along unless opts has others. If dst cannot keep them, Copy answers
// [errors.ErrUnsupported] and drops nothing silently. A copy through this process is verified by the digests that the
// source has, and by dst too, where it can. An error of the server's own copy, other than that it cannot, is final.
func Copy(ctx context.Context, dst Bucket, dstKey string, src Bucket, srcKey string, opts *CopyOptions) (*Object, error) {
	return copyFrom(ctx, dst, dstKey, origin{bucket: src, key: srcKey}, opts)
}

// An origin is what is copied: an object, or where it is pinned, one version of it.
type origin struct {
	bucket Bucket
	key    string
	source SourceOptions
	get    GetOptions
}

func copyFrom(ctx context.Context, dst Bucket, key string, from origin, opts *CopyOptions) (*Object, error) {
	if opts == nil {
		opts = &zeroCopy
	}
	src, err := from.bucket.Source(ctx, from.key, &from.source)
	if err == nil {
		var o *Object
		if o, err = dst.Copy(ctx, key, src, opts); err == nil {
			return o, nil
		}
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	return stream(ctx, dst, key, from, opts)
}

// stream copies through this process. The Reader holds the version that it opened.
func stream(ctx context.Context, dst Bucket, key string, from origin, opts *CopyOptions) (*Object, error) {
	r, err := from.bucket.Get(ctx, from.key, &from.get)
	if err != nil && from.get != zeroGet {
		err = changed(err)
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	put := PutOptions{Size: r.Size, If: opts.If, Attributes: r.Attributes, Hook: opts.Hook, Provider: opts.Provider}
	if opts.Attributes != nil {
		put.Attributes = *opts.Attributes
	}
	for a := range dst.Capabilities().Checksums.In.All() {
		if sum, ok := r.Checksums.Get(a); ok {
			put.Checksums = put.Checksums.With(a, sum)
			break // one is proof enough, and some stores take no more
		}
	}
	return dst.Put(ctx, key, r, &put)
}
