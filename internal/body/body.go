// Package body is the body of a Put between the caller and the store. [blob.Check] makes one [Body] of whatever reader
// the caller gave; every wrapper passes it on, and the driver learns from it how long the content is and whether it can
// be read again, at any offset and in parallel. The package also has the [Gate], which keeps an HTTP client away from
// the caller's body when the call has returned.
//
// Package blob imports this one, so it knows nothing of package blob.
//
// [blob.Check]: https://pkg.go.dev/github.com/holdall-go/holdall/blob#Check
package body

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// A Body is the content of one Put, as an io.Reader of it from its beginning to its end, with what is known about it.
// Reads of the Body are for one goroutine; the io.ReaderAt that At returns may be used by many.
type Body struct {
	r    io.Reader
	size int64 // -1: unknown

	at  io.ReaderAt // nil: the content can be read only once, or only in sequence
	off int64       // where the content begins in at

	seeker  io.Seeker // nil: the reader cannot go back; only set where the size is known
	start   int64     // where the content begins in seeker
	read    int64     // bytes that were delivered since start
	touched bool      // Read was called since start

	most    int64 // how many bytes a body of unknown size may deliver; 0: any number
	exact   bool  // the caller says that it delivers that number
	invalid error // wrapped by the error of a body that delivers another number, or nil
	idle    int   // Reads since the last one that delivered something
	wrong   error // of every further Read, once it is known
}

// New returns the body that r delivers from where r stands. It makes at most three calls of r.Seek, one for an *os.File
// and none for readers of memory and sections, and leaves r where it was. A body can be read again, and at any offset,
// if r is an io.Seeker and an io.ReaderAt, unless a method Stat says that r is not a regular file.
func New(r io.Reader) *Body {
	b := &Body{r: r, size: -1}
	switch r := r.(type) {
	case *bytes.Reader:
		b.locate(r, r.Size()-int64(r.Len()), r.Size())
	case *strings.Reader:
		b.locate(r, r.Size()-int64(r.Len()), r.Size())
	case *bytes.Buffer:
		b.size = int64(r.Len())
	case *io.SectionReader:
		at, _ := r.Seek(0, io.SeekCurrent) // which cannot fail
		b.locate(r, at, r.Size())
		b.flatten()
	case io.Seeker:
		b.measure(r)
	}
	return b
}

// Sized returns the body that r delivers, which has n bytes and can be read only once.
func Sized(r io.Reader, n int64) *Body { return &Body{r: r, size: n} }

// Of returns r itself if it is a Body, and else the body that r delivers.
func Of(r io.Reader) *Body {
	if b, ok := r.(*Body); ok {
		return b
	}
	return New(r)
}

// measure finds out where a seeker stands and where it ends.
func (b *Body) measure(s io.Seeker) {
	end := int64(-1)
	if f, ok := s.(interface{ Stat() (fs.FileInfo, error) }); ok {
		// A device can seek and yet has no end. A file in /proc has the size 0 and may still have content.
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			return
		}
		if _, ok := s.(*os.File); ok {
			end = info.Size()
		}
	}
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return
	}
	if end < 0 {
		end, err = s.Seek(0, io.SeekEnd)
		_, back := s.Seek(at, io.SeekStart)
		if err == nil && back != nil { // it stands at its end now, where it would deliver nothing
			b.wrong = fmt.Errorf("the body is at its end, whose offset tells the size, and cannot go back: %w", back)
		}
		if err != nil || back != nil {
			return
		}
	}
	b.locate(s, at, end)
}

// locate notes that the content lies between two offsets of s.
func (b *Body) locate(s io.Seeker, start, end int64) {
	b.seeker, b.start, b.size = s, start, max(0, end-start)
	if at, ok := s.(io.ReaderAt); ok {
		b.at, b.off = at, start
	}
}

// flatten replaces a section by what it is a section of, so that a driver sees memory and files for what they are.
func (b *Body) flatten() {
	for {
		section, ok := b.at.(*io.SectionReader)
		if !ok || b.off+b.size > section.Size() {
			return
		}
		outer, off, _ := section.Outer()
		b.at, b.off = outer, off+b.off
	}
}

// Size returns how many bytes the body has, if that is known before it is read.
func (b *Body) Size() (n int64, known bool) { return max(0, b.size), b.size >= 0 }

// At returns a reader of the content that works at any offset, as often as needed and in parallel, and the offset in it
// at which the content begins. Such a body has a known size. R is nil for every other body.
func (b *Body) At() (r io.ReaderAt, off int64) { return b.at, b.off }

// Local reports whether reads of r come from memory or a file, and so wait neither for a network nor for another call.
func Local(r io.ReaderAt) bool {
	switch r.(type) {
	case *bytes.Reader, *strings.Reader, *os.File:
		return true
	}
	return false
}

// Declare holds the body to the size that the caller says it has, of more than zero bytes. A body whose size is known is
// compared at once, any other as it is read. The error of a body of another size wraps invalid.
func (b *Body) Declare(size int64, invalid error) error {
	switch {
	case b.size >= 0 && b.size != size:
		return fmt.Errorf("%w: the body has %d bytes, but Size says %d", invalid, b.size, size)
	case b.size < 0 && b.most > 0 && b.most < size && !b.exact:
		return tooLarge(size, b.most, invalid)
	case b.size < 0:
		b.most, b.exact = size, true
	}
	b.invalid = invalid
	return nil
}

// Limit refuses a body of more than most bytes, which is more than zero. A body whose size is known or declared is
// compared at once; any other fails when it delivers more. Of several limits the least applies. The error of a body that
// is too large wraps invalid.
func (b *Body) Limit(most int64, invalid error) error {
	switch {
	case b.size > most:
		return tooLarge(b.size, most, invalid)
	case b.exact && b.most > most:
		return tooLarge(b.most, most, invalid)
	case b.size < 0 && !b.exact && (b.most == 0 || most < b.most):
		b.most, b.invalid = most, invalid
	}
	return nil
}

func tooLarge(size, most int64, invalid error) error {
	return fmt.Errorf("%w: the body has %d bytes; this bucket takes at most %d", invalid, size, most)
}

// mostIdle is how many Reads in a row may deliver nothing, as in package bufio.
const mostIdle = 100

// bound returns how many bytes the body delivers at most, or -1 if any number, and whether it must deliver as many.
func (b *Body) bound() (most int64, exact bool) {
	switch {
	case b.size >= 0:
		return b.size, true
	case b.most > 0:
		return b.most, b.exact
	}
	return -1, false
}

// Read implements io.Reader. Of a body whose size is known or was declared it delivers that number of bytes, or an error:
// a file may have become shorter meanwhile. Of a body with a limit it delivers at most that number. With the last byte
// that was declared or is allowed it tries to read one more, so that a driver which reads no further learns of a longer
// body, too.
func (b *Body) Read(p []byte) (int, error) {
	b.touched = true
	most, exact := b.bound()
	switch {
	case b.wrong != nil:
		return 0, b.wrong
	case b.read == most:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	case most >= 0:
		p = p[:min(int64(len(p)), most-b.read)]
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	if b.idle++; n > 0 {
		b.idle = 0
	}
	switch {
	case b.idle == mostIdle && err == nil:
		b.wrong = io.ErrNoProgress
		return 0, b.wrong
	case exact && b.read < most && err == io.EOF:
		b.wrong = b.short(most)
		return n, b.wrong
	case b.read < most || b.size >= 0 || most < 0 || err != nil:
		return n, err
	}
	switch err = b.end(); {
	case err == nil && exact:
		b.wrong = fmt.Errorf("%w: the body is longer than the %d bytes that Size says", b.invalid, most)
		return 0, b.wrong
	case err == nil:
		b.wrong = fmt.Errorf("%w: the body is longer than the %d bytes that this bucket takes at most", b.invalid, most)
		return 0, b.wrong
	case err != io.EOF:
		b.wrong = err
	}
	return n, err
}

// short returns the error of a body that ended before its size was reached.
func (b *Body) short(size int64) error {
	if b.invalid == nil {
		return fmt.Errorf("%w: the body ended after %d of its %d bytes", io.ErrUnexpectedEOF, b.read, size)
	}
	return fmt.Errorf("%w (%w): the body ended after %d bytes, but Size says %d", b.invalid, io.ErrUnexpectedEOF, b.read, size)
}

// end tries to read one more byte. It returns nil if there is one, and else the error that says so, such as io.EOF.
func (b *Body) end() error {
	var more [1]byte
	for range mostIdle {
		if n, err := b.r.Read(more[:]); n > 0 || err != nil {
			if n > 0 {
				err = nil
			}
			return err
		}
	}
	return io.ErrNoProgress
}

// Begun reports whether the Body delivers less than all of its content, since some of it was read.
func (b *Body) Begun() bool { return b.touched }

// Memory returns the rest of a body that lies in memory, as an io.WriterTo that passes its bytes on without a copy. It
// is nil for every other body, and reads the Body to its end.
func (b *Body) Memory() io.WriterTo {
	switch r := b.r.(type) {
	case *bytes.Reader:
		b.touched, b.read = true, b.size
		return r
	case *bytes.Buffer:
		b.touched = true
		return r
	}
	return nil
}

// errOnce is returned where a body would have to be read again that cannot be.
var errOnce = errors.New("the body cannot be read again")

// Rewind makes the Body deliver its content from the beginning once more. It fails if the content was read and the
// caller's reader cannot go back.
func (b *Body) Rewind() error {
	if !b.touched {
		return nil
	}
	if b.seeker == nil {
		return errOnce
	}
	if _, err := b.seeker.Seek(b.start, io.SeekStart); err != nil {
		return fmt.Errorf("%w: %w", errOnce, err)
	}
	b.read, b.touched, b.idle, b.wrong = 0, false, 0, nil
	return nil
}

// Finish moves the caller's reader to the end of the content, where sequential reads would have left it. It is called
// after a Put that succeeded. An error is left to the next use of that reader.
func (b *Body) Finish() {
	if b.seeker != nil && b.read < b.size {
		_, _ = b.seeker.Seek(b.start+b.size, io.SeekStart)
	}
}
