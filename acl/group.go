package acl

import (
	"fmt"
	"slices"

	"github.com/holdall-go/holdall/blob"
)

// Groups are resolved upward, from a member to the groups that hold it, so that a check costs what the identity is
// in, not what the groups hold, and a cycle ends where it began.

// maxGroupDepth is how many groups may be nested in one another.
const maxGroupDepth = 32

// membership holds, for each member, the groups that name it: [Policy.Groups] inverted.
type membership map[Principal][]string

func invert(groups map[string][]Principal) membership {
	m := make(membership)
	for id, members := range groups {
		for _, member := range members {
			m[member] = append(m[member], id)
		}
	}
	for _, ids := range m { // so that one of several ways into a group is always the same
		slices.Sort(ids)
	}
	return m
}

// A held principal is one that an identity has, and how: as a member of the one at index via of the same slice, or
// by itself, where via is -1.
type held struct {
	Principal
	via int
}

// principals returns all that who is: the user, the groups vouched for, the groups that hold these, and, if public
// grants are live, who everybody is.
func (m membership) principals(who Identity, allowPublic bool) []held {
	all := make([]held, 0, 3+len(who.Groups))
	if who.User != "" {
		all = append(all, held{User(who.User), -1})
	}
	for _, id := range who.Groups {
		all = append(all, held{Group(id), -1})
	}
	all = m.close(all)
	if allowPublic {
		if who.User != "" {
			all = append(all, held{Authenticated, -1})
		}
		all = append(all, held{Public, -1})
	}
	return all
}

// close appends the groups that hold what is in all, nearest first, each once.
func (m membership) close(all []held) []held {
	seen := make(map[Principal]bool, len(all))
	unseen := all[:0]
	for _, p := range all {
		if !seen[p.Principal] {
			seen[p.Principal] = true
			unseen = append(unseen, p)
		}
	}
	all = unseen
	for i := 0; i < len(all); i++ {
		for _, id := range m[all[i].Principal] {
			if group := Group(id); !seen[group] {
				seen[group] = true
				all = append(all, held{group, i})
			}
		}
	}
	return all
}

// path returns the way from what the identity is by itself to all[i]: a user, a group that holds it, and so on.
func path(all []held, i int) []Principal {
	var way []Principal
	for ; i >= 0; i = all[i].via {
		way = append(way, all[i].Principal)
	}
	slices.Reverse(way)
	return way
}

// checkDepth refuses groups that are nested deeper than [maxGroupDepth], counting the shortest way from each to each.
func checkDepth(groups map[string][]Principal) error {
	m := invert(groups)
	for member := range m {
		if member.kind != kindGroup {
			continue
		}
		all := m.close([]held{{member, -1}})
		// Nearest first: the last is the farthest.
		if way := path(all, len(all)-1); len(way) > maxGroupDepth {
			return fmt.Errorf("%w: groups are nested %d deep, from %q up to %q; the limit is %d",
				blob.ErrInvalid, len(way), member.id, way[len(way)-1].id, maxGroupDepth)
		}
	}
	return nil
}

// Unresolved returns, sorted, the ids of groups that p names but does not hold. They have no members but those that
// the application vouches for, so this is a mistake only where it vouches for none.
func (p *Policy) Unresolved() []string {
	var ids []string
	name := func(who Principal) {
		if _, ok := p.Groups[who.id]; !ok && who.kind == kindGroup {
			ids = append(ids, who.id)
		}
	}
	for i := range p.Grants {
		name(p.Grants[i].To)
	}
	for _, members := range p.Groups {
		for _, member := range members {
			name(member)
		}
	}
	for _, owner := range p.Owners {
		name(owner)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
