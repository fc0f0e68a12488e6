package acl

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// Where a policy is kept, and how its objects are read and written. The names are the same in the guarded bucket and in
// a bucket of its own, so a policy moves by copying what lies under the root.
const (
	root          = reservedName + "/"
	headName      = root + "acl/manifest"
	manifestsRoot = root + "acl/manifests/"
	segmentsRoot  = root + "acl/segments/"
	uploadsRoot   = root + "acl/uploads/"
	probeRoot     = root + "acl/probe/"
)

// maxObject bounds what is read of one object of the policy, in bytes, so that a damaged store cannot exhaust the memory.
const maxObject = 1 << 30

// secretSize is the size of the secret in bytes.
const secretSize = 32

// store reads and writes the objects of one policy.
type store struct {
	bucket blob.Bucket
	single *singleWriter // nil: others may write too, and conditions keep them apart
}

// head is a manifest as it was read.
type head struct {
	*manifest
	etag string
	sum  string // the digest of its bytes
}

// readHead returns the manifest. If it still has the ETag known, and the store can tell, it answers
// [blob.ErrNotModified].
func (s *store) readHead(ctx context.Context, known string) (*head, error) {
	opts := &blob.GetOptions{}
	caps := s.bucket.Capabilities()
	if known != "" && caps.If.Read.Has(blob.KindNoneMatch) {
		opts.If = blob.IfNoneMatch(known)
	}
	data, etag, err := s.get(ctx, headName, opts)
	if err != nil {
		return nil, err
	}
	if known != "" && etag == known {
		return nil, blob.ErrNotModified
	}
	m, err := decodeManifest(data)
	if err != nil {
		return nil, err
	}
	return &head{m, etag, digest(data)}, nil
}

// readManifest returns a former manifest from the chain.
func (s *store) readManifest(ctx context.Context, at *reference) (*manifest, error) {
	data, _, err := s.get(ctx, at.Name, &blob.GetOptions{})
	if err != nil {
		return nil, err
	}
	m, err := decodeManifest(data)
	if err != nil {
		return nil, err
	}
	if digest(data) != at.SHA256 || m.Name != at.Name {
		return nil, fmt.Errorf("%w: the manifest %q is not the one that its successor names", ErrCorrupt, at.Name)
	}
	return m, nil
}

// readPolicy returns the policy of m. An absent segment answers fs.ErrNotExist: it is corruption only if m is still the
// manifest.
func (s *store) readPolicy(ctx context.Context, m *manifest) (*Policy, error) {
	segments := make([]*segment, len(m.Segments))
	for i := range m.Segments {
		entry := &m.Segments[i]
		data, _, err := s.get(ctx, entry.Name, &blob.GetOptions{})
		if err != nil {
			return nil, err
		}
		if digest(data) != entry.SHA256 {
			return nil, fmt.Errorf("%w: the segment %q is damaged or cut short", ErrCorrupt, entry.Name)
		}
		segments[i] = &segment{}
		if err := decode(data, segments[i]); err != nil {
			return nil, fmt.Errorf("%w: the segment %q: %v", ErrCorrupt, entry.Name, err)
		}
	}
	return m.policy(segments)
}

func (s *store) get(ctx context.Context, name string, opts *blob.GetOptions) ([]byte, string, error) {
	r, err := s.bucket.Get(ctx, name, opts)
	if err != nil {
		return nil, "", err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxObject+1))
	if err != nil {
		return nil, "", err
	}
	if len(data) > maxObject {
		return nil, "", fmt.Errorf("%w: %q has more than %d bytes", ErrCorrupt, name, maxObject)
	}
	return data, r.ETag, nil
}

// put stores data under a name of the policy. The only writer does without the condition.
func (s *store) put(ctx context.Context, name string, data []byte, cond blob.Condition) (*blob.Object, error) {
	if s.single != nil {
		cond = blob.Condition{}
	}
	return s.bucket.Put(ctx, name, bytes.NewReader(data), &blob.PutOptions{Size: int64(len(data)), If: cond})
}

// putNew stores an immutable object under a name that nobody used before. Should a store carry out a request twice, the
// second finds what the first left, which is the same.
func (s *store) putNew(ctx context.Context, name string, data []byte) error {
	_, err := s.put(ctx, name, data, blob.IfAbsent)
	if errors.Is(err, fs.ErrExist) {
		stored, _, rerr := s.get(ctx, name, &blob.GetOptions{})
		if rerr == nil && bytes.Equal(stored, data) {
			return nil
		}
	}
	return err
}

// segmentFor returns the entry and the bytes of the segment that p needs. Where base has the same, it is kept and data
// is nil.
func segmentFor(p *Policy, base []segmentEntry) (entries []segmentEntry, data []byte, err error) {
	if data, err = encodeSegment(p); data == nil {
		return nil, nil, err
	}
	sum := digest(data)
	if len(base) == 1 && base[0].SHA256 == sum {
		return base, nil, nil
	}
	return []segmentEntry{{reference{segmentsRoot + sum + "-" + nonce(), sum}, len(p.Grants)}}, data, nil
}

// manifestName returns a new name for the manifest of this generation. They sort by generation.
func manifestName(generation uint64) string {
	return fmt.Sprintf("%s%020d-%s", manifestsRoot, generation, nonce())
}

// nameOf reports whether name is that of an object right under the root given.
func nameOf(root, name string) bool {
	rest, ok := strings.CutPrefix(name, root)
	return ok && rest != "" && !strings.Contains(rest, "/")
}

// nonce returns 128 random bits in hexadecimal.
func nonce() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func newSecret() []byte {
	secret := make([]byte, secretSize)
	rand.Read(secret)
	return secret
}
