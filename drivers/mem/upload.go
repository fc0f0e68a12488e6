package mem

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

const (
	maxParts        = 10_000
	defaultPartSize = 8 << 20
)

// An upload is an object in parts. Its fields are guarded by the store's lock.
type upload struct {
	key       string
	id        string
	initiated time.Time
	attrs     blob.Attributes
	partSize  int64
	parts     map[int]part
}

type part struct {
	blob.Part
	content []byte
}

// A handle is what a caller has of an upload, with the caller's own condition and hook.
type handle struct {
	store *store
	*upload
	cond blob.Condition
	hook *blob.Hook
}

func (s *store) begin(key string, o *blob.UploadOptions) (blob.Upload, error) {
	size := o.PartSize
	if size <= 0 {
		size = max(defaultPartSize, (o.Size-1)/maxParts+1)
	}
	attrs := o.Attributes
	attrs.Metadata = maps.Clone(attrs.Metadata)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	u := &upload{key: key, id: strconv.FormatUint(s.serial, 16), initiated: time.Now(), attrs: attrs, partSize: size, parts: map[int]part{}}
	s.uploads[u.id] = u
	return &handle{s, u, o.If, o.Hook}, nil
}

func (s *store) resume(key string, o *blob.UploadOptions) (blob.Upload, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u := s.uploads[o.ID]
	if u == nil || u.key != key {
		return nil, noUpload(o.ID)
	}
	return &handle{s, u, o.If, o.Hook}, nil
}

func noUpload(id string) error { return fmt.Errorf("upload %q: %w", id, blob.ErrNotExist) }

// unfinished returns the uploads of keys under prefix, by key and then by age.
func (s *store) unfinished(prefix string) []*blob.UploadInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []*blob.UploadInfo
	for _, u := range s.uploads {
		if strings.HasPrefix(u.key, prefix) {
			found = append(found, &blob.UploadInfo{Key: u.key, ID: u.id, Initiated: u.initiated})
		}
	}
	slices.SortFunc(found, func(a, b *blob.UploadInfo) int {
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return a.Initiated.Compare(b.Initiated)
	})
	return found
}

func (h *handle) ID() string      { return h.id }
func (h *handle) PartSize() int64 { return h.partSize }

func (h *handle) Put(ctx context.Context, n int, body *io.SectionReader) (blob.Part, error) {
	content, err := readAll(ctx, body, h.hook)
	if err != nil {
		return blob.Part{}, err
	}
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	if h.store.uploads[h.id] != h.upload {
		return blob.Part{}, noUpload(h.id)
	}
	h.store.serial++
	p := part{blob.Part{Number: n, Size: int64(len(content)), ETag: fmt.Sprintf("%q", strconv.FormatUint(h.store.serial, 16))}, content}
	h.parts[n] = p
	return p.Part, nil
}

func (h *handle) Parts(context.Context) iter.Seq2[blob.Part, error] {
	return func(yield func(blob.Part, error) bool) {
		h.store.mu.RLock()
		if h.store.uploads[h.id] != h.upload {
			h.store.mu.RUnlock()
			yield(blob.Part{}, noUpload(h.id))
			return
		}
		parts := h.inOrder()
		h.store.mu.RUnlock()
		for _, p := range parts {
			if !yield(p.Part, nil) {
				return
			}
		}
	}
}

func (u *upload) inOrder() []part {
	return slices.SortedFunc(maps.Values(u.parts), func(a, b part) int { return a.Number - b.Number })
}

func (h *handle) Complete(ctx context.Context) (*blob.Object, error) {
	if err := h.hook.Publishing(ctx); err != nil { // before the lock: a hook may read the bucket
		return nil, err
	}
	s := h.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.uploads[h.id] != h.upload {
		return nil, noUpload(h.id)
	}
	content, err := h.assemble()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o, err := s.putLocked(h.key, content, h.attrs, checksum(content), h.cond)
	if err != nil {
		return nil, err
	}
	delete(s.uploads, h.id)
	return o, nil
}

// assemble joins the parts. Each must be there, and all but the last must have the part size.
func (u *upload) assemble() ([]byte, error) {
	parts := u.inOrder()
	content := []byte{}
	for i, p := range parts {
		if p.Number != i+1 {
			return nil, fmt.Errorf("%w: part %d is missing", blob.ErrInvalid, i+1)
		}
		if i < len(parts)-1 && p.Size != u.partSize {
			return nil, fmt.Errorf("%w: part %d has %d bytes; all but the last must have %d", blob.ErrInvalid, p.Number, p.Size, u.partSize)
		}
		content = append(content, p.content...)
	}
	return content, nil
}

func (h *handle) Abort(context.Context) error {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	if h.store.uploads[h.id] == h.upload {
		delete(h.store.uploads, h.id)
	}
	return nil
}
