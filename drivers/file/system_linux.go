package file

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// openRoot opens the root of a tree, which may be reached over links, unlike everything in it.
func openRoot(dir string, portable bool) (folder, error) {
	if portable {
		return openPortable(dir)
	}
	fd, err := again(func() (int, error) { return unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	return &linuxFolder{fd: fd}, nil
}

// linuxFolder is a directory held by its descriptor.
type linuxFolder struct{ fd int }

// How openat2 resolves: nothing above the descriptor, no link of any kind (openat2(2)).
const resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS

// maxPath is the longest path that one system call takes (PATH_MAX, with its NUL).
const maxPath = 4095

// noOpenat2 is set where the kernel (before 5.6) or a sandbox lacks openat2; then paths are walked name by name.
var noOpenat2 atomic.Bool

// open opens a path beneath the folder. The names before the last are followed only if they are directories.
func (d *linuxFolder) open(path string, flags int) (int, error) {
	flags |= unix.O_NOFOLLOW | unix.O_CLOEXEC
	if len(path) <= maxPath && !noOpenat2.Load() {
		how := unix.OpenHow{Flags: uint64(flags), Resolve: resolve}
		for {
			fd, err := unix.Openat2(d.fd, path, &how)
			switch err {
			case nil:
				return fd, nil
			case unix.EINTR, unix.EAGAIN:
				continue
			case unix.EXDEV:
				// What was found had left the folder before openat2 looked whether it was beneath it: an object on its
				// way into the directory of its own name (see displace). Name by name nothing outside is reached either.
				return d.walk(path, flags)
			case unix.ENOSYS, unix.EPERM:
				if d.lacksOpenat2() {
					return d.walk(path, flags)
				}
			}
			return -1, translate(err)
		}
	}
	return d.walk(path, flags)
}

// lacksOpenat2 tells an openat2 that is refused as such from one that is refused for its path.
func (d *linuxFolder) lacksOpenat2() bool {
	fd, err := unix.Openat2(d.fd, ".", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolve})
	if err == nil {
		unix.Close(fd)
	} else {
		noOpenat2.Store(true)
	}
	return err != nil
}

// walk opens a path name by name, each relative to the directory before it.
func (d *linuxFolder) walk(path string, flags int) (int, error) {
	at := d.fd
	for {
		name, rest, more := strings.Cut(path, "/")
		how := flags
		if more {
			how = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
		}
		fd, err := again(func() (int, error) { return unix.Openat(at, name, how, 0) })
		if at != d.fd {
			unix.Close(at)
		}
		if err != nil || !more {
			return fd, translate(err)
		}
		at, path = fd, rest
	}
}

func (d *linuxFolder) openFolder(path string) (folder, error) {
	fd, err := d.open(path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return &linuxFolder{fd}, nil
}

// openFile opens without blocking, since a pipe without a writer would hold it up until it is known to be one.
func (d *linuxFolder) openFile(path string, look bool) (opened, error) {
	fd, err := d.open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err == unix.ENXIO { // a socket
		err = errInTheWay
	}
	if err != nil {
		return opened{}, err
	}
	o, err := examine(fd)
	if err != nil || look {
		unix.Close(fd)
		return o, err
	}
	o.file = newLinuxFile(fd, true)
	return o, nil
}

// examine looks at an open file.
func examine(fd int) (o opened, err error) {
	if o.info, err = fstat(fd); err != nil {
		return opened{}, err
	}
	switch o.info.kind {
	case kindFile:
	case kindFolder:
		return opened{}, errIsFolder
	default:
		return opened{}, errInTheWay
	}
	var small [256]byte // holds what most objects have, without a second call
	n, err := again(func() (int, error) { return unix.Fgetxattr(fd, xattrName, small[:]) })
	switch err {
	case nil:
		o.record, o.found = decodeRecord(small[:n])
	case unix.ENODATA:
	case unix.ENOTSUP:
		o.aside = true
	case unix.ERANGE:
		buf := make([]byte, 64<<10) // XATTR_SIZE_MAX: no value is longer
		if n, err = again(func() (int, error) { return unix.Fgetxattr(fd, xattrName, buf) }); err != nil {
			return opened{}, named("fgetxattr", err)
		}
		o.record, o.found = decodeRecord(buf[:n])
	default:
		return opened{}, named("fgetxattr", err)
	}
	return o, nil
}

func (d *linuxFolder) lstat(path string) (info, error) {
	if strings.IndexByte(path, '/') >= 0 {
		fd, err := d.open(path, unix.O_PATH)
		if err != nil {
			return info{}, err
		}
		defer unix.Close(fd)
		return fstat(fd)
	}
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, path, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return info{}, translate(err)
	}
	return infoOf(&st), nil
}

func fstat(fd int) (info, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return info{}, translate(err)
	}
	return infoOf(&st), nil
}

func infoOf(st *unix.Stat_t) info {
	i := info{kind: kindOther, size: st.Size, mtime: st.Mtim.Nano(), inode: st.Ino}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		i.kind = kindFile
	case unix.S_IFDIR:
		i.kind = kindFolder
	}
	return i
}

func (d *linuxFolder) mkdir(name string) error { return translate(unix.Mkdirat(d.fd, name, 0o777)) }
func (d *linuxFolder) unlink(name string) error {
	return translate(unix.Unlinkat(d.fd, name, 0))
}
func (d *linuxFolder) rmdir(name string) error {
	return translate(unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR))
}

func (d *linuxFolder) create(name string) (file, error) {
	fd, err := again(func() (int, error) {
		return unix.Openat(d.fd, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
	})
	if err != nil {
		return nil, translate(err)
	}
	return newLinuxFile(fd, false), nil
}

func (d *linuxFolder) unnamed() (file, error) {
	if !hasProc() {
		return nil, errors.ErrUnsupported
	}
	fd, err := again(func() (int, error) {
		return unix.Openat(d.fd, ".", unix.O_RDWR|unix.O_TMPFILE|unix.O_CLOEXEC, 0o666)
	})
	switch err {
	case nil:
		return newLinuxFile(fd, false), nil
	case unix.EOPNOTSUPP, unix.EISDIR, unix.EINVAL: // open(2): the file system, or the kernel, does not know O_TMPFILE
		return nil, errors.ErrUnsupported
	}
	return nil, translate(err)
}

func (d *linuxFolder) link(name string, to folder, as string) error {
	return translate(unix.Linkat(d.fd, name, to.(*linuxFolder).fd, as, 0))
}

func (d *linuxFolder) rename(name string, to folder, as string) error {
	return translate(unix.Renameat(d.fd, name, to.(*linuxFolder).fd, as))
}

func (d *linuxFolder) move(name string, to folder, as string) error {
	err := unix.Renameat2(d.fd, name, to.(*linuxFolder).fd, as, unix.RENAME_NOREPLACE)
	if err != unix.EINVAL && err != unix.ENOSYS {
		return translate(err)
	}
	if err := d.link(name, to, as); err != nil {
		return err
	}
	return d.unlink(name)
}

func (d *linuxFolder) exchange(name string, with folder, as string) error {
	err := unix.Renameat2(d.fd, name, with.(*linuxFolder).fd, as, unix.RENAME_EXCHANGE)
	if err == unix.EINVAL || err == unix.ENOSYS {
		return errors.ErrUnsupported
	}
	return translate(err)
}

func (d *linuxFolder) sync() error {
	_, err := again(func() (int, error) { return 0, unix.Fsync(d.fd) })
	if err == unix.EINVAL { // fsync(2): this kind of file system has nothing to sync
		err = nil
	}
	return named("fsync of a directory", err)
}

func (d *linuxFolder) close() { unix.Close(d.fd) }

// again repeats a call that a signal interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}

// translate gives the errors that the driver tells apart their own names.
func translate(err error) error {
	switch err {
	case unix.ENOTDIR:
		return errNotFolder
	case unix.EISDIR:
		return errIsFolder
	case unix.ELOOP:
		return errInTheWay
	}
	return err
}

// named says which system call failed, where its error alone would puzzle.
func named(call string, err error) error {
	if err == nil {
		return nil
	}
	return os.NewSyscallError(call, err)
}
