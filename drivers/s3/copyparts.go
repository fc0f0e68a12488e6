package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/put"
	"github.com/holdall-go/holdall/internal/remote"
)

// copyPart is the size of a part of a copy that one request cannot make, unless more is needed to make do with 10,000.
const copyPart = 512 << 20

// copyParts copies an object of more than 5 GiB, in ranges that the server copies side by side.
func (b *bucket) copyParts(ctx context.Context, w *write, from source, src blob.Source, o *blob.Object) (*blob.Object, error) {
	if !w.cond.IsZero() && !b.flavour.uploadIf.Has(w.cond.Kind()) {
		return nil, fmt.Errorf("%w: this server does not honour %s on uploads in parts, which a copy of %d bytes takes", errors.ErrUnsupported, w.cond, o.Size)
	}
	cut, err := parts.Uniform(o.Size, copyPart, b.limits())
	if err != nil {
		return nil, err
	}
	if w.tags == nil {
		if w.tags, err = from.tags(ctx); err != nil {
			return nil, src.Fail(err)
		}
	}
	return put.Copy(ctx, func(ctx context.Context) (put.Upload, error) {
		id, err := b.begin(ctx, w)
		return copied{multipart{&upload{b: b, w: w, id: id}}, src, o}, err
	}, o.Size, cut.First)
}

// A copied upload has parts that the server copies from a source.
type copied struct {
	multipart
	src blob.Source
	o   *blob.Object // of the source, when the copy began
}

// Complete implements [put.Upload].
func (c copied) Complete(ctx context.Context, all []put.Sent, whole blob.Checksums) (*blob.Object, error) {
	if !c.b.flavour.sourceIf.Has(blob.KindMatch) { // the ranges may be of two versions
		if err := c.b.stillThere(ctx, c.src, c.o); err != nil {
			return nil, err
		}
	}
	return c.multipart.Complete(ctx, all, whole)
}

// tags returns the tags of a source as a header has them, which an upload does not take over; nil if there are none.
func (s source) tags(ctx context.Context) (*string, error) {
	var out *s3.GetObjectTaggingOutput
	err := s.b.call(ctx, "GetObjectTagging", func(ctx context.Context) (err error) {
		out, err = s.b.client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &s.b.name, Key: &s.key, VersionId: header(s.version)})
		return err
	})
	if f := remote.AsFailure(err); f != nil && (f.Code == "NoSuchTagSet" || errors.Is(f, errors.ErrUnsupported)) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("its tags, which a copy keeps: %w", err)
	}
	tags := url.Values{}
	for _, t := range out.TagSet {
		tags.Set(aws.ToString(t.Key), aws.ToString(t.Value))
	}
	return tagging(tags), nil
}

// stillThere tells whether the source is what it was when the copy began.
func (b *bucket) stillThere(ctx context.Context, src blob.Source, o *blob.Object) error {
	from, err := blob.Resolve[source](ctx, src)
	if err != nil {
		return err
	}
	now, err := from.b.head(ctx, from.key, blob.Condition{}, from.version, nil)
	if err == nil && (now.ETag != o.ETag || !now.ModTime.Equal(o.ModTime)) {
		err = errSourceChanged
	}
	if err != nil {
		return src.Fail(err)
	}
	return nil
}

// Send implements [put.Upload]: it copies one part. The source is resolved, and thereby allowed, for each.
func (c copied) Send(ctx context.Context, p *put.Content) (put.Sent, error) {
	b := c.b
	s := put.Sent{Number: p.Number, Size: p.Size}
	from, err := blob.Resolve[source](ctx, c.src)
	if err != nil {
		return s, err
	}
	in := &s3.UploadPartCopyInput{Bucket: &b.name, Key: &c.w.key, UploadId: &c.id, PartNumber: aws.Int32(int32(p.Number)),
		CopySource: copySource(from), CopySourceIfMatch: &c.o.ETag,
		CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", p.Offset, p.Offset+p.Size-1))}
	if k := b.customer; k != nil {
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = k.algorithm, k.key, k.md5
	}
	if k := from.b.customer; k != nil {
		in.CopySourceSSECustomerAlgorithm, in.CopySourceSSECustomerKey, in.CopySourceSSECustomerKeyMD5 = k.algorithm, k.key, k.md5
	}
	err = b.call(ctx, "UploadPartCopy", func(ctx context.Context) error {
		out, err := b.client.UploadPartCopy(ctx, in)
		if err == nil && out.CopyPartResult == nil {
			err = remote.Unproven(http.StatusOK, "a result")
		}
		if err != nil {
			return err
		}
		s.Tag = etag(out.CopyPartResult.ETag)
		s.CRC32C, s.Summed = (sums{crc32c: out.CopyPartResult.ChecksumCRC32C}).read().CRC32C()
		return nil
	})
	if f := remote.AsFailure(err); f != nil && f.Is == blob.ErrPrecondition {
		return s, c.src.Fail(fmt.Errorf("%w: %w", errSourceChanged, err))
	}
	return s, err
}
