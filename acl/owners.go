package acl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// These edits are for owners alone: they decide who anyone is, and so could give anything to anyone.

// SetGroup makes the group, or replaces its members, which are users and groups. It is refused where groups would be
// nested more than 32 deep.
func SetGroup(id string, members ...Principal) Edit { return Edit{setGroup{id, slices.Clone(members)}} }

type setGroup struct {
	id      string
	members []Principal
}

func (e setGroup) String() string { return fmt.Sprintf("set the members of group %q", e.id) }
func (e setGroup) check() error   { return checkGroup(e.id, e.members) }

func (e setGroup) apply(c *editing) error {
	if !c.owns() {
		return onlyOwners
	}
	members := sortedSet(slices.Clone(e.members), Principal.compare)
	before, existed := c.policy.Groups[e.id]
	if existed && slices.Equal(before, members) {
		return nil
	}
	if c.policy.Groups == nil {
		c.policy.Groups = make(map[string][]Principal)
	}
	c.policy.Groups[e.id] = members
	if err := checkDepth(c.policy.Groups); err != nil {
		if c.policy.Groups[e.id] = before; !existed {
			delete(c.policy.Groups, e.id)
		}
		return err
	}
	c.members = invert(c.policy.Groups)
	c.changed = true
	return nil
}

// DeleteGroup deletes the group and all that names it: grants to it, its place in other groups, and among the owners.
// So a group that gets the same id later has nothing from this one.
func DeleteGroup(id string) Edit { return Edit{deleteGroup{id}} }

type deleteGroup struct{ id string }

func (e deleteGroup) String() string { return fmt.Sprintf("delete group %q", e.id) }
func (e deleteGroup) check() error   { return checkID(e.id) }

func (e deleteGroup) apply(c *editing) error {
	if !c.owns() {
		return onlyOwners
	}
	group := Group(e.id)
	if _, exists := c.policy.Groups[e.id]; exists {
		delete(c.policy.Groups, e.id)
		c.changed = true
	}
	for id, members := range c.policy.Groups {
		c.policy.Groups[id] = exclude(c, slices.Clone(members), group, Principal.compare)
	}
	c.members = invert(c.policy.Groups)
	c.policy.Owners = exclude(c, c.policy.Owners, group, Principal.compare)
	c.remove(func(g *Grant) bool { return g.To == group })
	return nil
}

// AddOwner makes a user or group an owner.
func AddOwner(who Principal) Edit { return Edit{addOwner{who}} }

type addOwner struct{ who Principal }

func (e addOwner) String() string { return fmt.Sprintf("add the owner %v", e.who) }
func (e addOwner) check() error   { return checkNamed(e.who) }

func (e addOwner) apply(c *editing) error {
	if !c.owns() {
		return onlyOwners
	}
	c.policy.Owners = include(c, c.policy.Owners, e.who, Principal.compare)
	return nil
}

// RemoveOwner makes a user or group an owner no longer. The last user who is an owner and not suspended stays.
func RemoveOwner(who Principal) Edit { return Edit{removeOwner{who}} }

type removeOwner struct{ who Principal }

func (e removeOwner) String() string { return fmt.Sprintf("remove the owner %v", e.who) }
func (e removeOwner) check() error   { return checkNamed(e.who) }

func (e removeOwner) apply(c *editing) error {
	if !c.owns() {
		return onlyOwners
	}
	return c.keepingOwner(func(p *Policy) { p.Owners = exclude(c, slices.Clone(p.Owners), e.who, Principal.compare) })
}

// Suspend takes every right from a user, at once, until [Unsuspend]. The last owner stays, as in [RemoveOwner].
func Suspend(user string) Edit { return Edit{suspend{user}} }

type suspend struct{ user string }

func (e suspend) String() string { return fmt.Sprintf("suspend %q", e.user) }
func (e suspend) check() error   { return checkID(e.user) }

func (e suspend) apply(c *editing) error {
	if !c.owns() {
		return onlyOwners
	}
	return c.keepingOwner(func(p *Policy) { p.Suspended = include(c, slices.Clone(p.Suspended), e.user, strings.Compare) })
}

// keepingOwner makes a change, and undoes it if it leaves no owner to undo it.
func (c *editing) keepingOwner(change func(p *Policy)) error {
	before, effect := *c.policy, c.effect
	if change(c.policy); !c.policy.administered() {
		*c.policy, c.effect = before, effect
		return fmt.Errorf("%w: the last owner that is a user and not suspended stays; add another first", blob.ErrInvalid)
	}
	return nil
}

// Unsuspend gives a suspended user back what the policy grants.
func Unsuspend(user string) Edit { return Edit{unsuspend{user}} }

type unsuspend struct{ user string }

func (e unsuspend) String() string { return fmt.Sprintf("unsuspend %q", e.user) }
func (e unsuspend) check() error   { return checkID(e.user) }

func (e unsuspend) apply(c *editing) error {
	if !c.owns() {
		return onlyOwners
	}
	c.policy.Suspended = exclude(c, c.policy.Suspended, e.user, strings.Compare)
	return nil
}

// SetAllowPublic decides whether grants to [Public] and [Authenticated] are live.
func SetAllowPublic(allow bool) Edit { return Edit{setAllowPublic{allow}} }

type setAllowPublic struct{ allow bool }

func (e setAllowPublic) String() string { return fmt.Sprintf("set AllowPublic to %t", e.allow) }
func (e setAllowPublic) check() error   { return nil }

func (e setAllowPublic) apply(c *editing) error {
	if !c.owns() {
		return onlyOwners
	}
	c.changed = c.policy.AllowPublic != e.allow
	c.policy.AllowPublic = e.allow
	return nil
}

// include inserts x into a sorted set of the draft, and notes whether that changed it.
func include[T any](c *editing, set []T, x T, compare func(a, b T) int) []T {
	i, found := slices.BinarySearchFunc(set, x, compare)
	if found {
		return set
	}
	c.changed = true
	return slices.Insert(set, i, x)
}

// exclude removes x from a sorted set of the draft, and notes whether that changed it.
func exclude[T any](c *editing, set []T, x T, compare func(a, b T) int) []T {
	i, found := slices.BinarySearchFunc(set, x, compare)
	if !found {
		return set
	}
	c.changed = true
	return slices.Delete(set, i, i+1)
}
