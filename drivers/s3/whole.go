package s3

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/digest"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/remote"
)

// putWhole stores a stream with one request, however long it is, since the server does not honour the condition at the
// completion of an upload. A stream of up to 64 MiB is held in memory; a longer one, up to 5 GiB, must have declared its
// size.
func (b *bucket) putWhole(ctx context.Context, w *write, r io.Reader, size int64, verify *digest.Set) (*blob.Object, error) {
	switch {
	case size > maxSingle:
		return nil, b.tooLong(w)
	case size > parts.MaxBuffered:
		return b.putThrough(ctx, w, r, size, verify)
	}
	s := parts.NewStream(r, parts.Whole())
	defer s.Close()
	all, only, err := s.Peek(ctx)
	if err != nil {
		return nil, err
	}
	if !only {
		return nil, b.tooLong(w)
	}
	if err := verify.Check(); err != nil {
		return nil, err
	}
	return b.putSingle(ctx, w, all.Size, all.CRC32C, all.Open)
}

func (b *bucket) tooLong(w *write) error {
	return fmt.Errorf("%w: %s does not honour %s on uploads in parts; one request takes %d bytes at most, and %d where the Size is not declared",
		errors.ErrUnsupported, b.flavour.name, w.cond, int64(maxSingle), parts.MaxBuffered)
}

// putThrough stores a long stream while it is read. It can be sent once only, and its checksum is known too late to go
// with it: the server's own digest is compared afterwards, and nothing is kept for readers to compare.
func (b *bucket) putThrough(ctx context.Context, w *write, r io.Reader, size int64, verify *digest.Set) (*blob.Object, error) {
	sum := md5.New()
	in := b.putInput(w, size)
	content := &through{ctx: ctx, hook: w.hook, r: io.TeeReader(r, sum), left: size, verify: verify}
	in.Body = content
	var out *s3.PutObjectOutput
	err := asFailure(func() (err error) {
		out, err = b.client.PutObject(ctx, in)
		return err
	}())
	whole, why := content.end()
	if why != nil { // the body broke off, and so did the request
		return nil, why
	}
	if err != nil {
		f := remote.AsFailure(err)
		if f != nil && !whole {
			f.Ambiguous = false
		}
		return b.resolve(ctx, w, f != nil && f.Ambiguous, err)
	}
	if err := b.encrypted(w, out.ServerSideEncryption, out.SSECustomerAlgorithm); err != nil {
		return nil, err
	}
	o := &blob.Object{Key: w.key, Size: size, ETag: etag(out.ETag), Version: b.version(out.VersionId), Attributes: w.attributes}
	if tag := strings.Trim(o.ETag, `"`); len(tag) == 2*md5.Size && b.customer == nil && tag != hex.EncodeToString(sum.Sum(nil)) {
		return nil, fmt.Errorf("%w: the server has stored another content (%s) than was sent", blob.ErrChecksum, o.ETag)
	}
	return o, nil
}

// through passes a body on, once. It sends the last byte only after the caller's checksums are verified and the hook has
// agreed; without that byte the request is incomplete and stores nothing.
type through struct {
	ctx    context.Context
	hook   *blob.Hook
	r      io.Reader
	left   int64
	verify *digest.Set

	mu  sync.Mutex // an HTTP client may go on reading when its request has failed
	err error
}

// end ends the body, and tells whether it went out whole and, if not, why it broke off by itself.
func (t *through) end() (whole bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	err = t.err
	if t.err == nil {
		t.err = io.ErrClosedPipe
	}
	return t.left == 0, err
}

func (t *through) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return 0, t.err
	}
	if t.err = t.ctx.Err(); t.err != nil {
		return 0, t.err
	}
	if t.left == 0 {
		return 0, io.EOF
	}
	n, err := t.r.Read(p[:min(int64(len(p)), t.left)])
	t.left -= int64(n)
	if err == io.EOF && t.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if herr := t.hook.Sending(t.ctx, int64(n)); herr != nil {
		err = herr
	}
	if t.left == 0 && (err == nil || err == io.EOF) {
		if err = t.verify.Check(); err == nil {
			err = t.hook.Publishing(t.ctx)
		}
	}
	if err != nil && err != io.EOF {
		t.err = err
		return 0, err
	}
	return n, nil
}
