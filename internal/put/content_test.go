package put

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/digest"
	"github.com/holdall-go/holdall/internal/remote"
)

// The hook is called with every byte that is sent, in each attempt, and before each attempt to publish. Its error ends the
// Put, which publishes nothing; if an earlier attempt may have published, the outcome is ambiguous.
func TestHook(t *testing.T) {
	for _, test := range []struct {
		name        string
		size        int
		lost        bool // the response to the first attempt to publish
		sent        int64
		publish     int64
		stopSend    int64 // the hook fails when so many bytes are sent; 0: it does not
		stopPublish int64 // the hook fails at this attempt to publish
		want        error
	}{
		{name: "nothing", size: 0, publish: 1},
		{name: "one request", size: part, sent: part, publish: 1},
		{name: "parts", size: 3 * part, sent: 3 * part, publish: 1},
		{name: "one request again", size: part, lost: true, sent: 2 * part, publish: 2},
		{name: "a completion again", size: 3 * part, lost: true, sent: 3 * part, publish: 2},
		{name: "one request is stopped", size: part, stopSend: 1, want: errTest},
		{name: "a part is stopped", size: 3 * part, stopSend: 1, want: errTest},
		{name: "an empty object is stopped", size: 0, stopPublish: 1, want: errTest},
		{name: "one request is stopped at its end", size: part, stopPublish: 1, want: errTest},
		{name: "a completion is stopped", size: 3 * part, stopPublish: 1, want: errTest},
		{name: "an empty object is stopped at its second attempt", size: 0, lost: true, stopPublish: 2, want: blob.ErrAmbiguous},
		{name: "one request is stopped at its second attempt", size: part, lost: true, stopPublish: 2, want: blob.ErrAmbiguous},
		{name: "a completion is stopped at its second attempt", size: 3 * part, lost: true, stopPublish: 2, want: blob.ErrAmbiguous},
	} {
		for name, body := range bodies {
			var sent, publish atomic.Int64
			hook := &blob.Hook{
				OnSend: func(_ context.Context, n int64) error {
					if sent.Add(n) >= test.stopSend && test.stopSend > 0 {
						return errTest
					}
					return nil
				},
				OnPublish: func(context.Context) error {
					if publish.Add(1) == test.stopPublish {
						return errTest
					}
					return nil
				},
			}
			f := &fakeStore{fail: func(step string, attempt int) (error, bool) {
				if test.lost && attempt == 1 && (step == "one" || step == "complete") {
					return lost(), true
				}
				return nil, true
			}}
			_, err := f.put(context.Background(), body(pattern(test.size)), blob.PutOptions{Hook: hook})
			switch {
			case test.want != nil && (err == nil || !strings.Contains(err.Error(), errTest.Error()) || (test.want == blob.ErrAmbiguous) != errors.Is(err, blob.ErrAmbiguous)):
				t.Errorf("%s, %s: %v, want %v", test.name, name, err, test.want)
			case test.want == nil && (err != nil || sent.Load() != test.sent || publish.Load() != test.publish):
				t.Errorf("%s, %s: %v, with %d bytes and %d calls of OnPublish", test.name, name, err, sent.Load(), publish.Load())
			}
			if test.want == errTest && f.publish > 0 {
				t.Errorf("%s, %s: what the hook has stopped is published", test.name, name)
			}
		}
	}
}

// OnPublish is called before the last byte of a single request is read.
func TestPublishComesBeforeTheLastByte(t *testing.T) {
	published := false
	hook := &blob.Hook{OnPublish: func(context.Context) error { published = true; return nil }}
	c, err := Section(context.Background(), 0, io.NewSectionReader(strings.NewReader("content"), 0, 7), hook)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Send(context.Background(), func(b *Body) error {
		if _, err := io.ReadFull(b, make([]byte, 6)); err != nil || published {
			t.Errorf("before the last byte: %v, published %v", err, published)
		}
		if _, err := io.ReadFull(b, make([]byte, 1)); err != nil || !published {
			t.Errorf("with the last byte: %v, published %v", err, published)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// changing is a file that has another content after some reads.
type changing struct {
	*bytes.Reader
	reads int64
	first atomic.Int64
}

func (c *changing) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	if c.first.Add(1) > c.reads && n > 0 {
		p[0]++
	}
	return n, err
}

// A body that changes while it is sent is not published.
func TestChangedContent(t *testing.T) {
	for name, test := range map[string]struct {
		size  int
		reads int64
		sums  bool
	}{
		"between its digest and its request":    {part, 1, false},
		"between its digests and its request":   {part, 1, true},
		"between the digest of a part and that": {3 * part, 1, false},
		"between its digests and its parts":     {3 * part, 1, true},
	} {
		content := pattern(test.size)
		opts := blob.PutOptions{}
		if test.sums {
			opts.Checksums = sumOf(t, blob.SHA256, content)
		}
		f := &fakeStore{}
		_, err := f.put(context.Background(), &changing{Reader: bytes.NewReader(content), reads: test.reads}, opts)
		if !errors.Is(err, errChanged) || f.publish != 0 || f.parts != nil {
			t.Errorf("a body that changes %s: %v, after the steps %s", name, err, f.sorted())
		}
	}
}

// A file that becomes shorter while it is sent is an error, also where a request is signed with its digest.
func TestShortContent(t *testing.T) {
	short := io.NewSectionReader(strings.NewReader("conten"), 0, 7)
	if _, err := Section(context.Background(), 1, short, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a section without all its bytes: %v", err)
	}
	c := &Content{Number: 1, Size: 7, open: func() io.ReadSeeker { return io.NewSectionReader(short, 0, 7) }}
	err := c.Send(context.Background(), func(b *Body) error {
		_, err := io.ReadAll(b)
		return remote.NoResponse(err)
	})
	if final, ok := err.(remote.Final); !ok || !errors.Is(final.Err, io.ErrUnexpectedEOF) {
		t.Errorf("a body without all its bytes: %v", err)
	}
	c.open = func() io.ReadSeeker { return io.NewSectionReader(failing{}, 0, 7) }
	err = c.Send(context.Background(), func(b *Body) error { return b.WriteDigest(io.Discard) })
	if final, ok := err.(remote.Final); !ok || !errors.Is(final.Err, errTest) {
		t.Errorf("a body that cannot be read for its digest: %v", err)
	}
}

// A body can be read for a digest, which is not sending, and sent afterwards.
func TestWriteDigest(t *testing.T) {
	sent := int64(0)
	hook := &blob.Hook{OnSend: func(_ context.Context, n int64) error { sent += n; return nil }}
	c, err := Section(context.Background(), 1, io.NewSectionReader(strings.NewReader("content"), 0, 7), hook, blob.SHA1)
	if err != nil || c.Checksums != sumOf(t, blob.SHA1, []byte("content")) {
		t.Fatalf("the digests of a section: %v, %v", c.Checksums, err)
	}
	err = c.Send(context.Background(), func(b *Body) error {
		var digest bytes.Buffer
		if err := b.WriteDigest(&digest); err != nil || digest.String() != "content" || sent != 0 {
			t.Errorf("a digest is computed of %q, %v, with %d bytes sent", &digest, err, sent)
		}
		for range 2 { // an HTTP client may go back
			if got, err := io.ReadAll(b); string(got) != "content" || err != nil {
				t.Errorf("then %q is sent, %v", got, err)
			}
			if _, err := b.Seek(0, io.SeekStart); err != nil {
				t.Error(err)
			}
		}
		_, err := io.ReadAll(b)
		return err
	})
	if err != nil || sent != 21 {
		t.Errorf("%v, with %d bytes sent", err, sent)
	}
	for name, want := range map[blob.Algorithm]blob.Checksums{blob.SHA1: c.Checksums, blob.MD5: sumOf(t, blob.MD5, []byte("content"))} {
		sum, _ := want.Get(name)
		if got, err := c.Digest(name); err != nil || !bytes.Equal(got, sum) {
			t.Errorf("the %s is %x, %v", name, got, err)
		}
	}
}

// A body is not read after its request has ended, and a failure is not ambiguous if it was not sent to its end.
func TestEndOfBody(t *testing.T) {
	for n, ambiguous := range map[int]bool{0: false, 6: false, 7: true} {
		c, err := Section(context.Background(), 0, io.NewSectionReader(strings.NewReader("content"), 0, 7), nil)
		if err != nil {
			t.Fatal(err)
		}
		var kept *Body
		err = c.Send(context.Background(), func(b *Body) error {
			kept = b
			_, _ = io.ReadFull(b, make([]byte, n))
			return lost()
		})
		if f := remote.AsFailure(err); f == nil || f.Ambiguous != ambiguous {
			t.Errorf("a response that is lost after %d bytes: %+v", n, f)
		}
		if n, err := kept.Read(make([]byte, 1)); n != 0 || err != io.ErrClosedPipe {
			t.Errorf("a body whose request has ended delivers %d bytes, %v", n, err)
		}
		err = c.Send(context.Background(), func(b *Body) error {
			_, err := io.ReadFull(b, make([]byte, n))
			return err
		})
		if f := remote.AsFailure(err); (f == nil) != ambiguous || f != nil && !f.Ambiguous {
			t.Errorf("success after %d bytes of 7: %v", n, err)
		}
	}
}

// A stream that can be sent once is verified before its last byte is sent.
func TestOnce(t *testing.T) {
	const size = 1000
	once := func(sums blob.Checksums, r io.Reader) *Content {
		digests, err := digest.New(sums)
		if err != nil {
			t.Fatal(err)
		}
		return &Content{Size: size, Once: true, stream: digests.Tee(r), verify: digests.Check}
	}
	right := sumOf(t, blob.CRC32C, make([]byte, size))
	for name, test := range map[string]struct {
		sums blob.Checksums
		r    io.Reader
		want error
	}{
		"the right checksum": {right, io.LimitReader(zeros{}, size), nil},
		"a wrong checksum":   {blob.CRC32CSum(1), io.LimitReader(zeros{}, size), blob.ErrChecksum},
		"a body that fails":  {right, io.MultiReader(io.LimitReader(zeros{}, size-1), failing{}), errTest},
		"a body that ends":   {right, io.LimitReader(zeros{}, size-1), io.ErrUnexpectedEOF},
	} {
		f := &fakeStore{}
		if _, err := f.One(context.Background(), once(test.sums, test.r)); !errors.Is(err, test.want) || (f.publish == 1) != (test.want == nil) {
			t.Errorf("%s: %v, published %d times", name, err, f.publish)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &fakeStore{}
	c := once(right, io.MultiReader(io.LimitReader(zeros{}, size/2), cancelling(cancel), zeros{}))
	if _, err := f.One(ctx, c); !errors.Is(err, context.Canceled) || f.publish != 0 {
		t.Errorf("a ctx that ends: %v", err)
	}
	f = &fakeStore{fail: func(string, int) (error, bool) { return lost(), true }}
	if _, err := f.One(context.Background(), once(right, io.LimitReader(zeros{}, size))); err == nil || f.sorted() != "one" {
		t.Errorf("a lost response: %v, after the steps %s", err, f.sorted())
	}
}

// cancelling is a reader that ends a ctx, and delivers nothing.
type cancelling context.CancelFunc

func (c cancelling) Read([]byte) (int, error) {
	c()
	return 0, io.EOF
}
