package file

import (
	"errors"
	"io"
	"io/fs"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// linuxFile is a file held by its descriptor. An os.File would ask the poller first, which regular files never need.
type linuxFile struct {
	mu      sync.RWMutex // held to read while fd is in use, so that Close does not give its number to another file
	fd      int          // -1: closed
	cleanup runtime.Cleanup
}

// newLinuxFile makes a file of a descriptor. One that is lent is closed even if nobody closes it.
func newLinuxFile(fd int, lent bool) *linuxFile {
	f := &linuxFile{fd: fd}
	if lent {
		f.cleanup = runtime.AddCleanup(f, closeDescriptor, fd)
	}
	return f
}

func closeDescriptor(fd int) { unix.Close(fd) }

// use calls with the descriptor until no signal interrupts.
func (f *linuxFile) use(call func(fd int) (int, error)) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.fd < 0 {
		return 0, fs.ErrClosed
	}
	for {
		n, err := call(f.fd)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// maxTransfer is the most that one read or write moves: the kernel's limit is just below 2 GiB.
const maxTransfer = 1 << 30

func (f *linuxFile) ReadAt(p []byte, off int64) (int, error) {
	total := 0
	for total < len(p) {
		n, err := f.use(func(fd int) (int, error) {
			return unix.Pread(fd, p[total:min(len(p), total+maxTransfer)], off+int64(total))
		})
		if err != nil {
			return total, named("read", err)
		}
		if n == 0 {
			return total, io.EOF
		}
		total += n
	}
	return total, nil
}

func (f *linuxFile) Write(p []byte) (int, error) {
	total := 0
	for total < len(p) {
		n, err := f.use(func(fd int) (int, error) { return unix.Write(fd, p[total:min(len(p), total+maxTransfer)]) })
		if err != nil {
			return total, named("write", err)
		}
		total += n
	}
	return total, nil
}

func (f *linuxFile) Close() error {
	f.mu.Lock()
	fd := f.fd
	f.fd = -1
	f.mu.Unlock()
	if fd < 0 {
		return nil
	}
	f.cleanup.Stop()
	return named("close", unix.Close(fd))
}

func (f *linuxFile) stat() (i info, err error) {
	_, err = f.use(func(fd int) (int, error) {
		var err error
		i, err = fstat(fd)
		return 0, err
	})
	return i, err
}

const xattrName = "user.holdall"

func (f *linuxFile) setAttributes(record []byte) error {
	_, err := f.use(func(fd int) (int, error) { return 0, unix.Fsetxattr(fd, xattrName, record, 0) })
	switch err {
	case nil:
		return nil
	case unix.ENOTSUP:
		return errNoAttributes
	case unix.E2BIG, unix.ERANGE, unix.ENOSPC, unix.EDQUOT: // a full inode is ENOSPC, as a full disk is
		return &noRoomError{err}
	}
	return named("fsetxattr", err)
}

func (f *linuxFile) setTime(mtime int64) error {
	stamp := unix.NsecToTimespec(mtime)
	times := [2]unix.Timespec{{Nsec: unix.UTIME_OMIT}, stamp}
	_, err := f.use(func(fd int) (int, error) { return 0, futimens(fd, &times) })
	return named("futimens", err)
}

// viaProc is set once it is learned that an unnamed file is not linked by its descriptor alone, which wants a kernel of
// 6.10 or a capability, but by way of /proc.
var viaProc atomic.Bool

// hasProc tells whether the way over /proc is open. Without it no file is begun without a name, since ENOENT would not
// tell a directory that was removed from a link that can never be made.
var hasProc = sync.OnceValue(func() bool { return unix.Access("/proc/self/fd", unix.X_OK) == nil })

func (f *linuxFile) linkTo(to folder, as string) error {
	_, err := f.use(func(fd int) (int, error) {
		dir := to.(*linuxFolder).fd
		if !viaProc.Load() {
			err := unix.Linkat(fd, "", dir, as, unix.AT_EMPTY_PATH)
			if err != unix.ENOENT { // refused, or dir was removed
				return 0, err
			}
		}
		err := unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), dir, as, unix.AT_SYMLINK_FOLLOW)
		if err == nil {
			viaProc.Store(true)
		}
		return 0, err
	})
	return translate(err)
}

func (f *linuxFile) copyFrom(src file, off, n int64) (int64, error) {
	from, ok := src.(*linuxFile)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	copied, err := f.use(func(out int) (int, error) {
		return from.use(func(in int) (int, error) {
			return unix.CopyFileRange(in, &off, out, nil, int(min(n, maxTransfer)), 0)
		})
	})
	switch err {
	case unix.EXDEV, unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM:
		return 0, errors.ErrUnsupported
	}
	return int64(copied), named("copy_file_range", err)
}

func (f *linuxFile) sync() error {
	_, err := f.use(func(fd int) (int, error) { return 0, unix.Fsync(fd) })
	return named("fsync", err)
}
