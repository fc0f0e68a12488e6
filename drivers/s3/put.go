package s3

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/put"
	"github.com/holdall-go/holdall/internal/remote"
)

// Put sends a body of up to one part in one request, and a longer one in parts.
func (b *bucket) Put(ctx context.Context, key string, r io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	w, err := b.newWrite(key, &opts.Attributes, opts.If, opts.Provider)
	if err != nil {
		return nil, err
	}
	w.hook = opts.Hook
	req := &put.Request{Body: r, Options: opts, Limits: b.limits()}
	if !w.cond.IsZero() && !b.flavour.uploadIf.Has(w.cond.Kind()) {
		req.Single = &put.Single{Max: maxSingle, Reason: fmt.Sprintf("%s does not honour %s on uploads in parts", b.flavour.name, w.cond)}
	}
	return put.Put(ctx, target{b, w}, req)
}

// A target is where one write goes.
type target struct {
	b *bucket
	w *write
}

// One implements [put.Store].
func (t target) One(ctx context.Context, whole *put.Content) (*blob.Object, error) {
	if whole.Once {
		return t.b.putOnce(ctx, t.w, whole)
	}
	return t.b.putSingle(ctx, t.w, whole)
}

// Begin implements [put.Store].
func (t target) Begin(ctx context.Context, _ blob.Checksums) (put.Upload, error) {
	id, err := t.b.begin(ctx, t.w)
	return multipart{&upload{b: t.b, w: t.w, id: id}}, err
}

// putInput is the request that stores an object, without its body.
func (b *bucket) putInput(w *write, size int64) *s3.PutObjectInput {
	in := &s3.PutObjectInput{Bucket: &b.name, Key: &w.key, ContentLength: &size,
		ContentType: w.contentType, ContentEncoding: w.encoding, ContentLanguage: w.language, ContentDisposition: w.disposition, CacheControl: w.cache,
		Metadata: w.metadata, StorageClass: w.class, ACL: w.acl, Tagging: w.tags,
		ServerSideEncryption: w.encryption, SSEKMSKeyId: w.kmsKey, SSEKMSEncryptionContext: w.kmsContext, BucketKeyEnabled: w.bucketKey}
	if k := b.customer; k != nil {
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = k.algorithm, k.key, k.md5
	}
	in.IfMatch, in.IfNoneMatch = b.flavour.writeCondition(w.cond)
	return in
}

// putSingle stores an object with one request.
func (b *bucket) putSingle(ctx context.Context, w *write, whole *put.Content) (*blob.Object, error) {
	in := b.putInput(w, whole.Size)
	if b.flavour.checksums {
		in.ChecksumCRC32C = base64CRC(whole.CRC32C)
	} else {
		in.Metadata = with(in.Metadata, metaCRC32C, hexCRC(whole.CRC32C))
	}
	var out *s3.PutObjectOutput
	ambiguous, err := b.try(ctx, "PutObject", func(ctx context.Context) error {
		return whole.Send(ctx, func(body *put.Body) (err error) {
			in.Body = body
			out, err = b.client.PutObject(ctx, in)
			return asFailure(requireField(err, func() *string { return out.ETag }, "an ETag"))
		})
	})
	if err != nil {
		return b.resolve(ctx, w, ambiguous, err)
	}
	if err := b.encrypted(w, out.ServerSideEncryption, out.SSECustomerAlgorithm); err != nil {
		return nil, err
	}
	return &blob.Object{Key: w.key, Size: whole.Size, ETag: etag(out.ETag), Version: b.version(out.VersionId),
		Attributes: w.attributes, Checksums: blob.CRC32CSum(whole.CRC32C)}, nil
}

// putOnce stores a stream while it is read. Its checksum is known too late to go with it: the server's own digest is
// compared afterwards, and nothing is stored for readers to compare.
func (b *bucket) putOnce(ctx context.Context, w *write, whole *put.Content) (*blob.Object, error) {
	sum := md5.New()
	in := b.putInput(w, whole.Size)
	once := b.calls
	once.Attempts = 1
	var out *s3.PutObjectOutput
	ambiguous, err := b.tryWith(ctx, &once, "PutObject", func(ctx context.Context) error {
		return whole.Send(ctx, func(body *put.Body) (err error) {
			in.Body = io.TeeReader(body, sum)
			out, err = b.client.PutObject(ctx, in)
			return asFailure(requireField(err, func() *string { return out.ETag }, "an ETag"))
		})
	})
	if err != nil {
		return b.resolve(ctx, w, ambiguous, err)
	}
	if err := b.encrypted(w, out.ServerSideEncryption, out.SSECustomerAlgorithm); err != nil {
		return nil, err
	}
	o := &blob.Object{Key: w.key, Size: whole.Size, ETag: etag(out.ETag), Version: b.version(out.VersionId), Attributes: w.attributes}
	if tag := strings.Trim(o.ETag, `"`); len(tag) == 2*md5.Size && b.customer == nil && tag != hex.EncodeToString(sum.Sum(nil)) {
		return nil, fmt.Errorf("%w: the server has stored another content (%s) than was sent", blob.ErrChecksum, o.ETag)
	}
	return o, nil
}

// A write is what is stored with an object, as requests have it.
type write struct {
	key        string
	attributes blob.Attributes
	cond       blob.Condition
	hook       *blob.Hook
	token      string // of a conditional write: a unique idempotency token
	kept       bool   // the attributes of a copy are those of its source

	contentType, encoding, language, disposition, cache *string
	metadata                                            map[string]string
	provided
}

func (b *bucket) newWrite(key string, a *blob.Attributes, cond blob.Condition, p any) (*write, error) {
	if o, _ := p.(*Provider); o != nil {
		if err := o.check(); err != nil {
			return nil, err
		}
	}
	w := &write{key: key, attributes: *a, cond: cond, contentType: contentType(a.ContentType), encoding: header(a.ContentEncoding),
		language: header(a.ContentLanguage), disposition: header(a.ContentDisposition), cache: header(a.CacheControl), provided: provider(p)}
	if b.customer != nil && w.encryption != "" {
		return nil, fmt.Errorf("%w: Encryption is %.20q, and the bucket has a CustomerKey; an object is encrypted by one of them", blob.ErrInvalid, w.encryption)
	}
	var err error
	if w.metadata, err = encodeMetadata(a.Metadata, b.flavour); err != nil {
		return nil, err
	}
	w.attributes.Metadata = decodeMetadata(w.metadata)
	if !cond.IsZero() {
		w.token = rand.Text()[:22]
		w.metadata = with(w.metadata, metaWrite, w.token)
	}
	return w, nil
}

func with(m map[string]string, name, value string) map[string]string {
	if m == nil {
		return map[string]string{name: value}
	}
	m[name] = value
	return m
}

// resolve returns the outcome of a write that ended with err. If the write has a condition and an attempt may have been
// carried out, a failed condition may be due to the object that this same write has stored. Every conditional write
// therefore stores a unique idempotency token in the metadata: if the object under the key has it, the write succeeded.
func (b *bucket) resolve(ctx context.Context, w *write, ambiguous bool, err error) (*blob.Object, error) {
	switch {
	case w.cond.IsZero():
		return nil, put.Stopped(ambiguous, err)
	case !ambiguous && (errors.Is(err, blob.ErrPrecondition) || errors.Is(err, blob.ErrNotExist)):
		return nil, w.refused(err)
	case !ambiguous:
		return nil, err
	}
	return remote.Resolve(err, func() (*blob.Object, remote.Outcome) { return b.findWrite(ctx, w) })
}

// findWrite looks for the idempotency token of w in the object under its key. If that has another, the write may have
// been replaced, or may still be carried out.
func (b *bucket) findWrite(ctx context.Context, w *write) (*blob.Object, remote.Outcome) {
	if w.token != "" {
		var metadata map[string]string
		if o, err := b.head(ctx, w.key, blob.Condition{}, "", &metadata); err == nil && metadata[metaWrite] == w.token {
			return o, remote.Applied
		}
	}
	return nil, remote.Unknown
}

// refused returns the error of a write whose condition did not hold.
func (w *write) refused(err error) error {
	f := remote.AsFailure(err)
	if f == nil {
		return err
	}
	switch {
	case w.cond.Kind() == blob.KindAbsent && errors.Is(f.Is, blob.ErrPrecondition):
		f.Is = blob.ErrExist
	case w.cond.Kind() == blob.KindMatch && f.Is == blob.ErrNotExist && f.Code != "NoSuchBucket":
		f.Is = fmt.Errorf("%w, as there is no object", blob.ErrPrecondition)
	}
	return f
}

// abortFirmly aborts an upload until the server no longer knows it: a part that was under way may arrive after the first
// abort, and is stored then (https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).
func (b *bucket) abortFirmly(ctx context.Context, key, id string) {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		if err := b.abort(ctx, key, id); err != nil {
			return
		}
		err := b.calls.Once(ctx, "ListParts", func(ctx context.Context) error {
			_, err := b.client.ListParts(ctx, &s3.ListPartsInput{Bucket: &b.name, Key: &key, UploadId: &id, MaxParts: aws.Int32(1)})
			return err
		})
		if err != nil || wait > time.Second || !remote.Sleep(ctx, wait) {
			return
		}
	}
}

func (b *bucket) begin(ctx context.Context, w *write) (id string, err error) {
	in := &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: &w.key,
		ContentType: w.contentType, ContentEncoding: w.encoding, ContentLanguage: w.language, ContentDisposition: w.disposition, CacheControl: w.cache,
		Metadata: w.metadata, StorageClass: w.class, ACL: w.acl, Tagging: w.tags,
		ServerSideEncryption: w.encryption, SSEKMSKeyId: w.kmsKey, SSEKMSEncryptionContext: w.kmsContext, BucketKeyEnabled: w.bucketKey}
	if k := b.customer; k != nil {
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = k.algorithm, k.key, k.md5
	}
	if b.flavour.checksums {
		in.ChecksumAlgorithm, in.ChecksumType = types.ChecksumAlgorithmCrc32c, types.ChecksumTypeFullObject
	}
	var out *s3.CreateMultipartUploadOutput
	err = remote.Start(ctx, func(extended context.Context) error {
		return b.call(extended, "CreateMultipartUpload", func(extended context.Context) (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			out, err = b.client.CreateMultipartUpload(extended, in)
			return requireField(err, func() *string { return out.UploadId }, "the ID of the upload")
		})
	}, func(ctx context.Context) { b.abortFirmly(ctx, w.key, *out.UploadId) })
	if err != nil {
		return "", err
	}
	id = *out.UploadId
	if err = b.encrypted(w, out.ServerSideEncryption, out.SSECustomerAlgorithm); err != nil {
		remote.CleanUp(ctx, func(ctx context.Context) { b.abortFirmly(ctx, w.key, id) })
	}
	return id, err
}
