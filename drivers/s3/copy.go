package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/put"
	"github.com/holdall-go/holdall/internal/remote"
)

// A source is what a [blob.Source] of this driver holds.
type source struct {
	b       *bucket
	key     string
	version string
	cond    blob.Condition
}

func (b *bucket) Source(_ context.Context, key string, opts *blob.SourceOptions) (blob.Source, error) {
	return blob.NewSource(key, source{b, key, opts.Version, opts.If}), nil
}

func (b *bucket) Copy(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
	const tries = 3
	for try := 1; ; try++ {
		o, err := b.copyOnce(ctx, key, src, opts)
		if !errors.Is(err, errSourceChanged) || try == tries {
			return o, err
		}
	}
}

// OtherThan tells whether another source is surely of another object: of another name on the same server.
func (s source) OtherThan(other any) bool {
	o, ok := other.(source)
	return ok && s.b.endpoint == o.b.endpoint && s.b.region == o.b.region && (s.b.name != o.b.name || s.key != o.key) && !strings.HasPrefix(s.b.name+o.b.name, "arn:")
}

// errSourceChanged: the source was overwritten between the look at it and its copy.
var errSourceChanged = fmt.Errorf("%w: the source was overwritten meanwhile", blob.ErrChanged)

func (b *bucket) copyOnce(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
	from, err := blob.Resolve[source](ctx, src)
	if err != nil {
		return nil, err
	}
	if !b.reaches(ctx, from.b) {
		return nil, fmt.Errorf("%w: the source is on another server, or under other credentials", errors.ErrUnsupported)
	}
	var metadata map[string]string
	o, err := from.b.head(ctx, from.key, from.cond, from.version, &metadata) // its size, and what the copy is pinned to
	if err != nil {
		return nil, src.Fail(err)
	}
	attrs := o.Attributes
	if opts.Attributes != nil {
		attrs = *opts.Attributes
	}
	if opts.Attributes == nil && opts.Provider == nil && from.b.name == b.name && from.key == key && from.version == "" {
		return o, opts.If.Eval(o) // S3 refuses a copy that would change nothing
	}
	w, err := b.newWrite(key, &attrs, opts.If, opts.Provider)
	if err != nil {
		return nil, err
	}
	w.hook = opts.Hook
	if sum, ok := metadata[metaCRC32C]; ok && b.flavour.sourceIf.Has(blob.KindMatch) {
		w.metadata = with(w.metadata, metaCRC32C, sum)
	}
	if o.Size > maxSingle {
		return b.copyParts(ctx, w, from, src, o)
	}
	if from, err = blob.Resolve[source](ctx, src); err != nil {
		return nil, err
	}
	if from.version == "" {
		from.version = o.Version // where there are versions, they pin better than an ETag, which says nothing of attributes
	}
	w.kept = opts.Attributes == nil
	return b.copySingle(ctx, w, from, src, o)
}

// reaches tells whether b's server can copy from a bucket of other's, with b's credentials.
func (b *bucket) reaches(ctx context.Context, other *bucket) bool {
	if b == other {
		return true
	}
	return b.endpoint == other.endpoint && b.flavour == other.flavour && (b.customer == nil) == (other.customer == nil) &&
		sameCredentials(ctx, b.credentials, other.credentials)
}

// sameCredentials tells whether two providers are one, or give the same key. (A read through a copy must not be made
// under credentials that the source was not opened with.)
func sameCredentials(ctx context.Context, a, b aws.CredentialsProvider) bool {
	if reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a) != nil && reflect.TypeOf(a).Comparable() && a == b {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	x, err1 := a.Retrieve(ctx)
	y, err2 := b.Retrieve(ctx)
	return err1 == nil && err2 == nil && x.AccessKeyID == y.AccessKeyID && x.SecretAccessKey == y.SecretAccessKey && x.SessionToken == y.SessionToken
}

// copySource names a source as the header has it.
func copySource(from source) *string {
	var path strings.Builder
	path.WriteString(from.b.name)
	path.WriteByte('/')
	path.WriteString(strings.ReplaceAll(url.QueryEscape(from.key), "+", "%20"))
	if from.version != "" {
		path.WriteString("?versionId=" + url.QueryEscape(from.version))
	}
	return aws.String(path.String())
}

func (b *bucket) copySingle(ctx context.Context, w *write, from source, src blob.Source, o *blob.Object) (*blob.Object, error) {
	in := &s3.CopyObjectInput{Bucket: &b.name, Key: &w.key, CopySource: copySource(from), CopySourceIfMatch: &o.ETag,
		MetadataDirective: types.MetadataDirectiveReplace,
		ContentType:       w.contentType, ContentEncoding: w.encoding, ContentLanguage: w.language, ContentDisposition: w.disposition, CacheControl: w.cache,
		Metadata: w.metadata, StorageClass: w.class, ACL: w.acl,
		ServerSideEncryption: w.encryption, SSEKMSKeyId: w.kmsKey, SSEKMSEncryptionContext: w.kmsContext, BucketKeyEnabled: w.bucketKey}
	pinned := b.flavour.sourceIf.Has(blob.KindMatch)
	if !pinned {
		in.CopySourceIfMatch = nil
	}
	if !pinned && w.kept { // the server takes the attributes from the version that it copies
		in.MetadataDirective, in.Metadata = types.MetadataDirectiveCopy, nil
		in.ContentType, in.ContentEncoding, in.ContentLanguage, in.ContentDisposition, in.CacheControl = nil, nil, nil, nil, nil
	}
	if w.tags != nil {
		in.Tagging, in.TaggingDirective = w.tags, types.TaggingDirectiveReplace
	}
	if k := b.customer; k != nil {
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = k.algorithm, k.key, k.md5
	}
	if k := from.b.customer; k != nil {
		in.CopySourceSSECustomerAlgorithm, in.CopySourceSSECustomerKey, in.CopySourceSSECustomerKeyMD5 = k.algorithm, k.key, k.md5
	}
	if b.flavour.checksums {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32c
	}
	in.IfMatch, in.IfNoneMatch = b.flavour.writeCondition(w.cond)
	var out *s3.CopyObjectOutput
	ambiguous, err := b.try(ctx, "CopyObject", func(ctx context.Context) (err error) {
		if err := put.Publishing(ctx, w.hook); err != nil {
			return err
		}
		if out, err = b.client.CopyObject(ctx, in); err == nil && out.CopyObjectResult == nil {
			err = remote.Unproven(http.StatusOK, "a result")
		}
		return err
	})
	if err != nil {
		return b.copyFailed(ctx, w, src, ambiguous, err)
	}
	if err := b.encrypted(w, out.ServerSideEncryption, out.SSECustomerAlgorithm); err != nil {
		return nil, err
	}
	made := &blob.Object{Key: w.key, Size: o.Size, Version: b.version(out.VersionId), Attributes: w.attributes, Checksums: o.Checksums}
	if r := out.CopyObjectResult; r != nil {
		made.ETag, made.ModTime = etag(r.ETag), modTime(r.LastModified)
		if c := (sums{r.ChecksumType, r.ChecksumCRC32C, r.ChecksumCRC32, r.ChecksumCRC64NVME, r.ChecksumSHA1, r.ChecksumSHA256}).read(); !c.IsZero() {
			made.Checksums = c
		}
	}
	if !pinned { // what was copied may be another version than the one that was looked at
		return b.whatWasMade(ctx, made)
	}
	return made, nil
}

// copyFailed tells the conditions on both ends apart: without one on the destination, the source has changed.
func (b *bucket) copyFailed(ctx context.Context, w *write, src blob.Source, ambiguous bool, err error) (*blob.Object, error) {
	f := remote.AsFailure(err)
	if w.cond.IsZero() {
		switch {
		case f != nil && f.Is == blob.ErrPrecondition:
			return nil, src.Fail(fmt.Errorf("%w: %w", errSourceChanged, err))
		case errors.Is(err, blob.ErrNotExist) && f.Code != "NoSuchBucket":
			return nil, src.Fail(err)
		}
	}
	return b.resolve(ctx, w, ambiguous, err)
}
