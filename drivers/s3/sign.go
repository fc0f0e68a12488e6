package s3

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/blob"
)

// maxSign is the longest life of a signature.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
const maxSign = 7 * 24 * time.Hour

// Sign makes no request, though the credentials may have to be fetched. A signature lives no longer than credentials of
// limited time. A PUT carries its condition and headers, which its bearer must send as they are; a GET, HEAD or DELETE
// has no headers to carry.
func (b *bucket) Sign(ctx context.Context, key string, opts *blob.SignOptions) (*blob.SignedRequest, error) {
	if opts.Method == http.MethodPost {
		return b.signPost(ctx, key, opts)
	}
	expires := time.Now().Add(opts.Expires)
	client := s3.NewPresignClient(b.client, s3.WithPresignExpires(opts.Expires))
	var signed *v4.PresignedHTTPRequest
	var err error
	c := readCondition(opts.If)
	if opts.If.Kind() == blob.KindUnmodifiedSince {
		at := opts.If.Time()
		c.notSince = &at
	}
	switch opts.Method {
	case http.MethodGet:
		signed, err = client.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key,
			IfMatch: c.match, IfNoneMatch: c.noneMatch, IfModifiedSince: c.since, IfUnmodifiedSince: c.notSince})
	case http.MethodHead:
		signed, err = client.PresignHeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key,
			IfMatch: c.match, IfNoneMatch: c.noneMatch, IfModifiedSince: c.since, IfUnmodifiedSince: c.notSince})
	case http.MethodDelete:
		signed, err = client.PresignDeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, IfMatch: c.match})
	case http.MethodPut:
		signed, err = b.signPut(ctx, client, key, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("the request cannot be signed: %w", asFailure(err))
	}
	h := signed.SignedHeader.Clone()
	h.Del("Host") // follows from the URL
	if strings.EqualFold(h.Get("Content-Length"), "0") {
		h.Del("Content-Length")
	}
	return &blob.SignedRequest{Method: signed.Method, URL: signed.URL, Header: h, Expires: expires}, nil
}

func (b *bucket) signPut(ctx context.Context, client *s3.PresignClient, key string, opts *blob.SignOptions) (*v4.PresignedHTTPRequest, error) {
	metadata, err := encodeMetadata(opts.Metadata, b.flavour)
	if err != nil {
		return nil, err
	}
	in := &s3.PutObjectInput{Bucket: &b.name, Key: &key, ContentType: header(opts.ContentType), ContentEncoding: header(opts.ContentEncoding),
		ContentLanguage: header(opts.ContentLanguage), ContentDisposition: header(opts.ContentDisposition), CacheControl: header(opts.CacheControl),
		Metadata: metadata}
	in.IfMatch, in.IfNoneMatch = b.flavour.writeCondition(opts.If)
	return client.PresignPutObject(ctx, in)
}
