package acl

import (
	"cmp"
	"context"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/keyspace"
)

// A listing through a view is that of a bucket which holds exactly the keys that the identity may List. The store is
// asked for one visible range after the other, so it costs what is visible, and what is not leaves no trace.

// A listing asks again what is visible after a page of the store, which has at most so many entries, or so much time.
const (
	checkEntries   = 1000
	checkListAfter = time.Second
)

// List implements blob.Bucket. It needs nothing.
func (v *view) List(ctx context.Context, opts *blob.ListOptions) iter.Seq2[*blob.Object, error] {
	return func(yield func(*blob.Object, error) bool) {
		l := &lister{view: v, ctx: ctx, opts: *opts, yield: yield}
		if err := l.run(); err != nil {
			yield(nil, err)
		}
	}
}

// A lister is one listing that is under way.
type lister struct {
	*view
	ctx   context.Context
	opts  blob.ListOptions
	yield func(*blob.Object, error) bool

	from    string // everything before is done
	stopped bool   // the caller wants no more
	access  *access
	checked instant
	seen    int // entries of the store since then

	key string // the last key of a listing of versions
}

func (l *lister) run() error {
	err := checkPrefix(l.opts.Prefix)
	for _, start := range [...]string{l.opts.StartAfter, l.opts.StartAt} {
		if err == nil && len(start) <= maxKey { // a longer one is no key, but what follows it is known
			err = checkPrefix(start)
		}
	}
	if err != nil {
		return err
	}
	a, now, err := l.view.access(l.ctx)
	l.report(now, "list", l.opts.Prefix, List, err)
	if err != nil {
		return err
	}
	l.access, l.checked = a, now
	for l.from = l.opts.Start(); !l.stopped; {
		if err := l.refresh(); err != nil {
			return err
		}
		lo, hi, ok := l.access.rights.next(l.from)
		if !ok || !l.within(lo) {
			return nil
		}
		if err := l.visit(lo, hi); err != nil {
			return err
		}
		if l.from == "" {
			return nil // the last range had no end
		}
	}
	return nil
}

// within reports whether a key not less than lo could begin with the prefix; lo is not less than the prefix.
func (l *lister) within(lo string) bool { return strings.HasPrefix(lo, l.opts.Prefix) }

// refresh makes sure that what is visible is known by a snapshot that is fresh.
func (l *lister) refresh() (err error) {
	a, now, err := l.view.access(l.ctx)
	if err == nil {
		l.access, l.checked, l.seen = a, now, 0
	}
	return err
}

// due reports whether another entry of the store makes it time to refresh.
func (l *lister) due() bool {
	l.seen++
	return l.seen >= checkEntries || l.seen == l.pageSize() || l.seen%64 == 0 && l.checked.since(l.guard.clock.now()) >= checkListAfter
}

// visit lists the visible range from lo to hi, or the beginning of it, and leaves in from where to go on.
func (l *lister) visit(lo, hi string) error {
	if common, ok := l.rollUp(lo); ok && (lo > common || !endsAfter(hi, keyEnd(common))) {
		// The range begins inside what rolls up into one entry, or is no more than that.
		l.from = keyEnd(common)
		if common < l.opts.Start() {
			return nil
		}
		return l.prefix(common, lo, false)
	}
	l.from = hi
	inner := l.ask(lo, hi)
	for o, err := range l.guard.bucket.List(l.ctx, inner) {
		switch {
		case err != nil:
			return err
		case !endsAfter(hi, o.Key):
			return nil
		case o.IsPrefix && !l.whole(o.Key, hi):
			l.from = keyEnd(o.Key) // the range ends within; what lies below in others counts too
			return l.prefix(o.Key, o.Key, true)
		case o.IsPrefix:
			if err := l.prefix(o.Key, o.Key, true); err != nil {
				return err
			}
		case CheckKey(o.Key) != nil:
			if end, ok := reservedEnd(o.Key); ok {
				l.from = end // policies can have many objects
				return nil
			}
		case l.opts.Versions && !l.showsVersion(o):
		default:
			l.stopped = !l.yield(o, nil)
		}
		if l.stopped {
			return nil
		}
		if l.due() {
			before := l.access
			if err := l.refresh(); err != nil {
				return err
			}
			if l.access != before && !l.opts.Versions { // what is visible may have changed; versions are judged each
				l.from = l.after(o)
				return nil
			}
		}
	}
	return nil
}

// ask returns what to ask the store for, to list from lo to hi.
func (l *lister) ask(lo, hi string) *blob.ListOptions {
	o := &blob.ListOptions{Prefix: l.opts.Prefix, Delimiter: l.opts.Delimiter, Versions: l.opts.Versions, PageSize: l.pageSize()}
	if o.Delimiter == "" { // narrowing the prefix would change what rolls up
		if common := commonPrefix(lo, hi); len(common) > len(o.Prefix) {
			o.Prefix = common
		}
		if hi == lo+"\x00" && !o.Versions {
			o.Limit = 1
		}
	}
	startAt(o, lo)
	return o
}

// pageSize is how many entries the store is asked for at once; 0 leaves it to the store.
func (l *lister) pageSize() int { return cmp.Or(l.opts.PageSize, l.opts.Limit) }

// startAt begins a listing at lo. A bound that ends in NUL, which no key holds, is what follows a string.
func startAt(o *blob.ListOptions, lo string) {
	if before, ok := strings.CutSuffix(lo, "\x00"); ok {
		o.StartAfter = before
	} else if lo > o.Prefix {
		o.StartAt = lo
	}
}

// showsVersion decides about one version. They come newest first. Without Write only the current object shows.
func (l *lister) showsVersion(o *blob.Object) bool {
	newest := o.Key != l.key
	l.key = o.Key
	rights := l.access.rights.rights(o.Key)
	return rights.Has(List|Write) || rights.Has(List) && newest && !o.IsDeleteMarker
}

// whole reports whether all that begins with prefix lies before hi.
func (l *lister) whole(prefix, hi string) bool {
	end := keyEnd(prefix)
	return hi == "" || end != "" && end <= hi
}

// prefix yields a common prefix if something visible lies below it, from the bound on; before that there is nothing
// visible. Where the store has reported the directory, and everything in it may be seen, it does not look: what is there
// could only be keys that views cannot hold, and that is not worth a request for each entry.
func (l *lister) prefix(prefix, from string, reported bool) error {
	if checkPrefix(prefix) != nil {
		return nil // no key of a view can be below
	}
	if !reported || l.opts.Delimiter != "/" || !l.access.rights.coversAll(prefix, List) {
		found, err := l.anyBelow(prefix, from)
		if err != nil || !found {
			return err
		}
	}
	l.stopped = !l.yield(&blob.Object{Key: prefix, IsPrefix: true}, nil)
	return nil
}

// anyBelow reports whether there is a visible key that begins with prefix and is not less than from.
func (l *lister) anyBelow(prefix, from string) (bool, error) {
	for {
		lo, hi, ok := l.access.rights.next(from)
		if !ok || !strings.HasPrefix(lo, prefix) {
			return false, nil
		}
		from = hi
		o := &blob.ListOptions{Prefix: max(prefix, commonPrefix(lo, hi)), PageSize: 16}
		startAt(o, lo)
		for entry, err := range l.guard.bucket.List(l.ctx, o) {
			if err != nil {
				return false, err
			}
			if !endsAfter(hi, entry.Key) {
				break
			}
			if CheckKey(entry.Key) == nil {
				return true, nil
			}
			if end, ok := reservedEnd(entry.Key); ok {
				from = end
				break
			}
		}
		if from == "" {
			return false, nil
		}
	}
}

// reservedEnd returns the end of the reserved directory in which key lies, if it lies in one.
func reservedEnd(key string) (end string, ok bool) {
	for n := 0; n < len(key); {
		m := strings.IndexByte(key[n:], '/')
		if m < 0 {
			return "", false
		}
		if reservedSegment(key[n : n+m]) {
			return keyEnd(key[:n+m+1]), true
		}
		n += m + 1
	}
	return "", false
}

// rollUp returns the entry that a key at the bound lo would roll up into.
func (l *lister) rollUp(lo string) (string, bool) {
	return keyspace.RollUp(lo, l.opts.Prefix, l.opts.Delimiter)
}

// after returns where a listing goes on after o.
func (l *lister) after(o *blob.Object) string {
	if o.IsPrefix {
		return keyEnd(o.Key)
	}
	return keyspace.After(o.Key)
}

// keyEnd returns the least string of whole runes that is greater than every key that begins with prefix; "" if there is
// none. As a bound it is as good as one of bytes, since keys are of runes, and a store takes it.
func keyEnd(prefix string) string {
	for prefix != "" {
		r, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case r == 0xd7ff:
			return prefix + "\ue000" // what lies between is half of a pair
		case r < utf8.MaxRune:
			return prefix + string(r+1)
		}
	}
	return ""
}

// commonPrefix returns with what every key begins that is not less than lo and less than hi.
func commonPrefix(lo, hi string) string {
	last, inclusive := strings.CutSuffix(hi, "\x00") // what is less than "a\x00" is not more than "a"
	n := 0
	for n < len(lo) && n < len(last) && lo[n] == last[n] {
		n++
	}
	// A range that ends before "a0" ends with what begins with "a/".
	if !inclusive && n == len(last)-1 && n < len(lo) && lo[n] == '/' && last[n] == '/'+1 {
		n++
	}
	for n > 0 && n < len(lo) && !utf8.RuneStart(lo[n]) {
		n--
	}
	return lo[:n]
}
