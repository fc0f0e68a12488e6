package ceph

import "context"

// A pool is one pool of RADOS, seen through one namespace: all that the driver needs of librados, so that what it makes
// of that can be tested without a cluster. Its calls block until they are answered or time out. Those with a ctx are
// given up when that ends, and leave nothing behind here; in the cluster what they asked for may still be carried out, but
// not after what the same object is asked for later. Their errors are *[failure], or that of ctx.
type pool interface {
	// apply carries out the steps on one object, all or none, atomically. A comparison that fails is a mismatch; it may
	// have failed for what the operation itself did, since librados sends again what a broken connection may have lost,
	// and an OSD recognises no more than its last operations (osd_pg_log_dups_tracked). The object must exist. If ctx
	// ends, and the answer takes longer than patience, the call is left: it is unknown whether it is carried out.
	apply(ctx context.Context, object string, steps []step) (left bool, err error)

	// values returns those of the omap keys that are there.
	values(ctx context.Context, object string, keys ...string) (map[string][]byte, error)

	// page returns the first omap keys that begin with prefix and are greater than after, up to most of them, in byte
	// order and with their values, and whether there are more. If include is not empty and a key, it comes first.
	page(object, prefix, after, include string, most int) (page []pair, more bool, err error)

	// make makes an object that must not exist, or is taken; an empty one may have existed.
	make(object string, content []byte) error

	// write replaces the content of an object, which is not empty. Copied is called as soon as content is not needed any
	// longer, before the answer.
	write(ctx context.Context, copied func(), object string, content []byte) error

	// read reads from off on, and fewer bytes than p has only at the end.
	read(ctx context.Context, object string, p []byte, off int64) (int, error)

	// size tells how many bytes the object has.
	size(object string) (int64, error)

	// remove removes the object; one that is missing is an error.
	remove(object string) error

	// each lists all objects, in no order, until yield returns false.
	each(yield func(object string) bool) error
}

// A pair is a key of an omap and its value.
type pair struct {
	key   string
	value []byte
}

// A step is a part of an operation on an omap. What is compared must be equal; a key that is missing is equal to nothing
// at all.
type step struct {
	do    action
	key   string
	value []byte
}

type action int

const (
	compare action = iota
	set
	unset
)
