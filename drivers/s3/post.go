package s3

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/blob"
)

// signPost signs a form with which a browser stores one object: POST policy, the only signed request that can limit the
// size. The fields of the form are all in the policy, so none can be left out, changed or added.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
func (b *bucket) signPost(ctx context.Context, key string, opts *blob.SignOptions) (*blob.SignedRequest, error) {
	metadata, err := encodeMetadata(opts.Metadata, b.flavour)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for name, value := range map[string]string{"Content-Type": opts.ContentType, "Content-Encoding": opts.ContentEncoding,
		"Content-Language": opts.ContentLanguage, "Content-Disposition": opts.ContentDisposition, "Cache-Control": opts.CacheControl} {
		if value != "" {
			fields[name] = value
		}
	}
	for name, value := range metadata {
		fields["x-amz-meta-"+name] = value
	}
	var conditions []any
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		conditions = append(conditions, map[string]string{name: fields[name]})
	}
	if opts.Size > 0 {
		conditions = append(conditions, []any{"content-length-range", 0, opts.Size})
	}
	expires := time.Now().Add(opts.Expires)
	signed, err := s3.NewPresignClient(b.client).PresignPostObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &key},
		func(o *s3.PresignPostOptions) { o.Expires, o.Conditions = opts.Expires, conditions })
	if err != nil {
		return nil, fmt.Errorf("the form cannot be signed: %w", asFailure(err))
	}
	maps.Copy(fields, signed.Values)
	return &blob.SignedRequest{Method: http.MethodPost, URL: signed.URL, Form: fields, Expires: expires}, nil
}
