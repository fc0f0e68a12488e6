package file

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain has the tests work in memory where there is room for them, since most of their time would go to a disk that
// syncs. TMPDIR names another place: TMPDIR=/var/tmp go test ./drivers/file tests a disk.
func TestMain(m *testing.M) {
	os.Exit(inMemory(m))
}

func inMemory(m *testing.M) int {
	const memory, room = "/dev/shm", 1 << 30
	var st unix.Statfs_t
	if os.Getenv("TMPDIR") != "" || unix.Statfs(memory, &st) != nil || st.Type != unix.TMPFS_MAGIC || st.Bavail*uint64(st.Bsize) < room {
		return m.Run()
	}
	dir, err := os.MkdirTemp(memory, "holdall-test-")
	if err != nil {
		return m.Run()
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv("TMPDIR", dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
