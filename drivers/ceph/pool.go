package ceph

import "context"

// A pool is one pool of RADOS, seen through one namespace: all that the driver needs of librados, so that what it makes
// of that can be tested without a cluster. Its calls block until they are answered or time out; those with a ctx can be
// left before. Their errors are *[failure].
type pool interface {
	// apply carries out the steps on one object, all or none, atomically. A comparison that fails is a mismatch. The
	// object must exist. If ctx ends, and the answer takes longer than patience, the call is left to itself, and later is
	// called with its error.
	apply(ctx context.Context, later func(error), object string, steps []step) (left bool, err error)

	// values returns those of the omap keys that are there. If ctx ends first, that is its error, and the call is left to
	// itself. When it has ended, ended is called.
	values(ctx context.Context, ended func(), object string, keys ...string) (map[string][]byte, error)

	// page returns the first omap keys that begin with prefix and are greater than after, up to most of them, in byte
	// order and with their values, and whether there are more. If include is not empty and a key, it comes first.
	page(object, prefix, after, include string, most int) (page []pair, more bool, err error)

	// make makes an object that must not exist, or is taken; an empty one may have existed.
	make(object string, content []byte) error

	// write replaces the content of an object, which is not empty. If ctx ends first, that is its error, and the call is
	// left to itself, but content is not. When it has ended, ended is called.
	write(ctx context.Context, ended func(), object string, content []byte) error

	// read reads from off on, and fewer bytes than p has only at the end. If ctx ends first, that is its error, and p
	// belongs to the call, which is left to itself. When it has ended, ended is called.
	read(ctx context.Context, ended func(), object string, p []byte, off int64) (int, error)

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
