package s3

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// A countedBody counts the reads that reach the connection.
type countedBody struct {
	io.Reader
	reads, closed int
}

func (s *countedBody) Read(p []byte) (int, error) { s.reads++; return s.Reader.Read(p) }
func (s *countedBody) Close() error               { s.closed++; return nil }

func TestBodyReadsAheadForSmallReads(t *testing.T) {
	const length = 1 << 20
	whole := bytes.Repeat([]byte("0123456789abcdef"), length/16)
	for _, test := range []struct {
		name         string
		length, by   int
		fewest, most int // reads of the connection
		surplus      int // bytes that follow what is wanted
	}{
		{name: "a long one, in small reads", length: length, by: 1000, fewest: 8, most: 9},
		{name: "a long one, in large reads", length: length, by: 256 << 10, fewest: 4, most: 4},
		{name: "a short one needs no buffer", length: 10_000, by: 1000, fewest: 10, most: 10},
		{name: "a long one, and more than was asked for", length: length / 2, by: 1000, surplus: 1000, fewest: 4, most: 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := &countedBody{Reader: bytes.NewReader(whole[:test.length+test.surplus])}
			b := newBody(src, int64(test.length)).(*content)
			var got []byte
			for p := make([]byte, test.by); len(got) < test.length; {
				n, err := b.Read(p[:min(len(p), test.length-len(got))]) // as the Reader does
				if err != nil && err != io.EOF {
					t.Fatal(err)
				}
				got = append(got, p[:n]...)
			}
			if !bytes.Equal(got, whole[:test.length]) {
				t.Error("the content differs")
			}
			if src.reads < test.fewest || src.reads > test.most {
				t.Errorf("%d reads of the connection, want %d to %d", src.reads, test.fewest, test.most)
			}
			if b.buffer != nil {
				t.Error("the buffer was not given back at the end")
			}
			if err := b.Close(); err != nil || src.closed != 1 {
				t.Errorf("Close: %v, closed %d times", err, src.closed)
			}
		})
	}
}

func TestBodyFailsAfterWhatCame(t *testing.T) {
	broken := errors.New("connection reset")
	src := &countedBody{Reader: io.MultiReader(bytes.NewReader(make([]byte, 50_000)), iotest.ErrReader(broken))}
	b := newBody(src, 1<<20).(*content)
	n, err := io.Copy(io.Discard, onlyReads{b})
	if n != 50_000 || !errors.Is(err, broken) {
		t.Errorf("%d bytes and %v, want 50000 and %v", n, err, broken)
	}
	if b.buffer != nil {
		t.Error("the buffer was not given back")
	}
	if _, err := b.Read(make([]byte, 10)); !errors.Is(err, broken) {
		t.Errorf("a later Read: %v, want %v", err, broken)
	}
}

type onlyReads struct{ io.Reader }
