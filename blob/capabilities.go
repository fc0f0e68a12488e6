package blob

import (
	"slices"
	"time"
)

// Capabilities are the facts and limits of a bucket. [Check] enforces them, the conformance suite tests both halves of
// each, and the provider matrix is printed from them. The zero value is a bucket that can only put, get, stat, delete
// and list, without conditions. A zero limit means that the store sets none beyond those of this package.
type Capabilities struct {
	// PutIf, UploadIf, CopyIf, DeleteIf and ReadIf are the conditions that each operation honours atomically, and SourceIf
	// those of what a copy reads, which some stores honour although they know none for what it overwrites. A
	// condition that is not among them is refused before any request.
	PutIf, UploadIf, CopyIf, SourceIf, DeleteIf, ReadIf ConditionSet

	MaxKeyBytes   int   // longest key
	MaxSegment    int   // longest piece of a key between slashes, in bytes
	MaxObjectSize int64 // largest object, in bytes

	Headers            bool // standard headers beside ContentType are kept
	Metadata           bool // metadata is kept
	MaxMetadataEntries int  // most names
	MaxMetadataName    int  // longest name in bytes
	MaxMetadataBytes   int  // most bytes of names and values together; a value that is not printable ASCII may count double

	Multipart   bool  // Upload
	MinPartSize int64 // of every part but the last
	MaxPartSize int64
	MaxParts    int
	ListUploads bool // Uploads

	Copy bool // Copy from a Source of the same driver

	BulkDelete int // keys in one call of the provider's; zero: it has none, and each key is one call

	Versions bool // old versions are kept, read, listed and deleted

	Sign    []string      // the methods that can be signed
	MaxSign time.Duration // the longest life of a signed request

	// ChecksumIn are the algorithms of PutOptions.Checksums that are verified before anything is stored; ChecksumOut
	// those of which every object that Put makes has one.
	ChecksumIn, ChecksumOut []Algorithm

	ListWithoutETag  bool // a listing has no ETags
	WriteWithoutETag bool // a write returns the size and what it was given, but no ETag, Version or ModTime
	OnlySlash        bool // no other delimiter than "/" is listed by
	NativeACL        bool // the provider has access control of its own, reached on the driver's type
	ReadOnly         bool // every write is refused with fs.ErrPermission

	// TimePrecision is the step of ModTime; zero is a nanosecond.
	TimePrecision time.Duration

	// What follows are limitations: what a store that is otherwise sound cannot do.

	Guarded         bool // under access control: an upload ID that is not one's own is fs.ErrPermission, and some names are reserved
	PartOfSegment   bool // is a Sub whose prefix does not end in "/": what begins a key here goes on with a segment there
	CanonicalKeys   bool // refuses keys that a path could read otherwise: empty, "." and ".." segments (some stores: amid white space too), '\\', control bytes
	URLKeys         bool // refuses keys that the path of a URL would not keep: "." and ".." segments, ASCII control bytes
	XMLKeys         bool // refuses keys with U+FFFE or U+FFFF, which XML cannot say: its listings are XML without an encoding
	EventualList    bool // a listing may lag behind writes
	EventualRead    bool // Get and Stat may lag behind writes
	NoFileBesideDir bool // cannot hold "a" beside "a/b" or "a/"
	NoSlashAtEnd    bool // stores nothing under a key that ends in "/"
	LonePartHeld    bool // an upload of a single part is completed by the Upload that sent it; who resumes it sends it again
	CaseFolding     bool // cannot hold "A" beside "a"
	Normalizing     bool // cannot hold composed beside decomposed Unicode
}

// MaxKey is the longest key in bytes.
func (c *Capabilities) MaxKey() int {
	if c.MaxKeyBytes > 0 {
		return min(c.MaxKeyBytes, MaxKeyBytes)
	}
	return MaxKeyBytes
}

// CanSign tells whether requests with this method can be signed.
func (c *Capabilities) CanSign(method string) bool { return slices.Contains(c.Sign, method) }
