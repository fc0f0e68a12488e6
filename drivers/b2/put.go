package b2

import (
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/Backblaze/blazer/base"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/body"
	"github.com/holdall-go/holdall/internal/crc"
	"github.com/holdall-go/holdall/internal/digest"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/remote"
)

// putConcurrency is how many parts of one Put are under way at once, unless the caller hints otherwise.
const putConcurrency = 8

// Put sends a body of up to one part in one upload, and a longer one as a large file.
func (b *bucket) Put(ctx context.Context, key string, r io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	w, err := b.newWrite(key, &opts.Attributes)
	if err != nil {
		return nil, err
	}
	w.hook = opts.Hook
	digests, err := digest.New(opts.Checksums, blob.SHA1, blob.CRC32C)
	if err != nil {
		return nil, err
	}
	if at, off, size, ok := blob.BodyAt(r); ok {
		return b.putAt(ctx, w, at, off, size, digests, opts)
	}
	return b.putStream(ctx, w, r, digests, opts)
}

// A write is what is stored with an object, under which name.
type write struct {
	key         string
	attributes  blob.Attributes
	contentType string
	info        map[string]string
	hook        *blob.Hook
}

func (b *bucket) newWrite(key string, a *blob.Attributes) (*write, error) {
	if err := b.account.current().covers(key); err != nil {
		return nil, err
	}
	w := &write{key: key, attributes: *a}
	return w, w.encode(extra{})
}

// encode writes the attributes down, with an entry more.
func (w *write) encode(more extra) (err error) {
	w.contentType, w.info, err = encodeInfo(w.key, &w.attributes, more)
	return err
}

// putAt stores content that can be read again. It is read twice: B2 wants its digest before it.
func (b *bucket) putAt(ctx context.Context, w *write, r io.ReaderAt, at, size int64, digests *digest.Set, opts *blob.PutOptions) (*blob.Object, error) {
	gate := body.NewGate(r)
	defer gate.Shut()
	content := io.NewSectionReader(gate, at, size)
	if err := sum(ctx, digests, content); err != nil {
		return nil, err
	}
	if err := digests.Check(); err != nil {
		return nil, err
	}
	cut, err := parts.Uniform(size, opts.PartSize, b.limits())
	if err != nil {
		return nil, err
	}
	whole := digests.Sum(blob.SHA1)
	if size <= cut.First {
		return b.putSingle(ctx, w, size, whole, func() io.Reader { return io.NewSectionReader(content, 0, size) })
	}
	if err := w.encode(largeSHA1(whole)); err != nil {
		return nil, err
	}
	return b.putParts(ctx, w, parts.Sections(gate, at, size, cut), opts.Concurrency, digests)
}

// sum has digests hear all of r.
func sum(ctx context.Context, digests io.Writer, r *io.SectionReader) error {
	buf := make([]byte, 256<<10)
	for off := int64(0); off < r.Size(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.ReadAt(buf[:min(int64(len(buf)), r.Size()-off)], off)
		_, _ = digests.Write(buf[:n])
		if off += int64(n); err != nil && off < r.Size() {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// putStream stores a stream, whose parts are held in memory until they are sent.
func (b *bucket) putStream(ctx context.Context, w *write, r io.Reader, digests *digest.Set, opts *blob.PutOptions) (*blob.Object, error) {
	size := opts.Size
	if n, known := blob.BodySize(r); known {
		size = n
	}
	cut, err := parts.Streamed(size, opts.PartSize, b.limits())
	if err != nil {
		return nil, err
	}
	s := parts.NewStream(digests.Tee(r), cut)
	defer s.Close()
	first, only, err := s.Peek(ctx)
	if err != nil {
		return nil, err
	}
	if !only {
		if want, ok := opts.Checksums.Get(blob.SHA1); ok { // the caller knows it, and it is checked at the end
			if err := w.encode(largeSHA1(want)); err != nil {
				return nil, err
			}
		}
		return b.putParts(ctx, w, s, opts.Concurrency, digests)
	}
	if err := digests.Check(); err != nil {
		return nil, err
	}
	return b.putSingle(ctx, w, first.Size, digests.Sum(blob.SHA1), func() io.Reader { return first.Open() })
}

// putSingle stores an object with one upload.
func (b *bucket) putSingle(ctx context.Context, w *write, size int64, whole []byte, open func() io.Reader) (*blob.Object, error) {
	var f *base.File
	err := uploadTo(ctx, b.account, "b2_upload_file", &b.uploadURLs, b.fetchUploadURL, func(ctx context.Context, url *base.URL) (err error) {
		if size == 0 { // nothing reads the body
			if err := w.hook.Publishing(ctx); err != nil {
				return remote.Final{Err: err}
			}
			f, err = url.UploadFile(ctx, open(), 0, w.key, w.contentType, hex.EncodeToString(whole), w.info)
			return err
		}
		return sending(w.hook.Reader(ctx, open(), size), func(content io.Reader) (err error) {
			f, err = url.UploadFile(ctx, content, int(size), w.key, w.contentType, hex.EncodeToString(whole), w.info)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return b.made(w, f.ID, size, f.Timestamp, whole), nil
}

// sending sends a body that calls a hook. What the hook stops is not tried again.
func sending(content *blob.HookedReader, send func(io.Reader) error) error {
	err := send(content)
	if stop := content.End(); stop != nil {
		return remote.Final{Err: stop}
	}
	return err
}

func (b *bucket) fetchUploadURL(ctx context.Context) (url *base.URL, err error) {
	err = b.account.call(ctx, "b2_get_upload_url", func(ctx context.Context) error {
		url, err = b.base.GetUploadURL(ctx)
		return err
	})
	return url, err
}

// made describes an object that was stored. The SHA-1 is nil if it is not known.
func (b *bucket) made(w *write, id string, size int64, at time.Time, whole []byte) *blob.Object {
	o := &blob.Object{Key: w.key, Size: size, ModTime: at.UTC(), ETag: etag(id), Version: b.version(id), Attributes: w.attributes}
	if whole != nil {
		o.Checksums = o.Checksums.With(blob.SHA1, whole)
	}
	return o
}

// putParts stores an object as a large file, and leaves nothing behind if that fails.
func (b *bucket) putParts(ctx context.Context, w *write, src parts.Source, concurrency int, digests *digest.Set) (*blob.Object, error) {
	large, err := b.begin(ctx, w)
	if err != nil {
		return nil, err
	}
	var done sentParts
	err = parts.Send(ctx, src, cmp.Or(concurrency, putConcurrency), func(ctx context.Context, p *parts.Part) error {
		ctx, cancel := remote.WithGrace(ctx, remote.PartGrace)
		defer cancel()
		h := sha1.New()
		if _, err := io.Copy(h, p.Open()); err != nil {
			return err
		}
		s := sent{p.Number, p.Size, hex.EncodeToString(h.Sum(nil)), p.CRC32C}
		done.add(s)
		return large.send(ctx, s, func() io.Reader { return p.Open() })
	})
	if err == nil {
		err = cmp.Or(digests.Check(), unchanged(done.sorted(), digests))
	}
	var o *blob.Object
	if err == nil {
		o, err = large.finish(ctx, w, done.sorted(), digests.Sum(blob.SHA1))
	}
	if err != nil && !errors.Is(err, blob.ErrAmbiguous) {
		b.cleanUp(ctx, large.id)
	}
	return o, err
}

// unchanged refuses parts that are together not what the digests heard: a file may have been written while it was read.
func unchanged(all []sent, digests *digest.Set) error {
	var whole uint32
	for _, s := range all {
		whole = crc.JoinCastagnoli(whole, s.crc, s.size)
	}
	if heard := binary.BigEndian.Uint32(digests.Sum(blob.CRC32C)); whole != heard {
		return fmt.Errorf("%w: the body changed while it was sent", blob.ErrChecksum)
	}
	return nil
}
