package blob

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// BodySize tells how many bytes body will deliver, if that can be known without reading: for bytes and strings readers,
// buffers, section readers, regular files, and whatever else can seek.
func BodySize(body io.Reader) (n int64, known bool) {
	switch b := body.(type) {
	case *bytes.Reader:
		return int64(b.Len()), true
	case *strings.Reader:
		return int64(b.Len()), true
	case *bytes.Buffer:
		return int64(b.Len()), true
	case *Reader:
		return b.left, true
	case interface{ Stat() (fs.FileInfo, error) }:
		// A device can seek and yet has no end. What is in /proc says that it is empty, and need not be.
		if info, err := b.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			return 0, false
		}
	}
	s, ok := body.(io.Seeker)
	if !ok {
		return 0, false
	}
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, false
	}
	end, err := s.Seek(0, io.SeekEnd)
	if _, back := s.Seek(at, io.SeekStart); err != nil || back != nil {
		return 0, false
	}
	return max(0, end-at), true
}

// declared holds body to the size that its writer declared. A body whose size can be known is judged at once, any other
// as it is read; it keeps its Seeker and ReaderAt, since a body that has them is of the first kind.
func declared(body io.Reader, size int64) (io.Reader, error) {
	if size <= 0 {
		return body, nil
	}
	if n, known := BodySize(body); known {
		if n != size {
			return nil, fmt.Errorf("%w: the body has %d bytes, but Size says %d", ErrInvalid, n, size)
		}
		return body, nil
	}
	return &exactReader{r: body, left: size, size: size}, nil
}

// exactReader delivers the declared number of bytes or an error. With the last byte it looks for one more, so that a
// driver which reads no further than the declared size hears of a longer body, too.
type exactReader struct {
	r          io.Reader
	left, size int64
	longer     error // once the body was found to be longer
}

func (e *exactReader) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, cmp.Or(e.longer, io.EOF)
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	switch {
	case e.left > 0 && err == io.EOF:
		return n, fmt.Errorf("%w (%w): the body ended after %d bytes, but Size says %d", ErrInvalid, io.ErrUnexpectedEOF, e.size-e.left, e.size)
	case e.left > 0:
		return n, err
	}
	if err == nil {
		var more [1]byte
		_, err = io.ReadFull(e.r, more[:])
	}
	if err == nil {
		e.longer = fmt.Errorf("%w: the body is longer than the %d bytes that Size says", ErrInvalid, e.size)
		return 0, e.longer
	}
	return n, err
}
