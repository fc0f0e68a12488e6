package conformance_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// The methods of a webBucket.

func (b *webBucket) String() string { return "web:" + b.name }

func (b *webBucket) Capabilities() blob.Capabilities {
	return blob.Capabilities{
		If:        blob.ConditionRules{Put: blob.WriteConditions, Upload: blob.WriteConditions, Copy: blob.WriteConditions, Delete: blob.Conditions(blob.KindMatch), Read: blob.ReadConditions},
		Objects:   blob.ObjectRules{Headers: true, Metadata: true},
		Uploads:   blob.UploadRules{Supported: true, MinPartSize: 1, MaxParts: 10_000, Listed: true},
		Sign:      blob.SignRules{Methods: blob.Methods("GET", "HEAD", "PUT", "DELETE", "POST"), MaxLife: 7 * 24 * time.Hour, Conditions: true},
		Checksums: blob.ChecksumRules{In: blob.Algorithms(blob.CRC32C, blob.SHA256), Out: blob.Algorithms(blob.CRC32C)},
		Copy:      true,
	}
}

func (b *webBucket) Close() error {
	b.client.CloseIdleConnections()
	return nil
}

// object reads the attributes in an answer.
func (b *webBucket) object(resp *http.Response) (*blob.Object, string, error) {
	var o webObject
	text, err := base64.StdEncoding.DecodeString(resp.Header.Get("X-Object"))
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil && !b.flaws.believesAnswers {
		return nil, "", &webError{status: resp.StatusCode, text: "an answer without an object"}
	}
	return b.sound(&o), o.Nonce, nil
}

func (b *webBucket) sound(o *webObject) *blob.Object {
	if !b.flaws.unverified {
		o.Checksums = o.Sums.checksums()
	}
	return &o.Object
}

func (b *webBucket) Stat(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	o, _, err := b.stat(ctx, key, opts.If)
	return o, err
}

func (b *webBucket) stat(ctx context.Context, key string, cond blob.Condition) (*blob.Object, string, error) {
	c := webCall{method: http.MethodHead, key: key, header: http.Header{}}
	setCondition(c.header, cond)
	resp, _, err := b.do(ctx, c)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	return b.object(resp)
}

func (b *webBucket) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	c := webCall{method: http.MethodGet, key: key, header: http.Header{}}
	setCondition(c.header, opts.If)
	value, ok := opts.Range.Header()
	if !ok {
		return b.getNothing(ctx, key, opts)
	}
	if value != "" {
		c.header.Set("Range", value)
	}
	resp, _, err := b.do(ctx, c)
	if errors.Is(err, blob.ErrRange) {
		return b.getNothing(ctx, key, opts)
	}
	if err != nil {
		return nil, err
	}
	o, _, err := b.object(resp)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	off, n, err := opts.Range.Resolve(o.Size)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return blob.NewReader(ctx, &webBody{b: b, ctx: ctx, key: key, etag: o.ETag, body: resp.Body, off: off, end: off + n}, o, off, n), nil
}

// getNothing opens a range without a byte, which HTTP cannot ask for.
func (b *webBucket) getNothing(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	o, _, err := b.stat(ctx, key, opts.If)
	if err != nil {
		return nil, err
	}
	off, n, err := opts.Range.Resolve(o.Size)
	if err != nil {
		return nil, err
	}
	if n > 0 { // the object has grown
		return nil, fmt.Errorf("%w: it changed meanwhile", blob.ErrRange)
	}
	return blob.NewReader(ctx, http.NoBody, o, off, 0), nil
}

// A webBody goes on where the connection broke, with the same version.
type webBody struct {
	b        *webBucket
	ctx      context.Context
	key      string
	etag     string
	body     io.ReadCloser
	off, end int64
	resumed  int
}

func (w *webBody) Close() error { return w.body.Close() }

func (w *webBody) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	w.off += int64(n)
	if err == nil || w.off == w.end {
		return n, err
	}
	if w.b.flaws.readsShort {
		return n, w.pad(p[n:])
	}
	if w.ctx.Err() != nil || w.resumed == webAttempts {
		return n, &webError{text: err.Error(), err: err}
	}
	w.resumed++
	c := webCall{method: http.MethodGet, key: w.key, header: http.Header{}}
	c.header.Set("Range", fmt.Sprintf("bytes=%d-%d", w.off, w.end-1))
	if !w.b.flaws.unpinned {
		c.header.Set("If-Match", w.etag)
	}
	resp, _, err := w.b.do(w.ctx, c)
	if errors.Is(err, blob.ErrPrecondition) || errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", blob.ErrChanged, err)
	}
	if err != nil {
		return n, err
	}
	w.body.Close()
	w.body = resp.Body
	return n, nil
}

// pad makes as if the content were there.
func (w *webBody) pad(p []byte) error {
	w.body = io.NopCloser(bytes.NewReader(make([]byte, w.end-w.off)))
	return nil
}

func (b *webBucket) Put(ctx context.Context, key string, body io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	content, err := readBody(ctx, body)
	if err != nil {
		return nil, err
	}
	c := webCall{method: http.MethodPut, key: key, header: http.Header{}, body: content}
	setAttributes(c.header, opts.Attributes)
	setCondition(c.header, opts.If)
	for algorithm, sum := range opts.Checksums.All() {
		c.header.Set("X-Sum-"+string(algorithm), base64.StdEncoding.EncodeToString(sum))
	}
	return b.write(ctx, c, opts.If)
}

func readBody(ctx context.Context, body io.Reader) ([]byte, error) {
	var content bytes.Buffer
	for {
		n, err := io.CopyN(&content, body, 256<<10)
		switch {
		case err == io.EOF && ctx.Err() == nil:
			return content.Bytes(), nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, err
		case n == 0:
			return nil, io.ErrNoProgress
		}
	}
}

// write makes an object by a request that carries a nonce, by which its own write is told from another's.
func (b *webBucket) write(ctx context.Context, c webCall, cond blob.Condition) (*blob.Object, error) {
	nonce := strconv.FormatUint(rand.Uint64(), 16)
	c.header.Set("X-Nonce", nonce)
	var o webObject
	lost, err := b.call(ctx, c, &o)
	o.Key = c.key
	if err == nil {
		return b.sound(&o), nil
	}
	return b.recognise(ctx, c.key, nonce, lost, !cond.IsZero(), err)
}

// recognise finds out what became of a write of which an answer was lost. Where the write has no condition, it can be
// made again, so its error is that it failed.
func (b *webBucket) recognise(ctx context.Context, key, nonce string, lost, conditional bool, err error) (*blob.Object, error) {
	var e *webError
	unknown := errors.As(err, &e) && e.lost
	if !unknown && !lost || !conditional || b.flaws.takesOwnForOther && !unknown || b.flaws.denies {
		return nil, err
	}
	if b.flaws.claimsSuccess {
		return &blob.Object{Key: key, ETag: `"claimed"`}, nil
	}
	if ctx.Err() != nil {
		return nil, err
	}
	o, made, serr := b.stat(ctx, key, blob.Condition{})
	if serr == nil && made == nonce {
		return o, nil
	}
	return nil, fmt.Errorf("%w: %v", blob.ErrAmbiguous, err)
}

type webSource struct {
	bucket *webBucket
	key    string
	match  string
}

func (b *webBucket) Source(_ context.Context, key string, opts *blob.SourceOptions) (blob.Source, error) {
	return blob.NewSource(key, webSource{b, key, opts.If.ETag()}), nil
}

func (b *webBucket) Copy(ctx context.Context, key string, src blob.Source, opts *blob.CopyOptions) (*blob.Object, error) {
	from, err := blob.Resolve[webSource](ctx, src)
	if err != nil {
		return nil, err
	}
	if from.bucket.store != b.store {
		return nil, fmt.Errorf("%w: the source is on another server", errors.ErrUnsupported)
	}
	text, err := json.Marshal(copyRequest{from.bucket.name, from.key, from.match, opts.Attributes})
	if err != nil {
		return nil, err
	}
	c := webCall{method: http.MethodPut, key: key, header: http.Header{}}
	c.header.Set("X-Copy", base64.StdEncoding.EncodeToString(text))
	setCondition(c.header, opts.If)
	o, err := b.write(ctx, c, opts.If)
	if err != nil && opts.If.IsZero() {
		return nil, src.Fail(err)
	}
	return o, err
}

func (b *webBucket) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	c := webCall{method: http.MethodDelete, key: key, header: http.Header{}}
	setCondition(c.header, opts.If)
	lost, err := b.call(ctx, c, nil)
	var e *webError
	if err != nil && !opts.If.IsZero() && (lost || errors.As(err, &e) && e.lost) && !b.flaws.takesOwnForOther {
		return fmt.Errorf("%w: %v", blob.ErrAmbiguous, err)
	}
	return err
}

func (b *webBucket) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		o := *opts
		for {
			text, err := json.Marshal(o)
			if err != nil {
				yield(nil, err)
				return
			}
			var page webPage
			if _, err := b.call(ctx, webCall{method: http.MethodGet, query: url.Values{"list": {string(text)}}}, &page); err != nil {
				yield(nil, err)
				return
			}
			if n := len(page.Entries); n > 0 { // before the caller has them, who may change them
				o.StartAt, o.StartAfter = "", page.Entries[n-1].Key
			}
			for i := range page.Entries {
				if !yield(&page.Entries[i], nil) {
					return
				}
			}
			if !page.More {
				return
			}
		}
	}
}

func (b *webBucket) Uploads(ctx context.Context, prefix string) iter.Seq2[*blob.UploadInfo, error] {
	return func(yield func(*blob.UploadInfo, error) bool) {
		var all []blob.UploadInfo
		if _, err := b.call(ctx, webCall{method: http.MethodGet, query: url.Values{"uploads": {prefix}}}, &all); err != nil {
			yield(nil, err)
			return
		}
		for i := range all {
			if !yield(&all[i], nil) {
				return
			}
		}
	}
}

func (b *webBucket) Upload(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	u := &webUploading{b: b, key: key, cond: opts.If}
	if opts.ID != "" {
		return u, u.call(ctx, http.MethodGet, opts.ID, nil, nil, &u.webUpload)
	}
	text, err := json.Marshal(struct {
		Size, PartSize int64
		blob.Attributes
	}{opts.Size, opts.PartSize, opts.Attributes})
	if err != nil {
		return nil, err
	}
	c := webCall{method: http.MethodPost, key: key, query: url.Values{"begin": {""}}, body: text}
	if _, err := b.call(ctx, c, &u.webUpload); err != nil {
		return nil, err
	}
	if u.webUpload.ID == "" && !b.flaws.believesAnswers {
		return nil, &webError{status: 200, text: "an upload without an ID"}
	}
	return u, nil
}

type webUploading struct {
	b    *webBucket
	key  string
	cond blob.Condition
	webUpload
}

func (u *webUploading) ID() string      { return u.webUpload.ID }
func (u *webUploading) PartSize() int64 { return u.webUpload.PartSize }

func (u *webUploading) call(ctx context.Context, method, id string, more url.Values, body []byte, answer any) error {
	_, err := u.try(ctx, method, id, more, body, answer)
	return err
}

func (u *webUploading) try(ctx context.Context, method, id string, more url.Values, body []byte, answer any) (bool, error) {
	c := webCall{method: method, key: u.key, query: url.Values{"upload": {id}}, header: http.Header{}, body: body}
	maps.Copy(c.query, more)
	if method == http.MethodPost {
		setCondition(c.header, u.cond)
	}
	return u.b.call(ctx, c, answer)
}

func (u *webUploading) Put(ctx context.Context, n int, body *io.SectionReader) (blob.Part, error) {
	content, err := readBody(ctx, body)
	if err != nil {
		return blob.Part{}, err
	}
	var p webPart
	if err := u.call(ctx, http.MethodPut, u.ID(), url.Values{"part": {strconv.Itoa(n)}}, content, &p); err != nil {
		return blob.Part{}, err
	}
	return p.part(), nil
}

func (p *webPart) part() blob.Part {
	p.Checksums = p.Sums.checksums()
	return p.Part
}

func (u *webUploading) Parts(ctx context.Context) iter.Seq2[blob.Part, error] {
	return func(yield func(blob.Part, error) bool) {
		var now webUpload
		if err := u.call(ctx, http.MethodGet, u.ID(), nil, nil, &now); err != nil {
			yield(blob.Part{}, err)
			return
		}
		for i := range now.Parts {
			if !yield(now.Parts[i].part(), nil) {
				return
			}
		}
	}
}

func (u *webUploading) Complete(ctx context.Context) (*blob.Object, error) {
	var o webObject
	lost, err := u.try(ctx, http.MethodPost, u.ID(), nil, nil, &o)
	o.Key = u.key
	if err == nil {
		return u.b.sound(&o), nil
	}
	return u.b.recognise(ctx, u.key, u.ID(), lost, true, err)
}

func (u *webUploading) Abort(ctx context.Context) error {
	return u.call(ctx, http.MethodDelete, u.ID(), nil, nil, nil)
}
