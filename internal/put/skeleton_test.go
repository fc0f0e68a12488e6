package put_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/keyspace"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/put"
	"github.com/holdall-go/holdall/internal/remote"
	"github.com/holdall-go/holdall/internal/text"
)

// This file is a whole driver of a store behind HTTP, whose server is in skeleton_server_test.go: what a new driver has to
// say itself when it is built on the packages remote and put. A key is in the query of a request, attributes and conditions
// are in its headers, and every response has the header X-Store.

// A bucket is the driver.
type bucket struct {
	blob.Unsupported
	endpoint string
	client   *http.Client
	calls    remote.Caller
}

// open opens the bucket of the server at endpoint.
func open(endpoint string) blob.Bucket {
	client := &http.Client{Transport: remote.Observed(remote.Client(nil).Transport), CheckRedirect: remote.NoRedirect}
	return blob.Check(&bucket{endpoint: endpoint, client: client,
		calls: remote.Caller{Attempts: 4, Backoff: remote.Backoff{First: 50 * time.Millisecond, Max: time.Second}}})
}

var limits = parts.Limits{MinSize: 1, MaxSize: parts.MaxBuffered, Parts: 10_000}

func (b *bucket) String() string { return "skeleton:" + b.endpoint }

func (b *bucket) Capabilities() blob.Capabilities {
	return blob.Capabilities{
		If:        blob.ConditionRules{Put: blob.WriteConditions, Upload: blob.WriteConditions, Delete: blob.Conditions(blob.KindMatch), Read: blob.ReadConditions},
		Objects:   blob.ObjectRules{Headers: true, Metadata: true, MaxMetadataBytes: 16 << 10},
		Uploads:   blob.UploadRules{Supported: true, Listed: true, MinPartSize: limits.MinSize, MaxPartSize: limits.MaxSize, MaxParts: limits.Parts},
		Checksums: blob.ChecksumRules{In: blob.AllAlgorithms, Out: blob.Algorithms(blob.CRC32C)},
		Hooks:     true,
	}
}

// A request is one call of the server.
type request struct {
	name, method, path string
	query              url.Values
	header             http.Header
	body               io.Reader  // nil: there is none
	size               int64      // of the body
	publishing         *blob.Hook // is called before each attempt
}

// about returns a request about a key.
func about(name, method, path, key string) *request {
	return &request{name: name, method: method, path: path, query: url.Values{"key": {key}}, header: http.Header{}}
}

// conditional gives the request a condition.
func (r *request) conditional(c blob.Condition) *request {
	switch c.Kind() {
	case blob.KindAbsent:
		r.header.Set("If-None-Match", "*")
	case blob.KindMatch:
		r.header.Set("If-Match", c.ETag())
	}
	return r
}

// codes are the error codes whose meaning their status does not tell.
var codes = map[string]remote.Meaning{
	"exist":    {Is: blob.ErrExist},
	"checksum": {Is: blob.ErrChecksum, Transient: true}, // the content was changed on the way
	"invalid":  {Is: blob.ErrInvalid},
}

// roundTrip sends a request once. Its error is a failure or that of ctx.
func (b *bucket) roundTrip(ctx context.Context, r *request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, b.endpoint+r.path+"?"+strings.ReplaceAll(r.query.Encode(), "%2F", "/"), r.body)
	if err != nil {
		return nil, err
	}
	req.Header = r.header.Clone()
	req.ContentLength = r.size
	resp, err := b.client.Do(req)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, remote.NoResponse(err)
	case resp.StatusCode < 300 && resp.Header.Get("X-Store") != "":
		return resp, nil
	}
	defer resp.Body.Close()
	message, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // to its end, so that the connection is used again
	if resp.StatusCode < 300 {
		return nil, remote.Unproven(resp.StatusCode, "the header X-Store")
	}
	f := &remote.Failure{Status: resp.StatusCode, Code: resp.Header.Get("X-Code"), Message: text.Printable(string(message)),
		RetryAfter: remote.RetryAfter(resp.Header.Get("Retry-After"), time.Now())}
	f.Meaning = remote.Classify(codes, f.Code, f.Status)
	f.Ambiguous = f.Ambiguous && f.Status != http.StatusServiceUnavailable // by which the server refuses what it has not begun
	return nil, f
}

// receive sends a request once, and decodes its response, which is JSON, into out unless that is nil.
func (b *bucket) receive(ctx context.Context, r *request, out any) error {
	resp, err := b.roundTrip(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return remote.NoResponse(err)
	case out != nil && json.Unmarshal(text, out) != nil:
		return remote.Unproven(resp.StatusCode, "a result")
	}
	return nil
}

// call makes a call, which sends c unless that is nil.
func (b *bucket) call(ctx context.Context, r *request, c *put.Content, out any) (ambiguous bool, err error) {
	return b.calls.Do(ctx, r.name, func(ctx context.Context) error {
		if c == nil {
			if err := put.Publishing(ctx, r.publishing); err != nil {
				return err
			}
			return b.receive(ctx, r, out)
		}
		r.header.Set("X-Crc32c", strconv.FormatUint(uint64(c.CRC32C), 16))
		return c.Send(ctx, func(content *put.Body) error {
			if r.size = c.Size; r.size > 0 {
				r.body = content
			}
			return b.receive(ctx, r, out)
		})
	})
}

// resolve returns the error of a write. The server keeps nothing by which a write could be recognised, so one that must not
// be carried out twice is ambiguous if a response was lost.
func resolve(once, ambiguous bool, err error) error {
	if err != nil && ambiguous && once {
		return remote.Ambiguous(err)
	}
	return put.Stopped(ambiguous, err)
}

// A wire is an object as JSON.
type wire struct {
	blob.Object
	CRC32C uint32
}

func (w *wire) object() *blob.Object {
	w.Checksums = blob.CRC32CSum(w.CRC32C)
	return &w.Object
}

func (b *bucket) Put(ctx context.Context, key string, r io.Reader, opts *blob.PutOptions) (*blob.Object, error) {
	w := &write{b: b, key: key, attrs: opts.Attributes, cond: opts.If, hook: opts.Hook}
	return put.Put(ctx, w, &put.Request{Body: r, Options: opts, Limits: limits})
}

// A write is an object on its way to the server, a [put.Store].
type write struct {
	b     *bucket
	key   string
	attrs blob.Attributes
	cond  blob.Condition
	hook  *blob.Hook
}

func (w *write) One(ctx context.Context, whole *put.Content) (*blob.Object, error) {
	var o wire
	ambiguous, err := w.b.call(ctx, w.described("PutObject", http.MethodPut, "/object").conditional(w.cond), whole, &o)
	if err != nil {
		return nil, resolve(!w.cond.IsZero(), ambiguous, err)
	}
	return o.object(), nil
}

// described returns a request about the key, with the attributes.
func (w *write) described(name, method, path string) *request {
	r := about(name, method, path, w.key)
	text, _ := json.Marshal(w.attrs) // strings have no error
	r.header.Set("X-Attributes", base64.StdEncoding.EncodeToString(text))
	return r
}

func (w *write) Begin(ctx context.Context, _ blob.Checksums) (put.Upload, error) {
	u, err := w.begin(ctx, 0)
	return multipart{u}, err
}

func (w *write) begin(ctx context.Context, partSize int64) (*upload, error) {
	u := &upload{write: w}
	r := w.described("BeginUpload", http.MethodPost, "/uploads")
	r.query.Set("size", strconv.FormatInt(partSize, 10))
	return u, remote.Start(ctx, func(ctx context.Context) error {
		_, err := w.b.call(ctx, r, nil, &u.begun)
		return err
	}, multipart{u}.Abort)
}

// An upload is an unfinished object.
type upload struct {
	*write
	begun struct { // what the server says of it
		ID       string
		PartSize int64
	}
}

func (b *bucket) Upload(ctx context.Context, key string, opts *blob.UploadOptions) (blob.Upload, error) {
	w := &write{b: b, key: key, attrs: opts.Attributes, cond: opts.If, hook: opts.Hook}
	if opts.ID == "" {
		cut, err := parts.Uniform(opts.Size, opts.PartSize, limits)
		if err != nil {
			return nil, err
		}
		return w.begin(ctx, cut.First)
	}
	u := &upload{write: w}
	u.begun.ID = opts.ID
	_, err := b.call(ctx, u.request("GetUpload", http.MethodGet, "/upload"), nil, &u.begun)
	return u, err
}

func (u *upload) ID() string      { return u.begun.ID }
func (u *upload) PartSize() int64 { return u.begun.PartSize }

// request returns a request about the upload.
func (u *upload) request(name, method, path string) *request {
	r := about(name, method, path, u.key)
	r.query.Set("id", u.begun.ID)
	return r
}

func (u *upload) send(ctx context.Context, c *put.Content) (blob.Part, error) {
	r := u.request("PutPart", http.MethodPut, "/part")
	r.query.Set("n", strconv.Itoa(c.Number))
	var p blob.Part
	_, err := u.b.call(ctx, r, c, &p)
	p.Checksums = blob.CRC32CSum(c.CRC32C)
	return p, err
}

func (u *upload) Put(ctx context.Context, n int, r *io.SectionReader) (blob.Part, error) {
	c, err := put.Section(ctx, n, r, u.hook)
	if err != nil {
		return blob.Part{}, err
	}
	defer c.Close()
	return u.send(ctx, c)
}

func (u *upload) Parts(ctx context.Context) iter.Seq2[blob.Part, error] {
	return remote.Pages(ctx, "", func(ctx context.Context, _ string) (page remote.Page[blob.Part, string], err error) {
		_, err = u.b.call(ctx, u.request("ListParts", http.MethodGet, "/parts"), nil, &page.Items)
		return page, err
	})
}

func (u *upload) Complete(ctx context.Context) (*blob.Object, error) {
	r := u.request("Complete", http.MethodPost, "/upload").conditional(u.cond)
	r.publishing = u.hook
	var o wire
	ambiguous, err := u.b.call(ctx, r, nil, &o)
	if err != nil { // a repeated completion does not find the upload that an earlier one has completed
		return nil, resolve(true, ambiguous, err)
	}
	return o.object(), nil
}

func (u *upload) Abort(ctx context.Context) error {
	_, err := u.b.call(ctx, u.request("Abort", http.MethodDelete, "/upload"), nil, nil)
	return err
}

// A multipart is a [put.Upload].
type multipart struct{ *upload }

func (m multipart) Send(ctx context.Context, c *put.Content) (put.Sent, error) {
	p, err := m.send(ctx, c)
	return c.Sent(p.ETag), err
}

func (m multipart) Complete(ctx context.Context, _ []put.Sent, _ blob.Checksums) (*blob.Object, error) {
	return m.upload.Complete(ctx)
}

func (m multipart) Abort(ctx context.Context) { _ = m.upload.Abort(ctx) }

func (b *bucket) Uploads(ctx context.Context, prefix string) iter.Seq2[*blob.UploadInfo, error] {
	return remote.Pages(ctx, "", func(ctx context.Context, _ string) (page remote.Page[*blob.UploadInfo, string], err error) {
		_, err = b.call(ctx, &request{name: "ListUploads", method: http.MethodGet, path: "/uploads", query: url.Values{"prefix": {prefix}}}, nil, &page.Items)
		return page, err
	})
}

func (b *bucket) Stat(ctx context.Context, key string, opts *blob.StatOptions) (*blob.Object, error) {
	o, resp, err := b.open(ctx, http.MethodHead, key, "", opts.If)
	if err != nil {
		return nil, err
	}
	return o, resp.Body.Close()
}

func (b *bucket) Get(ctx context.Context, key string, opts *blob.GetOptions) (*blob.Reader, error) {
	return remote.OpenRange(ctx, opts.Range, func(header string) (*blob.Reader, error) {
		o, resp, err := b.open(ctx, http.MethodGet, key, header, opts.If)
		if err != nil {
			return nil, err
		}
		return remote.NewReader(ctx, "GetObject", opts.Range, o, resp)
	}, func() (*blob.Object, error) { return b.Stat(ctx, key, &blob.StatOptions{If: opts.If}) })
}

// open reads an object, or a range of it. The condition is evaluated on the response, which is about one state of the object.
func (b *bucket) open(ctx context.Context, method, key, asked string, cond blob.Condition) (*blob.Object, *http.Response, error) {
	r := about("GetObject", method, "/object", key)
	r.header.Set("Range", asked)
	var resp *http.Response
	_, err := b.calls.Do(ctx, r.name, func(ctx context.Context) (err error) {
		resp, err = b.roundTrip(ctx, r)
		return err
	})
	if errors.Is(err, blob.ErrNotExist) && cond.Kind() == blob.KindMatch {
		err = fmt.Errorf("%w: there is no object", blob.ErrPrecondition)
	}
	if err != nil {
		return nil, nil, err
	}
	var o wire
	described := base64.NewDecoder(base64.StdEncoding, strings.NewReader(resp.Header.Get("X-Object")))
	if err = cmp.Or(json.NewDecoder(described).Decode(&o), cond.Eval(o.object())); err != nil {
		resp.Body.Close()
		return nil, nil, err
	}
	return &o.Object, resp, nil
}

func (b *bucket) Delete(ctx context.Context, key string, opts *blob.DeleteOptions) error {
	ambiguous, err := b.call(ctx, about("DeleteObject", http.MethodDelete, "/object", key).conditional(opts.If), nil, nil)
	return resolve(!opts.If.IsZero(), ambiguous, err)
}

// List rolls up common prefixes by itself: the server lists keys from a start on.
func (b *bucket) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		start := keyspace.SeekPast(opts.Start(), opts.Prefix, opts.Delimiter)
		remote.Pages(ctx, start, func(ctx context.Context, from string) (page remote.Page[*blob.Object, string], err error) {
			r := &request{name: "List", method: http.MethodGet, path: "/objects", query: url.Values{"prefix": {opts.Prefix}, "start": {from}}}
			var listed struct {
				Items []*wire
				Next  string
			}
			_, err = b.call(ctx, r, nil, &listed)
			page.Next, page.More = listed.Next, listed.Next != ""
			for _, o := range listed.Items {
				common, rolled := keyspace.RollUp(o.Key, opts.Prefix, opts.Delimiter)
				switch {
				case o.Key < start:
				case !rolled:
					page.Items = append(page.Items, o.object())
				default:
					page.Items = append(page.Items, &blob.Object{Key: common, IsPrefix: true})
					after, more := keyspace.End(common)
					start, page.More = after, page.More && more
					page.Next = max(page.Next, after)
				}
			}
			return page, err
		})(yield)
	}
}
