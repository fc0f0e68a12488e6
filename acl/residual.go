package acl

import "time"

// A Residual is what still gives a principal some of the rights that were revoked from it: grants add up, so taking one
// away may leave others. The zero Residual is nothing.
type Residual struct {
	Rights    Rights  // that it still holds
	Grants    []Grant // those that give them in scopes of which the asker may read the grants
	FromAbove bool    // whether some come from elsewhere too: other grants, or ownership
}

// residual returns what gives principal any of the rights on scope, naming what who may read. For a group, that is what
// its members have through it. It looks past a suspension, which takes no grant away.
func residual(ix *index, who asker, scope string, principal Principal, rights Rights, now time.Time) Residual {
	p, m := ix.policy, ix.membership
	var left Residual
	is := make(map[Principal]bool)
	for _, other := range m.identify(principal, p.AllowPublic) {
		is[other.Principal] = true
		if p.isOwner(other.Principal) {
			left.Rights, left.FromAbove = rights, rights != 0
		}
	}
	readable := make(map[string]bool)
	mayRead := func(scope string) bool {
		may, known := readable[scope]
		if !known {
			may = p.hold(m, who, scope, now).rights.Has(ReadACL)
			readable[scope] = may
		}
		return may
	}
	p.covering(scope, func(g *Grant, barrier int) {
		still := g.passing(barrier) & rights
		switch {
		case still == 0 || !is[g.To] || !g.live(now):
			return
		case mayRead(g.Scope):
			left.Grants = append(left.Grants, *g)
		default:
			left.FromAbove = true
		}
		left.Rights |= still
	})
	return left
}

// identify returns what a principal is beside itself: the groups that hold it, and what everybody is while public grants
// are live. A group's members count as named.
func (m membership) identify(p Principal, allowPublic bool) []held {
	all := []held{{p, -1}}
	if p.named() {
		all = m.close(all)
	}
	if allowPublic {
		all = append(all, held{Public, -1})
		if p.kind != kindPublic {
			all = append(all, held{Authenticated, -1})
		}
	}
	return all
}
