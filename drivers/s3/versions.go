package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/holdall-go/holdall/blob"
)

// listVersions yields every version of the objects that opts select, newest first, and their delete markers.
func (b *bucket) listVersions(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		start := opts.Start()
		size := maxPage
		if opts.PageSize > 0 {
			size = min(size, opts.PageSize)
		}
		in := &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: header(opts.Prefix), KeyMarker: header(b.flavour.startAfter(start, opts.Prefix)),
			EncodingType: types.EncodingTypeUrl, MaxKeys: aws.Int32(int32(size))}
		for {
			page, out, err := b.versionsPage(ctx, in)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, o := range page {
				if o.Key >= start && !yield(o, nil) {
					return
				}
			}
			if !aws.ToBool(out.IsTruncated) {
				return
			}
			marker, err := unescape(aws.ToString(out.NextKeyMarker), out.EncodingType == types.EncodingTypeUrl)
			if err == nil && marker == "" {
				err = errNowhere
			}
			if err != nil {
				yield(nil, err)
				return
			}
			in.KeyMarker, in.VersionIdMarker = &marker, out.NextVersionIdMarker
		}
	}
}

var errNowhere = errors.New("the server says that a listing goes on, and not from where")

// versionsPage puts versions and delete markers, which the SDK gives apart, back into the order in which they came: their
// times, in seconds, do not tell it.
func (b *bucket) versionsPage(ctx context.Context, in *s3.ListObjectVersionsInput) ([]*blob.Object, *s3.ListObjectVersionsOutput, error) {
	var order []bool
	var out *s3.ListObjectVersionsOutput
	err := b.call(context.WithValue(ctx, orderKey{}, &order), func(ctx context.Context) (err error) {
		out, err = b.client.ListObjectVersions(ctx, in)
		return answer(err, func() *string { return out.Name }, "the name of the bucket")
	})
	if err != nil {
		return nil, nil, err
	}
	versions, markers := out.Versions, out.DeleteMarkers
	if len(order) != len(versions)+len(markers) {
		return nil, nil, fmt.Errorf("a listing of versions has %d entries, of which %d were read", len(order), len(versions)+len(markers))
	}
	encoded := out.EncodingType == types.EncodingTypeUrl
	page := make([]*blob.Object, 0, len(order))
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
			return nil, nil, err
		}
		page = append(page, o)
	}
	return page, out, nil
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
