package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// What the driver asks of the operating system. There are two implementations: on Linux one of direct system calls, and
// elsewhere, and where the tests want it, one over os.Root.
//
// A path is one or more encoded names joined by slashes, relative to the folder. No component of it is ever followed: a
// link, in whatever place and whenever it got there, is errInTheWay. Where a component is a file that should be a
// folder, the error is errNotFolder. Both implementations take paths of any length.

// A folder is an open directory. What it was opened as it stays, wherever it is renamed to.
type folder interface {
	openFolder(path string) (folder, error)
	// openFile opens a regular file for reading, or only looks at it. A directory is errIsFolder, anything else
	// errInTheWay.
	openFile(path string, look bool) (opened, error)
	lstat(path string) (info, error)
	// each visits the names in the folder in no order, until visit says that it has enough.
	each(visit func(name string, k kind) (more bool)) error

	// The rest takes single names.

	mkdir(name string) error
	rmdir(name string) error // only if it is empty
	unlink(name string) error
	create(name string) (file, error)                   // for reading and writing; it must not exist
	unnamed() (file, error)                             // a file without a name, or errors.ErrUnsupported
	link(name string, to folder, as string) error       // fs.ErrExist if there is something
	rename(name string, to folder, as string) error     // replaces a file; a directory is errIsFolder
	move(name string, to folder, as string) error       // fs.ErrExist if there is something
	exchange(name string, with folder, as string) error // swaps two names atomically, or errors.ErrUnsupported

	sync() error
	close()
}

// A file is an open regular file. Readers of it may close it while they read.
type file interface {
	io.ReaderAt
	io.Writer
	io.Closer
	stat() (info, error)
	// setAttributes attaches a record, or answers errNoAttributes, or a noRoomError where it is too long.
	setAttributes(record []byte) error
	setTime(mtime int64) error
	linkTo(to folder, as string) error // names an unnamed file; fs.ErrExist if there is something
	// copyFrom appends n bytes of another file from offset off on without passing them through this process, or answers
	// errors.ErrUnsupported. It may stop short.
	copyFrom(src file, off, n int64) (int64, error)
	sync() error
}

// kind is what a name in a directory stands for.
type kind uint8

const (
	kindUnknown kind = iota // the file system does not say in a listing
	kindFile
	kindFolder
	kindOther // a link, a socket, a device, a pipe: never an object
)

// info is what one lstat tells.
type info struct {
	kind  kind
	size  int64
	mtime int64  // nanoseconds since 1970
	inode uint64 // 0 where the system does not say
}

// opened is a file with all that was learned of it in one go.
type opened struct {
	file   file // nil after a look
	info   info
	record record // what is attached to it
	found  bool   // there is a record
	aside  bool   // no record can be attached here: it is in a side file, if there is one
}

var (
	errNotFolder    = errors.New("not a directory")
	errIsFolder     = errors.New("is a directory")
	errInTheWay     = fmt.Errorf("%w: a link or special file, which is never followed or replaced, is in the way", fs.ErrPermission)
	errNoAttributes = errors.New("the file system has no extended attributes")
)

// A noRoomError says that an extended attribute is longer than the file system holds.
type noRoomError struct{ err error }

func (e *noRoomError) Error() string { return "extended attribute: " + e.err.Error() }
func (e *noRoomError) Unwrap() error { return e.err }
