package s3

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/body"
	"github.com/holdall-go/holdall/internal/digest"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/remote"
)

type partLimits = parts.Limits

// putConcurrency is how many parts of one Put are in progress at once, unless the caller hints otherwise.
const putConcurrency = 8

// Put sends a body of up to one part in one request, and a longer one in parts.
func (b *bucket) Put(ctx context.Context, key string, r io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	w, err := b.newWrite(key, &opts.Attributes, opts.If, opts.Provider)
	if err != nil {
		return nil, err
	}
	w.hook = opts.Hook
	verify, err := digest.New(opts.Checksums)
	if err != nil {
		return nil, err
	}
	if at, off, size, ok := blob.BodyAt(r); ok {
		return b.putAt(ctx, w, at, off, size, verify, opts)
	}
	return b.putStream(ctx, w, r, verify, opts)
}

// putAt stores content that can be read again. It is read twice, which costs less than to hold it.
func (b *bucket) putAt(ctx context.Context, w *write, r io.ReaderAt, at, size int64, verify *digest.Set, opts *blob.PutOptions) (*blob.Object, error) {
	gate := body.NewGate(r)
	defer gate.Shut()
	content := io.NewSectionReader(gate, at, size)
	if verify != nil {
		if _, err := io.Copy(verify, content); err != nil {
			return nil, err
		}
		if err := verify.Check(); err != nil {
			return nil, err
		}
	}
	cut, err := parts.Uniform(size, opts.PartSize, b.limits())
	if err != nil {
		return nil, err
	}
	if size > cut.First && !b.single(w, size) {
		return b.putParts(ctx, w, parts.Sections(gate, at, size, cut), opts.Concurrency, nil)
	}
	sum, err := parts.Sum(ctx, content)
	if err != nil {
		return nil, err
	}
	return b.putSingle(ctx, w, size, sum, func() io.ReadSeeker { return io.NewSectionReader(content, 0, size) })
}

// single tells whether an object of that size must be stored in one request: its condition would not be honoured at
// the completion of an upload.
func (b *bucket) single(w *write, size int64) bool {
	return !w.cond.IsZero() && !b.flavour.uploadIf.Has(w.cond.Kind()) && size <= maxSingle
}

// putStream stores a stream, whose parts are held in memory until they are sent.
func (b *bucket) putStream(ctx context.Context, w *write, r io.Reader, verify *digest.Set, opts *blob.PutOptions) (*blob.Object, error) {
	size := opts.Size
	if n, known := blob.BodySize(r); known {
		size = n
	}
	r = verify.Tee(r)
	if b.single(w, 0) {
		return b.putWhole(ctx, w, r, size, verify)
	}
	cut, err := parts.Streamed(size, opts.PartSize, b.limits())
	if err != nil {
		return nil, err
	}
	s := parts.NewStream(r, cut)
	defer s.Close()
	first, only, err := s.Peek(ctx)
	if err != nil {
		return nil, err
	}
	if only {
		if err := verify.Check(); err != nil {
			return nil, err
		}
		return b.putSingle(ctx, w, first.Size, first.CRC32C, first.Open)
	}
	return b.putParts(ctx, w, s, opts.Concurrency, verify)
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
func (b *bucket) putSingle(ctx context.Context, w *write, size int64, sum uint32, open func() io.ReadSeeker) (*blob.Object, error) {
	in := b.putInput(w, size)
	if b.flavour.checksums {
		in.ChecksumCRC32C = base64CRC(sum)
	} else {
		in.Metadata = with(in.Metadata, metaCRC32C, hexCRC(sum))
	}
	var out *s3.PutObjectOutput
	stopped := false
	ambiguous, err := b.try(ctx, "PutObject", func(ctx context.Context) (err error) {
		content := &sending{ctx: ctx, hook: w.hook, publishes: true, r: open(), size: size}
		if in.Body = content; size == 0 {
			content.stop = w.hook.Publishing(ctx)
		}
		if content.stop == nil {
			out, err = b.client.PutObject(ctx, in)
			err = requireField(err, func() *string { return out.ETag }, "an ETag")
		}
		err = content.end(err)
		stopped = content.stop != nil
		return err
	})
	if err != nil {
		o, resolved := b.resolve(ctx, w, ambiguous, err)
		if o == nil && ambiguous && stopped { // an earlier attempt may have published
			resolved = remote.Ambiguous(err)
		}
		return o, resolved
	}
	if err := b.encrypted(w, out.ServerSideEncryption, out.SSECustomerAlgorithm); err != nil {
		return nil, err
	}
	return &blob.Object{Key: w.key, Size: size, ETag: etag(out.ETag), Version: b.version(out.VersionId),
		Attributes: w.attributes, Checksums: blob.CRC32CSum(sum)}, nil
}

// sending is the body of one request, which calls the hook of the write. It knows whether it was sent whole: no server
// stores anything of a request that broke off before. The same is true of a server that responds early and closes the
// connection, as some do to refuse a write whose condition does not hold: the response may be lost while the body is
// being written.
type sending struct {
	ctx       context.Context
	hook      *blob.Hook
	publishes bool // the object is visible once its last byte has gone out

	mu   sync.Mutex // an HTTP client may go on reading when its request has failed
	r    io.ReadSeeker
	at   int64
	size int64
	shut bool
	stop error // of the hook
}

func (s *sending) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut || s.stop != nil {
		return 0, cmp.Or(s.stop, io.ErrClosedPipe)
	}
	n, err := s.r.Read(p)
	s.stop = s.hook.Sending(s.ctx, int64(n))
	if s.stop == nil && s.publishes && n > 0 && s.at+int64(n) == s.size {
		s.stop = s.hook.Publishing(s.ctx)
	}
	if s.stop != nil {
		return 0, s.stop
	}
	s.at += int64(n)
	return n, err
}

// digest writes the content to h, which does not count as sent, and goes back to its beginning.
func (s *sending) digest(h io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := io.Copy(h, s.r); err != nil {
		return err
	}
	_, err := s.r.Seek(0, io.SeekStart)
	return err
}

func (s *sending) Seek(offset int64, whence int) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := s.r.Seek(offset, whence)
	if err == nil {
		s.at = at
	}
	return at, err
}

// end ends the body of a request that has ended with err, and returns what that means. A request that the hook has
// stopped is not repeated.
func (s *sending) end(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		return s.stop
	}
	if err == nil {
		return nil
	}
	s.shut = true
	err = asFailure(err)
	if f := remote.AsFailure(err); f != nil && s.at < s.size {
		f.Ambiguous = false
	}
	return err
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
		return nil, err
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

// putParts stores an object in parts, and leaves nothing behind if that fails.
func (b *bucket) putParts(ctx context.Context, w *write, src parts.Source, concurrency int, verify *digest.Set) (*blob.Object, error) {
	if b.single(w, 0) {
		return nil, b.tooLong(w)
	}
	id, err := b.begin(ctx, w)
	if err != nil {
		return nil, err
	}
	u := &upload{b: b, w: w, id: id}
	var mu sync.Mutex
	var done []sent
	err = parts.Send(ctx, src, cmp.Or(concurrency, putConcurrency), func(ctx context.Context, p *parts.Part) error {
		ctx, cancel := remote.WithGrace(ctx, remote.PartGrace)
		defer cancel()
		tag, err := u.send(ctx, p.Number, p.Size, p.CRC32C, p.Open)
		mu.Lock()
		defer mu.Unlock()
		done = append(done, sent{p.Number, p.Size, p.CRC32C, tag})
		return err
	})
	if err == nil {
		err = verify.Check()
	}
	var o *blob.Object
	if err == nil {
		o, err = u.complete(ctx, done)
	}
	if err != nil && !errors.Is(err, blob.ErrAmbiguous) {
		b.cleanUp(ctx, w.key, id)
	}
	return o, err
}

// cleanUp removes a failed upload.
func (b *bucket) cleanUp(ctx context.Context, key, id string) {
	remote.CleanUp(ctx, func(ctx context.Context) { b.abortFirmly(ctx, key, id) })
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
	// If ctx ends while the request is in progress, its response is still waited for: it has the ID of the upload, which
	// must be removed again.
	extended, cancel := remote.WithGrace(ctx, remote.StartGrace)
	defer cancel()
	var out *s3.CreateMultipartUploadOutput
	err = b.call(extended, "CreateMultipartUpload", func(extended context.Context) (err error) {
		if err := ctx.Err(); err != nil {
			return err
		}
		out, err = b.client.CreateMultipartUpload(extended, in)
		return requireField(err, func() *string { return out.UploadId }, "the ID of the upload")
	})
	if err != nil {
		return "", err
	}
	id = *out.UploadId
	if err = cmp.Or(ctx.Err(), b.encrypted(w, out.ServerSideEncryption, out.SSECustomerAlgorithm)); err != nil {
		b.cleanUp(ctx, w.key, id)
	}
	return id, err
}
