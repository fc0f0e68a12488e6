package mem

import (
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A store is what all handles to one bucket share.
type store struct {
	name string
	opts Options

	mu      sync.RWMutex
	entries map[string]*entry
	index   index
	uploads map[string]*upload // by ID
	serial  uint64             // of the last version or upload
	now     time.Time          // of the last version: time never stands still
}

// An entry is a key with its versions, the oldest first. It has at least one. Without Options.Versions it has just one.
type entry struct {
	key      string
	versions []*version
}

// A version is an object with its content, or a delete marker. It is never changed.
type version struct {
	object  blob.Object
	content []byte
}

func newStore(name string, opts Options) *store {
	return &store{name: name, opts: opts, entries: map[string]*entry{}, uploads: map[string]*upload{}}
}

// current returns what the key holds now, or nil.
func (e *entry) current() *version {
	if e == nil {
		return nil
	}
	if v := e.versions[len(e.versions)-1]; !v.object.IsDeleteMarker {
		return v
	}
	return nil
}

// find returns the version of key that id names, the current one if id is empty, or nil.
func (s *store) find(key, id string) *version {
	e := s.entries[key]
	if id == "" {
		return e.current()
	}
	if e != nil {
		for _, v := range e.versions {
			if v.object.Version == id && !v.object.IsDeleteMarker {
				return v
			}
		}
	}
	return nil
}

// look returns the version of key that a read asks for.
func (s *store) look(key, id string, cond blob.Condition) (*version, error) {
	s.mu.RLock()
	v := s.find(key, id)
	s.mu.RUnlock()
	if err := cond.Eval(v.attributes()); err != nil {
		return nil, err
	}
	if v == nil {
		return nil, blob.ErrNotExist
	}
	return v, nil
}

// attributes is for conditions, which take a nil for what is missing.
func (v *version) attributes() *blob.Object {
	if v == nil {
		return nil
	}
	return &v.object
}

// put makes content the current version of key if cond holds.
func (s *store) put(key string, content []byte, attrs blob.Attributes, sums blob.Checksums, cond blob.Condition) (*blob.Object, error) {
	attrs.Metadata = maps.Clone(attrs.Metadata)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.putLocked(key, content, attrs, sums, cond)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(content []byte) blob.Checksums {
	return blob.CRC32CSum(crc32.Checksum(content, castagnoli))
}

func (s *store) putLocked(key string, content []byte, attrs blob.Attributes, sums blob.Checksums, cond blob.Condition) (*blob.Object, error) {
	if err := cond.Eval(s.entries[key].current().attributes()); err != nil {
		return nil, err
	}
	v := &version{content: content, object: blob.Object{Key: key, Size: int64(len(content)), Attributes: attrs, Checksums: sums}}
	s.add(v)
	return v.object.Clone(), nil
}

// add makes v the newest version of its key, and stamps it.
func (s *store) add(v *version) {
	now := time.Now().Round(0).UTC()
	if !now.After(s.now) {
		now = s.now.Add(1)
	}
	s.now = now
	s.serial++
	id := strconv.FormatUint(s.serial, 16)
	v.object.ModTime, v.object.ETag = s.now, `"`+id+`"`
	if s.opts.Versions {
		v.object.Version = id
	}
	e := s.entries[v.object.Key]
	if e == nil {
		e = &entry{key: v.object.Key}
		s.entries[e.key] = e
		s.index.insert(e)
	}
	if s.opts.Versions {
		e.versions = append(e.versions, v)
	} else {
		e.versions = append(e.versions[:0], v)
	}
}

// delete removes the object, or just one version of it, if cond holds. What is missing is gone already.
func (s *store) delete(key, id string, cond blob.Condition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.find(key, id)
	if err := cond.Eval(v.attributes()); err != nil {
		return err
	}
	e := s.entries[key]
	switch {
	case e == nil:
	case id != "":
		e.versions = slices.DeleteFunc(e.versions, func(v *version) bool { return v.object.Version == id })
	case s.opts.Versions:
		if v != nil {
			s.add(&version{object: blob.Object{Key: key, IsDeleteMarker: true}})
		}
	default:
		e.versions = nil
	}
	if e != nil && len(e.versions) == 0 {
		delete(s.entries, key)
		s.index.remove(key)
	}
	return nil
}

// verify compares content with the digests that it should have.
func verify(content []byte, want blob.Checksums) error {
	for algorithm, sum := range want.All() {
		h, err := algorithm.New()
		if err != nil {
			return err
		}
		h.Write(content)
		if got := h.Sum(nil); string(got) != string(sum) {
			return fmt.Errorf("%w: the body has %s %x, not %x", blob.ErrChecksum, algorithm, got, sum)
		}
	}
	return nil
}
