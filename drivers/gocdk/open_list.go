package gocdk

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/keyspace"
	"gocloud.dev/blob/driver"
)

// pageSize is how many entries a page has if the program does not say.
const pageSize = 1000

// ListPaged lists the names in their order. Where keys are written as other names, a page is cut and rolled up by keys.
//
// The token of a page is the name after which the next one begins and, after a NUL, the last common prefix that was
// shown and that names after that one may have too.
func (s *shown) ListPaged(ctx context.Context, opts *driver.ListOptions) (*driver.ListPage, error) {
	after, shownDir, _ := strings.Cut(string(opts.PageToken), "\x00")
	size := opts.PageSize
	if size == 0 {
		size = pageSize
	}
	o := blob.ListOptions{Prefix: s.keys.prefix(opts.Prefix), StartAfter: after, PageSize: size}
	rolled := s.keys.verbatim || opts.Delimiter == "/" // by the bucket itself
	if rolled {
		o.Delimiter = opts.Delimiter
	}
	if err := ask(opts.BeforeList, &o); err != nil {
		return nil, err
	}
	page := &driver.ListPage{}
	add := func(e *driver.ListObject) bool {
		if len(page.Objects) == size {
			page.NextPageToken = []byte(after + "\x00" + shownDir)
			return false
		}
		page.Objects = append(page.Objects, e)
		return true
	}
	if len(opts.PageToken) == 0 {
		if e, err := s.folderItself(ctx, opts.Prefix); err != nil {
			return nil, err
		} else if e != nil {
			add(e)
		}
	}
	for entry, err := range s.b.List(ctx, &o) {
		if err != nil {
			return nil, err
		}
		e, dir, err := s.show(ctx, entry, opts, rolled)
		if err != nil {
			return nil, err
		}
		if e != nil && (dir == "" || dir != shownDir) && !add(e) {
			break
		}
		after = entry.Key
		if dir != "" {
			shownDir = dir
		}
	}
	return page, nil
}

// show makes of an entry what gocloud.dev shows for it, or nil. The dir is the common prefix that it was rolled up into
// here.
func (s *shown) show(ctx context.Context, entry *blob.Object, opts *driver.ListOptions, rolled bool) (e *driver.ListObject, dir string, err error) {
	key, ok := s.keys.decode(entry.Key)
	if !ok || !strings.HasPrefix(key, opts.Prefix) {
		return nil, "", nil
	}
	dir, hidden := keyspace.RollUp(key, opts.Prefix, opts.Delimiter)
	if entry.IsPrefix && (!hidden || dir == key) {
		return &driver.ListObject{Key: key, IsDir: true, AsFunc: as(*entry)}, "", nil
	}
	if s.keys.sidecars && strings.HasSuffix(entry.Key, sidecar) {
		return nil, "", nil
	}
	if hidden && rolled {
		// This delimiter is not in the name. If it is in others, the bucket shows the common prefix by itself.
		if names := s.keys.prefix(dir); strings.HasSuffix(names, opts.Delimiter) {
			for _, err := range s.b.List(ctx, &blob.ListOptions{Prefix: names, Limit: 1}) {
				return nil, "", err
			}
		}
	}
	if hidden {
		return &driver.ListObject{Key: dir, IsDir: true, AsFunc: as(*entry)}, dir, nil
	}
	md5, _ := entry.Checksums.Get(blob.MD5)
	return &driver.ListObject{Key: key, ModTime: entry.ModTime, Size: entry.Size, MD5: md5, AsFunc: as(*entry)}, "", nil
}

// folderItself returns the object whose key is the prefix, if its name does not begin with the prefix's: some of
// gocloud.dev's drivers, and EscapeKeys, write a "/" at the end of a key in another way than within it.
func (s *shown) folderItself(ctx context.Context, prefix string) (*driver.ListObject, error) {
	if s.keys.verbatim || prefix == "" || strings.HasPrefix(s.keys.encode(prefix), s.keys.prefix(prefix)) {
		return nil, nil
	}
	o, err := s.b.Stat(ctx, s.keys.encode(prefix), nil)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, blob.ErrInvalid) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &driver.ListObject{Key: prefix, ModTime: o.ModTime, Size: o.Size, AsFunc: as(*o)}, nil
}
