package file

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// remove deletes the object at path if cond holds, and the directories that are empty then, and returns when that is
// durable. It makes durable, too, that an object is gone already: who deleted it may not have come to that point.
func (t *tree) remove(ctx context.Context, path string, cond blob.Condition, sync bool) error {
	above, name := split(path)
	dir, err := t.openFolder(above)
	if err != nil && !isMissing(err) {
		return err
	}
	left := above
	if err != nil {
		err = cond.Eval(nil)
	} else {
		defer t.closeFolder(dir)
		left, err = t.unlink(ctx, dir, name, path, cond)
	}
	if err != nil || !sync {
		return err
	}
	for {
		folder, err := t.openFolder(left)
		if err == nil {
			defer t.closeFolder(folder)
			return t.sync(folder)
		}
		if !isMissing(err) {
			return err
		}
		left, _ = split(left)
	}
}

// unlink removes the object's file and the directories that are empty then. It returns the path of the directory that
// must be synced.
func (t *tree) unlink(ctx context.Context, dir folder, name, path string, cond blob.Condition) (string, error) {
	within, existed, err := t.unlinkFile(ctx, dir, name, path, cond)
	if err != nil || !existed {
		return within, err
	}
	return t.prune(within), nil
}

func (t *tree) unlinkFile(ctx context.Context, dir folder, name, path string, cond blob.Condition) (within string, existed bool, err error) {
	defer t.lock(path).Unlock()
	within, _ = split(path)
	if err := ctx.Err(); err != nil {
		return within, false, err
	}
	s, err := t.slot(dir, name)
	if isMissing(err) {
		return within, false, cond.Eval(nil)
	}
	if err != nil {
		return within, false, err
	}
	defer s.close()
	if err := s.eval(cond); err != nil || !s.exists {
		return within, false, err
	}
	if err := s.dir.unlink(s.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return within, false, err
	}
	t.dropAside(s.info)
	if s.inside {
		within = path
	}
	return within, true, nil
}

// prune removes the directory at path and those above it as long as they are empty, and returns the path of the one that
// is left. A directory that is in use is not empty, and a Put that was about to use an empty one makes it again.
func (t *tree) prune(path string) (left string) {
	if path == "" {
		return ""
	}
	above, name := split(path)
	dir, err := t.openFolder(above)
	if err == nil {
		err = t.removeFolder(dir, name, path)
		t.closeFolder(dir)
	}
	if err != nil && !isMissing(err) {
		return path
	}
	if above == "" {
		return ""
	}
	// Seldom is there more to remove. Then all above are opened on one way down.
	upper, _ := split(above)
	chain := t.chain(upper)
	defer func() {
		for _, dir := range chain {
			t.closeFolder(dir)
		}
	}()
	for path = above; path != ""; path = above {
		above, name = split(path)
		if depth := strings.Count(path, "/"); depth < len(chain) {
			if err := t.removeFolder(chain[depth], name, path); err != nil && !isMissing(err) {
				break
			}
		}
	}
	return path
}

// chain opens the directories from the root down to the one at path, as far as they are there.
func (t *tree) chain(path string) []folder {
	chain := []folder{t.root}
	if path == "" {
		return chain
	}
	for name := range strings.SplitSeq(path, "/") {
		next, err := chain[len(chain)-1].openFolder(name)
		if err != nil {
			break
		}
		chain = append(chain, next)
	}
	return chain
}
