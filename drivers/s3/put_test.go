package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A store keeps uploads and objects, as a server does, for tests of large bodies.
type store struct {
	mu      sync.Mutex
	uploads map[string]map[int]string
	objects map[string]string
	begun   int
	crc     string // of the last completion
	failAt  int    // this part is refused
	hold    chan struct{}
	held    func() // a part waits
}

func newStore(t *testing.T) (*store, *fake) {
	s := &store{uploads: map[string]map[int]string{}, objects: map[string]string{}}
	return s, newFake(t, s.answer)
}

func (s *store) answer(w http.ResponseWriter, r request) {
	q, _ := url.ParseQuery(r.query)
	id, n := q.Get("uploadId"), 0
	if q.Has("partNumber") {
		n, _ = strconv.Atoi(q.Get("partNumber"))
	}
	if s.hold != nil && n > 0 {
		s.held()
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	parts, known := s.uploads[id]
	switch {
	case q.Has("uploads"):
		s.begun++
		id = fmt.Sprint("u", s.begun)
		s.uploads[id] = map[int]string{}
		answerXML(w, "<InitiateMultipartUploadResult><UploadId>"+id+"</UploadId></InitiateMultipartUploadResult>")
	case id != "" && !known:
		answerError(w, 404, "NoSuchUpload", "")
	case n > 0 && n == s.failAt:
		answerError(w, 403, "AccessDenied", "")
	case n > 0:
		parts[n] = r.body
		w.Header().Set("Etag", fmt.Sprintf(`"p%d"`, n))
	case id != "" && r.method == http.MethodDelete:
		delete(s.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	case id != "" && r.method == http.MethodPost:
		var whole strings.Builder
		for i := 1; i <= len(parts); i++ {
			whole.WriteString(parts[i])
		}
		delete(s.uploads, id)
		s.objects[r.path] = whole.String()
		s.crc = r.header.Get("X-Amz-Checksum-Crc32c")
		answerXML(w, `<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>`)
	case r.method == http.MethodPut:
		s.objects[r.path] = r.body
		w.Header().Set("Etag", `"00000000000000000000000000000001"`)
	default:
		answerError(w, 501, "NotImplemented", r.String())
	}
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// A body arrives whole, in parts of the size that was hinted, with the checksum of the whole, from whatever it is read.
func TestLargeBodies(t *testing.T) {
	for _, size := range []int{5<<20 - 1, 5 << 20, 5<<20 + 1, 17<<20 + 3} {
		content := pattern(size)
		sum := crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli))
		for name, body := range map[string]func() io.Reader{
			"bytes": func() io.Reader { return bytes.NewReader(content) },
			"stream": func() io.Reader {
				return io.MultiReader(bytes.NewReader(content[:100]), bytes.NewReader(content[100:]))
			},
			"offset": func() io.Reader {
				r := bytes.NewReader(append([]byte("skipped"), content...))
				_, _ = r.Seek(7, io.SeekStart)
				return r
			},
		} {
			s, f := newStore(t)
			o, err := f.open(t, "aws").Put(context.Background(), "k", body(), &blob.PutOptions{PartSize: 5 << 20})
			if err != nil {
				t.Fatalf("%s of %d: %v", name, size, err)
			}
			if got, _ := o.Checksums.CRC32C(); got != sum || o.Size != int64(size) {
				t.Errorf("%s of %d bytes made %+v", name, size, o)
			}
			if s.objects["/b/k"] != string(content) {
				t.Errorf("%s of %d bytes: %d other bytes arrived", name, size, len(s.objects["/b/k"]))
			}
			if parts := size > 5<<20; parts != (s.begun == 1) || parts && s.crc != *base64CRC(sum) {
				t.Errorf("%s of %d bytes began %d uploads, and completed with the checksum %q", name, size, s.begun, s.crc)
			}
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// However a Put of parts fails, its own error comes back and no upload stays behind.
func TestFailedPutsLeaveNothing(t *testing.T) {
	broken := errors.New("the body broke off")
	content := pattern(17 << 20)
	for name, test := range map[string]struct {
		body   io.Reader
		opts   blob.PutOptions
		failAt int
		want   error
	}{
		"the body fails":      {io.MultiReader(bytes.NewReader(content), failing{broken}), blob.PutOptions{}, 0, broken},
		"a part is refused":   {bytes.NewReader(content), blob.PutOptions{}, 2, errPermission},
		"a wrong checksum":    {io.MultiReader(bytes.NewReader(content)), blob.PutOptions{Checksums: blob.CRC32CSum(1)}, 0, blob.ErrChecksum},
		"fewer than declared": {io.MultiReader(bytes.NewReader(content)), blob.PutOptions{Size: 18 << 20}, 0, blob.ErrInvalid},
		"more than declared":  {io.MultiReader(bytes.NewReader(content)), blob.PutOptions{Size: 16 << 20}, 0, blob.ErrInvalid},
	} {
		s, f := newStore(t)
		s.failAt = test.failAt
		test.opts.PartSize = 5 << 20
		_, err := f.open(t, "aws").Put(context.Background(), "k", test.body, &test.opts)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if len(s.uploads) != 0 || len(s.objects) != 0 {
			t.Errorf("%s: %d uploads and %d objects are left", name, len(s.uploads), len(s.objects))
		}
	}
}

// A Put that is cancelled while its parts hang returns soon, and takes the upload away when the server answers again.
func TestCancelledPutLeavesNothing(t *testing.T) {
	s, f := newStore(t)
	s.hold = make(chan struct{})
	release := sync.OnceFunc(func() { close(s.hold) })
	defer release()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.held = cancel
	begin := time.Now()
	_, err := f.open(t, "aws").Put(ctx, "k", bytes.NewReader(pattern(17<<20)), &blob.PutOptions{PartSize: 5 << 20})
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 5*time.Second {
		t.Errorf("a Put that is cancelled answers %v after %v", err, time.Since(begin))
	}
	release()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun != 1 || len(s.uploads) != 0 || len(s.objects) != 0 {
		t.Errorf("of %d uploads %d are left, and %d objects", s.begun, len(s.uploads), len(s.objects))
	}
}

// Where a completion has no condition, a conditional Put stays one request: a stream of 64 MiB at most, and what is
// declared to be too long is refused before its body is read.
func TestConditionalPutStaysOneRequest(t *testing.T) {
	s, f := newStore(t)
	b := f.open(t, "ceph")
	content := pattern(9 << 20)
	for name, body := range map[string]io.Reader{"bytes": bytes.NewReader(content), "stream": io.MultiReader(bytes.NewReader(content))} {
		if _, err := b.Put(context.Background(), name, body, &blob.PutOptions{If: blob.IfAbsent}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s.begun != 0 || s.objects["/b/"+name] != string(content) {
			t.Errorf("%s: %d uploads, %d bytes", name, s.begun, len(s.objects["/b/"+name]))
		}
	}
	var read counter
	_, err := b.Put(context.Background(), "k", &read, &blob.PutOptions{If: blob.IfAbsent, Size: maxSingle + 1})
	if !errors.Is(err, errors.ErrUnsupported) || read != 0 {
		t.Errorf("more than one request takes: %v, after %d bytes were read", err, read)
	}
	_, err = b.Put(context.Background(), "k", io.LimitReader(&read, 65<<20), &blob.PutOptions{If: blob.IfAbsent})
	if !errors.Is(err, errors.ErrUnsupported) || read > 64<<20+1 {
		t.Errorf("more than is held in memory: %v, after %d bytes were read", err, read)
	}
	declared := blob.PutOptions{If: blob.IfAbsent, Size: 65 << 20}
	if _, err := b.Put(context.Background(), "long", io.LimitReader(&read, 65<<20), &declared); err == nil || !errors.Is(err, blob.ErrChecksum) {
		t.Errorf("a server that answers with another ETag than the MD5 of 65 MiB: %v", err)
	}
	if got := len(s.objects["/b/long"]); got != 65<<20 || s.begun != 0 {
		t.Errorf("%d bytes arrived in %d uploads", got, s.begun)
	}
}

// counter is an endless body that counts what is read.
type counter int64

func (c *counter) Read(p []byte) (int, error) {
	*c += counter(len(p))
	clear(p)
	return len(p), nil
}
