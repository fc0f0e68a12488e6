package gocdk

import (
	"runtime"

	"github.com/holdall-go/holdall/blob"
)

// What fileblob makes of a key is a path: it cleans it, so that "a", "/a" and "./a" are one file, and keeps attributes
// in a file beside the object, whose name ends in ".attrs". The keys that are left have one file each, and each file of
// a bucket one key.

// sidecar is the ending of the files in which fileblob keeps attributes.
const sidecar = ".attrs"

// longestName is what a segment of a key may have in bytes as fileblob writes it: file systems hold names of 255, and
// that of a file in the making is longer by a dot, 16 digits and ".tmp".
const longestName = 255 - 21

// fileKeys are the keys that fileblob neither aliases nor keeps from being read.
func fileKeys() blob.KeyRules {
	return blob.KeyRules{
		Canonical: true, MaxSegment: longestName, ReservedSuffix: sidecar, NoFileBesideDir: true,
		// The file systems of Windows and macOS are so, unless they were made otherwise.
		CaseFolding: runtime.GOOS == "windows" || runtime.GOOS == "darwin", Normalizing: runtime.GOOS == "darwin",
		Note: "fileblob keeps keys as paths",
	}
}
