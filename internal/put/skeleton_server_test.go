package put_test

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/drivers/mem"
)

// TestSkeleton runs the suite on the driver in skeleton_test.go, over a server in this process.
func TestSkeleton(t *testing.T) {
	endpoint := func(b blob.Bucket) string { return b.(fmt.Stringer).String()[len("skeleton:"):] }
	conformance.Run(t, conformance.Harness{
		Name: "skeleton",
		Open: func(t *conformance.T) blob.Bucket {
			server := httptest.NewServer(newServer())
			t.Cleanup(server.Close)
			return open(server.URL)
		},
		Reopen: func(_ *conformance.T, b blob.Bucket) blob.Bucket { return open(endpoint(b)) },
		Endpoint: func(t *conformance.T, b blob.Bucket) *url.URL {
			u, err := url.Parse(endpoint(b))
			if err != nil {
				t.Fatalf("%v", err)
			}
			return u
		},
		Proxied: func(_ *conformance.T, _ blob.Bucket, via *url.URL) blob.Bucket { return open("http://" + via.Host) },
	}, conformance.InTier(conformance.Short))
}

// A server is the store of the skeleton, in memory.
type server struct {
	*http.ServeMux
	b blob.Bucket // the objects

	mu      sync.Mutex
	uploads map[string]*unfinished // by ID
}

func newServer() *server {
	s := &server{ServeMux: http.NewServeMux(), b: mem.New(nil), uploads: map[string]*unfinished{}}
	for pattern, serve := range map[string]func(http.ResponseWriter, *http.Request) (any, error){
		"PUT /object": s.putObject, "GET /object": s.getObject, "DELETE /object": s.deleteObject, "GET /objects": s.list,
		"POST /uploads": s.beginUpload, "GET /uploads": s.listUploads,
		"PUT /part": s.putPart, "GET /parts": s.listParts, "GET /upload": s.getUpload, "POST /upload": s.complete, "DELETE /upload": s.abort,
	} {
		s.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Store", "skeleton")
			answer, err := serve(w, r)
			if err != nil {
				refuse(w, err)
			} else if answer != nil {
				_ = json.NewEncoder(w).Encode(answer)
			}
		})
	}
	return s
}

// refuse sends an error.
func refuse(w http.ResponseWriter, err error) {
	for _, e := range []struct {
		err    error
		status int
		code   string
	}{
		{blob.ErrExist, 412, "exist"}, {blob.ErrPrecondition, 412, ""}, {fs.ErrNotExist, 404, ""},
		{blob.ErrChecksum, 400, "checksum"}, {blob.ErrInvalid, 400, "invalid"},
	} {
		if errors.Is(err, e.err) {
			w.Header().Set("X-Code", e.code)
			w.WriteHeader(e.status)
			return
		}
	}
	w.WriteHeader(http.StatusInternalServerError)
}

func key(r *http.Request) string { return r.URL.Query().Get("key") }

func condition(r *http.Request) blob.Condition {
	switch {
	case r.Header.Get("If-None-Match") == "*":
		return blob.IfAbsent
	case r.Header.Get("If-Match") != "":
		return blob.IfMatch(r.Header.Get("If-Match"))
	}
	return blob.Condition{}
}

func attributes(r *http.Request) (a blob.Attributes, err error) {
	text, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Attributes"))
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	return a, err
}

// received reads the content of a request, and verifies it.
func received(r *http.Request) ([]byte, error) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	want, err := strconv.ParseUint(r.Header.Get("X-Crc32c"), 16, 32)
	if err != nil || crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)) != uint32(want) {
		return nil, blob.ErrChecksum
	}
	return content, nil
}

func onWire(o *blob.Object) *wire {
	sum, _ := o.Checksums.CRC32C()
	return &wire{*o, sum}
}

func (s *server) putObject(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := attributes(r)
	if err != nil {
		return nil, err
	}
	content, err := received(r)
	if err != nil {
		return nil, err
	}
	o, err := s.b.Put(r.Context(), key(r), bytes.NewReader(content), &blob.PutOptions{Attributes: a, If: condition(r)})
	if err != nil {
		return nil, err
	}
	return onWire(o), nil
}

func (s *server) getObject(w http.ResponseWriter, r *http.Request) (any, error) {
	from, err := s.b.Get(r.Context(), key(r), nil)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	content, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(onWire(&from.Object))
	if err != nil {
		return nil, err
	}
	w.Header().Set("X-Object", base64.StdEncoding.EncodeToString(text))
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", from.ModTime, bytes.NewReader(content))
	return nil, nil
}

func (s *server) deleteObject(_ http.ResponseWriter, r *http.Request) (any, error) {
	return nil, s.b.Delete(r.Context(), key(r), &blob.DeleteOptions{If: condition(r)})
}

func (s *server) list(_ http.ResponseWriter, r *http.Request) (any, error) {
	const size = 100
	var page struct {
		Items []*wire
		Next  string
	}
	q := r.URL.Query()
	for o, err := range s.b.List(r.Context(), &blob.ListOptions{Prefix: q.Get("prefix")}) {
		switch {
		case err != nil:
			return nil, err
		case o.Key < q.Get("start"):
			continue
		case len(page.Items) == size:
			page.Next = o.Key
			return page, nil
		}
		page.Items = append(page.Items, onWire(o))
	}
	return page, nil
}

// An unfinished upload has parts of any size.
type unfinished struct {
	blob.UploadInfo
	attrs    blob.Attributes
	partSize int64
	parts    map[int][]byte
}

func (s *server) beginUpload(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := attributes(r)
	if err != nil {
		return nil, err
	}
	size, err := strconv.ParseInt(r.URL.Query().Get("size"), 10, 64)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &unfinished{blob.UploadInfo{Key: key(r), ID: rand.Text(), Initiated: time.Now()}, a, size, map[int][]byte{}}
	s.uploads[u.ID] = u
	return begun{u.ID, size}, nil
}

func (s *server) listUploads(_ http.ResponseWriter, r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []blob.UploadInfo{}
	for _, u := range s.uploads {
		if strings.HasPrefix(u.Key, r.URL.Query().Get("prefix")) {
			all = append(all, u.UploadInfo)
		}
	}
	slices.SortFunc(all, func(a, b blob.UploadInfo) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), a.Initiated.Compare(b.Initiated))
	})
	return all, nil
}

// A begun upload is what the server says of it.
type begun struct {
	ID       string
	PartSize int64
}

// upload returns the upload that a request is about. It is called with s locked.
func (s *server) upload(r *http.Request) (*unfinished, error) {
	if u := s.uploads[r.URL.Query().Get("id")]; u != nil && u.Key == key(r) {
		return u, nil
	}
	return nil, fs.ErrNotExist
}

func (s *server) getUpload(_ http.ResponseWriter, r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.upload(r)
	if err != nil {
		return nil, err
	}
	return begun{u.ID, u.partSize}, nil
}

// part describes a part by its content.
func part(n int, content []byte) blob.Part {
	return blob.Part{Number: n, Size: int64(len(content)), ETag: fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(content)))}
}

func (s *server) putPart(_ http.ResponseWriter, r *http.Request) (any, error) {
	content, err := received(r)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.upload(r)
	if err != nil {
		return nil, err
	}
	u.parts[n] = content
	return part(n, content), nil
}

func (s *server) listParts(_ http.ResponseWriter, r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.upload(r)
	if err != nil {
		return nil, err
	}
	all := []blob.Part{}
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		all = append(all, part(n, u.parts[n]))
	}
	return all, nil
}

func (s *server) complete(_ http.ResponseWriter, r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.upload(r)
	if err != nil {
		return nil, err
	}
	var whole bytes.Buffer
	for i, n := range slices.Sorted(maps.Keys(u.parts)) {
		if n != i+1 {
			return nil, fmt.Errorf("%w: part %d is missing", blob.ErrInvalid, i+1)
		}
		if n < len(u.parts) && u.partSize > 0 && int64(len(u.parts[n])) != u.partSize {
			return nil, fmt.Errorf("%w: part %d has another size than was said", blob.ErrInvalid, n)
		}
		whole.Write(u.parts[n])
	}
	o, err := s.b.Put(r.Context(), u.Key, &whole, &blob.PutOptions{Attributes: u.attrs, If: condition(r)})
	if err != nil {
		return nil, err
	}
	delete(s.uploads, u.ID)
	return onWire(o), nil
}

func (s *server) abort(_ http.ResponseWriter, r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, err := s.upload(r); err == nil {
		delete(s.uploads, u.ID)
	}
	return nil, nil
}
