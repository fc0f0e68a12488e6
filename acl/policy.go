package acl

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// Policy is all that decides who may do what in one bucket: the content of its access-control document.
type Policy struct {
	ID          string                 `json:"id"`
	Grants      []Grant                `json:"grants,omitempty"`
	Barriers    []string               `json:"barriers,omitempty"`    // scopes at which data rights granted above stop
	Groups      map[string][]Principal `json:"groups,omitempty"`      // members by group id: users and groups
	Owners      []Principal            `json:"owners"`                // users and groups with every right everywhere
	Suspended   []string               `json:"suspended,omitempty"`   // ids of users with no right anywhere
	AllowPublic bool                   `json:"allowPublic,omitempty"` // whether grants to Authenticated and Public are live
}

// Grant gives a principal rights in a scope.
type Grant struct {
	Scope   string    `json:"scope"`
	To      Principal `json:"to"`
	Rights  Rights    `json:"rights"`
	Expires time.Time `json:"expires,omitzero"` // live before this moment; zero: for ever
	By      string    `json:"by,omitempty"`     // the id of the user who gave it; "" if it came with the policy
}

// String writes g as a sentence would: "user:bob Get+List in "photos/" until 2030-01-02T15:04:05Z, by alice".
func (g Grant) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v in %q", g.To, g.Rights, g.Scope)
	if !g.Expires.IsZero() {
		fmt.Fprintf(&b, " until %s", g.Expires.UTC().Format(time.RFC3339))
	}
	if g.By != "" {
		fmt.Fprintf(&b, ", by %s", g.By)
	}
	return b.String()
}

// live reports whether g has not expired.
func (g *Grant) live(now time.Time) bool { return g.Expires.IsZero() || now.Before(g.Expires) }

// outlasts reports whether what expires at a lasts at least as long as what expires at b.
func outlasts(a, b time.Time) bool { return a.IsZero() || !b.IsZero() && !a.Before(b) }

// sameGift orders grants by what makes them one gift: where, to whom, by whom. All that a giver gave a principal in a
// scope is revoked together, so it is kept together.
func sameGift(a, b *Grant) int {
	return cmp.Or(strings.Compare(a.Scope, b.Scope), a.To.compare(b.To), strings.Compare(a.By, b.By))
}

func compareGrants(a, b Grant) int { return cmp.Or(sameGift(&a, &b), a.Expires.Compare(b.Expires)) }

// Clone returns a copy that shares nothing with p that can change.
func (p *Policy) Clone() *Policy {
	c := *p
	c.Grants = slices.Clone(p.Grants)
	c.Barriers = slices.Clone(p.Barriers)
	c.Owners = slices.Clone(p.Owners)
	c.Suspended = slices.Clone(p.Suspended)
	c.Groups = maps.Clone(p.Groups)
	for id, members := range c.Groups {
		c.Groups[id] = slices.Clone(members)
	}
	return &c
}

// normalize brings p into its normal form, in which policies that mean the same are equal: everything sorted, nothing
// twice, and gifts merged. The order in which edits came then leaves no trace, and a scope's grants are found by search.
func (p *Policy) normalize() {
	for i := range p.Grants {
		p.Grants[i].Expires = p.Grants[i].Expires.UTC().Round(0)
	}
	if !slices.IsSortedFunc(p.Grants, compareGrants) {
		slices.SortFunc(p.Grants, compareGrants)
	}
	merged := p.Grants[:0]
	for rest := p.Grants; len(rest) > 0; {
		n := 1
		for n < len(rest) && sameGift(&rest[0], &rest[n]) == 0 {
			n++
		}
		if n == 1 {
			merged = append(merged, rest[0])
		} else {
			merged = append(merged, mergeGift(slices.Clone(rest[:n]))...)
		}
		rest = rest[n:]
	}
	clear(p.Grants[len(merged):])
	p.Grants = merged
	p.Barriers = sortedSet(p.Barriers, strings.Compare)
	p.Suspended = sortedSet(p.Suspended, strings.Compare)
	p.Owners = sortedSet(p.Owners, Principal.compare)
	for id, members := range p.Groups {
		p.Groups[id] = sortedSet(members, Principal.compare)
	}
}

// mergeGift merges the grants of one gift: each right is kept until the latest moment that it was given for, so that
// giving twice extends, in any order. It returns at most one grant for each moment, sorted.
func mergeGift(gift []Grant) []Grant {
	slices.SortFunc(gift, func(a, b Grant) int {
		switch {
		case a.Expires.Equal(b.Expires):
			return 0
		case outlasts(a.Expires, b.Expires):
			return -1
		}
		return 1
	})
	var given Rights
	kept := gift[:0]
	for _, g := range gift { // latest first
		g.Rights &^= given
		given |= g.Rights
		switch last := len(kept) - 1; {
		case g.Rights == 0:
		case last >= 0 && kept[last].Expires.Equal(g.Expires):
			kept[last].Rights |= g.Rights
		default:
			kept = append(kept, g)
		}
	}
	slices.SortFunc(kept, compareGrants)
	return kept
}

func sortedSet[T comparable](s []T, compare func(a, b T) int) []T {
	if !slices.IsSortedFunc(s, compare) {
		slices.SortFunc(s, compare)
	}
	return slices.Compact(s)
}

// grantsAt returns the grants whose scope is exactly this. p is in normal form.
func (p *Policy) grantsAt(scope string) []Grant {
	byScope := func(g Grant, scope string) int { return strings.Compare(g.Scope, scope) }
	lo, found := slices.BinarySearchFunc(p.Grants, scope, byScope)
	if !found {
		return nil
	}
	// The first string after scope is scope and a NUL.
	n, _ := slices.BinarySearchFunc(p.Grants[lo:], scope+"\x00", byScope)
	return p.Grants[lo : lo+n]
}

// hasBarrier reports whether there is a barrier at exactly this scope. p is in normal form.
func (p *Policy) hasBarrier(scope string) bool {
	_, found := slices.BinarySearch(p.Barriers, scope)
	return found
}

// isSuspended reports whether the user is suspended. p is in normal form.
func (p *Policy) isSuspended(user string) bool {
	_, found := slices.BinarySearch(p.Suspended, user)
	return found
}

// isOwner reports whether who is named as an owner. p is in normal form.
func (p *Policy) isOwner(who Principal) bool {
	_, found := slices.BinarySearchFunc(p.Owners, who, Principal.compare)
	return found
}

// Validate says what is wrong with p, or nil: the first malformed part, a group nested too deep, or that no owner is
// left.
func (p *Policy) Validate() error {
	for i := range p.Grants {
		if err := p.Grants[i].validate(); err != nil {
			return fmt.Errorf("grant %d: %w", i, err)
		}
	}
	for _, scope := range p.Barriers {
		if err := checkBarrier(scope); err != nil {
			return err
		}
	}
	for id, members := range p.Groups {
		if err := checkGroup(id, members); err != nil {
			return err
		}
	}
	if err := checkDepth(p.Groups); err != nil {
		return err
	}
	for _, owner := range p.Owners {
		if err := checkNamed(owner); err != nil {
			return fmt.Errorf("owner: %w", err)
		}
	}
	for _, id := range p.Suspended {
		if err := checkID(id); err != nil {
			return fmt.Errorf("suspended user: %w", err)
		}
	}
	if !p.administered() {
		return fmt.Errorf("%w: a policy needs an owner that is a user and not suspended", blob.ErrInvalid)
	}
	return nil
}

// administered reports whether p has an owner that is a user and not suspended. A group is not enough: nothing says
// that it has a member.
func (p *Policy) administered() bool {
	return slices.ContainsFunc(p.Owners, func(owner Principal) bool {
		return owner.kind == kindUser && !slices.Contains(p.Suspended, owner.id)
	})
}

func (g *Grant) validate() error {
	if err := CheckScope(g.Scope); err != nil {
		return err
	}
	if err := g.To.Validate(); err != nil {
		return err
	}
	if g.Rights == 0 {
		return fmt.Errorf("%w: a grant of no rights", blob.ErrInvalid)
	}
	if year := g.Expires.UTC().Year(); year < 1 || year > 9999 {
		return fmt.Errorf("%w: a grant that expires in the year %d, which RFC 3339 cannot write", blob.ErrInvalid, year)
	}
	if g.By != "" {
		return checkID(g.By)
	}
	return nil
}

func checkBarrier(scope string) error {
	if scope == "" {
		return fmt.Errorf("%w: a barrier at the bucket itself would stop nothing; give a scope below", blob.ErrInvalid)
	}
	return CheckScope(scope)
}

func checkGroup(id string, members []Principal) error {
	if err := checkID(id); err != nil {
		return fmt.Errorf("group: %w", err)
	}
	for _, member := range members {
		if err := checkNamed(member); err != nil {
			return fmt.Errorf("member of group %q: %w", id, err)
		}
	}
	return nil
}

// checkNamed refuses what is not a valid user or group.
func checkNamed(p Principal) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if !p.named() {
		return fmt.Errorf("%w: %v stands where only a user or a group can", blob.ErrInvalid, p)
	}
	return nil
}
