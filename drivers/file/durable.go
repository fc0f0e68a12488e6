package file

import (
	"errors"
	"io/fs"
	"sync"
)

// durable knows the directories whose names, and the names of all above them, are on the disk. A file in a directory
// that would vanish in a crash is not durable, whoever made that directory, and whoever is just about to sync it.
type durable struct {
	mu      sync.Mutex
	known   map[string]struct{} // by path
	removed uint64              // counts removals, so that none is overlooked while directories are synced
}

// mostDurable bounds the memory. What is forgotten is synced once more.
const mostDurable = 1 << 16

// settle makes the names of the directory at path, and of all above it, durable.
func (t *tree) settle(path string) error {
	unknown, removed := t.durable.unknown(path)
	if len(unknown) == 0 {
		return nil
	}
	above, _ := split(unknown[len(unknown)-1])
	dir, err := t.openFolder(above)
	for i := len(unknown) - 1; err == nil; i-- {
		if err = t.sync(dir); err != nil || i == 0 {
			t.closeFolder(dir)
			break
		}
		_, name := split(unknown[i])
		next, nerr := dir.openFolder(name)
		t.closeFolder(dir)
		dir, err = next, nerr
	}
	if isMissing(err) { // removed since, with all that was in it
		return nil
	}
	if err == nil {
		t.durable.learn(unknown, removed)
	}
	return err
}

// unknown returns those of the directory at path and the ones above it that are not known, from below, and how many
// removals there were so far.
func (d *durable) unknown(path string) (paths []string, removed uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path != "" {
		if _, known := d.known[path]; known {
			break
		}
		paths = append(paths, path)
		path, _ = split(path)
	}
	return paths, d.removed
}

// learn adds directories that were synced, unless any was removed in the meantime: it may be one of these.
func (d *durable) learn(paths []string, removed uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if removed != d.removed {
		return
	}
	if d.known == nil || len(d.known) > mostDurable {
		d.known = map[string]struct{}{}
	}
	for _, path := range paths {
		d.known[path] = struct{}{}
	}
}

// removeFolder removes an empty directory, so that at no instant it is known to be durable when it is another.
func (t *tree) removeFolder(in folder, name, path string) error {
	d := &t.durable
	t.moving.RLock() // while an object is out of its place, its directory is not empty
	defer t.moving.RUnlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	err := in.rmdir(name)
	if err == nil {
		delete(d.known, path)
		d.removed++
	}
	return err
}

// syncFolder syncs the directory at path. One that is gone took its names with it.
func (t *tree) syncFolder(path string) error {
	dir, err := t.openFolder(path)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer t.closeFolder(dir)
	return t.sync(dir)
}

// sync syncs a file or a folder.
func (t *tree) sync(what interface{ sync() error }) error {
	if t.beforeSync != nil {
		if err := t.beforeSync(what); err != nil {
			return err
		}
	}
	return what.sync()
}

// isMissing tells whether an error means that there is no object: nothing there, a file where a directory should be, or
// something that is never followed.
func isMissing(err error) bool {
	return err != nil && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotFolder) || errors.Is(err, errInTheWay))
}
