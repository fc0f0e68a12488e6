package model

import (
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/holdall-go/holdall/blob"
)

// The steps of listings.

// listing draws options near the keys that are there.
func (m *machine) listing(t *rapid.T) blob.ListOptions {
	o := blob.ListOptions{PageSize: rapid.IntRange(0, 3).Draw(t, "page")}
	if rapid.Bool().Draw(t, "prefixed") {
		key := m.key(t)
		o.Prefix = strings.ToValidUTF8(key[:rapid.IntRange(0, len(key)).Draw(t, "cut")], "")
	}
	delimiters := []string{"", "/", "/"}
	if !m.caps.Deviations.OnlySlash {
		delimiters = append(delimiters, "-", "b/")
	}
	o.Delimiter = rapid.SampledFrom(delimiters).Draw(t, "delimiter")
	starts := []string{"", m.key(t)}
	for _, entry := range m.entries(o) {
		starts = append(starts, entry, entry+"!")
	}
	start := rapid.SampledFrom(starts).Draw(t, "start")
	switch rapid.IntRange(0, 2).Draw(t, "from") {
	case 1:
		o.StartAfter = start
	case 2:
		o.StartAt = start
	}
	return o
}

// entries is what a listing must yield, in the plainest way: all entries, and then those in bounds.
func (m *machine) entries(o blob.ListOptions) []string {
	set := map[string]bool{}
	for key := range m.objects {
		rest, under := strings.CutPrefix(key, o.Prefix)
		if !under {
			continue
		}
		if o.Delimiter != "" {
			if first, _, rolled := strings.Cut(rest, o.Delimiter); rolled {
				key = o.Prefix + first + o.Delimiter
			}
		}
		if key > o.StartAfter && key >= o.StartAt {
			set[key] = true
		}
	}
	all := slices.Sorted(maps.Keys(set))
	if o.Limit > 0 && len(all) > o.Limit {
		all = all[:o.Limit]
	}
	return all
}

func (m *machine) listed(t *rapid.T, o blob.ListOptions) []string {
	var found []string
	for entry, err := range m.b.List(m.ctx, &o) {
		m.ok(t, "list", err)
		_, isObject := m.objects[entry.Key]
		if entry.IsPrefix == isObject && !(entry.IsPrefix && strings.HasSuffix(entry.Key, o.Delimiter)) {
			t.Fatalf("%q is listed with IsPrefix %t", entry.Key, entry.IsPrefix)
		}
		found = append(found, entry.Key)
	}
	return found
}

func (m *machine) list(t *rapid.T) {
	o := m.listing(t)
	o.Limit = rapid.IntRange(0, 4).Draw(t, "limit")
	if got, want := m.listed(t, o), m.entries(o); !slices.Equal(got, want) {
		t.Fatalf("list %+v of %q yields %q, not %q", o, m.keys(), got, want)
	}
}

// pages lists piece by piece, each from where the one before ended.
func (m *machine) pages(t *rapid.T) {
	o := m.listing(t)
	want := m.entries(o)
	o.Limit = rapid.IntRange(1, 3).Draw(t, "limit")
	var got []string
	for {
		piece := m.listed(t, o)
		got = append(got, piece...)
		if len(piece) < o.Limit || len(got) > len(want) {
			break
		}
		o.StartAfter, o.StartAt = piece[len(piece)-1], ""
	}
	if !slices.Equal(got, want) {
		t.Fatalf("list %+v of %q, piece by piece, yields %q, not %q", o, m.keys(), got, want)
	}
}
