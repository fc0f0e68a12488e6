package s3

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

func (b *bucket) Stat(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	return b.head(ctx, key, opts.If, opts.Version, nil)
}

// head asks for the attributes of an object. If metadata is given, it is set to what is stored, ours included.
func (b *bucket) head(ctx context.Context, key string, cond blob.Condition, version string, metadata *map[string]string) (*blob.Object, error) {
	c := readCondition(cond)
	in := &s3.HeadObjectInput{Bucket: &b.name, Key: &key, VersionId: header(version),
		IfMatch: c.match, IfNoneMatch: c.noneMatch, IfModifiedSince: c.since, IfUnmodifiedSince: c.notSince}
	if k := b.customer; k != nil {
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = k.algorithm, k.key, k.md5
	}
	var out *s3.HeadObjectOutput
	err := b.call(ctx, "HeadObject", func(ctx context.Context) (err error) {
		out, err = b.client.HeadObject(ctx, in)
		if err == nil && out.ContentLength == nil {
			return remote.Unproven(http.StatusOK, "a length")
		}
		return requireField(err, func() *string { return out.ETag }, "an ETag")
	})
	if err != nil {
		return nil, readError(err, cond)
	}
	if metadata != nil {
		*metadata = out.Metadata
	}
	o := &blob.Object{
		Key: key, Size: aws.ToInt64(out.ContentLength), ModTime: modTime(out.LastModified), ETag: etag(out.ETag), Version: b.version(out.VersionId),
		Attributes: blob.Attributes{ContentType: readContentType(out.ContentType), ContentEncoding: aws.ToString(out.ContentEncoding),
			ContentLanguage: aws.ToString(out.ContentLanguage), ContentDisposition: aws.ToString(out.ContentDisposition),
			CacheControl: aws.ToString(out.CacheControl), Metadata: decodeMetadata(out.Metadata)},
		Checksums: b.whole(sums{out.ChecksumType, out.ChecksumCRC32C, out.ChecksumCRC32, out.ChecksumCRC64NVME, out.ChecksumSHA1, out.ChecksumSHA256}, out.Metadata),
	}
	if err := holdsNow(cond, o); err != nil {
		return nil, err
	}
	return o, nil
}

// holdsNow judges a condition on the time of an object by what the answer says of it, since servers disagree: some know
// fractions of a second, which no header shows, and some take no notice of a time in the future.
func holdsNow(cond blob.Condition, o *blob.Object) error {
	if k := cond.Kind(); k == blob.KindModifiedSince || k == blob.KindUnmodifiedSince {
		return cond.Eval(o)
	}
	return nil
}

// readError gives the failures of reads that a version or a condition explains their meaning.
func readError(err error, cond blob.Condition) error {
	f := remote.AsFailure(err)
	if f == nil {
		return err
	}
	switch {
	case f.Status == http.StatusMethodNotAllowed: // the version is a delete marker
		f.Is = blob.ErrNotExist
	case f.Status == http.StatusNotFound && cond.Kind() == blob.KindMatch:
		f.Is = fmt.Errorf("%w, as there is no object", blob.ErrPrecondition)
	}
	return err
}

func (b *bucket) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	return remote.OpenRange(ctx, opts.Range, func(header string) (*blob.Reader, error) {
		return b.getRange(ctx, key, header, opts)
	}, func() (*blob.Object, error) {
		return b.head(ctx, key, opts.If, opts.Version, nil)
	})
}

// getRange opens a range that HTTP can ask for, in the words of its header; empty is the whole object.
func (b *bucket) getRange(ctx context.Context, key, asked string, opts *blob.GetOptions) (*blob.Reader, error) {
	c := readCondition(opts.If)
	in := &s3.GetObjectInput{Bucket: &b.name, Key: &key, VersionId: header(opts.Version), Range: header(asked),
		IfMatch: c.match, IfNoneMatch: c.noneMatch, IfModifiedSince: c.since, IfUnmodifiedSince: c.notSince}
	if k := b.customer; k != nil {
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = k.algorithm, k.key, k.md5
	}
	var out *s3.GetObjectOutput
	err := b.call(ctx, "GetObject", func(ctx context.Context) (err error) {
		if out, err = b.client.GetObject(ctx, in); err != nil {
			return err
		}
		err = requireField(nil, func() *string { return out.ETag }, "an ETag")
		if err == nil && out.ContentLength == nil && out.ContentRange == nil {
			err = remote.Unproven(http.StatusOK, "a length") // by which one that was cut is known
		}
		if err != nil {
			out.Body.Close()
		}
		return err
	})
	if err != nil {
		return nil, readError(err, opts.If)
	}
	o := &blob.Object{
		Key: key, Size: aws.ToInt64(out.ContentLength), ModTime: modTime(out.LastModified), ETag: etag(out.ETag), Version: b.version(out.VersionId),
		Attributes: blob.Attributes{ContentType: readContentType(out.ContentType), ContentEncoding: aws.ToString(out.ContentEncoding),
			ContentLanguage: aws.ToString(out.ContentLanguage), ContentDisposition: aws.ToString(out.ContentDisposition),
			CacheControl: aws.ToString(out.CacheControl), Metadata: decodeMetadata(out.Metadata)},
		Checksums: b.whole(sums{out.ChecksumType, out.ChecksumCRC32C, out.ChecksumCRC32, out.ChecksumCRC64NVME, out.ChecksumSHA1, out.ChecksumSHA256}, out.Metadata),
	}
	off, n, err := remote.ContentRange(opts.Range, o, aws.ToString(out.ContentRange))
	if err == nil {
		err = holdsNow(opts.If, o)
	}
	if err == nil && out.ContentRange == nil && off > 0 {
		err = remote.Skip("GetObject", out.Body, off)
	}
	if err != nil {
		out.Body.Close()
		return nil, err
	}
	return blob.NewReader(ctx, newBody(out.Body, n), o, off, n), nil
}

// A content is the body of an answer. Small reads of a long one are served from a buffer, since each of them costs a
// system call else; large ones pass it by.
type content struct {
	r        io.ReadCloser
	left     int64 // bytes that are still wanted
	buffered bool
	buffer   *bufio.Reader // of the pool, from the first small read until nothing is left
}

const bodyBuffer = 128 << 10

var bodyBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, bodyBuffer) }}

func newBody(r io.ReadCloser, n int64) io.ReadCloser {
	return &content{r: r, left: n, buffered: n > remote.ReadBuffer}
}

func (b *content) Read(p []byte) (n int, err error) {
	if b.buffer == nil && b.buffered && len(p) < bodyBuffer && int64(len(p)) < b.left {
		b.buffer = bodyBuffers.Get().(*bufio.Reader)
		b.buffer.Reset(b.r)
	}
	if b.buffer == nil {
		n, err = b.r.Read(p)
	} else {
		n, err = b.buffer.Read(p)
	}
	b.left -= int64(n)
	if b.buffer != nil && (err != nil || b.left <= 0) {
		b.buffer.Reset(nil)
		bodyBuffers.Put(b.buffer)
		b.buffer, b.buffered = nil, false
	}
	return n, remote.BrokenBody("GetObject", err)
}

// Close may come while a Read waits, so it leaves the buffer alone.
func (b *content) Close() error { return b.r.Close() }
