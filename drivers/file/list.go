package file

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/keyspace"
)

// skipped counts what listings came across that is no object.
type skipped struct{ links, names atomic.Int64 }

func (b *bucket) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		if err := b.tree.use(); err != nil {
			yield(nil, err)
			return
		}
		defer b.tree.leave()
		w := &walk{tree: b.tree, ctx: ctx, o: opts, bound: opts.Start(), skipped: &b.skipped, yield: yield}
		// What lies before the prefix is not read: the walk begins in the prefix's directory.
		at := opts.Prefix[:strings.LastIndexByte(opts.Prefix, '/')+1]
		dir, err := b.tree.root, error(nil)
		if at != "" {
			dir, err = b.tree.openFolder(b.tree.names.path(at[:len(at)-1]))
		}
		if isMissing(err) {
			return
		}
		if err == nil {
			defer b.tree.closeFolder(dir) // also when the caller's loop panics
			_, err = w.visit(dir, at)
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// A walk is one listing under way. It goes down the tree in the order of keys, and holds the names of the directories on
// the way down, those of one directory each.
type walk struct {
	tree    *tree
	ctx     context.Context
	o       *blob.ListOptions
	bound   string // the least entry that is still to come
	skipped *skipped
	yield   func(*blob.Object, error) bool
}

// An entry is what a name in a directory adds to the listing. A directory has two entries, since other names may come
// between them: "a", the object of that name in it, and "a/", all that lies beneath: "a", "a-b", "a.txt", "a/x", "a0".
type entry struct {
	at   string // the key after the directory's, by which entries are ordered; with a slash at the end: all beneath
	path string // from the directory
	kind kind   // kindFolder without a slash: the object in the directory
}

// beneath tells whether e stands for all that lies beneath a directory. (The name of an object may be empty, but that
// of "a//b" is not: its directory's entry is "/".)
func (e *entry) beneath() bool { return e.kind == kindFolder && strings.HasSuffix(e.at, "/") }

// visit lists the directory whose keys begin with prefix. It reports whether to go on.
func (w *walk) visit(dir folder, prefix string) (more bool, err error) {
	entries, err := w.read(dir, prefix)
	if err != nil {
		return false, err
	}
	for i := range entries {
		e := &entries[i]
		if i > 0 && e.at == entries[i-1].at { // a name that was replaced while it was read
			continue
		}
		if err := w.ctx.Err(); err != nil {
			return false, err
		}
		key := prefix + e.at
		if key < w.bound && !(e.beneath() && strings.HasPrefix(w.bound, key)) {
			continue
		}
		if e.beneath() {
			more, err = w.descend(dir, e, key)
		} else {
			more, err = w.object(dir, e, key)
		}
		if !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

// descend lists what lies beneath a directory, or, where it rolls up into one entry, finds out whether that is anything.
func (w *walk) descend(parent folder, e *entry, key string) (more bool, err error) {
	rolled := w.o.Delimiter == "/" && len(key) > len(w.o.Prefix)
	if rolled && key < w.bound {
		return true, nil
	}
	dir, err := parent.openFolder(e.path)
	if isMissing(err) { // removed, or replaced, since it was read
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("directory of %q: %w", key, err)
	}
	defer dir.close()
	if !rolled {
		return w.visit(dir, key)
	}
	some, err := w.holdsObjects(dir, "", "")
	if err != nil || !some {
		return true, err
	}
	return w.yield(&blob.Object{Key: key, IsPrefix: true}, nil), nil
}

// object yields an object, or the prefix that it rolls up into.
func (w *walk) object(dir folder, e *entry, key string) (more bool, err error) {
	i, err := w.lstat(dir, e)
	switch {
	case isMissing(err):
		return true, nil
	case err != nil:
		return false, err
	case i.kind != kindFile:
		w.skipped.links.Add(1)
		return true, nil
	}
	common, rolled := keyspace.RollUp(key, w.o.Prefix, w.o.Delimiter)
	if !rolled {
		return w.yield(i.object(key), nil), nil
	}
	more = common < w.bound || w.yield(&blob.Object{Key: common, IsPrefix: true}, nil)
	if end, ok := keyspace.End(common); ok {
		w.bound = end // nothing else that rolls up into it is looked at
	}
	return more, nil
}

// lstat looks at an object where it was seen, and then inside the directory that may have taken its place.
func (w *walk) lstat(dir folder, e *entry) (i info, err error) {
	w.tree.moving.RLock()
	defer w.tree.moving.RUnlock()
	if e.kind != kindFolder {
		i, err = dir.lstat(e.path)
	}
	if err == nil && (e.kind == kindFolder || i.kind == kindFolder) {
		i, err = dir.lstat(e.path + "/" + selfName)
	}
	return i, err
}

// read returns the entries of a directory that the listing may still need, in order.
func (w *walk) read(dir folder, prefix string) ([]entry, error) {
	r := reader{walk: w}
	if len(w.o.Prefix) > len(prefix) {
		r.prefix = w.o.Prefix[len(prefix):]
	}
	if strings.HasPrefix(w.bound, prefix) {
		r.bound = w.bound[len(prefix):]
	}
	w.tree.moving.RLock()
	err := r.read(dir, "", "")
	w.tree.moving.RUnlock()
	if err != nil {
		return nil, err
	}
	slices.SortFunc(r.entries, func(a, b entry) int { return strings.Compare(a.at, b.at) })
	return r.entries, nil
}

// A reader reads one directory of keys: a directory, and those in it over which long names are chained, since what is
// in those comes between names of the directory itself.
type reader struct {
	*walk
	prefix, bound string // of the listing, after the directory's key
	entries       []entry
}

// read adds the names in dir. Text is what the chain of names down to dir stands for, path the chain itself.
func (r *reader) read(dir folder, text, path string) error {
	var chains []entry
	err := dir.each(func(name string, k kind) bool {
		if name == selfName || name == workName && path == "" {
			return true // the first is found by its own name, the second is ours
		}
		segment, chain, ok := r.tree.names.segment(text, path, name)
		if k == kindUnknown {
			k = kindIn(dir, name)
		}
		switch {
		case !ok || chain && k != kindFolder:
			r.skipped.names.Add(1)
		case !chain:
			r.add(segment, join(path, name), k)
		case r.wants(segment, true):
			chains = append(chains, entry{segment, name, k})
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, c := range chains {
		inner, err := dir.openFolder(c.path)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return err
		}
		err = r.read(inner, c.at, join(path, c.path))
		inner.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// kindIn asks for what the directory does not tell. What cannot be asked about is no object.
func kindIn(dir folder, name string) kind {
	i, err := dir.lstat(name)
	if err != nil {
		return kindOther
	}
	return i.kind
}

// add adds the entries of one name, if the listing may need them.
func (r *reader) add(segment, path string, k kind) {
	switch k {
	case kindFile:
		if r.wants(segment, false) {
			r.entries = append(r.entries, entry{segment, path, k})
		}
	case kindFolder:
		if r.wants(segment, false) {
			r.entries = append(r.entries, entry{segment, path, k})
		}
		if all := segment + "/"; r.wants(all, true) {
			r.entries = append(r.entries, entry{all, path, k})
		}
	default:
		if r.wants(segment, false) {
			r.skipped.links.Add(1)
		}
	}
}

// wants tells whether the listing may need a key, or, with beneath, any key that begins with it.
func (r *reader) wants(at string, beneath bool) bool {
	if beneath {
		return (at >= r.bound || strings.HasPrefix(r.bound, at)) && (strings.HasPrefix(at, r.prefix) || strings.HasPrefix(r.prefix, at))
	}
	return at >= r.bound && strings.HasPrefix(at, r.prefix)
}

// holdsObjects tells whether any key lies beneath a directory. It looks at files first, and stops at the first one. Text
// and path are as in read.
func (w *walk) holdsObjects(dir folder, text, path string) (bool, error) {
	found := false
	type inner struct {
		name, text string
		chain      bool
	}
	var folders []inner
	w.tree.moving.RLock() // an object out of its place is not missing
	err := dir.each(func(name string, k kind) bool {
		segment, chain, ok := w.tree.names.segment(text, path, name)
		if !ok {
			return true
		}
		if k == kindUnknown {
			k = kindIn(dir, name)
		}
		if k == kindFolder {
			folders = append(folders, inner{name, segment, chain})
		}
		found = k == kindFile && !chain
		return !found
	})
	w.tree.moving.RUnlock()
	if err != nil || found {
		return found, err
	}
	for _, f := range folders {
		if err := w.ctx.Err(); err != nil {
			return false, err
		}
		if f.chain {
			found, err = w.lookInto(dir, f.name, f.text, join(path, f.name))
		} else if i, lerr := dir.lstat(f.name + "/" + selfName); lerr == nil && i.kind == kindFile {
			return true, nil
		} else {
			found, err = w.lookInto(dir, f.name, "", "")
		}
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

func (w *walk) lookInto(parent folder, name, text, path string) (bool, error) {
	dir, err := parent.openFolder(name)
	if isMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("directory %q: %w", name, err)
	}
	defer dir.close()
	return w.holdsObjects(dir, text, path)
}
