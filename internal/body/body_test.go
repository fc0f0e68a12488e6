package body

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// tempFile returns an open file with the content.
func tempFile(t *testing.T, content string) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// counting counts the calls of Seek.
type counting struct {
	r     io.ReadSeeker
	seeks int
}

func (c *counting) Read(p []byte) (int, error) { return c.r.Read(p) }

func (c *counting) Seek(off int64, whence int) (int64, error) {
	c.seeks++
	return c.r.Seek(off, whence)
}

// anywhere is a counting reader that works at any offset, too.
type anywhere struct {
	counting
	io.ReaderAt
}

func newAnywhere(content string) *anywhere {
	r := strings.NewReader(content)
	return &anywhere{counting{r: r}, r}
}

// A body knows its size, and whether it can be read again, from where its reader stands.
func TestBodies(t *testing.T) {
	const content = "0123456789"
	pipe, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	go func() {
		_, _ = io.WriteString(w, content)
		w.Close()
	}()
	sections := io.NewSectionReader(io.NewSectionReader(strings.NewReader("ab"+content+"c"), 1, 12), 1, 10)
	for name, test := range map[string]struct {
		r      io.Reader
		size   int64 // from 4 on; -1: unknown
		at     bool
		local  bool
		rewind bool
	}{
		"bytes":            {bytes.NewReader([]byte(content)), 6, true, true, true},
		"string":           {strings.NewReader(content), 6, true, true, true},
		"file":             {tempFile(t, content), 6, true, true, true},
		"section":          {io.NewSectionReader(strings.NewReader("ab"+content+"c"), 2, 10), 6, true, true, true},
		"section of one":   {sections, 6, true, true, true},
		"section of other": {io.NewSectionReader(newAnywhere(content), 0, 10), 6, true, false, true},
		"seeker":           {&counting{r: strings.NewReader(content)}, 6, false, false, true},
		"reader at":        {newAnywhere(content), 6, true, false, true},
		"buffer":           {bytes.NewBufferString(content), 6, false, false, false},
		"pipe":             {pipe, -1, false, false, false},
		"stream":           {iotest.HalfReader(strings.NewReader(content)), -1, false, false, false},
		"sized":            {Sized(iotest.HalfReader(strings.NewReader(content)), 10), 10, false, false, false},
	} {
		if s, ok := test.r.(io.Seeker); ok && test.size >= 0 {
			if _, err := s.Seek(4, io.SeekStart); err != nil {
				t.Fatal(err)
			}
		} else if _, is := test.r.(*Body); !is {
			_, _ = io.ReadFull(test.r, make([]byte, 4))
		}
		want := content[4:]
		b := Of(test.r)
		if test.size == 10 {
			want = content
		}
		size, known := b.Size()
		at, off := b.At()
		if known != (test.size >= 0) || known && size != test.size || (at != nil) != test.at || Local(at) != test.local {
			t.Errorf("%s: %d bytes, known %v, at %v", name, size, known, at)
		}
		if test.at {
			if got, err := io.ReadAll(io.NewSectionReader(at, off, size)); err != nil || string(got) != want {
				t.Errorf("%s at its offset: %q, %v", name, got, err)
			}
		}
		for try := range 2 {
			if got, err := io.ReadAll(b); err != nil || string(got) != want {
				t.Errorf("%s, try %d: %q, %v", name, try, got, err)
			}
			if err := b.Rewind(); (err == nil) != test.rewind {
				t.Errorf("%s goes back: %v", name, err)
			}
			if !test.rewind {
				break
			}
		}
	}
	if Of(io.NewSectionReader(strings.NewReader("x"), 0, 5)).at == nil {
		t.Error("a section that is longer than its source cannot be read")
	}
	inside := New(io.NewSectionReader(io.NewSectionReader(strings.NewReader("abc"), 0, 1), 0, 3))
	if got, err := io.ReadAll(io.NewSectionReader(inside.at, inside.off, 3)); string(got) != "a" {
		t.Errorf("a section of a shorter one reads %q, %v", got, err)
	}
}

// A body takes one pass of Seek calls, and after its Put the caller's reader stands at its end.
func TestSeeks(t *testing.T) {
	read := newAnywhere("0123456789")
	b := New(read)
	if _, err := io.Copy(io.Discard, b); err != nil {
		t.Fatal(err)
	}
	b.Finish()
	if read.seeks != 3 {
		t.Errorf("a body that is read to its end seeks %d times", read.seeks)
	}
	sent := newAnywhere("0123456789")
	New(sent).Finish()
	if rest, _ := io.ReadAll(sent); sent.seeks != 4 || len(rest) > 0 {
		t.Errorf("a body that is read by offset seeks %d times, and leaves %q", sent.seeks, rest)
	}
	file := tempFile(t, "0123456789")
	New(file).Finish()
	if rest, _ := io.ReadAll(file); len(rest) > 0 {
		t.Errorf("a file is left at %q", rest)
	}
}

// A body that lies in memory hands over its bytes, and counts as read.
func TestMemory(t *testing.T) {
	for _, r := range []io.Reader{bytes.NewReader([]byte("content")), bytes.NewBufferString("content")} {
		var got bytes.Buffer
		b := New(r)
		if _, err := b.Memory().WriteTo(&got); err != nil || got.String() != "content" {
			t.Errorf("a %T hands over %q, %v", r, &got, err)
		}
		if _, is := r.(*bytes.Buffer); is == (b.Rewind() == nil) {
			t.Errorf("a %T goes back: %v", r, !is)
		}
	}
	if New(strings.NewReader("content")).Memory() != nil {
		t.Error("a string hands over its bytes without a copy")
	}
}

// A body is held to the size that is declared: at once where it is known, and else as it is read.
func TestDeclare(t *testing.T) {
	errInvalid := errors.New("invalid")
	for _, test := range []struct {
		content string
		ok      bool
	}{{"abc", true}, {"ab", false}, {"abcd", false}, {"", false}} {
		if err := New(strings.NewReader(test.content)).Declare(3, errInvalid); (err == nil) != test.ok || !test.ok && !errors.Is(err, errInvalid) {
			t.Errorf("%q is declared to have 3 bytes: %v", test.content, err)
		}
		b := New(iotest.OneByteReader(strings.NewReader(test.content)))
		if err := b.Declare(3, errInvalid); err != nil {
			t.Fatal(err)
		}
		if _, known := b.Size(); known {
			t.Error("what is declared is taken for known")
		}
		got, err := io.ReadAll(b)
		if (err == nil) != test.ok || !test.ok && !errors.Is(err, errInvalid) || test.ok && string(got) != test.content {
			t.Errorf("a stream of %q, declared to have 3 bytes, delivers %q, %v", test.content, got, err)
		}
	}
}

// A body of a known size delivers that size, or an error.
func TestKnownSize(t *testing.T) {
	for name, test := range map[string]struct {
		holds string
		want  string
		err   error
	}{"as long": {"0123456789", "0123456789", nil}, "shorter": {"0123", "0123", io.ErrUnexpectedEOF}, "longer": {"0123456789more", "0123456789", nil}} {
		file := tempFile(t, "0123456789")
		b := New(file)
		if err := os.WriteFile(file.Name(), []byte(test.holds), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(b); string(got) != test.want || !errors.Is(err, test.err) {
			t.Errorf("a file that is %s than at first delivers %q, %v", name, got, err)
		}
	}
}

// A body whose reader delivers nothing is given up, also where it is longer than declared or not.
func TestNoProgress(t *testing.T) {
	for _, declared := range []int64{0, 3, 4} {
		b := New(&stalling{left: 3})
		if declared > 0 {
			if err := b.Declare(declared, errors.New("invalid")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.ReadAll(b); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("declared to have %d bytes: %v", declared, err)
		}
	}
}

// stalling delivers some bytes, and then neither bytes nor an error.
type stalling struct{ left int }

func (s *stalling) Read(p []byte) (int, error) {
	n := min(s.left, len(p))
	s.left -= n
	return n, nil
}

// A reader that goes to its end, to tell its size, and cannot go back is an error, and no empty body.
func TestCannotGoBack(t *testing.T) {
	if got, err := io.ReadAll(New(&stuck{*strings.NewReader("content")})); !errors.Is(err, errStuck) {
		t.Errorf("%q, %v", got, err)
	}
}

var errStuck = errors.New("stuck")

type stuck struct{ strings.Reader }

func (s *stuck) Seek(off int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		return 0, errStuck
	}
	return s.Reader.Seek(off, whence)
}

// A body is limited to the size of the largest object: at once where its size is known, and else as it is read.
func TestLimit(t *testing.T) {
	errInvalid := errors.New("invalid")
	for _, test := range []struct {
		content string
		ok      bool
	}{{"", true}, {"ab", true}, {"abc", true}, {"abcd", false}, {"abcdefgh", false}} {
		if err := New(strings.NewReader(test.content)).Limit(3, errInvalid); (err == nil) != test.ok || !test.ok && !errors.Is(err, errInvalid) {
			t.Errorf("%q is limited to 3 bytes: %v", test.content, err)
		}
		for name, r := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return struct{ io.Reader }{r} }, "one byte": iotest.OneByteReader, "data and error": iotest.DataErrReader,
		} {
			b := New(r(strings.NewReader(test.content)))
			for _, most := range []int64{5, 3, 4} { // the least applies
				if err := b.Limit(most, errInvalid); err != nil {
					t.Fatal(err)
				}
			}
			got, err := io.ReadAll(b)
			if (err == nil) != test.ok || !test.ok && !errors.Is(err, errInvalid) || test.ok && string(got) != test.content || len(got) > 3 {
				t.Errorf("%s: a stream of %q, limited to 3 bytes, delivers %q, %v", name, test.content, got, err)
			}
			if _, again := b.Read(make([]byte, 1)); !test.ok && !errors.Is(again, errInvalid) {
				t.Errorf("%s: a read after the error returns %v", name, again)
			}
		}
	}
}
