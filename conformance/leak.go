package conformance

import (
	"os"
	"runtime"
	"strings"
	"time"
)

// NoLeaks runs f and reports goroutines that run code of this module, and open files, that f left behind. It waits for
// a while before it judges, since a goroutine that was told to stop needs a moment.
func (t *T) NoLeaks(f func()) {
	time.Sleep(time.Nanosecond) // the first timer of a process opens two files of the runtime's own
	goroutines, files := ours(), openFiles()
	f()
	deadline := time.Now().Add(5 * time.Second)
	for ours() > goroutines || openFiles() > files {
		if time.Now().After(deadline) {
			t.Errorf("left behind: %d goroutines and %d files, where before there were %d and %d\n%s",
				ours(), openFiles(), goroutines, files, stacks())
			return
		}
		runtime.Gosched()
		time.Sleep(5 * time.Millisecond)
	}
}

// ours counts the goroutines with a function of a bucket, wrapper or driver on their stack.
func ours() int {
	n := 0
	for _, stack := range strings.Split(stacks(), "\n\n") {
		if strings.Contains(stack, "/blob.") || strings.Contains(stack, "/acl.") || strings.Contains(stack, "/drivers/") {
			n++
		}
	}
	return n
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// openFiles counts the file descriptors of the process, where the system tells. Sockets do not count: a driver may keep
// connections for the next call, and O10 and O11 look after those.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	n := 0
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}
