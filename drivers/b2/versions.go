package b2

import (
	"context"
	"iter"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// listVersions yields every version of the objects that opts select, newest first, and their delete markers.
func (b *bucket) listVersions(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		if err := b.account.current().covers(opts.Prefix); err != nil {
			yield(nil, err)
			return
		}
		start := opts.Start()
		for f, err := range b.versions(ctx, from(start), opts.Prefix, pageSize(opts)) {
			switch {
			case err != nil:
				yield(nil, err)
				return
			case f.Name < start || f.Status == actionStart:
			case f.Status == actionHide:
				if !yield(&blob.Object{Key: f.Name, ModTime: f.Timestamp.UTC(), Version: f.ID, IsDeleteMarker: true}, nil) {
					return
				}
			default:
				if !yield(b.object(f), nil) {
					return
				}
			}
		}
	}
}

// versions yields the versions from a name on under a prefix, as B2 lists them: by name, the newest first. Unfinished
// uploads are among them.
func (b *bucket) versions(ctx context.Context, name, prefix string, size int) iter.Seq2[*base.File, error] {
	type version struct{ name, id string }
	return remote.Pages(ctx, version{name: name}, func(ctx context.Context, at version) (page remote.Page[*base.File, version], err error) {
		err = b.account.call(ctx, "b2_list_file_versions", func(ctx context.Context) (err error) {
			page.Items, page.Next.name, page.Next.id, err = b.base.ListFileVersions(ctx, size, at.name, at.id, prefix, "")
			return err
		})
		page.More = page.Next.name != ""
		return page, err
	})
}

// How many versions of one key are asked for at once: where the newest matter, and where all do. The rest of an answer
// is of other keys, and in vain.
const (
	fewVersions  = 10
	manyVersions = 100
)

// versionsOf yields the versions of one key, the newest first, in pages of a size.
func (b *bucket) versionsOf(ctx context.Context, key string, size int) iter.Seq2[*base.File, error] {
	return func(yield func(*base.File, error) bool) {
		for f, err := range b.versions(ctx, key, key, size) {
			if err == nil && f.Name != key { // the prefix selects longer names too
				return
			}
			if !yield(f, err) {
				return
			}
		}
	}
}
