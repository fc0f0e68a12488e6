package blob

import (
	"context"
	"io"
	"iter"
)

// A Bucket is a set of objects, each named by a key. It is what an application holds, what a driver implements, and
// what every wrapper takes and returns.
//
// Many goroutines may use one Bucket. Every method stops promptly when its ctx ends, and leaves nothing behind. A nil
// opts means the zero options. Every error is an [*Error]; the package comment lists what it answers to.
//
// A driver embeds [Unsupported], implements what its store can do, and returns its Bucket through [Check], which
// refuses bad arguments and unsupported options before the driver sees them.
type Bucket interface {
	// Stat returns the attributes of an object. Only whole keys exist: "a/" and "a" have no object because "a/b" has.
	Stat(ctx context.Context, key string, opts *StatOptions) (*Object, error)

	// Get opens an object, or the range of it that opts selects. The Reader carries the attributes and holds the
	// version that was opened: no later write shows through. It must be closed, and fails when ctx ends.
	Get(ctx context.Context, key string, opts *GetOptions) (*Reader, error)

	// Put stores body under key: all of it, or nothing. If body fails, ctx ends or the process dies, what key held
	// before is still there, whole. Put reads body to its end, does not close it, and returns what it made; its ModTime may
	// be zero ([Deviations].WriteWithoutModTime). A nil body is an empty one. A Read of body that blocks is not interrupted.
	Put(ctx context.Context, key string, body io.Reader, opts *PutOptions) (*Object, error)

	// Source names an object as the source of a [Bucket.Copy] into this bucket or another. It makes no request: a
	// missing object is reported by the Copy.
	Source(ctx context.Context, key string, opts *SourceOptions) (Source, error)

	// Copy stores a source under key without moving its bytes through this process, or answers
	// [errors.ErrUnsupported]; the function [Copy] then streams. Nobody sees a part of the copy.
	Copy(ctx context.Context, key string, src Source, opts *CopyOptions) (*Object, error)

	// Delete removes one object. A missing key is success; with IfMatch it is ErrPrecondition.
	Delete(ctx context.Context, key string, opts *DeleteOptions) error

	// DeleteEach removes many objects, in the provider's bulk calls where it has them. Every key is tried, and failed
	// (which may be nil) hears of each that stays, one at a time. DeleteEach returns when all are tried: nil if nothing
	// is left, else an error that counts what is left and wraps the first reason.
	DeleteEach(ctx context.Context, keys iter.Seq[string], failed func(key string, err error)) error

	// List yields entries in ascending byte order. An entry is an object, or, with a Delimiter, a common prefix. The
	// listing is lazy, takes memory for a page and not for the bucket, and may be abandoned at any point. The sequence
	// may be ranged over again, which lists again. An error ends it.
	List(ctx context.Context, opts *ListOptions) iter.Seq2[*Object, error]

	// Upload begins an upload of parts, or resumes the one that opts names by ID. Nothing shows under key until
	// [Upload.Complete].
	Upload(ctx context.Context, key string, opts *UploadOptions) (Upload, error)

	// Uploads yields the unfinished uploads of keys that begin with prefix, in ascending byte order of their keys.
	Uploads(ctx context.Context, prefix string) iter.Seq2[*UploadInfo, error]

	// Sign returns a request that lets its bearer perform one operation on one key for a while.
	Sign(ctx context.Context, key string, opts *SignOptions) (*SignedRequest, error)

	// Capabilities tells what this bucket can do, and its limits. They do not change while it is open.
	Capabilities() Capabilities

	// Close releases the bucket. Every later call, and every open Reader and Upload, answers [ErrClosed]. A second Close
	// does nothing.
	Close() error
}

// An Upload is an object that is being sent in parts: in parallel, in any order, by any process that knows its ID. Its
// methods may be called at the same time.
type Upload interface {
	// ID names the upload among those of its key. It is opaque and lasts until Complete or Abort.
	ID() string

	// PartSize is the size in bytes that every part but the last has. It was chosen at the beginning.
	PartSize() int64

	// Put sends part n, counted from 1. A part that is sent again replaces the former one. The part is the whole section,
	// wherever its Read stands, and Put leaves it there.
	Put(ctx context.Context, n int, body *io.SectionReader) (Part, error)

	// Parts yields the parts that have arrived, by number.
	Parts(ctx context.Context) iter.Seq2[Part, error]

	// Complete makes the object out of parts 1 to the last that arrived, none of which may be missing; no part at all
	// makes an empty object. The condition of the upload is checked here. After an error the upload is still there.
	Complete(ctx context.Context) (*Object, error)

	// Abort removes the upload and its parts. It works after ctx of other calls has ended, and a second one does
	// nothing. Give it a ctx of its own.
	Abort(ctx context.Context) error
}
