package blob

import (
	"net/http"
	"time"
)

// Options that change a result are honoured or refused with [errors.ErrUnsupported]; hints (PartSize, Concurrency,
// PageSize) may be ignored. Drivers must not change the options that they are given.

// StatOptions select what [Bucket.Stat] looks at.
type StatOptions struct {
	If      Condition // any but IfAbsent
	Version string    // this version; empty: the current one
}

// GetOptions select what [Bucket.Get] opens.
type GetOptions struct {
	Range   Range     // the zero value is everything
	If      Condition // any but IfAbsent
	Version string    // this version; empty: the current one
}

// PutOptions tell how [Bucket.Put] stores an object.
type PutOptions struct {
	// Size is the exact number of bytes in body, where it is known. Zero and -1 mean unknown. A body of another length
	// fails with ErrInvalid, and nothing is stored.
	Size int64

	If Condition // IfAbsent or IfMatch

	Attributes

	// Checksums are digests that the content must have, or the Put fails with ErrChecksum and nothing is stored.
	Checksums Checksums

	PartSize    int64 // hint: bytes in a part, where body is sent in parts
	Concurrency int   // hint: how many parts may be under way at once

	// Hook is called while content goes to the store and before the object becomes visible, and may stop the Put.
	Hook *Hook

	// Provider is for what one driver alone knows, in a type of that driver's. Every other driver refuses it.
	Provider any
}

// SourceOptions select what a [Source] names.
type SourceOptions struct {
	If      Condition // IfMatch
	Version string    // this version; empty: the one that is current when the copy is made
}

// CopyOptions tell how [Bucket.Copy] stores an object.
type CopyOptions struct {
	If Condition // IfAbsent or IfMatch, for the destination

	// Attributes replace those of the source; nil keeps them.
	Attributes *Attributes

	Hook *Hook // as in PutOptions

	Provider any // as in PutOptions
}

// DeleteOptions tell what [Bucket.Delete] removes.
type DeleteOptions struct {
	If Condition // IfMatch

	// Version removes this version for good. Empty removes the object: where versions are kept, it hides them.
	Version string
}

// ListOptions select the entries of a [Bucket.List].
type ListOptions struct {
	// Prefix selects the keys that begin with these bytes.
	Prefix string

	// Delimiter rolls up the keys that hold it after Prefix into one entry each: the key up to and with the delimiter.
	Delimiter string

	// StartAfter selects the entries that are greater than it in byte order, StartAt those that are greater or equal.
	// They are judged on entries: a common prefix is yielded if and only if it is itself greater. At most one may be
	// set. They need not exist, nor begin with Prefix.
	StartAfter string
	StartAt    string

	// Limit is the largest number of entries to yield; zero is no limit.
	Limit int

	// PageSize is a hint: how many entries to ask of the provider at once.
	PageSize int

	// Versions yields every version of an object, newest first, and delete markers, where the bucket keeps them.
	Versions bool
}

// Start returns the least entry that the options select: the inclusive lower bound that Prefix, StartAfter and StartAt
// make together.
func (o *ListOptions) Start() string {
	start := o.StartAt
	if o.StartAfter != "" {
		start = o.StartAfter + "\x00" // the successor of a string in byte order
	}
	return max(start, o.Prefix)
}

// UploadOptions tell how [Bucket.Upload] begins an upload, or which one it resumes.
type UploadOptions struct {
	// ID resumes an upload. The attributes were fixed at its beginning and must not be given again; If must be, since
	// it belongs to who completes.
	ID string

	// Size is the number of bytes in the whole object, where it is known. It chooses a part size that fits the
	// provider's largest number of parts.
	Size int64

	If Condition // IfAbsent or IfMatch, checked by Complete

	Attributes

	PartSize int64 // the size of every part but the last; zero lets the driver choose

	Hook *Hook // as in PutOptions; one that resumes an upload gives its own

	Provider any // as in PutOptions
}

// SignOptions tell what a signed request allows.
type SignOptions struct {
	Method  string        // GET, HEAD, PUT, DELETE or POST
	Expires time.Duration // how long it is good, more than zero
	If      Condition     // the condition that the request carries
	Attributes
	Size int64 // of a POST: the largest body in bytes that is accepted
}

// A SignedRequest is a request that anybody may send until it expires. Its URL is a secret.
type SignedRequest struct {
	Method  string
	URL     string
	Header  http.Header       // must be sent as they are
	Form    map[string]string // for POST: the fields that come before the file
	Expires time.Time
}
