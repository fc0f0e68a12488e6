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
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// A webStore is a blob server over buckets in memory, with signatures, parts and conditions: the smallest store on which
// every case of faults and of signed requests can pass, and, with a flaw, fail. Its client is in webclient_test.go.
type webStore struct {
	addr  string
	flaws storeFlaws
	gate  sync.RWMutex // locked while the server is paused

	mu      sync.Mutex
	server  *http.Server
	buckets map[string]blob.Bucket
	wrote   map[string]string // the nonce of the write that made an object, by bucket, key and ETag
}

// storeFlaws are what a server may do wrong.
type storeFlaws struct {
	open         bool // asks nobody for a signature
	anyMethod    bool // a signed request is good for every method
	anyKey       bool // a signed request is good for every key
	anyHeader    bool // signed headers may be changed
	endless      bool // a signed request never expires
	noForm       bool // the rules of a form are not looked at
	unchecked    bool // content is stored whatever its checksum
	shortBodies  bool // a body that ends early is stored
	forgets      bool // a restart loses what was stored
	hidesMissing bool // a signed request for a missing object is 200
	onlyOnce     bool // a signed request is good once
	plusIsSpace  bool // in a path, as in a query
	noRanges     bool // a signed request delivers all, whatever it asks for
	noAttributes bool // a signed request stores none
	neverDeletes bool // a signed request says that it did
	appends      bool // what arrives twice is stored twice, one after the other
	thaws        bool // after a pause nothing is left
}

func newWebStore(flaws storeFlaws) (*webStore, error) {
	s := &webStore{addr: "127.0.0.1:0", flaws: flaws, buckets: map[string]blob.Bucket{}, wrote: map[string]string{}}
	return s, s.start()
}

func (s *webStore) start() error {
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	s.addr = l.Addr().String()
	s.server = &http.Server{Handler: s}
	go s.server.Serve(l)
	return nil
}

func (s *webStore) stop() { _ = s.server.Close() }

// restart is a crash and a new start: what was acknowledged is still there.
func (s *webStore) restart() error {
	s.stop()
	if s.flaws.forgets {
		s.wipe()
	}
	return s.start()
}

func (s *webStore) wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.buckets {
		s.buckets[name] = mem.New(nil)
	}
}

func (s *webStore) pause(d time.Duration) {
	s.gate.Lock()
	defer s.gate.Unlock()
	time.Sleep(d)
	if s.flaws.thaws {
		s.wipe()
	}
}

// awake waits while the server is paused.
func (s *webStore) awake() {
	s.gate.RLock()
	defer s.gate.RUnlock()
}

func (s *webStore) url() *url.URL { return &url.URL{Scheme: "http", Host: s.addr} }

func (s *webStore) bucket(name string) blob.Bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] == nil {
		s.buckets[name] = mem.New(nil)
	}
	return s.buckets[name]
}

// webCodes are the errors that have a code on the wire.
var webCodes = []struct {
	code   string
	status int
	err    error
}{
	{"exist", 412, blob.ErrExist}, {"precondition", 412, blob.ErrPrecondition}, {"missing", 404, blob.ErrNotExist},
	{"unmodified", 304, blob.ErrNotModified}, {"checksum", 400, blob.ErrChecksum}, {"range", 416, blob.ErrRange},
	{"invalid", 400, blob.ErrInvalid}, {"denied", 403, fs.ErrPermission}, {"unsupported", 501, errors.ErrUnsupported},
}

func (s *webStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.awake()
	w.Header().Set("X-Store", "web")
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	req := &webRequest{s, w, r, r.URL.Query(), name, s.bucket(name), key}
	var err error
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		err = req.form()
	} else if err = s.authorize(r); err == nil && !req.flawed() {
		err = req.serve()
	}
	if err == nil {
		return
	}
	for _, c := range webCodes {
		if errors.Is(err, c.err) {
			w.Header().Set("X-Code", c.code)
			w.Header().Set("X-Text", url.QueryEscape(err.Error()))
			w.WriteHeader(c.status)
			return
		}
	}
	w.WriteHeader(http.StatusInternalServerError)
}

type webRequest struct {
	s     *webStore
	w     http.ResponseWriter
	r     *http.Request
	query url.Values
	name  string // of the bucket
	b     blob.Bucket
	key   string
}

// flawed is what the server does wrong with a signed request; it tells whether that is all.
func (q *webRequest) flawed() bool {
	flaws := q.s.flaws
	if !q.query.Has("web-sig") {
		return false
	}
	if flaws.plusIsSpace {
		q.key = strings.ReplaceAll(q.key, "+", " ")
	}
	if flaws.noRanges {
		q.r.Header.Del("Range")
	}
	if flaws.noAttributes {
		q.r.Header.Del("X-Meta")
		q.r.Header.Del("Content-Type")
	}
	if flaws.neverDeletes && q.r.Method == http.MethodDelete {
		q.w.WriteHeader(http.StatusNoContent)
		return true
	}
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	used := q.s.wrote[q.r.RequestURI] != ""
	q.s.wrote[q.r.RequestURI] = "used"
	if flaws.onlyOnce && used {
		q.w.WriteHeader(http.StatusForbidden)
		return true
	}
	return false
}

func (q *webRequest) serve() error {
	upload := q.query.Get("upload")
	switch {
	case q.query.Has("list"):
		return q.list()
	case q.query.Has("uploads"):
		return q.uploads()
	case q.query.Has("begin"):
		return q.begin()
	case upload != "":
		return q.upload(upload)
	}
	switch q.r.Method {
	case http.MethodGet, http.MethodHead:
		return q.get()
	case http.MethodPut:
		return q.put()
	case http.MethodDelete:
		err := q.b.Delete(q.r.Context(), q.key, &blob.DeleteOptions{If: q.condition(q.r.Header)})
		if err == nil {
			q.w.WriteHeader(http.StatusNoContent)
		}
		return err
	}
	return fmt.Errorf("%w: method %s", blob.ErrInvalid, q.r.Method)
}

func (q *webRequest) condition(h http.Header) blob.Condition {
	switch {
	case h.Get("If-None-Match") == "*":
		return blob.IfAbsent
	case h.Get("If-Match") != "":
		return blob.IfMatch(h.Get("If-Match"))
	}
	return blob.Condition{}
}

// webObject is an object on the wire.
type webObject struct {
	blob.Object
	Sums  webSums
	Nonce string
}

// webSums are checksums on the wire.
type webSums map[blob.Algorithm][]byte

func wireSums(c blob.Checksums) webSums { return maps.Collect(c.All()) }

func (w webSums) checksums() (c blob.Checksums) {
	for algorithm, sum := range w {
		c = c.With(algorithm, sum)
	}
	return c
}

func (q *webRequest) wire(o *blob.Object) webObject {
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	return webObject{*o, wireSums(o.Checksums), q.s.wrote[q.name+"/"+o.Key+" "+o.ETag]}
}

// made remembers which write made an object, so that its writer can recognise it.
func (q *webRequest) made(o *blob.Object, nonce string) {
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	q.s.wrote[q.name+"/"+o.Key+" "+o.ETag] = nonce
}

func (q *webRequest) answer(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", "application/json")
	_, err = q.w.Write(text)
	return err
}

func (q *webRequest) get() error {
	r, err := q.b.Get(q.r.Context(), q.key, nil)
	if err != nil && q.s.flaws.hidesMissing && q.query.Has("web-sig") {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	object, err := json.Marshal(q.wire(&r.Object))
	if err != nil {
		return err
	}
	h := q.w.Header()
	h.Set("X-Object", base64.StdEncoding.EncodeToString(object))
	h.Set("ETag", r.ETag)
	h["Content-Type"] = nil
	for name, value := range map[string]string{"Content-Type": r.ContentType, "Content-Encoding": r.ContentEncoding,
		"Content-Language": r.ContentLanguage, "Content-Disposition": r.ContentDisposition, "Cache-Control": r.CacheControl} {
		if value != "" {
			h.Set(name, value)
		}
	}
	http.ServeContent(q.w, q.r, "", r.ModTime, bytes.NewReader(content))
	return nil
}

func attributesFrom(h http.Header) (blob.Attributes, error) {
	a := blob.Attributes{ContentType: h.Get("Content-Type"), ContentEncoding: h.Get("Content-Encoding"),
		ContentLanguage: h.Get("Content-Language"), ContentDisposition: h.Get("Content-Disposition"), CacheControl: h.Get("Cache-Control")}
	text, err := base64.StdEncoding.DecodeString(h.Get("X-Meta"))
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &a.Metadata)
	}
	return a, err
}

// body returns the body of a request, which must be as long as was declared, and have the CRC-32C that was.
func (q *webRequest) body() ([]byte, error) {
	content, err := io.ReadAll(q.r.Body)
	if err != nil {
		if q.s.flaws.shortBodies {
			return content, nil
		}
		return nil, fmt.Errorf("%w: the body is cut short", blob.ErrInvalid)
	}
	want, err := strconv.ParseUint(q.r.Header.Get("X-Crc32c"), 16, 32)
	if err == nil && uint32(want) != crc32c(content) && !q.s.flaws.unchecked {
		return nil, fmt.Errorf("%w: of the body", blob.ErrChecksum)
	}
	return content, nil
}

func (q *webRequest) put() error {
	if q.r.Header.Get("X-Copy") != "" {
		return q.copy()
	}
	content, err := q.body()
	if err != nil {
		return err
	}
	attrs, err := attributesFrom(q.r.Header)
	if err != nil {
		return err
	}
	if before, err := q.b.Stat(q.r.Context(), q.key, nil); err == nil && q.s.flaws.appends && q.wire(before).Nonce == q.r.Header.Get("X-Nonce") {
		content = append(content, content...)
	}
	opts := &blob.PutOptions{If: q.condition(q.r.Header), Attributes: attrs}
	for name, values := range q.r.Header { // checksums of the caller's own
		if algorithm, ok := strings.CutPrefix(name, "X-Sum-"); ok {
			sum, err := base64.StdEncoding.DecodeString(values[0])
			if err != nil {
				return err
			}
			opts.Checksums = opts.Checksums.With(blob.Algorithm(strings.ToLower(algorithm)), sum)
		}
	}
	ctx := q.r.Context()
	if q.s.flaws.shortBodies {
		ctx = context.WithoutCancel(ctx)
	}
	o, err := q.b.Put(ctx, q.key, bytes.NewReader(content), opts)
	if err != nil {
		return err
	}
	q.made(o, q.r.Header.Get("X-Nonce"))
	return q.answer(q.wire(o))
}

// copyRequest says what to copy, in the header X-Copy.
type copyRequest struct {
	Bucket, Key, Match string
	Attributes         *blob.Attributes
}

func (q *webRequest) copy() error {
	var c copyRequest
	text, err := base64.StdEncoding.DecodeString(q.r.Header.Get("X-Copy"))
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return err
	}
	from := &blob.SourceOptions{}
	if c.Match != "" {
		from.If = blob.IfMatch(c.Match)
	}
	src, err := q.s.bucket(c.Bucket).Source(q.r.Context(), c.Key, from)
	if err != nil {
		return err
	}
	o, err := q.b.Copy(q.r.Context(), q.key, src, &blob.CopyOptions{If: q.condition(q.r.Header), Attributes: c.Attributes})
	if err != nil {
		return err
	}
	q.made(o, q.r.Header.Get("X-Nonce"))
	return q.answer(q.wire(o))
}

// webPage is a page of a listing.
type webPage struct {
	Entries []blob.Object
	More    bool
}

const webPageSize = 100

func (q *webRequest) list() error {
	var opts blob.ListOptions
	if err := json.Unmarshal([]byte(q.query.Get("list")), &opts); err != nil {
		return err
	}
	opts.Limit = webPageSize + 1
	page := webPage{Entries: []blob.Object{}}
	for o, err := range q.b.List(q.r.Context(), &opts) {
		if err != nil {
			return err
		}
		if page.More = len(page.Entries) == webPageSize; page.More {
			break
		}
		page.Entries = append(page.Entries, *o)
	}
	return q.answer(page)
}

func (q *webRequest) uploads() error {
	all := []blob.UploadInfo{}
	for u, err := range q.b.Uploads(q.r.Context(), q.query.Get("uploads")) {
		if err != nil {
			return err
		}
		all = append(all, *u)
	}
	return q.answer(all)
}

// webUpload is an upload on the wire, with the parts that have arrived.
type webUpload struct {
	ID       string
	PartSize int64
	Parts    []webPart
}

type webPart struct {
	blob.Part
	Sums webSums
}

func wirePart(p blob.Part) webPart { return webPart{p, wireSums(p.Checksums)} }

func (q *webRequest) begin() error {
	var opts blob.UploadOptions
	if err := json.NewDecoder(q.r.Body).Decode(&opts); err != nil {
		return err
	}
	u, err := q.b.Upload(q.r.Context(), q.key, &opts)
	if err != nil {
		return err
	}
	return q.answer(webUpload{ID: u.ID(), PartSize: u.PartSize()})
}

func (q *webRequest) upload(id string) error {
	ctx := q.r.Context()
	u, err := q.b.Upload(ctx, q.key, &blob.UploadOptions{ID: id, If: q.condition(q.r.Header)})
	if errors.Is(err, fs.ErrNotExist) && q.r.Method == http.MethodDelete {
		return nil // aborted already
	}
	if err != nil {
		return err
	}
	switch q.r.Method {
	case http.MethodPut:
		content, err := q.body()
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(q.query.Get("part"))
		if err != nil {
			return err
		}
		p, err := u.Put(ctx, n, io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content))))
		if err != nil {
			return err
		}
		return q.answer(wirePart(p))
	case http.MethodPost:
		o, err := u.Complete(ctx)
		if err != nil {
			return err
		}
		q.made(o, id)
		return q.answer(q.wire(o))
	case http.MethodDelete:
		return u.Abort(ctx)
	}
	all := webUpload{ID: id, PartSize: u.PartSize()}
	for p, err := range u.Parts(ctx) {
		if err != nil {
			return err
		}
		all.Parts = append(all.Parts, wirePart(p))
	}
	slices.SortFunc(all.Parts, func(a, b webPart) int { return a.Number - b.Number })
	return q.answer(all)
}
