package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/holdall-go/holdall/blob"
)

// A slot is where the object of a path has its file: at the path itself, or, where that is a directory, in it, under
// the name that no key encodes to.
type slot struct {
	dir    folder
	name   string
	inside bool // dir is the directory at the path, and is closed with the slot
	exists bool
	info   info
}

func (s *slot) close() {
	if s.inside {
		s.dir.close()
	}
}

// eval judges a condition by the object that is there.
func (s *slot) eval(cond blob.Condition) error {
	switch {
	case cond.IsZero():
		return nil
	case !s.exists:
		return cond.Eval(nil)
	}
	return cond.Eval(s.info.object(""))
}

// slot finds where the object of a name in dir has, or would have, its file. Something that is no object and cannot
// hold one is errInTheWay.
func (t *tree) slot(dir folder, name string) (slot, error) {
	s := slot{dir: dir, name: name}
	i, err := dir.lstat(name)
	if err == nil && i.kind == kindFolder {
		var inner folder
		if inner, err = dir.openFolder(name); err != nil {
			return slot{}, err
		}
		s = slot{dir: inner, name: selfName, inside: true}
		i, err = inner.lstat(selfName)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err == nil && i.kind != kindFile:
		err = errInTheWay
	}
	if err != nil {
		s.close()
		return slot{}, err
	}
	s.exists, s.info = true, i
	return s, nil
}

// errAgain says that the tree changed under the call, by a process or goroutine that got further, so that it must look
// again.
var errAgain = errors.New("the directory tree changes too fast")

// mostTries bounds the looks. Each one that fails means that somebody else succeeded.
const mostTries = 1000

// publish puts a sealed draft at path if cond holds and the hook lets it, and returns when that is durable.
func (t *tree) publish(ctx context.Context, path string, d *draft, cond blob.Condition, hook *blob.Hook, sync bool) error {
	above, name := split(path)
	for try := 0; ; try++ {
		inside, err := t.publishIn(ctx, above, name, path, d, cond, hook, sync)
		if errors.Is(err, errAgain) && try < mostTries {
			continue
		}
		if err != nil || !sync {
			return err
		}
		settled := above
		if inside {
			settled = path
		}
		if err := t.settle(settled); err != nil {
			return unsure(err)
		}
		return nil
	}
}

// unsure is for an object that is in its place, but may not be after a crash.
func unsure(err error) error {
	return fmt.Errorf("%w: the object is stored, but not durably: %w", blob.ErrAmbiguous, err)
}

func (t *tree) publishIn(ctx context.Context, above, name, path string, d *draft, cond blob.Condition, hook *blob.Hook, sync bool) (inside bool, err error) {
	dir, err := t.parents(ctx, above)
	if err != nil {
		return false, err
	}
	defer t.closeFolder(dir)
	var s slot
	if err = hook.Publishing(ctx); err == nil { // before the lock: a hook may read the bucket
		s, err = t.place(ctx, dir, name, path, d, cond)
	}
	if err != nil {
		if !errors.Is(err, errAgain) {
			t.prune(above) // of directories that were made for nothing
		}
		return false, err
	}
	defer s.close()
	if sync {
		if err := t.sync(s.dir); err != nil {
			return s.inside, unsure(err)
		}
	}
	return s.inside, nil
}

// place is the instant of the write. Under the lock of the path, what cond is judged by is what is replaced. Whether the
// name is free is for the file system to say, so that of creators in several processes one wins.
func (t *tree) place(ctx context.Context, dir folder, name, path string, d *draft, cond blob.Condition) (slot, error) {
	defer t.lock(path).Unlock()
	if err := ctx.Err(); err != nil {
		return slot{}, err
	}
	if cond.Kind() != blob.KindMatch {
		err := d.publish(dir, name, false)
		if !errors.Is(err, fs.ErrExist) {
			return slot{dir: dir, name: name}, raced(err)
		}
	}
	s, err := t.slot(dir, name)
	if err != nil {
		return slot{}, raced(err)
	}
	if s.inside && !s.exists && t.removeFolder(dir, name, path) == nil {
		s.close()
		return slot{}, errAgain // an empty directory is no reason to hide the object in it
	}
	if err = s.eval(cond); err == nil {
		err = raced(d.publish(s.dir, s.name, s.exists))
	}
	if err != nil {
		s.close()
		if errors.Is(err, fs.ErrExist) && !errors.Is(err, blob.ErrExist) {
			err = errAgain
		}
		return slot{}, err
	}
	if s.exists {
		t.dropAside(s.info)
	}
	return s, nil
}

// raced tells which errors of the file system mean that directories came or went in the meantime.
func raced(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errIsFolder) || errors.Is(err, errNotFolder) {
		return errAgain
	}
	return err
}
