package b2

import (
	"context"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/keyspace"
	"github.com/holdall-go/holdall/internal/remote"
)

const (
	// page is how many names one call lists. B2 gives more, and charges each 1,000 as a call.
	// https://www.backblaze.com/apidocs/b2-list-file-names
	page = 1000

	actionFolder = "folder"
	actionHide   = "hide"
	actionStart  = "start"
)

func (b *bucket) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	if opts.Versions {
		return b.listVersions(ctx, opts)
	}
	return func(yield func(*blob.Object, error) bool) {
		if err := b.account.current().covers(opts.Prefix); err != nil {
			yield(nil, err)
			return
		}
		l := &listing{b: b, prefix: opts.Prefix, delimiter: opts.Delimiter, size: pageSize(opts), start: keyspace.SeekPast(opts.Start(), opts.Prefix, opts.Delimiter)}
		remote.Pages(ctx, "", l.page)(yield)
	}
}

// pageSize is how many entries are asked for at once.
func pageSize(opts *blob.ListOptions) int {
	size := page
	for _, n := range [...]int{opts.PageSize, opts.Limit} {
		if n > 0 {
			size = min(size, n)
		}
	}
	return size
}

// from returns a name that B2 can start from so that it lists start and what follows, and little else. Start may be no
// text, or hold the NUL that stands for "after".
func from(start string) string {
	if exact, ok := strings.CutSuffix(start, "\x00"); ok {
		if len(exact) < blob.MaxKeyBytes {
			return exact + " " // no name holds what sorts below a space
		}
		return exact
	}
	for !utf8.ValidString(start) {
		start = start[:len(start)-1]
	}
	return start
}

// A listing is one pass over the pages. By a delimiter of one byte B2 rolls up itself. What it does with a longer one
// it does not say, so those are rolled up here.
type listing struct {
	b                 *bucket
	prefix, delimiter string
	size              int
	start             string // entries before it are skipped
}

// page fetches the page that begins at a name.
func (l *listing) page(ctx context.Context, at string) (page remote.Page[*blob.Object, string], err error) {
	delimiter := l.delimiter
	if len(delimiter) > 1 {
		delimiter = ""
	}
	at = max(from(l.start), at) // where start is no text, its page may end before it
	var files []*base.File
	err = l.b.account.call(ctx, "b2_list_file_names", func(ctx context.Context) (err error) {
		files, page.Next, err = l.b.base.ListFileNames(ctx, l.size, at, l.prefix, delimiter)
		return err
	})
	if err != nil {
		return page, err
	}
	page.More = page.Next != ""
	page.Items = make([]*blob.Object, 0, len(files))
	for _, f := range files {
		if f.Name < l.start {
			continue
		}
		if common, rolled := keyspace.RollUp(f.Name, l.prefix, l.delimiter); rolled {
			page.Items = append(page.Items, &blob.Object{Key: common, IsPrefix: true})
			after, ok := keyspace.End(common)
			if l.start = after; !ok {
				page.More = false
				break
			}
			continue
		}
		page.Items = append(page.Items, l.b.object(f))
	}
	return page, nil
}
