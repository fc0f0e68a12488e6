package blob

import (
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"
)

// Capabilities are the facts and limits of a bucket, by subject. [Check] refuses every call that goes beyond them before
// the driver sees it, the conformance suite tests both halves of each field (what is promised, and what is refused), and
// the provider matrix is printed from them.
//
// The zero value is a bucket that can only put, get, stat, delete and list, without conditions. A limit of zero means that
// the store sets none beyond those of this package. A wrapper reports what is left of the capabilities that it wraps.
// Capabilities hold no reference to the bucket: a copy can be changed without effect on it, and two can be compared with ==.
type Capabilities struct {
	Keys       KeyRules       // the keys that are accepted
	If         ConditionRules // the conditions that are honoured
	Objects    ObjectRules    // what is stored with an object, and how much
	Uploads    UploadRules    // uploads in parts
	Checksums  ChecksumRules  // the checksums that are verified and returned
	Sign       SignRules      // signed requests
	Deviations Deviations     // where the bucket falls short of what other buckets do

	// Copy: the bucket copies from a Source of the same driver without sending the content through this process. Otherwise
	// Source and Copy are [errors.ErrUnsupported]; the function [Copy] then streams.
	Copy bool

	// Versions: the bucket keeps old versions, and they can be read, listed and deleted. Otherwise a Version in the options
	// of a call, and ListOptions.Versions, are [errors.ErrUnsupported].
	Versions bool

	// BulkDelete is the number of keys that one request of DeleteEach deletes. Zero: the provider has no such request, and
	// [Check] calls Delete for each key.
	BulkDelete int

	// Hooks: a driver sets it if it calls the [Hook] of a write by itself. Otherwise [Check] calls it; a bucket that Check
	// returned always has it.
	Hooks bool

	// ReadOnly: every write is refused with [fs.ErrPermission].
	ReadOnly bool

	// Guarded: the bucket is a view under access control (package acl). The ID of an upload that the user did not begin, and
	// the ID alone of one's own, are [fs.ErrPermission], and keys with a reserved segment are [ErrInvalid].
	Guarded bool
}

// ConditionRules are the conditions that each operation honours: each is evaluated atomically with the operation. A
// condition that is not in the set of its operation is [errors.ErrUnsupported].
type ConditionRules struct {
	Put    ConditionSet // PutOptions.If
	Upload ConditionSet // UploadOptions.If, which is evaluated by Complete
	Copy   ConditionSet // CopyOptions.If, on the object that the copy replaces
	Source ConditionSet // SourceOptions.If, on the object that is copied
	Delete ConditionSet // DeleteOptions.If
	Read   ConditionSet // StatOptions.If and GetOptions.If
}

// ObjectRules are the limits of an object and of what is stored with it.
type ObjectRules struct {
	// MaxSize is the size of the largest object in bytes; zero: there is no limit. [Check] refuses what is larger with
	// [ErrInvalid], and nothing is stored: a Size in the options of Put or Upload, the body of a Put, and a part that ends
	// beyond MaxSize. The body of a Put whose size is not known before it is read fails when it delivers more.
	MaxSize int64

	// Headers: the standard headers are stored and returned. Otherwise those other than ContentType are
	// [errors.ErrUnsupported].
	Headers bool

	// Metadata: metadata is stored and returned. Otherwise it is [errors.ErrUnsupported].
	Metadata bool

	// MaxMetadataEntries is the largest number of metadata entries; more are [ErrInvalid].
	MaxMetadataEntries int

	// MaxMetadataName is the length of the longest metadata name in bytes; a longer one is [ErrInvalid].
	MaxMetadataName int

	// MaxMetadataBytes is the largest sum of the lengths of all metadata names and values in bytes; more is [ErrInvalid].
	// Where a store encodes values that are not printable ASCII, its driver also refuses metadata whose encoded form is too
	// large with [ErrInvalid]: such a value may count twice or more.
	MaxMetadataBytes int

	// TimePrecision is the unit to which Object.ModTime is truncated. Zero is a nanosecond.
	TimePrecision time.Duration
}

// UploadRules are the limits of uploads in parts.
type UploadRules struct {
	// Supported: the bucket has Upload. Otherwise it is [errors.ErrUnsupported].
	Supported bool

	// Listed: the bucket has Uploads. Otherwise it is [errors.ErrUnsupported].
	Listed bool

	// MinPartSize is the smallest size in bytes of every part but the last; a smaller UploadOptions.PartSize is [ErrInvalid].
	MinPartSize int64

	// MaxPartSize is the largest size of a part in bytes; a larger UploadOptions.PartSize is [ErrInvalid].
	MaxPartSize int64

	// MaxParts is the largest number of parts. A higher part number, and a PartSize with which Size would take more parts,
	// are [ErrInvalid].
	MaxParts int
}

// ChecksumRules are the algorithms of checksums.
type ChecksumRules struct {
	// In are the algorithms of PutOptions.Checksums that the driver, or its store, verifies before an object becomes visible;
	// content that does not match is [ErrChecksum]. [Check] refuses a checksum by another algorithm with
	// [errors.ErrUnsupported].
	In AlgorithmSet

	// Out are the algorithms by which every object that Put stores has a checksum.
	Out AlgorithmSet
}

// SignRules are the limits of signed requests.
type SignRules struct {
	// Methods are the methods that can be signed. Another one is [errors.ErrUnsupported].
	Methods MethodSet

	// MaxLife is the longest life of a signed request; a longer SignOptions.Expires is [ErrInvalid].
	MaxLife time.Duration

	// Conditions: a signed GET or HEAD can carry the conditions of If.Read, a PUT those of If.Put, and a DELETE those of
	// If.Delete. Every other SignOptions.If is [errors.ErrUnsupported].
	Conditions bool
}

// Deviations are what a bucket does not do although most others do. The zero value is a bucket without any.
type Deviations struct {
	// ListWithoutETag: entries of a listing may have no ETag.
	ListWithoutETag bool

	// WriteWithoutETag: the Object that Put, Copy or Complete returns has no ETag and no Version. Stat returns them.
	WriteWithoutETag bool

	// WriteWithoutModTime: the Object that Put, Copy or Complete returns may have a zero ModTime, since the provider's response
	// has none. Stat returns it.
	WriteWithoutModTime bool

	// OnlySlash: a listing by another delimiter than "/" is [errors.ErrUnsupported].
	OnlySlash bool

	// EventualList: a listing may not yet show a write, or still show a deleted object.
	EventualList bool

	// EventualRead: Get and Stat may return the state before a write.
	EventualRead bool

	// LonePartHeld: an upload of a single part can be completed only by the Upload that sent the part. After it was resumed
	// elsewhere the part must be sent again, or Complete is [ErrInvalid].
	LonePartHeld bool
}

// signable are the methods that a MethodSet can hold, by their bits.
var signable = [...]string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPost}

// A MethodSet is a set of the HTTP methods GET, HEAD, PUT, DELETE and POST. The zero value is empty, and sets with the same
// methods are equal.
type MethodSet uint8

// Methods returns the set of these methods. It panics if one of them cannot be signed, which is a mistake of the program
// and not of its input.
func Methods(methods ...string) MethodSet {
	var s MethodSet
	for _, m := range methods {
		bit := methodBit(m)
		if bit == 0 {
			panic(fmt.Sprintf("blob: the method %q cannot be signed", m))
		}
		s |= bit
	}
	return s
}

func methodBit(method string) MethodSet {
	for i, m := range signable {
		if m == method {
			return 1 << i
		}
	}
	return 0
}

// Has reports whether the set has the method.
func (s MethodSet) Has(method string) bool { return s&methodBit(method) != 0 }

// All yields the methods of the set, always in the same order.
func (s MethodSet) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, m := range signable {
			if s&(1<<i) != 0 && !yield(m) {
				return
			}
		}
	}
}

// String lists the methods of the set.
func (s MethodSet) String() string { return listed(s.All()) }

// listed joins what a set has.
func listed[T ~string](all iter.Seq[T]) string {
	var names []string
	for name := range all {
		names = append(names, string(name))
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}
