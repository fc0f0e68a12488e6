package mem

import (
	"slices"
	"sort"
	"strings"
)

// An index holds entries in ascending order of their keys, in chunks of at most chunkSize. So an insertion moves no more
// than a chunk, and a listing runs along slices.
type index struct {
	chunks [][]*entry // none is empty
}

const chunkSize = 512

// position is a place between or at entries: of the first entry that is not less than some key.
type position struct{ chunk, i int }

// seek returns the position of the first entry whose key is key or greater.
func (x *index) seek(key string) position {
	c := sort.Search(len(x.chunks), func(c int) bool {
		chunk := x.chunks[c]
		return chunk[len(chunk)-1].key >= key
	})
	if c == len(x.chunks) {
		return position{c, 0}
	}
	i, _ := slices.BinarySearchFunc(x.chunks[c], key, compareKey)
	return position{c, i}
}

func compareKey(e *entry, key string) int { return strings.Compare(e.key, key) }

// at returns the entry at p, or nil at the end.
func (x *index) at(p position) *entry {
	if p.chunk == len(x.chunks) {
		return nil
	}
	return x.chunks[p.chunk][p.i]
}

// next returns the position after p.
func (x *index) next(p position) position {
	if p.i+1 < len(x.chunks[p.chunk]) {
		return position{p.chunk, p.i + 1}
	}
	return position{p.chunk + 1, 0}
}

// insert adds an entry whose key is not there yet.
func (x *index) insert(e *entry) {
	if len(x.chunks) == 0 {
		x.chunks = append(x.chunks, []*entry{e})
		return
	}
	p := x.seek(e.key)
	if p.chunk == len(x.chunks) { // greater than all: at the end of the last
		p.chunk--
		p.i = len(x.chunks[p.chunk])
	}
	chunk := slices.Insert(x.chunks[p.chunk], p.i, e)
	x.chunks[p.chunk] = chunk
	if len(chunk) > chunkSize {
		half := len(chunk) / 2
		if p.i == len(chunk)-1 {
			half = len(chunk) - 1 // keys that arrive in order leave full chunks behind
		}
		x.chunks[p.chunk] = slices.Clone(chunk[:half])
		x.chunks = slices.Insert(x.chunks, p.chunk+1, slices.Clone(chunk[half:]))
	}
}

// remove takes out the entry of key, which must be there.
func (x *index) remove(key string) {
	p := x.seek(key)
	if len(x.chunks[p.chunk]) == 1 {
		x.chunks = slices.Delete(x.chunks, p.chunk, p.chunk+1)
		return
	}
	x.chunks[p.chunk] = slices.Delete(x.chunks[p.chunk], p.i, p.i+1)
}
