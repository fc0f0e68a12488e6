package acl

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// Who may change the policy is decided here, with this promise: whatever edits those who are not owners make, together
// and in any order, nobody comes to hold a right, on any key, for any time, that none of them held already.

// An Edit is one change to a policy. It is made by a function of this package, as in AddGrant, and applied by a view.
// Applying it to a policy that is already so is allowed to whoever may make the change, and changes nothing.
// The zero Edit is none, and is refused. (It is no interface, so that nobody makes one of his own that lies about what
// it does, or does nothing but panic.)
type Edit struct{ op amendment }

// String tells what the edit would do.
func (e Edit) String() string {
	if e.op == nil {
		return "no edit"
	}
	return e.op.String()
}

// An amendment is what an edit does, and to whom it is allowed.
type amendment interface {
	String() string
	// check refuses what would be wrong in any policy.
	check() error
	// apply authorises the edit, and only then changes the draft.
	apply(*editing) error
}

// A RefusedError tells that an edit was not allowed to who asked for it. It is [fs.ErrPermission]. It names the rule,
// never a grant that stands in the way.
type RefusedError struct {
	Edit string // what was asked for
	Rule string // what it would need
}

func (e *RefusedError) Error() string { return fmt.Sprintf("may not %s: %s", e.Edit, e.Rule) }
func (e *RefusedError) Unwrap() error { return fs.ErrPermission }

// draft is a policy that is being edited. It shares nothing that changes with the policy that it began from.
type draft struct {
	policy    *Policy // in normal form, and kept so; a new index of it ends the draft
	members   membership
	newSecret bool // whether the secret of resume tokens is to be another
}

// newDraft begins from the policy of ix.
func newDraft(ix *index) *draft {
	p := *ix.policy
	p.Grants = slices.Clone(p.Grants)
	p.Barriers = slices.Clone(p.Barriers)
	p.Owners = slices.Clone(p.Owners)
	p.Suspended = slices.Clone(p.Suspended)
	p.Groups = maps.Clone(p.Groups) // members are replaced, never changed
	return &draft{policy: &p, members: ix.membership}
}

// apply makes one edit in the name of who, or refuses it and changes nothing. It is authorised against the draft as it
// is now, so after the edits before it.
func (d *draft) apply(who asker, e Edit, now time.Time) (effect, error) {
	if err := e.op.check(); err != nil {
		return effect{}, fmt.Errorf("%v: %w", e, err)
	}
	c := &editing{draft: d, who: who, now: now}
	if who.User == "" {
		return effect{}, &RefusedError{e.String(), "an edit needs an author: a named user"}
	}
	if err := e.op.apply(c); err != nil {
		if rule, refused := err.(refusal); refused {
			err = &RefusedError{e.String(), string(rule)}
		}
		return effect{}, err
	}
	return c.effect, nil
}

// effect is what an edit did.
type effect struct {
	changed bool // whether anything is other than before
	removed int  // grants that it took away
}

// applyEdit applies one edit to the policy of ix, and returns the new policy. It is for an edit that comes alone.
func applyEdit(ix *index, who asker, e Edit, now time.Time) (*Policy, effect, error) {
	d := newDraft(ix)
	did, err := d.apply(who, e, now)
	if err != nil {
		return nil, effect{}, err
	}
	return d.policy, did, nil
}

// editing is what an edit works with: the draft, who asks, and when.
type editing struct {
	*draft
	who asker
	now time.Time
	effect
}

// refusal is the rule that an edit breaks.
type refusal string

func (r refusal) Error() string { return string(r) }

const onlyOwners = refusal("only owners change groups, owners, suspensions and AllowPublic")

// administers returns what the asker holds on scope, if that includes WriteACL.
func (c *editing) administers(scope string) (holding, error) {
	h := c.policy.hold(c.members, c.who, scope, c.now)
	if !h.rights.Has(WriteACL) {
		return h, refusal(fmt.Sprintf("it needs WriteACL in %q", scope))
	}
	return h, nil
}

func (c *editing) owns() bool { return c.policy.owns(c.members, c.who) }

// AddGrant gives g.Rights to g.To in g.Scope until g.Expires, or extends what the same user has given before. The giver
// needs WriteACL there, and to hold those rights there for at least as long. g.By is set to the giver.
func AddGrant(g Grant) Edit { return Edit{addGrant{g}} }

type addGrant struct{ grant Grant }

func (e addGrant) String() string { return "grant " + e.grant.String() }

func (e addGrant) check() error {
	e.grant.By = ""
	return e.grant.validate()
}

func (e addGrant) apply(c *editing) error {
	g := e.grant
	g.By = c.who.User
	g.Expires = g.Expires.UTC().Round(0)
	h, err := c.administers(g.Scope)
	if err != nil {
		return err
	}
	if !h.has(g.Rights, g.Expires) {
		return refusal("one gives only the rights that one holds there, and for no longer than one holds them")
	}
	if !g.live(c.now) {
		return fmt.Errorf("%w: %v would have expired already", blob.ErrInvalid, e)
	}
	grants := c.policy.Grants
	same := func(at, g Grant) int { return sameGift(&at, &g) }
	lo, _ := slices.BinarySearchFunc(grants, g, same)
	hi := lo
	for hi < len(grants) && sameGift(&grants[hi], &g) == 0 {
		hi++
	}
	gift := mergeGift(append(slices.Clone(grants[lo:hi]), g))
	if slices.Equal(gift, grants[lo:hi]) {
		return nil
	}
	c.policy.Grants = slices.Replace(grants, lo, hi, gift...)
	c.changed = true
	return nil
}

// Revoke takes away what was granted to exactly this principal in exactly this scope, by anyone. It needs WriteACL
// there. The principal may hold the rights still, by another grant.
func Revoke(scope string, from Principal) Edit { return Edit{revoke{scope, from}} }

type revoke struct {
	scope string
	from  Principal
}

func (e revoke) String() string { return fmt.Sprintf("revoke what %v has in %q", e.from, e.scope) }

func (e revoke) check() error {
	if err := CheckScope(e.scope); err != nil {
		return err
	}
	return e.from.Validate()
}

func (e revoke) apply(c *editing) error {
	if _, err := c.administers(e.scope); err != nil {
		return err
	}
	c.remove(func(g *Grant) bool { return g.Scope == e.scope && g.To == e.from })
	return nil
}

// RevokeBy takes away all that a user granted, in every scope in which the asker has WriteACL; an owner has it in all.
// Where there is nothing to take, or not for the asker, it takes nothing, and does not tell which.
func RevokeBy(user string) Edit { return Edit{revokeBy{user}} }

type revokeBy struct{ user string }

func (e revokeBy) String() string { return fmt.Sprintf("revoke what %q granted", e.user) }
func (e revokeBy) check() error   { return checkID(e.user) }

func (e revokeBy) apply(c *editing) error {
	allowed := make(map[string]bool) // by scope; decided before the first is removed, since the asker's own may be one
	for i := range c.policy.Grants {
		g := &c.policy.Grants[i]
		if _, known := allowed[g.Scope]; g.By == e.user && !known {
			_, err := c.administers(g.Scope)
			allowed[g.Scope] = err == nil
		}
	}
	c.remove(func(g *Grant) bool { return g.By == e.user && allowed[g.Scope] })
	return nil
}

// remove removes the grants that match.
func (c *editing) remove(match func(*Grant) bool) {
	before := len(c.policy.Grants)
	c.policy.Grants = slices.DeleteFunc(c.policy.Grants, func(g Grant) bool { return match(&g) })
	c.removed = before - len(c.policy.Grants)
	c.changed = c.changed || c.removed > 0
}

// SetBarrier stops the data rights granted above scope from reaching into it. It needs WriteACL there.
func SetBarrier(scope string) Edit { return Edit{setBarrier{scope}} }

type setBarrier struct{ scope string }

func (e setBarrier) String() string { return fmt.Sprintf("set a barrier at %q", e.scope) }
func (e setBarrier) check() error   { return checkBarrier(e.scope) }

func (e setBarrier) apply(c *editing) error {
	if _, err := c.administers(e.scope); err != nil {
		return err
	}
	c.policy.Barriers = include(c, c.policy.Barriers, e.scope, strings.Compare)
	return nil
}

// RemoveBarrier lets what was granted above scope reach into it again. That gives rights to others, so it needs
// WriteACL there, and every data right of every live grant above, for at least as long, whether or not anyone has it now:
// the switches and the groups that decide about that may change.
func RemoveBarrier(scope string) Edit { return Edit{removeBarrier{scope}} }

type removeBarrier struct{ scope string }

func (e removeBarrier) String() string { return fmt.Sprintf("remove the barrier at %q", e.scope) }
func (e removeBarrier) check() error   { return checkBarrier(e.scope) }

func (e removeBarrier) apply(c *editing) error {
	h, err := c.administers(e.scope)
	if err != nil || !c.policy.hasBarrier(e.scope) {
		return err
	}
	holdsAll := true
	c.policy.covering(e.scope, func(g *Grant, _ int) {
		if stopped := g.Rights &^ Control; len(g.Scope) < len(e.scope) && g.live(c.now) {
			holdsAll = holdsAll && h.has(stopped, g.Expires)
		}
	})
	if !holdsAll {
		return refusal("it gives what the barrier stops, and one gives only the rights that one holds there, for no longer")
	}
	c.policy.Barriers = exclude(c, c.policy.Barriers, e.scope, strings.Compare)
	return nil
}
