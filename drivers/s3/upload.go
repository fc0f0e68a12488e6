package s3

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/put"
	"github.com/holdall-go/holdall/internal/remote"
)

func (b *bucket) Upload(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	w, err := b.newWrite(key, &opts.Attributes, opts.If, opts.Provider)
	if err != nil {
		return nil, err
	}
	w.hook = opts.Hook
	cut, err := parts.Uniform(opts.Size, opts.PartSize, b.limits())
	if err != nil {
		return nil, err
	}
	u := &upload{b: b, w: w, id: opts.ID, partSize: cut.First}
	if opts.ID == "" {
		u.id, err = b.begin(ctx, w)
		return u, err
	}
	w.token, u.resumed = "", true // the upload was started with another, which is not known
	for p, err := range u.Parts(ctx) {
		if err != nil {
			return nil, err
		}
		if opts.PartSize == 0 && p.Size > u.partSize || opts.PartSize == 0 && opts.Size <= 0 && p.Number == 1 && p.Size >= minPart {
			u.partSize = p.Size
		}
	}
	return u, nil
}

// An upload is an unfinished object of S3's. What has arrived is known to the server alone.
type upload struct {
	b        *bucket
	w        *write
	id       string
	partSize int64
	resumed  bool // its attributes are known to the server alone
}

func (u *upload) ID() string      { return u.id }
func (u *upload) PartSize() int64 { return u.partSize }

func (u *upload) Put(ctx context.Context, n int, r *io.SectionReader) (blob.Part, error) {
	part, err := put.Section(ctx, n, r, u.w.hook)
	if err != nil {
		return blob.Part{}, err
	}
	defer part.Close()
	sent, err := u.send(ctx, part)
	if err != nil {
		return blob.Part{}, err
	}
	return blob.Part{Number: n, Size: sent.Size, ETag: sent.Tag, Checksums: blob.CRC32CSum(sent.CRC32C)}, nil
}

// send sends a part. Its tag is its ETag.
func (u *upload) send(ctx context.Context, part *put.Content) (put.Sent, error) {
	b := u.b
	in := &s3.UploadPartInput{Bucket: &b.name, Key: &u.w.key, UploadId: &u.id, PartNumber: aws.Int32(int32(part.Number)), ContentLength: &part.Size}
	if k := b.customer; k != nil {
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = k.algorithm, k.key, k.md5
	}
	if b.flavour.checksums {
		in.ChecksumCRC32C = base64CRC(part.CRC32C)
	}
	var out *s3.UploadPartOutput
	err := b.call(ctx, "UploadPart", func(ctx context.Context) error {
		return part.Send(ctx, func(body *put.Body) (err error) {
			in.Body = body
			out, err = b.client.UploadPart(ctx, in)
			return asFailure(requireField(err, func() *string { return out.ETag }, "an ETag"))
		})
	})
	if err != nil {
		return put.Sent{}, err
	}
	return part.Sent(etag(out.ETag)), nil
}

// A multipart is an upload whose parts are all sent by one Put.
type multipart struct{ *upload }

// Send implements [put.Upload].
func (m multipart) Send(ctx context.Context, part *put.Content) (put.Sent, error) {
	return m.send(ctx, part)
}

// Complete implements [put.Upload].
func (m multipart) Complete(ctx context.Context, all []put.Sent, _ blob.Checksums) (*blob.Object, error) {
	return m.complete(ctx, all)
}

// Abort implements [put.Upload].
func (m multipart) Abort(ctx context.Context) { m.b.abortFirmly(ctx, m.w.key, m.id) }

func (u *upload) Parts(ctx context.Context) iter.Seq2[blob.Part, error] {
	return remote.Pages(ctx, "", func(ctx context.Context, after string) (page remote.Page[blob.Part, string], err error) {
		in := &s3.ListPartsInput{Bucket: &u.b.name, Key: &u.w.key, UploadId: &u.id, PartNumberMarker: header(after)}
		var out *s3.ListPartsOutput
		err = u.b.call(ctx, "ListParts", func(ctx context.Context) (err error) {
			out, err = u.b.client.ListParts(ctx, in)
			return requireField(err, func() *string { return out.UploadId }, "the ID of the upload")
		})
		if err != nil {
			return page, err
		}
		for _, p := range out.Parts {
			page.Items = append(page.Items, blob.Part{Number: int(aws.ToInt32(p.PartNumber)), Size: aws.ToInt64(p.Size), ETag: etag(p.ETag),
				Checksums: sums{crc32c: p.ChecksumCRC32C, crc32: p.ChecksumCRC32, crc64nvme: p.ChecksumCRC64NVME, sha1: p.ChecksumSHA1, sha256: p.ChecksumSHA256}.read()})
		}
		page.Next, page.More = aws.ToString(out.NextPartNumberMarker), aws.ToBool(out.IsTruncated)
		return page, nil
	})
}

// Complete asks the server which parts have arrived, since other processes may have sent some.
func (u *upload) Complete(ctx context.Context) (*blob.Object, error) {
	var all []put.Sent
	for p, err := range u.Parts(ctx) {
		if err != nil {
			return nil, err
		}
		if p.Number != len(all)+1 {
			return nil, fmt.Errorf("%w: part %d has not arrived, but part %d has", blob.ErrInvalid, len(all)+1, p.Number)
		}
		sum, known := p.Checksums.CRC32C()
		all = append(all, put.Sent{Number: p.Number, Size: p.Size, CRC32C: sum, Summed: known, Tag: p.ETag})
	}
	if len(all) == 0 {
		return u.completeEmpty(ctx)
	}
	o, err := u.complete(ctx, all)
	if err == nil && u.resumed {
		return u.b.whatWasMade(ctx, o)
	}
	return o, err
}

// whatWasMade looks up the attributes of an object that was just completed, if it is still the one.
func (b *bucket) whatWasMade(ctx context.Context, o *blob.Object) (*blob.Object, error) {
	if made, err := b.head(ctx, o.Key, blob.IfMatch(o.ETag), o.Version, nil); err == nil {
		return made, nil
	}
	return o, nil // it is made all the same
}

// completeEmpty makes an empty object of an upload without parts, which S3 does not take: it gets one of no bytes.
func (u *upload) completeEmpty(ctx context.Context) (*blob.Object, error) {
	p, err := u.Put(ctx, 1, io.NewSectionReader(emptyContent{}, 0, 0))
	if err != nil {
		return nil, err
	}
	return u.complete(ctx, []put.Sent{{Number: 1, Summed: true, Tag: p.ETag}})
}

type emptyContent struct{}

func (emptyContent) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }

// complete makes the object out of parts.
func (u *upload) complete(ctx context.Context, all []put.Sent) (*blob.Object, error) {
	b := u.b
	if b.flavour.emptySums && len(all) > 1 && all[len(all)-1].Size == 0 {
		all = all[:len(all)-1]
	}
	size, whole, known := put.Joined(all)
	known = known && b.flavour.checksums
	list := make([]types.CompletedPart, len(all))
	for i, p := range all {
		list[i] = types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: aws.String(p.Tag)}
		if known {
			list[i].ChecksumCRC32C = base64CRC(p.CRC32C)
		}
	}
	in := &s3.CompleteMultipartUploadInput{Bucket: &b.name, Key: &u.w.key, UploadId: &u.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: list}}
	if k := b.customer; k != nil {
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = k.algorithm, k.key, k.md5
	}
	in.IfMatch, in.IfNoneMatch = b.flavour.writeCondition(u.w.cond)
	if known && size > 0 {
		in.ChecksumCRC32C, in.ChecksumType = base64CRC(whole), types.ChecksumTypeFullObject
	}
	var out *s3.CompleteMultipartUploadOutput
	ambiguous, err := b.try(ctx, "CompleteMultipartUpload", func(ctx context.Context) (err error) {
		if err := put.Publishing(ctx, u.w.hook); err != nil {
			return err
		}
		out, err = b.client.CompleteMultipartUpload(ctx, in)
		if err == nil && b.flavour.silentETags && aws.ToString(out.Bucket) != "" && aws.ToString(out.ETag) == "" {
			out.ETag = etagOfParts(list)
		}
		return requireField(err, func() *string { return out.ETag }, "an ETag")
	})
	if err != nil {
		return u.resolve(ctx, ambiguous, err)
	}
	o := &blob.Object{Key: u.w.key, Size: size, ETag: etag(out.ETag), Version: b.version(out.VersionId), Attributes: u.w.attributes}
	if known {
		o.Checksums = blob.CRC32CSum(whole)
	}
	return o, nil
}

// etagOfParts is the ETag that S3 gives to an object of parts: the MD5 of their MD5s, which are their ETags, and their
// number. It is nil if an ETag is something else.
func etagOfParts(list []types.CompletedPart) *string {
	all := md5.New()
	for _, p := range list {
		sum, err := hex.DecodeString(strings.Trim(aws.ToString(p.ETag), `"`))
		if err != nil || len(sum) != md5.Size {
			return nil
		}
		all.Write(sum)
	}
	return aws.String(fmt.Sprintf("%x-%d", all.Sum(nil), len(list)))
}

// resolve returns the outcome of a completion that failed. A completion that was carried out has ended the upload, so a
// repeated one does not find it: the idempotency token that the upload was started with shows whether the object under
// the key is its own.
func (u *upload) resolve(ctx context.Context, ambiguous bool, err error) (*blob.Object, error) {
	if errors.Is(err, errBusy) { // which Ceph also says of an upload that is gone
		for _, gone := range u.Parts(ctx) {
			if errors.Is(gone, blob.ErrNotExist) {
				err = gone
			}
			break
		}
	}
	f := remote.AsFailure(err)
	if !ambiguous {
		if !u.w.cond.IsZero() && f != nil && f.Code != "NoSuchUpload" {
			return nil, u.w.refused(err)
		}
		return nil, err
	}
	return remote.Resolve(err, func() (*blob.Object, remote.Outcome) {
		o, outcome := u.b.findWrite(ctx, u.w)
		if outcome == remote.Unknown && f != nil && !f.Ambiguous && !errors.Is(err, blob.ErrNotExist) && !errors.Is(err, blob.ErrPrecondition) {
			outcome = remote.NotApplied // the last attempt found the upload, and did not complete it
		}
		return o, outcome
	})
}

func (u *upload) Abort(ctx context.Context) error { return u.b.abort(ctx, u.w.key, u.id) }

// abort removes an upload. One that is gone is success.
func (b *bucket) abort(ctx context.Context, key, id string) error {
	err := b.call(ctx, "AbortMultipartUpload", func(ctx context.Context) error {
		_, err := b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: &key, UploadId: &id})
		return err
	})
	if f := remote.AsFailure(err); f != nil && f.Status == http.StatusNotFound && f.Code != "NoSuchBucket" {
		return nil
	}
	return err
}

func (b *bucket) Uploads(ctx context.Context, prefix string) iter.Seq2[*blob.UploadInfo, error] {
	return remote.Pages(ctx, uploadMarker{}, func(ctx context.Context, at uploadMarker) (page remote.Page[*blob.UploadInfo, uploadMarker], err error) {
		in := &s3.ListMultipartUploadsInput{Bucket: &b.name, Prefix: header(prefix), EncodingType: types.EncodingTypeUrl,
			KeyMarker: header(at.key), UploadIdMarker: header(at.id)}
		var out *s3.ListMultipartUploadsOutput
		err = b.call(ctx, "ListMultipartUploads", func(ctx context.Context) (err error) {
			out, err = b.client.ListMultipartUploads(ctx, in)
			return requireField(err, func() *string { return out.Bucket }, "the name of the bucket")
		})
		if err != nil {
			return page, err
		}
		encoded := out.EncodingType == types.EncodingTypeUrl || b.flavour.keyedUploads
		for _, u := range out.Uploads {
			key, err := unescape(aws.ToString(u.Key), encoded)
			if err != nil {
				return page, err
			}
			if strings.HasPrefix(key, prefix) { // Swift lists "a" below "a/"
				page.Items = append(page.Items, &blob.UploadInfo{Key: key, ID: aws.ToString(u.UploadId), Initiated: aws.ToTime(u.Initiated)})
			}
		}
		page.More, page.Next.id = aws.ToBool(out.IsTruncated), aws.ToString(out.NextUploadIdMarker)
		page.Next.key, err = unescape(aws.ToString(out.NextKeyMarker), encoded)
		return page, err
	})
}

// An uploadMarker is the upload after which a page of uploads begins.
type uploadMarker struct{ key, id string }
