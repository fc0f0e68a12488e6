package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// A range that HTTP can ask for is asked for, and one that it cannot ask for is empty.
func TestOpenRange(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		name   string
		r      blob.Range
		sizes  []int64 // of the object, at each request
		asked  string  // the headers, one after the other; "stat" is a call of stat
		length int64
		want   error
	}{
		{"the whole", blob.Range{}, []int64{7}, "", 7, nil},
		{"a range", blob.Bytes(2, 3), []int64{7}, "bytes=2-4", 3, nil},
		{"no bytes", blob.Bytes(2, 0), []int64{7}, "stat", 0, nil},
		{"from the end", blob.From(7), []int64{7, 7}, "bytes=7- stat", 0, nil},
		{"beyond the end", blob.From(8), []int64{7, 7}, "bytes=8- stat", 0, blob.ErrRange},
		{"beyond the end of what grows", blob.From(8), []int64{7, 9, 9}, "bytes=8- stat bytes=8-", 1, nil},
	} {
		var asked []string
		next := func(what string) *blob.Object {
			asked = append(asked, what)
			return &blob.Object{Size: test.sizes[len(asked)-1]}
		}
		r, err := OpenRange(ctx, test.r, func(header string) (*blob.Reader, error) {
			o := next(header)
			off, n, err := test.r.Resolve(o.Size)
			if err != nil || n == 0 {
				return nil, &Failure{Meaning: Meaning{Is: blob.ErrRange}}
			}
			return blob.NewReader(ctx, io.NopCloser(strings.NewReader(strings.Repeat("x", int(n)))), o, off, n), nil
		}, func() (*blob.Object, error) { return next("stat"), nil })
		if !errors.Is(err, test.want) || strings.Join(asked, " ") != test.asked || err == nil && r.Length() != test.length {
			t.Errorf("%s: %v, after the requests %q", test.name, err, asked)
		}
	}
	_, err := OpenRange(ctx, blob.Bytes(0, 0), nil, func() (*blob.Object, error) { return nil, blob.ErrNotExist })
	if err != blob.ErrNotExist {
		t.Errorf("an object that does not exist: %v", err)
	}
}

// A Reader delivers what the range selects, also of a response that holds the whole object.
func TestNewReader(t *testing.T) {
	for contentRange, content := range map[string]string{"bytes 2-4/7": "nte", "": "content"} {
		body := &closing{Reader: strings.NewReader(content)}
		resp := &http.Response{Header: http.Header{"Content-Range": {contentRange}}, Body: body}
		r, err := NewReader(context.Background(), "Get", blob.Bytes(2, 3), &blob.Object{Size: int64(len(content))}, resp)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != "nte" || err != nil || r.Size != 7 {
			t.Errorf("with the Content-Range %q: %q of %d bytes, %v", contentRange, got, r.Size, err)
		}
	}
	body := &closing{Reader: strings.NewReader("")}
	resp := &http.Response{Header: http.Header{"Content-Range": {"bytes 3-4/7"}}, Body: body}
	if _, err := NewReader(context.Background(), "Get", blob.Bytes(2, 3), &blob.Object{Size: 2}, resp); err == nil || !body.closed {
		t.Errorf("another range than was asked for: %v, closed %v", err, body.closed)
	}
	resp = &http.Response{Body: &closing{Reader: errReader{}}}
	r, err := NewReader(context.Background(), "Get", blob.Range{}, &blob.Object{Size: 7}, resp)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); AsFailure(err) == nil || !AsFailure(err).Transient {
		t.Errorf("a response that breaks off: %v", err)
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("the connection is reset") }
