package mem

import (
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/keyspace"
)

const pageSize = 1000

// page returns the next entries of a listing, those that are not less than start, and where the page after it starts. The
// lock is held for one page, so a long listing stops no writer.
func (s *store) page(o *blob.ListOptions, start string) (page []*blob.Object, next string, more bool) {
	size := pageSize
	if o.PageSize > 0 {
		size = min(size, o.PageSize)
	}
	if o.Limit > 0 {
		size = min(size, o.Limit)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for p := s.index.seek(start); ; {
		e := s.index.at(p)
		switch {
		case e == nil || !strings.HasPrefix(e.key, o.Prefix):
			return page, "", false
		case len(page) >= size:
			return page, after(page[len(page)-1]), true
		}
		common, rolled := keyspace.RollUp(e.key, o.Prefix, o.Delimiter)
		if !rolled {
			page = e.list(page, o.Versions)
		}
		if !rolled || e.current() == nil { // what is deleted makes no prefix
			p = s.index.next(p)
			continue
		}
		if common >= start {
			page = append(page, &blob.Object{Key: common, IsPrefix: true})
		}
		end, ok := keyspace.End(common)
		if !ok {
			return page, "", false
		}
		p = s.index.seek(end)
	}
}

// after returns the least entry that can follow o.
func after(o *blob.Object) string {
	if o.IsPrefix {
		if end, ok := keyspace.End(o.Key); ok {
			return end
		}
	}
	return keyspace.After(o.Key)
}

// list appends what a listing shows of e: its current version, or all of them, the newest first. Metadata is left to
// Stat.
func (e *entry) list(page []*blob.Object, versions bool) []*blob.Object {
	if !versions {
		if v := e.current(); v != nil {
			page = append(page, v.listed())
		}
		return page
	}
	for _, v := range slices.Backward(e.versions) {
		page = append(page, v.listed())
	}
	return page
}

func (v *version) listed() *blob.Object {
	o := v.object
	o.Metadata = nil
	return &o
}
