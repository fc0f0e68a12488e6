package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// FS returns b as an [fs.FS], with [fs.ReadDirFS], [fs.StatFS], [fs.ReadFileFS] and [fs.SubFS]. The ctx covers
// everything that is done with it, since the methods of an fs.FS take none.
//
// A file is an object; a directory is there if a key begins with its name and "/". Keys that are no valid path, such as
// "/a", "a//b" or "../x", are not visible. Where both "a" and "a/b" exist, "a" is a directory: hiding one object hides
// less than hiding a tree. Directories come from listings, so a view under access control shows the way to what may be
// seen. A directory is read into memory as a whole, and its time is zero.
//
// Files are an [io.ReaderAt] and an [io.Seeker] as well, unless the bucket cannot pin reads to a version; the Sys of
// their info is an [*Object].
func FS(ctx context.Context, b Bucket) fs.FS { return &fileSystem{ctx, b} }

type fileSystem struct {
	ctx context.Context
	b   Bucket
}

var _ interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadFileFS
	fs.SubFS
} = (*fileSystem)(nil)

var (
	errIsDir  = errors.New("is a directory")
	errNotDir = errors.New("is not a directory")
)

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// Open implements fs.FS.
func (f *fileSystem) Open(name string) (fs.File, error) {
	dir, err := f.isDir(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	if dir {
		return &directory{f: f, name: name}, nil
	}
	r, err := OpenAt(f.ctx, f.b, name, nil)
	if err == nil {
		return &seekableFile{r}, nil
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return nil, pathError("open", name, err)
	}
	s, err := f.b.Get(f.ctx, name, nil)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &streamedFile{s}, nil
}

// isDir tells whether name is a directory. If not, it may be a file.
func (f *fileSystem) isDir(name string) (bool, error) {
	if !fs.ValidPath(name) {
		return false, fs.ErrInvalid
	}
	if name == "." {
		return true, nil
	}
	for _, err := range f.b.List(f.ctx, &ListOptions{Prefix: name + "/", Limit: 1}) {
		return err == nil, err
	}
	return false, nil
}

// Stat implements fs.StatFS.
func (f *fileSystem) Stat(name string) (fs.FileInfo, error) {
	dir, err := f.isDir(name)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	if dir {
		return dirInfo(name), nil
	}
	o, err := f.b.Stat(f.ctx, name, nil)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return fileInfo{o}, nil
}

// ReadFile implements fs.ReadFileFS.
func (f *fileSystem) ReadFile(name string) ([]byte, error) {
	dir, err := f.isDir(name)
	if err == nil && dir {
		err = errIsDir
	}
	if err != nil {
		return nil, pathError("read", name, err)
	}
	content, err := ReadAll(f.ctx, f.b, name)
	if err != nil {
		return nil, pathError("read", name, err)
	}
	return content, nil
}

// ReadDir implements fs.ReadDirFS.
func (f *fileSystem) ReadDir(name string) ([]fs.DirEntry, error) {
	if !fs.ValidPath(name) {
		return nil, pathError("readdir", name, fs.ErrInvalid)
	}
	entries, found, err := f.list(name)
	if err == nil && !found && name != "." {
		if _, err = f.b.Stat(f.ctx, name, nil); err == nil {
			err = errNotDir
		}
	}
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	return entries, nil
}

// list returns the visible entries of a directory, by name, and whether there were any at all.
func (f *fileSystem) list(name string) (entries []fs.DirEntry, found bool, err error) {
	prefix := name + "/"
	if name == "." {
		prefix = ""
	}
	for o, err := range f.b.List(f.ctx, &ListOptions{Prefix: prefix, Delimiter: "/"}) {
		if err != nil {
			return nil, false, err
		}
		found = true
		element := strings.TrimSuffix(o.Key[len(prefix):], "/")
		switch {
		case element == "." || !fs.ValidPath(element):
		case o.IsPrefix:
			entries = append(entries, fs.FileInfoToDirEntry(dirInfo(element)))
		case strings.HasSuffix(o.Key, "/"): // no path
		default:
			entries = append(entries, fs.FileInfoToDirEntry(fileInfo{o}))
		}
	}
	// A listing has "a" and "a-b" before "a/": by name the directory comes right after the file that it hides.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		if c := strings.Compare(a.Name(), b.Name()); c != 0 || a.IsDir() == b.IsDir() {
			return c
		}
		if a.IsDir() {
			return -1
		}
		return 1
	})
	entries = slices.CompactFunc(entries, func(a, b fs.DirEntry) bool { return a.Name() == b.Name() })
	return entries, found, nil
}

// Sub implements fs.SubFS. Like os.DirFS it does not ask whether the directory is there.
func (f *fileSystem) Sub(dir string) (fs.FS, error) {
	if !fs.ValidPath(dir) {
		return nil, pathError("sub", dir, fs.ErrInvalid)
	}
	if dir == "." {
		return f, nil
	}
	return FS(f.ctx, Sub(f.b, dir+"/")), nil
}

// fileInfo is an object as a file.
type fileInfo struct{ o *Object }

func (i fileInfo) Name() string       { return path.Base(i.o.Key) }
func (i fileInfo) Size() int64        { return i.o.Size }
func (i fileInfo) Mode() fs.FileMode  { return 0o444 }
func (i fileInfo) ModTime() time.Time { return i.o.ModTime }
func (i fileInfo) IsDir() bool        { return false }
func (i fileInfo) Sys() any           { return i.o.Clone() }
func (i fileInfo) String() string     { return fs.FormatFileInfo(i) }

// dirInfo is the path of a directory.
type dirInfo string

func (i dirInfo) Name() string       { return path.Base(string(i)) }
func (i dirInfo) Size() int64        { return 0 }
func (i dirInfo) Mode() fs.FileMode  { return fs.ModeDir | 0o555 }
func (i dirInfo) ModTime() time.Time { return time.Time{} }
func (i dirInfo) IsDir() bool        { return true }
func (i dirInfo) Sys() any           { return nil }
func (i dirInfo) String() string     { return fs.FormatFileInfo(i) }

// A seekableFile is a file of a bucket that pins reads.
type seekableFile struct{ *ReaderAt }

func (f *seekableFile) Stat() (fs.FileInfo, error) { return fileInfo{f.object}, nil }

// A streamedFile is a file of any other bucket.
type streamedFile struct{ r *Reader }

func (f *streamedFile) Stat() (fs.FileInfo, error)         { return fileInfo{&f.r.Object}, nil }
func (f *streamedFile) Read(p []byte) (int, error)         { return f.r.Read(p) }
func (f *streamedFile) WriteTo(w io.Writer) (int64, error) { return f.r.WriteTo(w) }
func (f *streamedFile) Close() error                       { return f.r.Close() }

// A directory is one that is open. It is read at the first ReadDir.
type directory struct {
	f      *fileSystem
	name   string
	read   bool
	closed bool
	left   []fs.DirEntry
}

func (d *directory) Stat() (fs.FileInfo, error) { return dirInfo(d.name), nil }
func (d *directory) Read([]byte) (int, error)   { return 0, pathError("read", d.name, errIsDir) }

func (d *directory) Close() error {
	d.closed = true
	return nil
}

func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.closed {
		return nil, pathError("readdir", d.name, fs.ErrClosed)
	}
	if !d.read {
		entries, _, err := d.f.list(d.name)
		if err != nil {
			return nil, pathError("readdir", d.name, err)
		}
		d.left, d.read = entries, true
	}
	if n > 0 && len(d.left) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.left) {
		n = len(d.left)
	}
	entries := d.left[:n:n]
	d.left = d.left[n:]
	return entries, nil
}
