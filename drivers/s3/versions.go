package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

// listVersions yields every version of the objects that opts select, newest first, and their delete markers.
func (b *bucket) listVersions(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	start := opts.Start()
	size := maxPage
	if opts.PageSize > 0 {
		size = min(size, opts.PageSize)
	}
	in := s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: header(opts.Prefix), EncodingType: types.EncodingTypeUrl, MaxKeys: aws.Int32(int32(size))}
	first := versionMarker{key: b.flavour.startAfter(start, opts.Prefix)}
	return fromKey(remote.Pages(ctx, first, func(ctx context.Context, at versionMarker) (remote.Page[*blob.Object, versionMarker], error) {
		in := in
		in.KeyMarker, in.VersionIdMarker = header(at.key), header(at.version)
		return b.versionsPage(ctx, &in)
	}), start)
}

// A versionMarker is the place in a listing of versions after which a page begins.
type versionMarker struct{ key, version string }

// versionsPage puts versions and delete markers, which the SDK returns in two lists, back into the order in which the
// server sent them: their times, in seconds, do not show it.
func (b *bucket) versionsPage(ctx context.Context, in *s3.ListObjectVersionsInput) (page remote.Page[*blob.Object, versionMarker], err error) {
	var order []bool
	var out *s3.ListObjectVersionsOutput
	err = b.call(context.WithValue(ctx, orderKey{}, &order), "ListObjectVersions", func(ctx context.Context) (err error) {
		out, err = b.client.ListObjectVersions(ctx, in)
		return requireField(err, func() *string { return out.Name }, "the name of the bucket")
	})
	if err != nil {
		return page, err
	}
	versions, markers := out.Versions, out.DeleteMarkers
	if len(order) != len(versions)+len(markers) {
		return page, fmt.Errorf("a listing of versions has %d entries, of which %d were read", len(order), len(versions)+len(markers))
	}
	encoded := out.EncodingType == types.EncodingTypeUrl
	for _, isMarker := range order {
		var o *blob.Object
		var key *string
		if isMarker {
			m := markers[0]
			o, key, markers = &blob.Object{ModTime: modTime(m.LastModified), Version: aws.ToString(m.VersionId), IsDeleteMarker: true}, m.Key, markers[1:]
		} else {
			v := versions[0]
			o, key, versions = &blob.Object{Size: aws.ToInt64(v.Size), ModTime: modTime(v.LastModified), ETag: etag(v.ETag), Version: aws.ToString(v.VersionId)}, v.Key, versions[1:]
		}
		if o.Key, err = unescape(aws.ToString(key), encoded); err != nil {
			return page, err
		}
		page.Items = append(page.Items, o)
	}
	page.More, page.Next.version = aws.ToBool(out.IsTruncated), aws.ToString(out.NextVersionIdMarker)
	page.Next.key, err = unescape(aws.ToString(out.NextKeyMarker), encoded)
	return page, err
}

type orderKey struct{}

// noteOrder notes for each entry of a listing of versions whether it is a delete marker.
func noteOrder(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	order, asked := ctx.Value(orderKey{}).(*[]bool)
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !asked || !ok || resp.StatusCode != 200 {
		return out, metadata, err
	}
	document, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return out, metadata, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(document))
	*order = entryOrder(document)
	return out, metadata, nil
}

func entryOrder(document []byte) (markers []bool) {
	d := xml.NewDecoder(bytes.NewReader(document))
	for depth := 0; ; {
		token, err := d.RawToken()
		if err != nil {
			return markers
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth == 2 && (t.Name.Local == "Version" || t.Name.Local == "DeleteMarker") {
				markers = append(markers, t.Name.Local == "DeleteMarker")
			}
		case xml.EndElement:
			depth--
		}
	}
}
