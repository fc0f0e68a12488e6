package acl

import "time"

// Some questions need more than what a check does: until when a right is held, and who else holds it. They are asked
// rarely, and are answered from the few grants whose scopes cover the key.

// covering calls f with each grant whose scope covers key, expired or not, from the whole bucket down, and with the
// length of the longest barrier over key: what is granted in a shorter scope stops there. p is in normal form.
func (p *Policy) covering(key string, f func(g *Grant, barrier int)) {
	barrier := 0
	for n := 0; n < len(key); {
		if n = nextAncestor(key, n); p.hasBarrier(key[:n]) {
			barrier = n
		}
	}
	for n := 0; ; n = nextAncestor(key, n) {
		grants := p.grantsAt(key[:n])
		for i := range grants {
			f(&grants[i], barrier)
		}
		if n == len(key) {
			return
		}
	}
}

// passing returns the rights of g that pass a barrier of this length.
func (g *Grant) passing(barrier int) Rights {
	if len(g.Scope) < barrier {
		return g.Rights & Control
	}
	return g.Rights
}

// A holding is which rights someone holds on a key, and each until when.
type holding struct {
	rights Rights
	until  [len(rightNames)]time.Time // of the right 1<<i; zero: for ever
}

func (h *holding) add(rights Rights, until time.Time) {
	for i := range h.until {
		right := Rights(1) << i
		if rights.Has(right) && (!h.rights.Has(right) || outlasts(until, h.until[i])) {
			h.rights |= right
			h.until[i] = until
		}
	}
}

// restrict takes from h what r does not leave on key.
func (h *holding) restrict(r *restriction, key string) {
	h.rights &= r.rights(key)
	for i := range h.until {
		if outlasts(h.until[i], r.Expires) {
			h.until[i] = r.Expires
		}
	}
}

// has reports whether every right of want is held at least until then.
func (h *holding) has(want Rights, then time.Time) bool {
	for i := range h.until {
		if right := Rights(1) << i; want.Has(right) && (!h.rights.Has(right) || !outlasts(h.until[i], then)) {
			return false
		}
	}
	return true
}

// An asker is an identity under restrictions.
type asker struct {
	Identity
	restrictions []restriction
}

// owns reports whether who is an owner, unrestricted and not suspended. p is in normal form, and m is of its groups.
func (p *Policy) owns(m membership, who asker) bool {
	return len(who.restrictions) == 0 && !p.isSuspended(who.User) && p.ownedBy(m.principals(who.Identity, p.AllowPublic))
}

func (p *Policy) ownedBy(principals []held) bool {
	for _, principal := range principals {
		if p.isOwner(principal.Principal) {
			return true
		}
	}
	return false
}

// hold returns what who holds on key. Its rights are those of [compiled.rights]. p is in normal form, and m is of its
// groups.
func (p *Policy) hold(m membership, who asker, key string, now time.Time) holding {
	var h holding
	if p.isSuspended(who.User) {
		return h
	}
	principals := m.principals(who.Identity, p.AllowPublic)
	if p.ownedBy(principals) {
		h.add(Admin, time.Time{})
	} else {
		is := make(map[Principal]bool, len(principals))
		for _, principal := range principals {
			is[principal.Principal] = true
		}
		p.covering(key, func(g *Grant, barrier int) {
			if is[g.To] && g.live(now) {
				h.add(g.passing(barrier), g.Expires)
			}
		})
	}
	for i := range who.restrictions {
		if r := &who.restrictions[i]; r.Expires.IsZero() || now.Before(r.Expires) {
			h.restrict(r, key)
		} else {
			return holding{}
		}
	}
	return h
}

// until returns until when who holds every right of want on key; zero is for ever. It reports false if not all are held.
func (ix *index) until(who Identity, want Rights, key string, now time.Time, restrictions ...restriction) (time.Time, bool) {
	h := ix.policy.hold(ix.membership, asker{who, restrictions}, key, now)
	if !h.rights.Has(want) {
		return time.Time{}, false
	}
	var first time.Time
	for i, t := range h.until {
		if want.Has(1<<i) && outlasts(first, t) {
			first = t
		}
	}
	return first, true
}
