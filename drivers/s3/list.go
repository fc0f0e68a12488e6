package s3

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/keyspace"
	"github.com/holdall-go/holdall/internal/remote"
	"github.com/holdall-go/holdall/internal/text"
)

const maxPage = 1000

func (b *bucket) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	if dots := b.flavour.dots(opts.Prefix); dots != nil {
		return b.listWithin(ctx, opts.Prefix[:dots[0]], opts)
	}
	if opts.Versions {
		return b.listVersions(ctx, opts)
	}
	start := keyspace.SeekPast(opts.Start(), opts.Prefix, opts.Delimiter)
	l := &listing{b: b, opts: opts, after: b.flavour.startAfter(start, opts.Prefix)}
	return fromKey(remote.Pages(ctx, "", l.page), start)
}

// fromKey yields the objects of a listing from a key on: the server starts a little before it.
func fromKey(listing iter.Seq2[*blob.Object, error], start string) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		for o, err := range listing {
			if (err != nil || o.Key >= start) && !yield(o, err) {
				return
			}
		}
	}
}

// listWithin yields what opts select out of a listing by a shorter prefix, since the server refuses theirs. No key has a
// slash between the end of the one and that of the other, or the dots were a segment: so by "/" the server rolls up the same.
func (b *bucket) listWithin(ctx context.Context, prefix string, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	wider := &blob.ListOptions{Prefix: prefix, StartAt: keyspace.SeekPast(opts.Start(), opts.Prefix, opts.Delimiter), Versions: opts.Versions}
	if opts.Delimiter == "/" {
		wider.Delimiter = "/"
	}
	return func(yield func(*blob.Object, error) bool) {
		last := ""
		for o, err := range b.List(ctx, wider) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !strings.HasPrefix(o.Key, opts.Prefix) {
				return
			}
			if common, rolled := keyspace.RollUp(o.Key, opts.Prefix, opts.Delimiter); rolled {
				if common == last {
					continue
				}
				last = common
				o = &blob.Object{Key: common, IsPrefix: true}
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

// startAfter is before, but for what the server refuses: there it goes back to before the dots.
func (f *flavour) startAfter(start, prefix string) string {
	after := before(start, prefix)
	if dots := f.dots(after); dots != nil {
		after = before(after[:dots[1]], prefix)
	}
	return after
}

// before returns a text that the server can start after so that it yields start and what follows, and little else. S3
// has no start that is included.
func before(start, prefix string) string {
	if start <= prefix {
		return ""
	}
	if exact, ok := strings.CutSuffix(start, "\x00"); ok {
		return exact
	}
	last, size := utf8.DecodeLastRuneInString(start)
	head := start[:len(start)-size]
	if last <= 1 || last == utf8.RuneError && size <= 1 {
		return head
	}
	last--
	if last >= 0xd800 && last <= 0xdfff { // surrogates are no text
		last = 0xd7ff
	}
	return head + string(last) + "\U0010ffff"
}

// A listing is one pass over the pages.
type listing struct {
	b     *bucket
	opts  *blob.ListOptions
	after string
	n     int // entries so far
}

// page fetches the page that token names, or the first if it is empty. Objects and prefixes come in two lists that are
// each in order, and are merged.
func (l *listing) page(ctx context.Context, token string) (page remote.Page[*blob.Object, string], err error) {
	size := maxPage
	if l.opts.PageSize > 0 && !l.b.flavour.wholePages {
		size = min(size, l.opts.PageSize)
	}
	if l.opts.Limit > 0 && !l.b.flavour.wholePages {
		size = min(size, max(l.opts.Limit-l.n, 1))
	}
	in := &s3.ListObjectsV2Input{Bucket: &l.b.name, Prefix: header(l.opts.Prefix), Delimiter: header(l.opts.Delimiter),
		EncodingType: types.EncodingTypeUrl, MaxKeys: aws.Int32(int32(size)), ContinuationToken: header(token)}
	if token == "" {
		in.StartAfter = header(l.after)
	}
	var out *s3.ListObjectsV2Output
	err = l.b.call(ctx, "ListObjectsV2", func(ctx context.Context) (err error) {
		out, err = l.b.client.ListObjectsV2(ctx, in)
		return requireField(err, func() *string { return out.Name }, "the name of the bucket")
	})
	if err != nil {
		return page, err
	}
	page.Next, page.More = aws.ToString(out.NextContinuationToken), aws.ToBool(out.IsTruncated)
	page.Items, err = merge(out.Contents, out.CommonPrefixes, out.EncodingType == types.EncodingTypeUrl)
	l.n += len(page.Items)
	return page, err
}

func merge(objects []types.Object, prefixes []types.CommonPrefix, encoded bool) ([]*blob.Object, error) {
	page := make([]*blob.Object, 0, len(objects)+len(prefixes))
	own := make([]blob.Object, len(objects)+len(prefixes))
	add := func(key *string) (*blob.Object, error) {
		name, err := unescape(aws.ToString(key), encoded)
		o := &own[len(page)]
		o.Key = name
		return o, err
	}
	for len(objects) > 0 || len(prefixes) > 0 {
		if len(objects) == 0 || len(prefixes) > 0 && keyLess(prefixes[0].Prefix, objects[0].Key, encoded) {
			o, err := add(prefixes[0].Prefix)
			if err != nil {
				return nil, err
			}
			o.IsPrefix = true
			page = append(page, o)
			prefixes = prefixes[1:]
			continue
		}
		o, err := add(objects[0].Key)
		if err != nil {
			return nil, err
		}
		o.Size, o.ModTime, o.ETag = aws.ToInt64(objects[0].Size), modTime(objects[0].LastModified), etag(objects[0].ETag)
		page = append(page, o)
		objects = objects[1:]
	}
	return page, nil
}

func keyLess(a, b *string, encoded bool) bool {
	if !encoded {
		return *a < *b
	}
	x, _ := unescape(*a, true)
	y, _ := unescape(*b, true)
	return x < y
}

// unescape reads a key of a listing, which is written as in a query: XML could not hold all keys.
func unescape(key string, encoded bool) (string, error) {
	if !encoded || strings.IndexByte(key, '%') < 0 && strings.IndexByte(key, '+') < 0 {
		return key, nil
	}
	name, err := url.QueryUnescape(key)
	if err != nil {
		return "", fmt.Errorf("the server listed the key %q, which is not encoded as it says", text.Printable(key))
	}
	return name, nil
}
