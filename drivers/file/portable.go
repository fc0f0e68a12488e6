package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// portableFolder is a directory held by an os.Root, which nothing gets out of. An os.Root follows links that stay
// inside, so a path is walked name by name, and each step is compared with the directory that was seen there.
//
// What takes two folders goes by paths from the top, since one os.Root cannot reach into another. Should somebody put a
// link in the way just then, it is followed, but never out of the top.
type portableFolder struct {
	root *os.Root
	top  *os.Root
	path string // from the top; "" for the top itself
}

func openPortable(dir string) (folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &portableFolder{root, root, ""}, nil
}

// step opens one name as a directory.
func (d *portableFolder) step(name string) (*portableFolder, error) {
	for {
		seen, err := d.root.Lstat(name)
		if err != nil {
			return nil, err
		}
		switch kindOfMode(seen.Mode()) {
		case kindFile:
			return nil, errNotFolder
		case kindOther:
			return nil, errInTheWay
		}
		root, err := d.root.OpenRoot(name)
		if err != nil {
			if d.replaced(name, seen) {
				continue
			}
			return nil, err
		}
		if now, err := root.Stat("."); err == nil && os.SameFile(seen, now) {
			return &portableFolder{root, d.top, join(d.path, name)}, nil
		}
		root.Close() // it was replaced in between: look again
	}
}

// replaced tells whether a name is no longer what was seen there, which makes an error about it worth another look.
func (d *portableFolder) replaced(name string, seen fs.FileInfo) bool {
	now, err := d.root.Lstat(name)
	return err != nil || !os.SameFile(seen, now)
}

// parent opens the directory that the last name of path is in.
func (d *portableFolder) parent(path string) (dir *portableFolder, name string, err error) {
	dir = d
	for {
		name, rest, more := strings.Cut(path, "/")
		if !more {
			return dir, name, nil
		}
		next, err := dir.step(name)
		d.done(dir)
		if err != nil {
			return nil, "", err
		}
		dir, path = next, rest
	}
}

// done closes what parent opened.
func (d *portableFolder) done(dir *portableFolder) {
	if dir != d {
		dir.close()
	}
}

func (d *portableFolder) openFolder(path string) (folder, error) {
	dir, name, err := d.parent(path)
	if err != nil {
		return nil, err
	}
	defer d.done(dir)
	f, err := dir.step(name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// openFile looks before it opens, since opening a pipe would wait for its writer, and compares after.
func (d *portableFolder) openFile(path string, look bool) (opened, error) {
	dir, name, err := d.parent(path)
	if err != nil {
		return opened{}, err
	}
	defer d.done(dir)
	for {
		seen, err := dir.root.Lstat(name)
		if err != nil {
			return opened{}, err
		}
		switch kindOfMode(seen.Mode()) {
		case kindFolder:
			return opened{}, errIsFolder
		case kindOther:
			return opened{}, errInTheWay
		}
		if look {
			return opened{info: portableInfo(seen), aside: true}, nil
		}
		f, err := dir.root.Open(name)
		if err != nil {
			if dir.replaced(name, seen) {
				continue
			}
			return opened{}, err
		}
		now, err := f.Stat()
		if err == nil && os.SameFile(seen, now) {
			return opened{file: &portableFile{File: f}, info: portableInfo(now), aside: true}, nil
		}
		f.Close()
		if err != nil {
			return opened{}, err
		}
	}
}

func (d *portableFolder) lstat(path string) (info, error) {
	dir, name, err := d.parent(path)
	if err != nil {
		return info{}, err
	}
	defer d.done(dir)
	i, err := dir.root.Lstat(name)
	if err != nil {
		return info{}, err
	}
	return portableInfo(i), nil
}

func (d *portableFolder) each(visit func(string, kind) bool) error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(1024)
		for _, e := range entries {
			if !visit(e.Name(), kindOfMode(e.Type())) {
				return nil
			}
		}
		if err == io.EOF || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (d *portableFolder) mkdir(name string) error { return d.root.Mkdir(name, 0o777) }

// unlink and rmdir look first, since os.Root removes files and directories alike.
func (d *portableFolder) unlink(name string) error {
	i, err := d.root.Lstat(name)
	if err == nil && i.IsDir() {
		err = errIsFolder
	}
	if err != nil {
		return err
	}
	return d.root.Remove(name)
}

func (d *portableFolder) rmdir(name string) error {
	i, err := d.root.Lstat(name)
	if err == nil && !i.IsDir() {
		err = errNotFolder
	}
	if err != nil {
		return err
	}
	return d.root.Remove(name)
}

func (d *portableFolder) create(name string) (file, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &portableFile{f, d.root, name}, nil
}

func (d *portableFolder) unnamed() (file, error) { return nil, errors.ErrUnsupported }

// places returns the paths of two names from the top, after a look whether the second folder is still where it was.
func (d *portableFolder) places(name string, to folder, as string) (from, dest string, err error) {
	t := to.(*portableFolder)
	if t.path != "" {
		there, err := t.top.Lstat(t.path)
		if err != nil {
			return "", "", err
		}
		if here, err := t.root.Stat("."); err != nil || !os.SameFile(here, there) {
			return "", "", fs.ErrNotExist
		}
	}
	return join(d.path, name), join(t.path, as), nil
}

func (d *portableFolder) link(name string, to folder, as string) error {
	from, dest, err := d.places(name, to, as)
	if err != nil {
		return err
	}
	return d.top.Link(from, dest)
}

func (d *portableFolder) rename(name string, to folder, as string) error {
	from, dest, err := d.places(name, to, as)
	if err != nil {
		return err
	}
	err = d.top.Rename(from, dest)
	if err != nil {
		if i, serr := d.top.Lstat(dest); serr == nil && i.IsDir() {
			return errIsFolder
		}
	}
	return err
}

// move links and unlinks, which no other process can interfere with. A file system without hard links has only the
// locks of this process.
func (d *portableFolder) move(name string, to folder, as string) error {
	err := d.link(name, to, as)
	if err == nil {
		return d.unlink(name)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := to.lstat(as); err == nil {
		return fs.ErrExist
	}
	return d.rename(name, to, as)
}

func (d *portableFolder) exchange(string, folder, string) error { return errors.ErrUnsupported }

// sync syncs the directory where a directory can be opened for that, which is everywhere but on Windows.
func (d *portableFolder) sync() error {
	if !syncsFolders {
		return nil
	}
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func (d *portableFolder) close() { d.root.Close() }

// portableFile is an os.File. One that was created knows its name, by which its time is set.
type portableFile struct {
	*os.File
	dir  *os.Root
	name string
}

func (f *portableFile) stat() (info, error) {
	i, err := f.File.Stat()
	if err != nil {
		return info{}, err
	}
	return portableInfo(i), nil
}

func (f *portableFile) setAttributes([]byte) error { return errNoAttributes }
func (f *portableFile) setTime(mtime int64) error {
	return f.dir.Chtimes(f.name, time.Time{}, time.Unix(0, mtime))
}
func (f *portableFile) linkTo(folder, string) error                { return errors.ErrUnsupported }
func (f *portableFile) copyFrom(file, int64, int64) (int64, error) { return 0, errors.ErrUnsupported }
func (f *portableFile) sync() error                                { return f.File.Sync() }

func kindOfMode(m fs.FileMode) kind {
	switch {
	case m.IsRegular():
		return kindFile
	case m.IsDir():
		return kindFolder
	}
	return kindOther
}

func portableInfo(i fs.FileInfo) info {
	return info{kindOfMode(i.Mode()), i.Size(), i.ModTime().UnixNano(), inodeOf(i)}
}
