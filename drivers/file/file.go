// Package file keeps a bucket in a directory: a plain tree of files that other programs can read and write. A key is a
// path. It is the embedded default, and durable: a write that has returned survives a crash.
//
// # On disk
//
// The object "photos/2015/a.jpg" is the file photos/2015/a.jpg, with the very bytes. What else belongs to it (headers,
// metadata, CRC-32C) is in one extended attribute of the file, user.holdall, or, where the file system has none or it
// is too long, in a side file that bears the file's time, size and inode. Every write stamps the file with a time of
// its own; size and time make the ETag, so that one lstat tells it. A file that another program made is an object like
// any other, but without metadata and checksum; so is one of ours that another program changed.
//
// Names that begin with ".holdall~" are the driver's. No key is stored under one literally:
//
//	.holdall~              in the root: work in progress (files being written, uploads, side files); never listed
//	.holdall~=text         a part of a key between slashes that cannot be a name: empty, "." or "..", one that begins
//	                       with ".holdall~", or what Windows does not take, its bytes written as %xx
//	.holdall~+text/…       the beginning of a part that is longer than 255 bytes; the rest follows in this directory
//	.holdall~self          in a directory "a": the object "a", which was there before, or beside, "a/b"
//
// So every key has a place, and no two have the same. On a file system that ignores case (the usual one of Windows and
// macOS), capitals and letters beyond ASCII are escaped, too. A name that no key encodes to is skipped and counted, and
// so are links, sockets, pipes and devices: nothing is ever followed out of the tree, or anywhere in it. A write to a
// key whose place such a thing takes is refused. Directories are not objects; one that a Delete leaves empty is removed.
// A directory that may not be read ends a listing with an error, since to leave it out would be a lie.
//
// # Writes
//
// A body goes to a file without a name (or, where the system has none such, in the work directory), together with its
// attributes and time, is synced, and only then gets its name by one link or rename. Then the directory is synced, and,
// if that is new, those above it. Whoever reads meanwhile has the old object or the new one, with its own attributes.
// Of racing writes with IfAbsent one wins, also among processes; IfMatch is judged under a lock that all handles of the
// process share. The parts of an upload are files of their own until they are joined.
//
// The tree must be on one file system.
//
// # URLs
//
// "file:///srv/data" opens the directory /srv/data. The parameter create=true makes it if it is missing, and sync=none
// trusts the operating system to write in its own time.
package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// Options tell how a directory is opened.
type Options struct {
	// Create makes the directory, and those above it, if they are missing.
	Create bool

	// Sync tells what is on the disk when a write returns.
	Sync Sync

	mode mode // for tests
}

// Sync is a promise about a crash of the machine. That of the process alone loses nothing either way.
type Sync uint8

const (
	// SyncAll: whatever a write has acknowledged is on the disk: the file, its name, and every directory above it.
	SyncAll Sync = iota
	// SyncNone: the operating system writes in its own time. After a crash of the machine, a late write may be lost or,
	// on some file systems, incomplete; checksums tell.
	SyncNone
)

// A Bucket is a directory as a bucket.
type Bucket struct {
	blob.Wrapper
	raw *bucket
}

// Dir is the absolute path of the directory.
func (b *Bucket) Dir() string { return b.raw.tree.dir }

// Skipped counts what listings by this handle came across that is no object, each time they did.
type Skipped struct {
	Links int64 // links, sockets, pipes and devices
	Names int64 // names that no key is stored under
}

// Skipped returns the counts so far.
func (b *Bucket) Skipped() Skipped {
	return Skipped{b.raw.skipped.links.Load(), b.raw.skipped.names.Load()}
}

// Open opens a directory as a bucket. All handles of the process to one directory, by whatever path, are aware of each
// other. Nothing is written to the directory until the first Put. The directory itself may be reached over links.
func Open(dir string, opts *Options) (*Bucket, error) {
	if opts == nil {
		opts = &Options{}
	}
	t, err := open(dir, opts)
	if err != nil {
		return nil, &blob.Error{Op: "open", Bucket: "file://" + dir, Err: err}
	}
	raw := &bucket{tree: t, sync: opts.Sync == SyncAll}
	return &Bucket{blob.Own(blob.Check(raw)), raw}, nil
}

func open(dir string, opts *Options) (*tree, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: no directory is named; \".\" is the current one", blob.ErrInvalid)
	}
	if opts.Sync > SyncNone {
		return nil, fmt.Errorf("%w: Sync is %d; it is SyncAll or SyncNone", blob.ErrInvalid, opts.Sync)
	}
	where, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) && opts.Create {
		if err := makeRoot(dir, opts.Sync == SyncAll); err != nil {
			return nil, err
		}
		where, err = os.Stat(dir)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: there is no directory %s; make it, or open it with Create", fs.ErrNotExist, dir)
	case err != nil:
		return nil, err
	case !where.IsDir():
		return nil, fmt.Errorf("%w: %s is a file; a bucket is a directory", blob.ErrInvalid, dir)
	}
	return openTree(dir, opts.mode)
}

// makeRoot makes the directory and those above it, durably.
func makeRoot(dir string, sync bool) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	var missing []string
	for at := abs; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		missing = append(missing, at)
	}
	if err := os.MkdirAll(abs, 0o777); err != nil {
		return err
	}
	for _, at := range missing {
		if !sync || !syncsFolders {
			break
		}
		above, err := os.Open(filepath.Dir(at))
		if err != nil {
			return err
		}
		err = above.Sync()
		above.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func init() {
	blob.Register("file", blob.Scheme{Params: []string{"create", "sync"}, Open: openURL})
}

func openURL(_ context.Context, u *url.URL) (blob.Bucket, error) {
	switch {
	case u.User != nil:
		return nil, fmt.Errorf("%w URL: a directory has no user", blob.ErrInvalid)
	case u.Host != "" && u.Host != "localhost":
		return nil, fmt.Errorf("%w URL: file://%s names a host; a directory on this machine is file:///%s…", blob.ErrInvalid, u.Host, u.Host)
	case u.Opaque != "" || !strings.HasPrefix(u.Path, "/"):
		return nil, fmt.Errorf("%w URL: the path is not absolute; a directory is file:///srv/data", blob.ErrInvalid)
	case u.Fragment != "":
		return nil, fmt.Errorf("%w URL: it has a fragment; a # in a path is written %%23", blob.ErrInvalid)
	}
	opts := &Options{}
	switch u.Query().Get("create") {
	case "", "false":
	case "true":
		opts.Create = true
	default:
		return nil, fmt.Errorf("%w URL: create is neither true nor false", blob.ErrInvalid)
	}
	switch u.Query().Get("sync") {
	case "", "all":
	case "none":
		opts.Sync = SyncNone
	default:
		return nil, fmt.Errorf("%w URL: sync is neither all nor none", blob.ErrInvalid)
	}
	dir := u.Path
	if runtime.GOOS == "windows" && len(dir) > 2 && dir[2] == ':' { // file:///C:/data
		dir = dir[1:]
	}
	b, err := Open(filepath.FromSlash(dir), opts)
	if err != nil {
		return nil, err
	}
	return b, nil
}
