//go:build unix

package file

import (
	"io/fs"
	"syscall"
)

// inodeOf is the number of a file, which tells one from another that has its name later.
func inodeOf(i fs.FileInfo) uint64 {
	if st, ok := i.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}

// syncsFolders: fsync of a directory makes its names durable.
const syncsFolders = true
