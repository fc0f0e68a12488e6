package acl

import (
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"
)

// A check is answered in two steps. An index of the policy is made when the policy changes; from it, a compiled form is
// made for each identity that asks, holding only what concerns that identity. Both are immutable and shared.

// index is a policy arranged so that what concerns one identity is found without looking at the rest.
type index struct {
	policy     *Policy // in normal form, not to be changed
	membership membership
	grants     map[Principal][]int32 // where in policy.Grants the grants to each principal are
	barriers   scopeSet
}

// newIndex indexes p, which must be valid. It keeps p and brings it into normal form, so that from here on p must not be
// changed by anyone.
func newIndex(p *Policy) *index {
	p.normalize()
	return &index{
		policy:     p,
		membership: invert(p.Groups),
		grants:     grantsByPrincipal(p.Grants),
		barriers:   newScopeSet(p.Barriers),
	}
}

// grantsByPrincipal gives each principal a piece of one array: counting first saves an allocation for each principal.
func grantsByPrincipal(grants []Grant) map[Principal][]int32 {
	numbers := make(map[Principal]int32)
	number := make([]int32, len(grants)) // of the principal of each grant
	var counts []int32
	for i := range grants {
		n, ok := numbers[grants[i].To]
		if !ok {
			n = int32(len(counts))
			numbers[grants[i].To] = n
			counts = append(counts, 0)
		}
		number[i] = n
		counts[n]++
	}
	array := make([]int32, len(grants))
	pieces := make([][]int32, len(counts))
	for n, count := range counts {
		pieces[n], array = array[:0:count], array[count:]
	}
	for i, n := range number {
		pieces[n] = append(pieces[n], int32(i))
	}
	byPrincipal := make(map[Principal][]int32, len(numbers))
	for p, n := range numbers {
		byPrincipal[p] = pieces[n]
	}
	return byPrincipal
}

// compiled is what one identity may do by one index until validUntil.
type compiled struct {
	validUntil time.Time // when the next grant or restriction expires, so that it must be compiled again; zero: never
	owner      bool      // an owner, unrestricted and not suspended
	suspended  bool

	index        *index
	everywhere   Rights // what an owner has, and nobody else
	root         Rights // of the grants at ""
	scopes       map[string]Rights
	lengths      lengths // of scopes, and of the policy's barriers
	restrictions []restriction

	visibleOnce sync.Once
	visible     []keyRange
}

// compile compiles what who may do at the moment now, narrowed by every restriction.
func compile(ix *index, who Identity, now time.Time, restrictions ...restriction) *compiled {
	c := &compiled{index: ix, lengths: ix.barriers.lengths, restrictions: restrictions}
	if ix.policy.isSuspended(who.User) {
		c.suspended = true
		return c
	}
	for i := range restrictions {
		if !c.expires(restrictions[i].Expires, now) {
			return c // it may do nothing
		}
	}
	principals := ix.membership.principals(who, ix.policy.AllowPublic)
	total := 0
	for _, p := range principals {
		if ix.policy.isOwner(p.Principal) {
			c.owner, c.everywhere = len(restrictions) == 0, Admin
			return c
		}
		total += len(ix.grants[p.Principal])
	}
	c.scopes = make(map[string]Rights, total)
	for _, p := range principals {
		for _, i := range ix.grants[p.Principal] {
			g := &ix.policy.Grants[i]
			if c.expires(g.Expires, now) {
				c.scopes[g.Scope] |= g.Rights
				c.lengths.add(len(g.Scope))
			}
		}
	}
	c.root = c.scopes[""]
	return c
}

// expires notes that something of c expires at t, and reports whether it has not yet.
func (c *compiled) expires(t, now time.Time) bool {
	switch {
	case t.IsZero():
		return true
	case !now.Before(t):
		return false
	}
	if c.validUntil.IsZero() || t.Before(c.validUntil) {
		c.validUntil = t
	}
	return true
}

// rights returns what the identity may do with key, which may be a scope. It allocates nothing. Whether the key is
// valid, and not reserved, is for the caller to check.
func (c *compiled) rights(key string) Rights {
	rights := c.everywhere | c.granted(key)
	for i := range c.restrictions {
		rights &= c.restrictions[i].rights(key)
	}
	return rights
}

// granted walks the scopes that cover key, from the whole bucket down: at each, a barrier takes what was granted above,
// but Control, and then the grants add.
func (c *compiled) granted(key string) Rights {
	rights := c.root
	if len(c.scopes) == 0 {
		return rights
	}
	for n := 0; n < len(key); {
		n = nextAncestor(key, n)
		if !c.lengths.has(n) {
			continue // no scope is that long
		}
		scope := key[:n]
		if rights&^Control != 0 && c.index.barriers.has(scope) {
			rights &= Control
		}
		rights |= c.scopes[scope]
	}
	return rights
}

// scopeSet is a set of scopes, to be looked up and to be gone through in order.
type scopeSet struct {
	sorted  []string
	set     map[string]struct{}
	lengths lengths
}

func newScopeSet(sorted []string) scopeSet {
	s := scopeSet{sorted: sorted, set: make(map[string]struct{}, len(sorted))}
	for _, scope := range sorted {
		s.set[scope] = struct{}{}
		s.lengths.add(len(scope))
	}
	return s
}

func (s *scopeSet) has(scope string) bool {
	if !s.lengths.has(len(scope)) {
		return false
	}
	_, ok := s.set[scope]
	return ok
}

// from returns the scopes that are not less than key.
func (s *scopeSet) from(key string) []string {
	i, _ := slices.BinarySearch(s.sorted, key)
	return s.sorted[i:]
}

// anyBelow reports whether a scope begins with prefix.
func (s *scopeSet) anyBelow(prefix string) bool {
	from := s.from(prefix)
	return len(from) > 0 && strings.HasPrefix(from[0], prefix)
}

// lengths is a set of lengths of scopes, 0 to maxKey. Most paths have most of their ancestors at lengths that no scope
// has, and asking this first saves hashing them.
type lengths [maxKey/bits.UintSize + 1]uint

func (l *lengths) add(n int) { l[n/bits.UintSize] |= 1 << (n % bits.UintSize) }

func (l *lengths) has(n int) bool { return n <= maxKey && l[n/bits.UintSize]>>(n%bits.UintSize)&1 != 0 }
