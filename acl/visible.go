package acl

import (
	"slices"
	"strings"
)

// A listing shows exactly the keys with the right List. They form a few ranges in the order of keys, so a view reads
// those from the store, one after the other, and skips what lies between them.

// A keyRange holds the keys k with lo <= k < hi in byte order; hi "" is no bound. Scopes are ranges, of which any two
// are nested or apart, since "a/" ends at "a0", the first string after all that begin with "a/".
type keyRange struct{ lo, hi string }

// next returns the part not less than from of the first range of visible keys that has one. Ranges are maximal: between
// two of them lies a key that is not visible, or at least could.
func (c *compiled) next(from string) (lo, hi string, ok bool) {
	c.visibleOnce.Do(func() { c.visible = c.ranges() })
	i, j := 0, len(c.visible)
	for i < j { // find the first that ends after from
		if m := (i + j) / 2; endsAfter(c.visible[m].hi, from) {
			j = m
		} else {
			i = m + 1
		}
	}
	if i == len(c.visible) {
		return "", "", false
	}
	return max(c.visible[i].lo, from), c.visible[i].hi, true
}

// anyBelow reports whether a visible key could begin with prefix.
func (c *compiled) anyBelow(prefix string) bool {
	lo, _, ok := c.next(prefix)
	return ok && strings.HasPrefix(lo, prefix)
}

// coversAll reports whether the identity surely has want on every key that begins with prefix, whatever keys there
// are. Where this would take more than one check, it says no.
func (c *compiled) coversAll(prefix string, want Rights) bool {
	subtree := prefix[:strings.LastIndexByte(prefix, '/')+1] // the longest scope that covers all those keys
	if !c.rights(subtree).Has(want) {
		return false
	}
	return c.everywhere.Has(want) || Control.Has(want) || !c.index.barriers.anyBelow(prefix)
}

// endsAfter reports whether a range that ends at hi holds key or begins after it.
func endsAfter(hi, key string) bool { return hi == "" || hi > key }

// ranges computes the visible ranges: sorted, apart, and not adjacent.
func (c *compiled) ranges() []keyRange {
	ranges := c.listable()
	for i := range c.restrictions {
		r := &c.restrictions[i]
		if !r.Rights.Has(List) {
			return nil
		}
		ranges = intersect(ranges, keyRange{r.Scope, scopeEnd(r.Scope)})
	}
	return ranges
}

// listable computes the ranges before restrictions. Only the scopes of grants of List show more than what surrounds
// them, and only other barriers show less, so it goes over the edges of these.
func (c *compiled) listable() []keyRange {
	if c.everywhere.Has(List) {
		return []keyRange{{"", ""}}
	}
	var granted []string
	for scope, rights := range c.scopes {
		if rights.Has(List) {
			granted = append(granted, scope)
		}
	}
	slices.Sort(granted)

	s := sweep{open: []openScope{{hi: "", visible: false}}}
	barriers := c.index.barriers.sorted
	for len(granted) > 0 || len(barriers) > 0 {
		if len(granted) > 0 && (len(barriers) == 0 || granted[0] <= barriers[0]) {
			s.enter(granted[0], true)
			barriers = after(barriers, granted[0])
			granted = granted[1:]
			continue
		}
		if s.leave(barriers[0]); s.visible() {
			s.enter(barriers[0], false)
		}
		until := s.hiddenUntil(granted)
		if until == "" {
			break
		}
		barriers = c.index.barriers.from(until)
	}
	return s.finish()
}

// after drops scope from the beginning of scopes.
func after(scopes []string, scope string) []string {
	if len(scopes) > 0 && scopes[0] == scope {
		return scopes[1:]
	}
	return scopes
}

// sweep goes over the keys in order, and collects the ranges in which the innermost scope is visible.
type sweep struct {
	at     string      // everything before is done
	open   []openScope // each within the one before; the first is the bucket
	ranges []keyRange
}

type openScope struct {
	hi      string
	visible bool
}

func (s *sweep) visible() bool { return s.open[len(s.open)-1].visible }

// enter goes to the beginning of scope, which is not less than any before, and opens it.
func (s *sweep) enter(scope string, visible bool) {
	s.leave(scope)
	s.advance(scope)
	s.open = append(s.open, openScope{scopeEnd(scope), visible})
}

// hiddenUntil returns where something visible could begin again after a hidden scope was entered: at its end, or at the
// next grant. Barriers before that hide nothing. It returns "" if there is nothing more.
func (s *sweep) hiddenUntil(granted []string) string {
	hi := s.open[len(s.open)-1].hi
	if len(granted) > 0 && endsAfter(hi, granted[0]) {
		return granted[0]
	}
	return hi
}

// leave closes the scopes that end before or at key.
func (s *sweep) leave(key string) {
	for top := s.open[len(s.open)-1]; !endsAfter(top.hi, key); top = s.open[len(s.open)-1] {
		s.advance(top.hi)
		s.open = s.open[:len(s.open)-1]
	}
}

// finish closes all scopes and returns the ranges.
func (s *sweep) finish() []keyRange {
	for ; len(s.open) > 0; s.open = s.open[:len(s.open)-1] {
		s.advance(s.open[len(s.open)-1].hi)
	}
	return s.ranges
}

// advance goes to the key to, within one scope; "" is the end of the bucket.
func (s *sweep) advance(to string) {
	if s.visible() && (to == "" || s.at < to) {
		if last := len(s.ranges) - 1; last >= 0 && s.ranges[last].hi == s.at {
			s.ranges[last].hi = to
		} else {
			s.ranges = append(s.ranges, keyRange{s.at, to})
		}
	}
	s.at = to
}

// intersect narrows ranges to within.
func intersect(ranges []keyRange, within keyRange) []keyRange {
	var narrowed []keyRange
	for _, r := range ranges {
		r.lo = max(r.lo, within.lo)
		if within.hi != "" && endsAfter(r.hi, within.hi) {
			r.hi = within.hi
		}
		if endsAfter(r.hi, r.lo) {
			narrowed = append(narrowed, r)
		}
	}
	return narrowed
}
