package s3

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
	"github.com/holdall-go/holdall/internal/text"
)

// maxDelete is how many keys one request deletes.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
const maxDelete = 1000

func (b *bucket) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	in := &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, VersionId: header(opts.Version)}
	in.IfMatch, _ = b.flavour.writeCondition(opts.If)
	ambiguous, err := b.try(ctx, "DeleteObject", func(ctx context.Context) error {
		_, err := b.client.DeleteObject(ctx, in)
		return err
	})
	f := remote.AsFailure(err)
	if f == nil {
		if ambiguous && !opts.If.IsZero() {
			return remote.Ambiguous(err)
		}
		return err
	}
	switch {
	case f.Code == "ErrDirectoryNotEmpty": // versitygw, of a key that ends in a slash and is no object
		return nil
	case opts.If.IsZero() && f.Status == http.StatusNotFound && f.Code != "NoSuchBucket":
		return nil
	case !opts.If.IsZero() && ambiguous:
		return remote.Ambiguous(f)
	case !opts.If.IsZero() && f.Status == http.StatusNotFound && f.Code != "NoSuchBucket":
		f.Is = fmt.Errorf("%w, as there is no object", blob.ErrPrecondition)
	}
	return f
}

func (b *bucket) DeleteEach(ctx context.Context, keys iter.Seq[string], report func(string, error)) error {
	batch := make([]string, 0, maxDelete)
	for key := range keys {
		if !fitsXML(key) {
			if err := b.deleteAlone(ctx, key); err != nil {
				report(key, err)
			}
			continue
		}
		if batch = append(batch, key); len(batch) == maxDelete {
			b.deleteBatch(ctx, batch, report)
			batch = batch[:0]
		}
	}
	if len(batch) == 1 {
		if err := b.deleteAlone(ctx, batch[0]); err != nil {
			report(batch[0], err)
		}
	} else if len(batch) > 0 {
		b.deleteBatch(ctx, batch, report)
	}
	return nil
}

func (b *bucket) deleteAlone(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.Delete(ctx, key, &blob.DeleteOptions{})
}

// deleteBatch deletes up to 1,000 keys with one request, whose answer names those that stay.
func (b *bucket) deleteBatch(ctx context.Context, keys []string, report func(string, error)) {
	ids := make([]types.ObjectIdentifier, len(keys))
	for i := range keys {
		ids[i].Key = aws.String(keys[i])
	}
	in := &s3.DeleteObjectsInput{Bucket: &b.name, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)}}
	var out *s3.DeleteObjectsOutput
	err := ctx.Err()
	if err == nil {
		err = b.call(ctx, "DeleteObjects", func(ctx context.Context) (err error) {
			out, err = b.client.DeleteObjects(ctx, in)
			return err
		})
	}
	if err != nil {
		for _, key := range keys {
			report(key, err)
		}
		return
	}
	for _, e := range out.Errors {
		if err := deleteError(e); err != nil {
			report(aws.ToString(e.Key), err)
		}
	}
}

// deleteError reads why a key stays. That it is missing is success.
func deleteError(e types.Error) error {
	code := aws.ToString(e.Code)
	if code == "NoSuchKey" {
		return nil
	}
	return &remote.Failure{Meaning: remote.Classify(codes, code, 0), Call: "DeleteObjects", Status: http.StatusOK, Code: code,
		Message: text.Printable(aws.ToString(e.Message))}
}

// fitsXML tells whether a document of XML 1.0, such as the body of a bulk delete, can hold the key. A carriage return
// it would read as another line break.
func fitsXML(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' || r == 0xfffe || r == 0xffff
	})
}
