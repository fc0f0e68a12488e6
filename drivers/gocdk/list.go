package gocdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/keyspace"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// List passes over what comes before the start, since gocloud.dev cannot begin elsewhere than at the prefix.
func (b *bucket) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	if b.files || b.opts.SortListings {
		return b.sorted(ctx, opts)
	}
	return func(yield func(*blob.Object, error) bool) {
		start, last := opts.Start(), ""
		it := b.b.List(&gcblob.ListOptions{Prefix: opts.Prefix, Delimiter: opts.Delimiter})
		for {
			o, err := it.Next(ctx)
			if err == io.EOF {
				return
			}
			if err == nil && last != "" && o.Key <= last {
				err = fmt.Errorf("%w: gocloud.dev lists %q after %q, out of byte order; Options.SortListings is for such buckets",
					errors.ErrUnsupported, o.Key, last)
			}
			if err != nil {
				yield(nil, fromGo(err))
				return
			}
			if last = o.Key; o.Key < start {
				continue
			}
			if !yield(b.entry(o), nil) {
				return
			}
		}
	}
}

func (b *bucket) entry(o *gcblob.ListObject) *blob.Object {
	if o.IsDir {
		return &blob.Object{Key: o.Key, IsPrefix: true}
	}
	return &blob.Object{Key: o.Key, Size: o.Size, ModTime: o.ModTime.UTC().Round(0), Checksums: b.md5(o.MD5)}
}

// sorted lists all keys below the prefix, sorts them, and rolls them up here.
func (b *bucket) sorted(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		all, err := b.all(ctx, opts.Prefix)
		if err != nil {
			yield(nil, fromGo(err))
			return
		}
		start, common := opts.Start(), ""
		for _, o := range all {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			e := b.entry(o)
			if p, ok := keyspace.RollUp(o.Key, opts.Prefix, opts.Delimiter); ok {
				if p == common {
					continue
				}
				common, e = p, &blob.Object{Key: p, IsPrefix: true}
			}
			if e.Key >= start && !yield(e, nil) {
				return
			}
		}
	}
}

// firstPage is how many entries are asked for at first.
const firstPage = 1000

// all returns the objects below prefix in byte order. fileblob loses keys between pages, so it must answer in one: the
// page grows until everything is in it.
func (b *bucket) all(ctx context.Context, prefix string) ([]*gcblob.ListObject, error) {
	within := prefix
	if b.files {
		// fileblob looks for the folder of a prefix under its literal name, and may leave the bucket for one that no key
		// begins with.
		within = prefix[:strings.LastIndexByte(prefix, '/')+1]
		if within != "" && fileKeys().Check(within) != nil {
			return nil, nil
		}
	}
	for size, tries := firstPage, 0; ; {
		page, more, err := b.b.ListPage(ctx, gcblob.FirstPageToken, size, &gcblob.ListOptions{Prefix: within})
		if ctx.Err() != nil { // drivers need not look
			return nil, ctx.Err()
		}
		if tries++; b.files && tries < 100 && gcerrors.Code(err) == gcerrors.NotFound {
			continue // fileblob gives up when a file goes that it saw in its folder
		}
		if err != nil {
			return nil, err
		}
		if len(more) > 0 {
			size *= 8
			continue
		}
		if b.files && within != "" {
			page = append(page, b.marker(ctx, within)...)
		}
		page = slices.DeleteFunc(page, func(o *gcblob.ListObject) bool {
			return o.IsDir || !strings.HasPrefix(o.Key, prefix) || b.files && fileKeys().Check(o.Key) != nil
		})
		slices.SortFunc(page, func(x, y *gcblob.ListObject) int { return strings.Compare(x.Key, y.Key) })
		return page, nil
	}
}

// marker returns the object whose key is that of a folder, such as "a/". fileblob keeps it beside the folder, where a
// listing below the folder does not look.
func (b *bucket) marker(ctx context.Context, folder string) []*gcblob.ListObject {
	a, err := b.b.Attributes(ctx, folder)
	if err != nil {
		return nil
	}
	return []*gcblob.ListObject{{Key: folder, Size: a.Size, ModTime: a.ModTime, MD5: a.MD5}}
}
