package file

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// futimens sets the times of an open file. The kernel takes a path of nil for the descriptor itself, which package unix
// has no function for.
func futimens(fd int, times *[2]unix.Timespec) error {
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(times)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
