package put

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/remote"
)

// Content arrives as it is, with one request if it has at most one part and otherwise in parts, however it is given.
func TestContentArrives(t *testing.T) {
	for size, want := range map[int]string{
		0:          "one",
		1:          "one",
		part:       "one",
		part + 1:   "begin, part 1, part 2, complete",
		2*part + 1: "begin, part 1, part 2, part 3, complete",
	} {
		content := pattern(size)
		for name, body := range bodies {
			f := &fakeStore{}
			o, err := f.put(context.Background(), body(content), blob.PutOptions{})
			if err != nil || !bytes.Equal(f.object, content) || f.sorted() != want || f.publish != 1 {
				t.Errorf("%s of %d bytes: %v, %d bytes in the steps %s", name, size, err, len(f.object), f.sorted())
				continue
			}
			if sum, _ := o.Checksums.CRC32C(); o.Size != int64(size) || sum != crc32.Checksum(content, castagnoli) {
				t.Errorf("%s of %d bytes makes %+v", name, size, o)
			}
		}
	}
	wantBalance(t)
}

// The digests that a store needs are known to a single request, and to the completion of parts. At the beginning of parts
// those are known that were computed, or else what the caller says.
func TestDigests(t *testing.T) {
	for _, size := range []int{part, 3 * part} {
		content := pattern(size)
		sha1, md5 := sumOf(t, blob.SHA1, content), sumOf(t, blob.MD5, content)
		sum, _ := sha1.Get(blob.SHA1)
		both := md5.With(blob.SHA1, sum)
		for name, body := range bodies {
			f := &fakeStore{}
			_, err := Put(context.Background(), f, &Request{Body: body(content), Limits: limits, Digests: []blob.Algorithm{blob.SHA1},
				Options: &blob.PutOptions{PartSize: part, Checksums: md5}})
			if err != nil || f.whole != both {
				t.Errorf("%s of %d bytes: %v, with the digests %v", name, size, err, f.whole)
			}
			known := both
			if name == "stream" {
				known = md5
			}
			if size > part && f.known != known {
				t.Errorf("%s of %d bytes begins with the digests %v, want %v", name, size, f.known, known)
			}
		}
	}
}

// A body with another checksum than the caller says is not published.
func TestChecksumsAreVerified(t *testing.T) {
	for _, size := range []int{0, part, 3 * part} {
		wrong := sumOf(t, blob.SHA256, []byte("another content"))
		for name, body := range bodies {
			f := &fakeStore{}
			_, err := f.put(context.Background(), body(pattern(size)), blob.PutOptions{Checksums: wrong})
			if !errors.Is(err, blob.ErrChecksum) || f.publish != 0 || f.parts != nil {
				t.Errorf("%s of %d bytes: %v, after the steps %s", name, size, err, f.sorted())
			}
		}
	}
	wantBalance(t)
}

// Wherever a Put fails, its error is returned, and the upload is removed, unless the object may have been published.
func TestFailures(t *testing.T) {
	refused := func(at string) func(string, int) (error, bool) {
		return func(step string, _ int) (error, bool) {
			if step == at {
				return errTest, false
			}
			return nil, true
		}
	}
	for _, test := range []struct {
		name  string
		size  int
		fail  func(string, int) (error, bool)
		want  error
		steps string // the last ones
	}{
		{"a single request is refused", part, refused("one"), errTest, "one"},
		{"the beginning is refused", 2 * part, refused("begin"), errTest, "begin"},
		{"a part is refused", 2 * part, refused("part 1"), errTest, "abort"},
		{"the last part is refused", 2 * part, refused("part 2"), errTest, "abort"},
		{"the completion is refused", 2 * part, refused("complete"), errTest, "complete, abort"},
		{"the completion is lost", 2 * part, func(step string, _ int) (error, bool) {
			if step == "complete" {
				return lost(), true
			}
			return nil, true
		}, blob.ErrAmbiguous, "complete, complete, complete"},
	} {
		for name, body := range bodies {
			f := &fakeStore{fail: test.fail}
			_, err := f.put(context.Background(), body(pattern(test.size)), blob.PutOptions{})
			if !errors.Is(err, test.want) || !strings.HasSuffix(f.sorted(), test.steps) || f.publish != 0 && test.want != blob.ErrAmbiguous {
				t.Errorf("%s, %s: %v, after the steps %s", test.name, name, err, f.sorted())
			}
		}
	}
	broken := &fakeStore{}
	_, err := broken.put(context.Background(), io.MultiReader(stream(pattern(2*part+1)), failing{}), blob.PutOptions{})
	if !errors.Is(err, errTest) || !strings.HasSuffix(broken.sorted(), "abort") {
		t.Errorf("a body that fails: %v, after the steps %s", err, broken.sorted())
	}
	wantBalance(t)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errTest }

func (failing) ReadAt([]byte, int64) (int, error) { return 0, errTest }

// What fails in a way that may pass is sent again, the same content.
func TestAttempts(t *testing.T) {
	for _, size := range []int{0, part, 3 * part} {
		content := pattern(size)
		for name, body := range bodies {
			f := &fakeStore{fail: func(step string, attempt int) (error, bool) {
				if attempt < 3 && step != "begin" {
					return lost(), attempt == 2
				}
				return nil, true
			}}
			_, err := f.put(context.Background(), body(content), blob.PutOptions{})
			if err != nil || !bytes.Equal(f.object, content) {
				t.Errorf("%s of %d bytes: %v, and %d bytes after the steps %s", name, size, err, len(f.object), f.sorted())
			}
		}
	}
}

// A Put whose ctx ends at a step ends with its error and leaves nothing.
func TestContextEnds(t *testing.T) {
	for _, at := range []string{"one", "begin", "part 1", "part 3", "complete"} {
		for name, body := range bodies {
			ctx, cancel := context.WithCancel(context.Background())
			size := 3 * part
			if at == "one" {
				size = part
			}
			f := &fakeStore{fail: func(step string, _ int) (error, bool) {
				if step != at {
					return nil, true
				}
				cancel()
				return &remote.Failure{Meaning: remote.Meaning{Transient: true}, Message: "cut off", Cause: ctx.Err()}, false
			}}
			begin := time.Now()
			_, err := f.put(ctx, body(pattern(size)), blob.PutOptions{})
			if !errors.Is(err, context.Canceled) || f.publish != 0 || f.parts != nil || time.Since(begin) > 5*time.Second {
				t.Errorf("%s whose ctx ends at %s: %v, after the steps %s", name, at, err, f.sorted())
			}
			cancel()
		}
	}
	wantBalance(t)
}

// A Put that must be one request is one, and refuses what that does not take before it reads it.
func TestSingle(t *testing.T) {
	const long = parts.MaxBuffered + 1
	for _, test := range []struct {
		name string
		body io.Reader
		size int64 // declared
		want error
		once bool
	}{
		{"bytes of several parts", bytes.NewReader(pattern(3 * part)), 0, nil, false},
		{"a stream of several parts", stream(pattern(3 * part)), 0, nil, false},
		{"a file of more than one request takes", io.NewSectionReader(failing{}, 0, 2*long), 0, errors.ErrUnsupported, false},
		{"a stream of more than one request takes", failing{}, 2 * long, errors.ErrUnsupported, false},
		{"a stream of more than memory takes", io.LimitReader(zeros{}, long), 0, errors.ErrUnsupported, false},
		{"a stream of more than memory takes, declared", io.LimitReader(zeros{}, long), long, nil, true},
	} {
		f := &fakeStore{}
		_, err := Put(context.Background(), f, &Request{Body: test.body, Limits: limits, Single: &Single{Max: long, Reason: "a reason"},
			Options: &blob.PutOptions{PartSize: part, Size: test.size}})
		steps := "one"
		if test.want != nil {
			steps = ""
		}
		if !errors.Is(err, test.want) || f.sorted() != steps || test.once && len(f.object) != long {
			t.Errorf("%s: %v, after the steps %q", test.name, err, f.sorted())
		}
	}
	wantBalance(t)
}

// A copy in parts sends no content, and is otherwise like a Put.
func TestCopy(t *testing.T) {
	for _, fails := range []bool{false, true} {
		u := &copying{fails: fails}
		_, err := Copy(context.Background(), func(context.Context) (Upload, error) { return u, nil }, 25, 10)
		if fails != (err != nil) || u.aborted != fails || !fails && (len(u.all) != 3 || u.all[2] != (Sent{Number: 3, Size: 5})) {
			t.Errorf("a copy that fails %v: %v, aborted %v, with the parts %v", fails, err, u.aborted, u.all)
		}
	}
}

type copying struct {
	fails, aborted bool
	all            []Sent
}

func (c *copying) Send(_ context.Context, p *Content) (Sent, error) {
	if p.Offset != int64(p.Number-1)*10 {
		return Sent{}, errors.New("the part has another offset")
	}
	return Sent{Number: p.Number, Size: p.Size}, nil
}

func (c *copying) Complete(_ context.Context, all []Sent, _ blob.Checksums) (*blob.Object, error) {
	if c.fails {
		return nil, errTest
	}
	c.all = all
	return &blob.Object{}, nil
}

func (c *copying) Abort(context.Context) { c.aborted = true }
