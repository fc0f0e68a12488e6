package ceph

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/holdall-go/holdall/blob"
)

const (
	// formatVersion is the version of everything that is stored.
	formatVersion = 1

	maxParts    = 10_000
	maxPartSize = 5 << 30
	maxMetadata = 16 << 10 // bytes of names and values together
	maxEntry    = 64 << 10 // bytes of an encoded entry; a page of a listing has up to 1,024
	maxObject   = maxParts * maxPartSize
)

// attributes are what a writer attaches, as it is stored.
type attributes struct {
	Type        string            `json:"type,omitempty"`
	Encoding    string            `json:"encoding,omitempty"`
	Language    string            `json:"language,omitempty"`
	Disposition string            `json:"disposition,omitempty"`
	Cache       string            `json:"cache,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
}

func storedAttributes(a *blob.Attributes) attributes {
	return attributes{a.ContentType, a.ContentEncoding, a.ContentLanguage, a.ContentDisposition, a.CacheControl, a.Metadata}
}

func (a *attributes) given() blob.Attributes {
	return blob.Attributes{ContentType: a.Type, ContentEncoding: a.Encoding, ContentLanguage: a.Language,
		ContentDisposition: a.Disposition, CacheControl: a.Cache, Metadata: a.Metadata}
}

// An entry is all that is known of an object. It is stored in the omap of the shard of its key. No two entries are equal,
// since no two have one ID; so an entry that compares equal is the one that was read.
type entry struct {
	Format   int
	ID       string
	Size     int64 // in bytes
	Time     int64 // of the last change, in nanoseconds since 1970
	CRC32C   uint32
	Inline   bool  // the content lies beside the entry
	PartSize int64 // of an upload, which lies in parts; what lies beside is their generations
	attributes
}

func (e *entry) check() error {
	_, dated := idBegan(e.ID)
	switch {
	case !dated:
		return fmt.Errorf("%q is no ID", e.ID)
	case e.Size < 0 || e.Size > maxObject || e.PartSize < 0 || e.Size == 0 && !e.Inline || e.Inline && e.Size > inlineSize:
		return fmt.Errorf("its size is %d", e.Size)
	case e.PartSize > 0 && (e.Size-1)/e.PartSize >= maxParts:
		return fmt.Errorf("%d bytes in parts of %d are more than %d parts", e.Size, e.PartSize, maxParts)
	}
	return nil
}

// object returns what callers see. A nil entry is a nil object.
func (e *entry) object(key string) *blob.Object {
	if e == nil {
		return nil
	}
	return &blob.Object{Key: key, Size: e.Size, ModTime: time.Unix(0, e.Time).UTC(), ETag: `"` + e.ID + `"`,
		Attributes: e.given(), Checksums: blob.CRC32CSum(e.CRC32C)}
}

// lastTime is the latest time that this process took from its clock.
var lastTime atomic.Int64

// stamp gives the entry the time of now, and another one than any that this process has taken from its clock; or a later
// one, if the entry that it replaces was read and is of the future. That concerns this key alone.
func (e *entry) stamp(old *held) {
	for {
		last := lastTime.Load()
		e.Time = max(now().UnixNano(), last+1)
		if lastTime.CompareAndSwap(last, e.Time) {
			break
		}
	}
	if old != nil && old.entry != nil && old.entry.Time < math.MaxInt64 {
		e.Time = max(e.Time, old.entry.Time+1)
	}
}

// parts is how many parts the content lies in.
func (e *entry) parts() int {
	if e.PartSize == 0 || e.Size == 0 {
		return 0
	}
	return int((e.Size-1)/e.PartSize) + 1
}

// checkPieces checks that what lies beside the entry of an upload names its pieces.
func (e *entry) checkPieces(beside []byte) error {
	if n := e.parts(); n > 0 && len(beside) != n*generationLength {
		return damaged("the list of parts", fmt.Errorf("it has %d bytes, and should have %d for %d parts", len(beside), n*generationLength, n))
	}
	return nil
}

// pieceSize is how many bytes each piece has, but the last.
func (e *entry) pieceSize() int64 {
	if e.PartSize == 0 {
		return e.Size
	}
	return e.PartSize
}

// piece returns the nth piece of the content, counted from zero. What lies beside the entry has been checked.
func (e *entry) piece(n int64, beside []byte) piece {
	if e.PartSize == 0 {
		return putPiece(e.ID, e.Size)
	}
	generation := string(beside[n*generationLength : (n+1)*generationLength])
	return partPiece(e.ID, int(n)+1, generation, min(e.PartSize, e.Size-n*e.PartSize))
}

// pieces returns the pieces of the content in order; beside is what lies beside the entry.
func (e *entry) pieces(beside []byte) ([]piece, error) {
	if err := e.checkPieces(beside); err != nil || e.Inline {
		return nil, err
	}
	all := make([]piece, max(1, e.parts()))
	for i := range all {
		all[i] = e.piece(int64(i), beside)
	}
	return all, nil
}

// inline checks the content that lies beside the entry.
func (e *entry) inline(beside []byte) error {
	if int64(len(beside)) != e.Size {
		return damaged("the content", fmt.Errorf("it has %d bytes, and the entry says %d", len(beside), e.Size))
	}
	return nil
}

// An uploadRecord is an unfinished upload.
type uploadRecord struct {
	Format   int    `json:"v"`
	PartSize int64  `json:"part_size"`
	ID       string `json:"id"`
	attributes
}

func decodeUpload(raw []byte) (*uploadRecord, error) {
	r := &uploadRecord{}
	err := json.Unmarshal(raw, r)
	if err == nil && (r.Format != formatVersion || r.PartSize < 1) {
		err = fmt.Errorf("it has format %d and parts of %d bytes", r.Format, r.PartSize)
	}
	if err != nil {
		return nil, damaged("the record of the upload", err)
	}
	return r, nil
}

// A partRecord is a part of an unfinished upload. A part that is sent again gets another generation, and the former ones
// stay until the upload ends, since a completion may just be choosing one of them.
type partRecord struct {
	Size        int64    `json:"size"`
	CRC32C      uint32   `json:"crc32c"`
	Sizes       []int64  `json:"sizes"`       // of each generation
	Generations []string `json:"generations"` // the last one is current
}

func decodePart(raw []byte) (*partRecord, error) {
	r := &partRecord{}
	err := json.Unmarshal(raw, r)
	if err == nil && (len(r.Generations) == 0 || len(r.Sizes) != len(r.Generations)) {
		err = errors.New("it has no generation")
	}
	if err != nil {
		return nil, damaged("the record of a part", err)
	}
	return r, nil
}

func (r *partRecord) current() string { return r.Generations[len(r.Generations)-1] }

func encodeJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a struct of strings and numbers
	}
	return raw
}
