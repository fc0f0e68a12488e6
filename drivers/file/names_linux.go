package file

import (
	"errors"
	"io/fs"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// direntBuffers serve each. With 32 KiB a call delivers about a thousand names.
var direntBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// each reads the names of the directory with their kinds, as getdents64(2) lays them out: inode, offset, length of the
// record, kind, name with a NUL. (os.File.ReadDir would ask for each kind that is not known by a path, and paths are not
// to be trusted.)
func (d *linuxFolder) each(visit func(name string, k kind) bool) error {
	buf := direntBuffers.Get().(*[32 << 10]byte)
	defer direntBuffers.Put(buf)
	if _, err := unix.Seek(d.fd, 0, 0); err != nil {
		return translate(err)
	}
	const header = int(unsafe.Offsetof(unix.Dirent{}.Name))
	for {
		n, err := again(func() (int, error) { return unix.Getdents(d.fd, buf[:]) })
		if err == unix.ENOENT { // the directory was removed
			return nil
		}
		if err != nil || n <= 0 {
			return translate(err)
		}
		for rest := buf[:n]; len(rest) >= header; {
			// The kernel aligns the records; rest begins with one.
			entry := (*unix.Dirent)(unsafe.Pointer(&rest[0]))
			if int(entry.Reclen) < header || int(entry.Reclen) > len(rest) {
				return errors.New("getdents64 returned a record that does not fit")
			}
			name := rest[header:entry.Reclen]
			rest = rest[entry.Reclen:]
			if end := indexNUL(name); entry.Ino != 0 && !isDots(name[:end]) && !visit(string(name[:end]), kindOf(entry.Type)) {
				return nil
			}
		}
	}
}

func indexNUL(name []byte) int {
	for i, b := range name {
		if b == 0 {
			return i
		}
	}
	return len(name)
}

func isDots(name []byte) bool {
	return len(name) == 1 && name[0] == '.' || len(name) == 2 && name[0] == '.' && name[1] == '.'
}

func kindOf(t uint8) kind {
	switch t {
	case unix.DT_REG:
		return kindFile
	case unix.DT_DIR:
		return kindFolder
	case unix.DT_UNKNOWN:
		return kindUnknown
	}
	return kindOther
}

// folding are the file systems of Linux that take names for one that differ in case, by statfs(2).
var folding = []int64{unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, 0x5346544e /* NTFS */, 0x7366746e, /* ntfs3 */
	unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, 0x4244 /* HFS */, 0x482b /* HFS+ */}

// foldsCase tells whether the file system takes names for one that differ in case.
func foldsCase(dir string) (bool, error) {
	var st unix.Statfs_t
	if _, err := again(func() (int, error) { return 0, unix.Statfs(dir, &st) }); err != nil {
		return false, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	for _, magic := range folding {
		if int64(st.Type) == magic {
			return true, nil
		}
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	const casefold = 0x40000000 // FS_CASEFOLD_FL of linux/fs.h
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	return err == nil && flags&casefold != 0, nil
}
