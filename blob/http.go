package blob

import (
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// HandlerOptions tell how a [Handler] serves; nil, and zeros, are the safe choice.
type HandlerOptions struct {
	// TrustContent serves active content, such as HTML, with the rights of the page's own origin. It is for buckets
	// that nobody else can write to: a page that a user has stored could act for whoever looks at it.
	TrustContent bool

	// HideForbidden answers 404 in place of 403.
	HideForbidden bool

	// OnError hears of every error, of which the client is told the status alone. It may be called at any time, by many
	// goroutines.
	OnError func(r *http.Request, err error)
}

// Handler serves the objects of b to GET and HEAD: with ranges, ETags and conditional requests (RFC 9110), each response
// from one version. The key is the URL's path, decoded once, without its leading slash. ([http.ServeMux] cleans paths:
// to serve keys such as "a//b", use the Handler without one.) Directories are not listed. Requests run in the context of
// the HTTP request, so to serve each user what he may see, call the Handler of his view.
//
// The content type is the object's, else that of the key's extension, and never guessed from content. Active content is
// sandboxed, unless opts trust it: everything but images, sound, video, fonts, PDF, plain text, and what browsers only
// store. An object without CacheControl is private and revalidated each time, so that a right that was revoked is.
//
// What is missing, and a path that cannot be a key, is 404; what is denied is 403. If reading fails when the response
// has begun, the connection is cut, so that the client does not take a part for the whole.
func Handler(b Bucket, opts *HandlerOptions) http.Handler {
	h := &handler{b: b}
	if opts != nil {
		h.opts = *opts
	}
	return h
}

type handler struct {
	b    Bucket
	opts HandlerOptions
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "private, no-cache")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	c, err := h.open(r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	defer c.Close()
	h.describe(w.Header(), c.object)
	if c.seeker == nil && r.Header.Get("Range") != "" {
		r = r.WithContext(r.Context())
		r.Header = r.Header.Clone()
		r.Header.Del("Range")
	}
	http.ServeContent(w, r, "", c.object.ModTime, c)
	if c.err != nil {
		h.report(r, c.err)
		panic(http.ErrAbortHandler)
	}
}

// open opens what r asks for, in the way that takes the fewest requests: a Stat if no content is wanted, a Get if all of
// it is, and a ReaderAt if that depends.
func (h *handler) open(r *http.Request) (*content, error) {
	ctx, key := r.Context(), strings.TrimPrefix(r.URL.Path, "/")
	if r.Method == http.MethodHead {
		o, err := h.b.Stat(ctx, key, nil)
		return &content{object: o}, err
	}
	spec := r.Header.Get("Range")
	if !strings.HasPrefix(spec, "bytes=") || strings.Contains(spec, ",") {
		// A unit that is not known must be ignored (RFC 9110, section 14.2). So may be many ranges, which would be many
		// requests to the store.
		spec = ""
	}
	if spec != "" || conditional(r) {
		at, err := OpenAt(ctx, h.b, key, nil)
		if err == nil {
			c := &content{object: at.object, body: at}
			if spec != "" {
				c.seeker = at
				at.until = rangeEnd(spec, at.Size())
			}
			return c, nil
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return nil, err
		}
	}
	body, err := h.b.Get(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	return &content{object: &body.Object, body: body}, nil
}

func conditional(r *http.Request) bool {
	for _, name := range [...]string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// rangeEnd returns where the range "bytes=a-b" ends, so that no more is asked of the store, or size for any other form.
// Whether the range is right is for ServeContent to say.
func rangeEnd(spec string, size int64) int64 {
	_, last, _ := strings.Cut(strings.TrimPrefix(spec, "bytes="), "-")
	if end, err := strconv.ParseInt(last, 10, 64); err == nil && end >= 0 && end < size && !strings.HasPrefix(spec, "bytes=-") {
		return end + 1
	}
	return size
}

// describe sets the headers of the response that come from the object.
func (h *handler) describe(header http.Header, o *Object) {
	set := func(name, value string) {
		if value != "" {
			header.Set(name, value)
		}
	}
	kind := o.ContentType
	if kind == "" {
		kind = mime.TypeByExtension(path.Ext(o.Key))
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	set("Content-Type", kind)
	set("Content-Encoding", o.ContentEncoding)
	set("Content-Language", o.ContentLanguage)
	set("Content-Disposition", o.ContentDisposition)
	set("Cache-Control", o.CacheControl)
	set("ETag", o.ETag)
	if !h.opts.TrustContent && !inert(kind) {
		set("Content-Security-Policy", "sandbox; default-src 'none'")
	}
}

// inert tells whether browsers run nothing in content of this type in the name of its origin. Scripts in a PDF run
// within its viewer. What is not known to be inert is not.
func inert(kind string) bool {
	kind, _, err := mime.ParseMediaType(kind)
	if err != nil || strings.HasSuffix(kind, "+xml") {
		return false
	}
	switch kind {
	case "text/plain", "text/csv", "application/json", "application/pdf", "application/octet-stream",
		"application/zip", "application/gzip", "application/x-gzip", "application/x-tar":
		return true
	}
	top, _, _ := strings.Cut(kind, "/")
	return top == "image" || top == "audio" || top == "video" || top == "font"
}

// refuse answers a request that failed, with a status and no more.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	h.report(r, err)
	status := http.StatusInternalServerError
	var retry interface{ Retryable() bool }
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrInvalid):
		status = http.StatusNotFound
	case errors.Is(err, fs.ErrPermission):
		status = http.StatusForbidden
		if h.opts.HideForbidden {
			status = http.StatusNotFound
		}
	case errors.As(err, &retry) && retry.Retryable():
		status = http.StatusServiceUnavailable
	}
	http.Error(w, http.StatusText(status), status)
}

func (h *handler) report(r *http.Request, err error) {
	if h.opts.OnError != nil {
		h.opts.OnError(r, err)
	}
}

// content is an object for ServeContent, which seeks to learn the size and to reach a range. It keeps the error of a
// read, of which ServeContent says nothing.
type content struct {
	object *Object
	body   io.ReadCloser // nil if none is wanted
	seeker io.Seeker     // nil if it is read from the beginning
	err    error
}

func (c *content) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

func (c *content) Seek(offset int64, whence int) (int64, error) {
	if c.seeker != nil {
		return c.seeker.Seek(offset, whence)
	}
	if whence == io.SeekEnd {
		return c.object.Size + offset, nil
	}
	return offset, nil
}

func (c *content) Close() error {
	if c.body == nil {
		return nil
	}
	return c.body.Close()
}
