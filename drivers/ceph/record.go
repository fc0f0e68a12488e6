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

// A record is how a namespace is laid out. It is written last when one is made, and never changed.
type record struct {
	Format int    `json:"v"`
	Shards int    `json:"shards"`
	Data   string `json:"data"` // the pool of the content
}

func (r *record) check() error {
	switch {
	case r.Format != formatVersion:
		return fmt.Errorf("it has format %d, and this driver knows %d", r.Format, formatVersion)
	case r.Shards < 1 || r.Shards > maxShards:
		return fmt.Errorf("it has %d shards", r.Shards)
	case r.Data == "":
		return errors.New("it names no pool for the content")
	}
	return nil
}

// readRecord returns the record of a namespace, or nil if that has none.
func readRecord(index pool) (*record, error) {
	raw := make([]byte, maxRecord)
	n, err := index.read(context.Background(), func() {}, recordObject, raw, 0)
	if is(err, missing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(raw[:n], r); err != nil {
		return nil, fmt.Errorf("the object %q of the namespace is not this driver's: %w", recordObject, err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("the object %q of the namespace is not this driver's: %w", recordObject, err)
	}
	return r, nil
}

// findRecord returns the record of a namespace, and makes it and the shards if cfg says so.
func findRecord(index pool, poolName string, cfg *Config) (*record, error) {
	r, err := readRecord(index)
	if r == nil && err == nil {
		if !cfg.Create {
			return nil, fmt.Errorf("%w: there is no bucket in this namespace; make one with Create (create=true in a URL)", blob.ErrNotExist)
		}
		r, err = makeRecord(index, poolName, cfg)
	}
	if err != nil {
		return nil, err
	}
	if cfg.Shards != 0 && cfg.Shards != r.Shards {
		return nil, fmt.Errorf("%w: Shards is %d, but the bucket was made with %d, which cannot be changed", blob.ErrInvalid, cfg.Shards, r.Shards)
	}
	if cfg.DataPool != "" && cfg.DataPool != r.Data {
		return nil, fmt.Errorf("%w: DataPool is %q, but the bucket was made with %q, which cannot be changed", blob.ErrInvalid, cfg.DataPool, r.Data)
	}
	return r, nil
}

// makeRecord makes a namespace. Of two who do so at once, the one whose record is first decides.
func makeRecord(index pool, poolName string, cfg *Config) (*record, error) {
	r := &record{Format: formatVersion, Shards: cfg.Shards, Data: cfg.DataPool}
	if r.Shards == 0 {
		r.Shards = defaultShards
	}
	if r.Data == "" {
		r.Data = poolName
	}
	for n := range r.Shards {
		if err := index.make(shardObject(n), nil); err != nil {
			return nil, fmt.Errorf("making the bucket: %w", err)
		}
	}
	// An erasure-coded pool takes the objects, and would refuse the first entry.
	if _, err := index.apply(context.Background(), nil, shardObject(0), []step{{set, "x", []byte{'1'}}, {do: unset, key: "x"}}); err != nil {
		return nil, fmt.Errorf("making the bucket: its pool must be replicated, with omaps; only DataPool may be erasure-coded: %w", err)
	}
	err := index.make(recordObject, encodeJSON(r))
	if is(err, taken) {
		return readRecord(index)
	}
	if err != nil {
		return nil, fmt.Errorf("making the bucket: %w", err)
	}
	return r, nil
}
