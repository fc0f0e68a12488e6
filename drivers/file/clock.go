package file

import (
	"strconv"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A clock gives the times that objects are stamped with. Inodes and the kernel's own times repeat, so a version is told
// by a time of ours, which never stands still.
type clock struct {
	mu   sync.Mutex
	last int64
	step int64 // nanoseconds between two times that the file system can tell apart; 0 is 1
}

// next returns a time, in nanoseconds since 1970, that is greater than any before.
func (c *clock) next() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	step := max(c.step, 1)
	now := time.Now().UnixNano()
	now -= now % step
	c.last = max(now, c.last-c.last%step+step)
	return c.last
}

// steps are those of file systems: NTFS, some network ones, exFAT, ext4 with small inodes, FAT.
var steps = [...]int64{100, 1e3, 1e6, 1e7, 1e9, 2e9}

// coarsen learns from a stamp that was stored as another time. It reports whether a wider step explains it.
func (c *clock) coarsen(stamp, stored int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, step := range steps {
		if step > c.step && stamp-stamp%step == stored {
			c.step = step
			return true
		}
	}
	return false
}

// etag is made of what one lstat tells, so a listing has it, and so has a file that another program made.
func (i info) etag() string {
	buf := make([]byte, 0, 40)
	buf = append(buf, '"')
	buf = strconv.AppendUint(buf, uint64(i.mtime), 16)
	buf = append(buf, '-')
	buf = strconv.AppendInt(buf, i.size, 16)
	return string(append(buf, '"'))
}

// object returns what a listing shows of a file.
func (i info) object(key string) *blob.Object {
	return &blob.Object{Key: key, Size: i.size, ModTime: time.Unix(0, i.mtime).UTC(), ETag: i.etag()}
}
