package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/text"
)

// OpenRange opens the bytes of an object that r selects, for a driver's Get. Get asks for them with the value of a Range
// header, which is empty if r is the whole object. HTTP cannot ask for a range without a byte, and refuses one that begins at
// the end of the object: then stat tells how long the object is, and nothing is read.
func OpenRange(ctx context.Context, r blob.Range, get func(header string) (*blob.Reader, error), stat func() (*blob.Object, error)) (*blob.Reader, error) {
	header, ok := r.Header()
	if ok {
		if reader, err := get(header); !errors.Is(err, blob.ErrRange) {
			return reader, err
		}
	}
	o, err := stat()
	if err != nil {
		return nil, err
	}
	off, n, err := r.Resolve(o.Size)
	switch {
	case err != nil:
		return nil, err
	case n > 0: // the object has grown meanwhile
		return get(header)
	}
	return blob.NewReader(ctx, http.NoBody, o, off, 0), nil
}

// NewReader returns the Reader of a response to a call that asked for the range r of the object o, whose Size is set to that
// of the object if the response has a Content-Range (see [ContentRange]). It closes the response if it fails.
func NewReader(ctx context.Context, call string, r blob.Range, o *blob.Object, resp *http.Response) (*blob.Reader, error) {
	contentRange := resp.Header.Get("Content-Range")
	off, n, err := ContentRange(r, o, contentRange)
	if err == nil && contentRange == "" {
		err = Skip(call, resp.Body, off)
	}
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return blob.NewReader(ctx, &responseBody{resp.Body, call}, o, off, n), nil
}

// A responseBody is the body of a response to a read, whose errors are failures.
type responseBody struct {
	io.ReadCloser
	call string
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	return n, BrokenBody(b.call, err)
}

// ContentRange returns which bytes of an object the response to a read of r holds, n from off on. The Size of o is the
// length of the response; with a Content-Range, which is empty if the response has none, it is set to that of the
// object. Without one the response holds the whole object, in spite of a range (RFC 9110, section 14.2): off and n are
// then what r selects, and the caller skips the rest. A Content-Range that is malformed, or not what r selects, is an
// error.
func ContentRange(r blob.Range, o *blob.Object, contentRange string) (off, n int64, err error) {
	if contentRange == "" {
		return r.Resolve(o.Size)
	}
	bounds, size, ok := strings.Cut(strings.TrimPrefix(contentRange, "bytes "), "/")
	first, last, ok2 := strings.Cut(bounds, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	whole, err3 := strconv.ParseInt(size, 10, 64)
	if !ok || !ok2 || cmp.Or(err1, err2, err3) != nil || from < 0 || to < from-1 || to >= whole {
		return 0, 0, fmt.Errorf("the server sent the invalid Content-Range %q", text.Printable(contentRange))
	}
	o.Size = whole
	if off, n, err = r.Resolve(whole); err == nil && (off != from || n != to-from+1) {
		err = fmt.Errorf("the server sent the Content-Range %q for a request of %v", text.Printable(contentRange), r)
	}
	return off, n, err
}

// Skip reads n bytes of the response to a call whose body begins before what was asked for.
func Skip(call string, body io.Reader, n int64) error {
	_, err := io.CopyN(io.Discard, body, n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return BrokenBody(call, err)
}

// BrokenBody returns what an error of reading a response's body means. One that is io.EOF, or of a ctx, is returned as it
// is.
func BrokenBody(call string, err error) error {
	if err == nil || err == io.EOF || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &Failure{Meaning: Meaning{Transient: true}, Call: call, Message: "the response broke off: " + text.Printable(err.Error()), Cause: err}
}
