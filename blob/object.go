package blob

import (
	"maps"
	"time"
)

// An Object tells the attributes of an object, or of one version of it. It is the caller's own copy.
//
// A listing gives Key, Size and ModTime, and ETag unless [Capabilities] says otherwise; the rest is set where the
// listing has it. A common prefix has only Key and IsPrefix.
type Object struct {
	Key  string
	Size int64 // in bytes

	// ModTime is when this version was written, by the clock of the store and in UTC. It may be zero in what Put, Copy and
	// Upload.Complete return where the bucket declares that ([Deviations].WriteWithoutModTime), as on S3: Stat returns it.
	ModTime time.Time

	// ETag is an opaque token for the content and attributes of this version, to be handed back in a condition. It is
	// quoted, as RFC 9110 has it. It is not a digest of the content, whatever it looks like.
	ETag string

	// Version names this version where the bucket keeps more than one; otherwise it is empty.
	Version string

	Attributes

	// Checksums are the digests of the whole content that the store knows, or that were computed on the way.
	Checksums Checksums

	IsPrefix       bool // a common prefix in a listing, not an object
	IsDeleteMarker bool // in a listing of versions: from here on the key was deleted
}

// Clone returns a copy that shares nothing with o that could be changed.
func (o *Object) Clone() *Object {
	c := *o
	c.Metadata = maps.Clone(o.Metadata)
	return &c
}

// Attributes are what a writer attaches to an object: the standard headers, and metadata of his own. An overwrite
// replaces them all.
type Attributes struct {
	// The standard headers are stored as given. Each is printable ASCII without leading or trailing space; ContentType
	// must parse as a media type (RFC 9110, section 8.3). An empty one is absent: nothing is guessed.
	ContentType        string
	ContentEncoding    string
	ContentLanguage    string
	ContentDisposition string
	CacheControl       string

	// Metadata are the writer's own names and values. Names are 1 to 128 letters, digits, '-', '_' and '.', compared
	// without regard to case and returned in lower case; "x-amz-…" and "holdall-…" are reserved. Values are any valid
	// UTF-8, also an empty one. [Capabilities] has the limits on number and size.
	Metadata map[string]string
}

// IsZero tells whether nothing is attached.
func (a *Attributes) IsZero() bool {
	return a.ContentType == "" && a.ContentEncoding == "" && a.ContentLanguage == "" &&
		a.ContentDisposition == "" && a.CacheControl == "" && len(a.Metadata) == 0
}

// A Part is one part of an [Upload] that has arrived.
type Part struct {
	Number    int // from 1
	Size      int64
	ETag      string
	Checksums Checksums
}

// UploadInfo describes an unfinished upload.
type UploadInfo struct {
	Key       string
	ID        string
	Initiated time.Time // when it began
}
