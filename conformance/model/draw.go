package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// What is drawn is drawn near what is there: that is where stores go wrong.

// neighbours are keys in whose order and nesting stores were seen to err: names that sort before and after "/", and what
// follows right after all that a prefix holds.
var neighbours = []string{"a", "a-b", "a.txt", "a/x", "a/y", "a/", "a/b", "a/b/", "a/b/c", "a/b0", "a0", "b", "ä", "z/z"}

// key draws a key: one that is there, one beside it, or one of the neighbours.
func (m *machine) key(t *rapid.T) string {
	drawn := rapid.Custom(func(t *rapid.T) string {
		there := m.keys()
		if len(there) == 0 || rapid.IntRange(0, 3).Draw(t, "of the neighbours") == 0 {
			return rapid.SampledFrom(neighbours).Draw(t, "neighbour")
		}
		k := rapid.SampledFrom(there).Draw(t, "present")
		return rapid.SampledFrom(append(around(k), k, k, k)).Draw(t, "near")
	})
	return drawn.Filter(m.fits).Draw(t, "key")
}

// keys are the keys that are there, in order.
func (m *machine) keys() []string { return slices.Sorted(maps.Keys(m.objects)) }

// around are keys beside k.
func around(k string) []string {
	near := []string{k + "/", k + "!", k + "0", k + "/x", k[:len(k)-1]}
	for _, step := range []int{-1, 1} {
		near = append(near, k[:len(k)-1]+string(rune(int(k[len(k)-1])+step)))
	}
	if i := strings.LastIndexByte(k, '/'); i > 0 {
		near = append(near, k[:i], k[:i+1], k[:i]+"0")
	}
	return near
}

// fits tells whether a bucket with these capabilities takes the key.
func (m *machine) fits(key string) bool {
	if key == "" || len(key) > min(40, m.caps.Keys.Max()) || !utf8.ValidString(key) || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return false
	}
	if m.caps.Keys.Canonical && !canonical(key) || m.caps.Keys.URLSafe && hasDots(key) || m.caps.Keys.NoSlashAtEnd && strings.HasSuffix(key, "/") {
		return false
	}
	if m.caps.Keys.NoFileBesideDir {
		for _, there := range m.keys() {
			if strings.HasPrefix(there, strings.TrimSuffix(key, "/")+"/") || strings.HasPrefix(key, strings.TrimSuffix(there, "/")+"/") {
				return key == there
			}
		}
	}
	if m.caps.Keys.CaseFolding || m.caps.Keys.Normalizing {
		return strings.ToLower(key) == key && !strings.ContainsFunc(key, func(r rune) bool { return r > 0x7f })
	}
	return true
}

func canonical(key string) bool {
	segments := strings.Split(strings.TrimSuffix(key, "/"), "/")
	return !slices.ContainsFunc(segments, func(s string) bool {
		dots := strings.TrimSpace(s) // MinIO refuses them amid white space too
		return s == "" || dots == "." || dots == ".."
	})
}

func hasDots(key string) bool {
	return slices.ContainsFunc(strings.Split(key, "/"), func(s string) bool { return s == "." || s == ".." })
}

// edge is the size near which contents are drawn: a part, where those are small.
func (m *machine) edge() int64 {
	if n := m.caps.Uploads.MinPartSize; m.caps.Uploads.Supported && n > 1 && n <= 1<<20 {
		return n
	}
	return 1000
}

// content draws a content that was not there before.
func (m *machine) content(t *rapid.T) string {
	edge := m.edge()
	size := rapid.SampledFrom([]int64{0, 1, 10, edge - 1, edge, edge + 1, 2*edge + 1}).Draw(t, "size")
	return m.contentOf(int(size))
}

// contentOf makes a content of a size. Its beginning, and the place of each byte, can be told from it.
func (m *machine) contentOf(size int) string {
	m.serial++
	var b strings.Builder
	for i := m.serial; b.Len() < size; i++ {
		fmt.Fprintf(&b, "%d.%d ", m.serial, i)
	}
	return b.String()[:size]
}

// object draws what is put.
func (m *machine) object(t *rapid.T) object {
	o := object{content: m.content(t), contentType: rapid.SampledFrom([]string{"", "text/plain", "image/png"}).Draw(t, "type")}
	if m.caps.Objects.Metadata {
		o.metadata = rapid.SampledFrom([]string{"", "x", "a longer note"}).Draw(t, "note")
	}
	return o
}

// etag draws an ETag for a condition on key: the one it has, one it had, or one that nothing has.
func (m *machine) etag(t *rapid.T, key string) string {
	candidates := append([]string{`"none"`}, m.etags[key]...)
	if o, there := m.objects[key]; there {
		candidates = append(candidates, o.etag, o.etag)
	}
	return rapid.SampledFrom(candidates).Draw(t, "etag")
}
