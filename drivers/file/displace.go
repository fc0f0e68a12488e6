package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// displace makes room for "a/b" where "a" is an object: the directory gets the name, and the object moves into it,
// under the name that no key encodes to. A reader looks at the name first, and then, if it is a directory, into it; he
// must find the object at every instant. So the directory is prepared aside, with the object in it by a second link,
// and then the two change places in one step. The object stays there until it is deleted.
func (t *tree) displace(parent folder, name, path string) error {
	defer t.lock(path).Unlock()
	i, err := parent.lstat(name)
	switch {
	case err != nil:
		return err
	case i.kind == kindFolder: // another was quicker
		return nil
	case i.kind != kindFile:
		return errInTheWay
	}
	err = t.inWork(tmpFolder, func(tmp folder) error { return t.exchange(tmp, parent, name) })
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		err = t.inWork(movesFolder, func(moves folder) error { return t.moveIn(moves, parent, name, path) })
	}
	return err
}

// exchange does it in one step. It is unsupported without hard links, or without an exchange of names.
func (t *tree) exchange(tmp, parent folder, name string) error {
	fresh := freshName()
	if err := tmp.mkdir(fresh); err != nil {
		return err
	}
	dir, err := tmp.openFolder(fresh)
	if err != nil {
		return err
	}
	defer dir.close()
	if err = parent.link(name, dir, selfName); err == nil {
		// Were the exchange on disk before the link, a crash would take the object.
		if err = t.sync(dir); err == nil {
			err = tmp.exchange(fresh, parent, name)
		}
	}
	if err != nil {
		_ = dir.unlink(selfName)
		_ = tmp.rmdir(fresh)
		return err
	}
	// What was exchanged is the object itself, unless another process put a newer one there since. Renaming a file onto
	// another link of itself does nothing (rename(2)), so in both cases the newest ends up inside.
	if err := tmp.rename(fresh, dir, selfName); err != nil {
		return err
	}
	if err := tmp.unlink(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// moveIn does it in two steps: the object into the directory, then the directory into its place. In between the object
// is out of its place, so readers of this process wait, and a note tells how a crash there is mended:
//
//	moves/<id>/path   the path of the object
//	moves/<id>/dir    the directory
func (t *tree) moveIn(moves, parent folder, name, path string) error {
	fresh := freshName()
	if err := moves.mkdir(fresh); err != nil {
		return err
	}
	move, err := moves.openFolder(fresh)
	if err != nil {
		return err
	}
	defer move.close()
	err = t.noteMove(move, path)
	if err == nil {
		err = t.syncAll(move, moves)
	}
	if err == nil {
		err = t.syncFolder(workName)
	}
	if err == nil {
		err = t.syncFolder("")
	}
	if err == nil {
		err = t.carryIn(move, parent, name)
	}
	if err == nil {
		// The note goes only after what it tells of is on the disk.
		if err = t.syncAll(parent, move); err != nil {
			return err
		}
	}
	t.clearMove(moves, move, fresh)
	return err
}

func (t *tree) noteMove(move folder, path string) error {
	if err := move.mkdir("dir"); err != nil {
		return err
	}
	note, err := move.create("path")
	if err != nil {
		return err
	}
	defer note.Close()
	if _, err := io.WriteString(note, path); err != nil {
		return err
	}
	return t.sync(note)
}

func (t *tree) carryIn(move, parent folder, name string) error {
	dir, err := move.openFolder("dir")
	if err != nil {
		return err
	}
	defer dir.close()
	t.moving.Lock()
	defer t.moving.Unlock()
	if err := parent.rename(name, dir, selfName); err != nil {
		return err
	}
	err = t.syncAll(dir)
	if err == nil {
		err = move.rename("dir", parent, name)
	}
	if err != nil {
		return errors.Join(err, carryBack(dir, parent, name))
	}
	return nil
}

// carryBack puts an object that is out of its place back there, or, if another process made a directory of its name
// meanwhile, into that.
func carryBack(dir, parent folder, name string) error {
	err := dir.move(selfName, parent, name)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	made, err := parent.openFolder(name)
	if err != nil {
		return err
	}
	defer made.close()
	return dir.move(selfName, made, selfName)
}

func (t *tree) syncAll(folders ...folder) error {
	for _, f := range folders {
		if err := t.sync(f); err != nil {
			return err
		}
	}
	return nil
}

// clearMove removes the note of a move that is over. If the directory is still there with the object in it, so is the
// note.
func (t *tree) clearMove(moves, move folder, fresh string) {
	if err := move.rmdir("dir"); err == nil || errors.Is(err, fs.ErrNotExist) {
		_ = move.unlink("path")
		_ = moves.rmdir(fresh)
	}
}

// finishMoves undoes the moves that a crash interrupted. One of a live process, caught in the middle, fails and says so.
func (t *tree) finishMoves() error {
	moves, err := t.root.openFolder(workName + "/" + movesFolder)
	if err != nil {
		return nil
	}
	defer moves.close()
	var pending []string
	if err := moves.each(func(name string, _ kind) bool { pending = append(pending, name); return true }); err != nil {
		return err
	}
	for _, name := range pending {
		move, err := moves.openFolder(name)
		if err != nil {
			continue // not ours, or done
		}
		err = t.finishMove(move)
		if err == nil {
			t.clearMove(moves, move, name)
		}
		move.close()
		if err != nil {
			return fmt.Errorf("an interrupted move in %s/%s/%s cannot be finished: %w", workName, movesFolder, name, err)
		}
	}
	return nil
}

// finishMove puts the object that a crash caught out of its place back there, as it was. Whatever has its name by now is
// newer.
func (t *tree) finishMove(move folder) error {
	dir, err := move.openFolder("dir")
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.close()
	if _, err := dir.lstat(selfName); err != nil {
		return nil
	}
	note, err := move.openFile("path", false)
	if err != nil {
		return err
	}
	path, err := readAll(note.file, note.info.size)
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(string(path), "/") {
		if name == "" || name == "." || name == ".." { // no key has such a path: the note is not ours
			return fmt.Errorf("the note names %q", path)
		}
	}
	above, name := split(string(path))
	parent, err := t.parents(context.Background(), above)
	if err != nil {
		return err
	}
	defer t.closeFolder(parent)
	err = carryBack(dir, parent, name)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, errNotFolder) {
		err = dir.unlink(selfName)
	}
	if err != nil {
		return err
	}
	return t.sync(parent)
}
