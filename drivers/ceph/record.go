package ceph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/holdall-go/holdall/blob"
)

const (
	// defaultShards is enough for some two million objects: an OSD warns of an omap of 200,000 keys
	// (osd_deep_scrub_large_omap_object_key_threshold), and an object takes up to two.
	defaultShards = 16

	// maxShards is the largest number. A listing asks all of them.
	maxShards = 1024

	maxRecord = 4 << 10 // bytes
)

// A record is how a namespace is laid out, and whose it is. It is never changed.
//
// Where the content lies in another pool, the namespace there has a record too: a claim, so that no two buckets take each
// other's content for orphans, and no bucket is made where another's content lies. The record is made first, and the claim
// after it: what is interrupted between is finished by who opens the bucket with Create.
type record struct {
	Format int    `json:"v"`
	ID     string `json:"id"`               // of the bucket, made with it
	Shards int    `json:"shards,omitempty"` // not in a claim
	Data   string `json:"data,omitempty"`   // the pool of the content; not in a claim
	Index  string `json:"index,omitempty"`  // of a claim, for people: what the pool of the entries was called
}

func (r *record) check() error {
	_, dated := idBegan(r.ID)
	switch {
	case r.Format != formatVersion:
		return fmt.Errorf("it has format %d, and this driver knows %d", r.Format, formatVersion)
	case !dated:
		return errors.New("it has no ID")
	case r.Index != "":
		return nil
	case r.Shards < 1 || r.Shards > maxShards:
		return fmt.Errorf("it has %d shards", r.Shards)
	case r.Data == "":
		return errors.New("it names no pool for the content")
	}
	return nil
}

// readRecord returns the record of a namespace, or nil if that has none.
func readRecord(p pool) (*record, error) {
	raw := make([]byte, maxRecord)
	n, err := p.read(context.Background(), recordObject, raw, 0)
	if is(err, missing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err = json.Unmarshal(raw[:n], r); err == nil {
		err = r.check()
	}
	if err != nil {
		return nil, fmt.Errorf("the object %q of the namespace is not this driver's: %w", recordObject, err)
	}
	return r, nil
}

// findRecord returns the record of a bucket, and makes it and the shards if cfg says so.
func findRecord(index pool, poolName, namespace string, cfg *Config) (r *record, made bool, err error) {
	r, err = readRecord(index)
	if r == nil && err == nil {
		if !cfg.Create {
			return nil, false, fmt.Errorf("%w: there is no bucket in this namespace; make one with Create (create=true in a URL)", blob.ErrNotExist)
		}
		r, made, err = makeRecord(index, poolName, cfg)
	}
	switch {
	case err != nil:
	case r.Index != "" && cfg.Create:
		err = fmt.Errorf("%w: the namespace holds the content of the bucket %s; make one in another namespace", blob.ErrInvalid, bucketName(r.Index, namespace))
	case r.Index != "":
		err = fmt.Errorf("%w: there is no bucket in this namespace, but the content of %s", blob.ErrNotExist, bucketName(r.Index, namespace))
	case cfg.Shards != 0 && cfg.Shards != r.Shards:
		err = fmt.Errorf("%w: Shards (shards in a URL) is not the number that the bucket was made with, which is %d and cannot be changed", blob.ErrInvalid, r.Shards)
	case cfg.DataPool != "" && cfg.DataPool != r.Data:
		err = fmt.Errorf("%w: DataPool (data in a URL) is not the pool that the bucket was made with, which is %q and cannot be changed", blob.ErrInvalid, r.Data)
	}
	return r, made, err
}

// makeRecord makes a namespace. Of two who do so at once, the one whose record is first decides, and has made it.
func makeRecord(index pool, poolName string, cfg *Config) (_ *record, made bool, _ error) {
	r := &record{Format: formatVersion, ID: newID(), Shards: cfg.Shards, Data: cfg.DataPool}
	if r.Shards == 0 {
		r.Shards = defaultShards
	}
	if r.Data == "" {
		r.Data = poolName
	}
	for n := range r.Shards {
		if err := index.make(shardObject(n), nil); err != nil {
			return nil, false, fmt.Errorf("making the bucket: %w", err)
		}
	}
	// An erasure-coded pool takes the objects, and would refuse the first entry.
	if _, err := index.apply(context.Background(), shardObject(0), []step{{set, "x", []byte{'1'}}, {do: unset, key: "x"}}); err != nil {
		return nil, false, fmt.Errorf("making the bucket: its pool must be replicated, with omaps; only DataPool may be erasure-coded: %w", err)
	}
	for {
		err := index.make(recordObject, encodeJSON(r))
		if is(err, taken) {
			first, err := readRecord(index)
			if first == nil && err == nil { // it is removed again: it was of a bucket that could not be
				continue
			}
			return first, false, err
		}
		if err != nil {
			return nil, false, fmt.Errorf("making the bucket: %w", err)
		}
		return r, true, nil
	}
}

// claim makes sure that the namespace is the bucket's in the pool of its content too. With create it takes one that is
// nobody's.
func claim(data pool, id, poolName, namespace string, create bool) error {
	r, err := readRecord(data)
	if r == nil && err == nil && create {
		err = data.make(recordObject, encodeJSON(&record{Format: formatVersion, ID: id, Index: poolName}))
		if err == nil {
			return nil
		}
		if is(err, taken) {
			r, err = readRecord(data)
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("in the pool of the content: %w", err)
	case r == nil:
		return fmt.Errorf("%w: in the pool of the content the namespace has no object %q, which says whose that is; to make it, open the bucket with Create", blob.ErrNotExist, recordObject)
	case r.Index == "":
		return fmt.Errorf("%w: in the pool of the content the namespace is a bucket itself; use another namespace, or another DataPool", blob.ErrInvalid)
	case r.ID != id:
		return fmt.Errorf("%w: in the pool of the content the namespace is that of another bucket, which was made as %s; use another namespace, or another DataPool; or, if that bucket is gone, remove the object %q there",
			blob.ErrInvalid, bucketName(r.Index, namespace), recordObject)
	}
	return nil
}

// verify looks whether the bucket is still what it was when it was opened: what is an orphan is not known otherwise.
func (b *bucket) verify(ctx context.Context) (wrong, err error) {
	return call(ctx, b.session, func() (wrong, err error) {
		r, err := readRecord(b.index)
		switch {
		case err != nil:
		case r == nil || *r != b.record:
			err = fmt.Errorf("%w: the bucket was removed since it was opened, and perhaps made anew", blob.ErrNotExist)
		case b.data != b.index:
			err = claim(b.data, r.ID, "", b.namespace, false)
		}
		if answered(err) {
			return err, nil
		}
		return nil, err
	})
}
