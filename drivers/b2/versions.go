package b2

import (
	"context"
	"iter"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
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
	return func(yield func(*base.File, error) bool) {
		id := ""
		for {
			var files []*base.File
			var nextName, nextID string
			err := b.account.call(ctx, "b2_list_file_versions", func(ctx context.Context) (err error) {
				files, nextName, nextID, err = b.base.ListFileVersions(ctx, size, name, id, prefix, "")
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, f := range files {
				if !yield(f, nil) {
					return
				}
			}
			if name, id = nextName, nextID; name == "" {
				return
			}
		}
	}
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
