package file

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A tree is what all handles of the process on one directory share, whatever path they opened it by.
type tree struct {
	dir   string // absolute
	where os.FileInfo
	mode  mode
	names naming
	root  folder

	users   atomic.Int64     // handles and calls under way; the last one out closes the root
	locks   [256]paddedMutex // of paths: held for the instant of a write
	ends    [64]paddedMutex  // of uploads: held while one is published or aborted; taken before a path's
	seed    maphash.Seed
	clock   clock
	durable durable
	moving  sync.RWMutex // held while an object is out of its place; see displace
	asides  atomic.Bool  // there may be side files

	work struct {
		sync.Mutex
		open map[string]*workFolder
	}

	beforeSync func(what any) error // for tests
}

// mode takes away what the system could do, for tests of the other ways.
type mode struct {
	portable  bool // go by os.Root
	noXattr   bool // keep every record aside
	noUnnamed bool // give every draft a name
}

// paddedMutex keeps two locks out of one cache line.
type paddedMutex struct {
	sync.Mutex
	_ [56]byte
}

var trees struct {
	sync.Mutex
	open []*tree
}

// openTree returns the tree of a directory, with one more user. A directory is known by what it is, not by its path.
func openTree(dir string, m mode) (*tree, error) {
	where, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	trees.Lock()
	defer trees.Unlock()
	for _, t := range trees.open {
		if t.mode == m && os.SameFile(t.where, where) && t.use() == nil {
			return t, nil
		}
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	folds, err := foldsCase(dir)
	if err != nil {
		return nil, err
	}
	root, err := openRoot(dir, m.portable)
	if err != nil {
		return nil, err
	}
	t := &tree{dir: abs, where: where, mode: m, root: root, seed: maphash.MakeSeed(),
		names: naming{windows: runtime.GOOS == "windows", fold: folds}}
	t.users.Store(1)
	if err := t.recover(); err != nil {
		root.close()
		return nil, err
	}
	trees.open = append(trees.open, t)
	return t, nil
}

// use adds a user. It answers ErrClosed if the last one has gone.
func (t *tree) use() error {
	for {
		n := t.users.Load()
		if n == 0 {
			return blob.ErrClosed
		}
		if t.users.CompareAndSwap(n, n+1) {
			return nil
		}
	}
}

// leave takes a user away. The last one closes the tree, and leaves no empty work directory behind.
func (t *tree) leave() {
	if t.users.Add(-1) > 0 {
		return
	}
	trees.Lock()
	for i, o := range trees.open {
		if o == t {
			trees.open = append(trees.open[:i], trees.open[i+1:]...)
			break
		}
	}
	trees.Unlock()
	if work, err := t.root.openFolder(workName); err == nil {
		for _, name := range workFolders {
			_ = work.rmdir(name) // those that are in use are not empty
		}
		work.close()
		_ = t.root.rmdir(workName)
	}
	for _, f := range t.work.open {
		f.close()
	}
	t.root.close()
}

// lock locks the object at path against other writers in this process. Nobody holds two locks of paths.
func (t *tree) lock(path string) *paddedMutex {
	m := &t.locks[maphash.String(t.seed, path)%uint64(len(t.locks))]
	m.Lock()
	return m
}

// lockUpload locks an upload against others in this process that would end it.
func (t *tree) lockUpload(id string) *paddedMutex {
	m := &t.ends[maphash.String(t.seed, id)%uint64(len(t.ends))]
	m.Lock()
	return m
}

// openFolder opens a directory by its path; "" is the root, which stays open.
func (t *tree) openFolder(path string) (folder, error) {
	if path == "" {
		return t.root, nil
	}
	return t.root.openFolder(path)
}

func (t *tree) closeFolder(f folder) {
	if f != t.root {
		f.close()
	}
}

// The folders of the work directory.
const (
	tmpFolder     = "tmp"        // files that are being written
	movesFolder   = "moves"      // objects on their way into a directory, where that takes two steps
	asideFolder   = "attributes" // records that the files themselves cannot hold
	uploadsFolder = "uploads"    // by ID
)

var workFolders = []string{tmpFolder, movesFolder, asideFolder, uploadsFolder}

// A workFolder stays open from one call to the next. One that was removed is closed by the last who uses it.
type workFolder struct {
	folder
	users int
	gone  bool
}

// inWork calls with a folder of the work directory, which is made when it is first needed, and again when somebody
// removed it.
func (t *tree) inWork(name string, call func(folder) error) error {
	for try := 0; ; try++ {
		f, err := t.useWork(name)
		if err != nil {
			return err
		}
		err = call(f.folder)
		gone := errors.Is(err, fs.ErrNotExist) && !t.inPlace(f, name)
		t.leaveWork(f, name, gone)
		if !gone || try > 0 {
			return err
		}
	}
}

// inPlace tells whether f is still the folder of its name, as far as the system says.
func (t *tree) inPlace(f folder, name string) bool {
	now, err := t.root.lstat(workName + "/" + name)
	if err != nil {
		return false
	}
	held, err := f.lstat(".")
	return err == nil && held.inode == now.inode
}

// leaveWork ends what useWork began.
func (t *tree) leaveWork(f *workFolder, name string, gone bool) {
	t.work.Lock()
	defer t.work.Unlock()
	f.users--
	if gone && !f.gone {
		f.gone = true
		delete(t.work.open, name)
	}
	if f.gone && f.users == 0 {
		f.close()
	}
}

func (t *tree) useWork(name string) (*workFolder, error) {
	t.work.Lock()
	defer t.work.Unlock()
	if f := t.work.open[name]; f != nil {
		f.users++
		return f, nil
	}
	dir, err := t.root.openFolder(workName + "/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		dir, err = t.makeWorkFolder(name)
	}
	if err != nil {
		return nil, fmt.Errorf("work directory %s: %w", workName, err)
	}
	if t.work.open == nil {
		t.work.open = map[string]*workFolder{}
	}
	f := &workFolder{folder: dir, users: 1}
	t.work.open[name] = f
	return f, nil
}

func (t *tree) makeWorkFolder(name string) (folder, error) {
	if err := t.root.mkdir(workName); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	work, err := t.root.openFolder(workName)
	if err != nil {
		return nil, err
	}
	defer work.close()
	if err := work.mkdir(name); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return work.openFolder(name)
}

// freshName is the name of something new in the work directory, other than any of this or another process.
func freshName() string {
	return strconv.FormatInt(int64(os.Getpid()), 36) + "-" + strconv.FormatUint(rand.Uint64(), 36)
}

// staleAfter is how long nothing may be written to a temporary file before it counts as left behind by a dead process.
// Live ones are much younger: a body that delivers nothing for a day is given up.
const staleAfter = 24 * time.Hour

// recover clears up after processes that died. It makes nothing where there is no work directory: a tree that is only
// read is left as it is.
func (t *tree) recover() error {
	if aside, err := t.root.lstat(workName + "/" + asideFolder); err == nil && aside.kind == kindFolder || t.mode.portable || t.mode.noXattr {
		t.asides.Store(true)
	}
	if err := t.finishMoves(); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err := t.eachStale(tmpFolder, dropStale); err != nil {
		return err
	}
	return t.eachStale(uploadsFolder, func(uploads folder, id string, _ kind) {
		// Without a head it can be neither found nor resumed: it was begun, or removed, but not to the end.
		if _, err := uploads.lstat(id + "/" + headName); isID(id) && errors.Is(err, fs.ErrNotExist) {
			_ = t.abort(id)
		}
	})
}

// eachStale calls with what has lain in a folder of the work directory for longer than anybody works on it. There may be
// no such folder, or none that is ours to clear up.
func (t *tree) eachStale(in string, call func(in folder, name string, k kind)) error {
	dir, err := t.root.openFolder(workName + "/" + in)
	if err != nil {
		return nil
	}
	defer dir.close()
	stale := map[string]kind{}
	err = dir.each(func(name string, _ kind) bool {
		if i, err := dir.lstat(name); err == nil && time.Since(time.Unix(0, i.mtime)) > staleAfter {
			stale[name] = i.kind
		}
		return true
	})
	for name, k := range stale {
		call(dir, name, k)
	}
	return err
}

// dropStale removes a draft, or an empty directory. One that holds something may hold the only link of an object.
func dropStale(tmp folder, name string, k kind) {
	switch k {
	case kindFile:
		_ = tmp.unlink(name)
	case kindFolder:
		_ = tmp.rmdir(name)
	}
}

// parents opens the directory at path, and makes it and those above it where they are missing. Where an object is in
// the way, it moves into a directory of its name.
func (t *tree) parents(ctx context.Context, path string) (folder, error) {
	for try := 0; ; try++ {
		dir, err := t.openFolder(path)
		if err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotFolder) {
			return dir, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		dir, err = t.makeParents(path)
		if err == nil || try == mostTries || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotFolder) {
			return dir, err
		}
		// A Delete removed what was empty, or a Put was quicker: look again.
	}
}

func (t *tree) makeParents(path string) (folder, error) {
	dir, done := t.root, ""
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		done = join(done, name)
		next, err := dir.openFolder(name)
		if errors.Is(err, errNotFolder) {
			if err = t.displace(dir, name, done); err == nil {
				next, err = dir.openFolder(name)
			}
		} else if errors.Is(err, fs.ErrNotExist) {
			t.moving.RLock() // an object out of its place is not missing
			err = dir.mkdir(name)
			t.moving.RUnlock()
			if err == nil || errors.Is(err, fs.ErrExist) {
				next, err = dir.openFolder(name)
			}
		}
		t.closeFolder(dir)
		if err != nil {
			return nil, err
		}
		dir = next
	}
	return dir, nil
}
