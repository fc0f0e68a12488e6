package acl

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// Changing the policy through a view, in the name of its identity, and asking about it.

// A Token stands for an edit, and all before it, so that another process can wait for them: see [View.AtLeast]. It is the
// generation of the policy, and may be sent and stored as a number. Zero stands for no edit.
type Token uint64

// A Result tells what an edit did.
type Result struct {
	Token    Token    // what a view must know to know of the edit
	Changed  bool     // whether anything is other than before
	Removed  int      // how many grants it took away
	Residual Residual // of a Revoke: what still gives the same rights
	Err      error    // why nothing was done: a *RefusedError, fs.ErrInvalid, ErrUnknownOutcome, or why there was no writing
}

// Edit makes one change to the policy. It is in force in every view of this guard when Edit returns, and everywhere after
// the time that [Guard.RevocationBound] tells.
func (v *View) Edit(ctx context.Context, e Edit) (Result, error) {
	r := v.Batch(ctx, e)[0]
	return r, r.Err
}

// Batch makes changes in order, in one write, and returns what became of each. Each is authorised after those before it.
// One that is refused stops none of the others.
func (v *View) Batch(ctx context.Context, edits ...Edit) []Result {
	results := make([]Result, len(edits))
	outcomes, err := v.v.edit(ctx, edits)
	for i, e := range edits {
		r := &results[i]
		if err != nil {
			r.Err = fail("edit", "", err)
			continue
		}
		o := &outcomes[i]
		r.Token, r.Changed, r.Removed, r.Err = Token(o.generation), o.changed, o.removed, fail("edit", "", o.err)
		if e, ok := e.op.(revoke); ok && o.err == nil && o.revoked != 0 {
			r.Residual = residual(o.after, v.v.who, e.scope, e.from, o.revoked, v.v.guard.clock.now().time())
		}
	}
	return results
}

func (v *view) edit(ctx context.Context, edits []Edit) ([]outcome, error) {
	switch {
	case v.broken != nil:
		return nil, v.broken
	case v.guard.closed.Load():
		return nil, blob.ErrClosed
	case len(edits) == 0:
		return nil, nil
	}
	ids := make([]string, len(edits))
	for i, e := range edits {
		if e.op == nil {
			return nil, fmt.Errorf("%w: edit %d is the zero Edit; make one with AddGrant or the like", blob.ErrInvalid, i)
		}
		ids[i] = nonce()
	}
	outcomes, err := v.guard.editor.edit(ctx, change{v.who, slices.Clone(edits), ids})
	for i, e := range edits {
		why := err
		if err == nil {
			why = outcomes[i].err
		}
		v.report(v.guard.clock.now(), "edit", e.String(), 0, why)
	}
	return outcomes, err
}

// revokedBy returns the rights that a Revoke would take, and nothing for other edits.
func revokedBy(p *Policy, e Edit) (rights Rights) {
	r, ok := e.op.(revoke)
	if !ok {
		return 0
	}
	for _, g := range p.grantsAt(r.scope) {
		if g.To == r.from {
			rights |= g.Rights
		}
	}
	return rights
}

// Grant gives rights to a principal in a scope, for ever; for a grant that expires, see [AddGrant].
func (v *View) Grant(ctx context.Context, scope string, to Principal, rights Rights) (Result, error) {
	return v.Edit(ctx, AddGrant(Grant{Scope: scope, To: to, Rights: rights}))
}

// Revoke takes away what was granted to a principal in exactly this scope. Grants add up, so the principal may still have
// the rights: the Residual of the result says by what.
func (v *View) Revoke(ctx context.Context, scope string, from Principal) (Result, error) {
	return v.Edit(ctx, Revoke(scope, from))
}

// RevokeBy takes away what a user granted: see the edit [RevokeBy].
func (v *View) RevokeBy(ctx context.Context, user string) (Result, error) {
	return v.Edit(ctx, RevokeBy(user))
}

// SetBarrier stops at scope what was granted above it: see the edit [SetBarrier].
func (v *View) SetBarrier(ctx context.Context, scope string) (Result, error) {
	return v.Edit(ctx, SetBarrier(scope))
}

// RemoveBarrier removes the barrier at scope, which gives what it stopped: see the edit [RemoveBarrier].
func (v *View) RemoveBarrier(ctx context.Context, scope string) (Result, error) {
	return v.Edit(ctx, RemoveBarrier(scope))
}

// SetGroup makes a group, or replaces its members. It is for owners.
func (v *View) SetGroup(ctx context.Context, id string, members ...Principal) (Result, error) {
	return v.Edit(ctx, SetGroup(id, members...))
}

// DeleteGroup deletes a group and all that names it. It is for owners.
func (v *View) DeleteGroup(ctx context.Context, id string) (Result, error) {
	return v.Edit(ctx, DeleteGroup(id))
}

// AddOwner makes a user or group an owner. It is for owners.
func (v *View) AddOwner(ctx context.Context, who Principal) (Result, error) {
	return v.Edit(ctx, AddOwner(who))
}

// RemoveOwner makes a user or group an owner no longer. It is for owners.
func (v *View) RemoveOwner(ctx context.Context, who Principal) (Result, error) {
	return v.Edit(ctx, RemoveOwner(who))
}

// Suspend takes every right from a user until [View.Unsuspend]. It is for owners.
func (v *View) Suspend(ctx context.Context, user string) (Result, error) {
	return v.Edit(ctx, Suspend(user))
}

// Unsuspend ends a suspension. It is for owners.
func (v *View) Unsuspend(ctx context.Context, user string) (Result, error) {
	return v.Edit(ctx, Unsuspend(user))
}

// SetAllowPublic decides whether grants to [Public] and [Authenticated] are live. It is for owners.
func (v *View) SetAllowPublic(ctx context.Context, allow bool) (Result, error) {
	return v.Edit(ctx, SetAllowPublic(allow))
}

// RenewSecret ends every resume token of an upload: whoever has one begins anew. It is for owners.
func RenewSecret() Edit { return Edit{renewSecret{}} }

type renewSecret struct{}

func (renewSecret) String() string { return "renew the secret of resume tokens" }
func (renewSecret) check() error   { return nil }

func (renewSecret) apply(c *editing) error {
	if !c.owns() {
		return onlyOwners
	}
	c.newSecret, c.changed = true, true
	return nil
}

// Grants returns the grants in scope and below it, sorted by scope. It needs ReadACL in scope, which holds below too.
func (v *View) Grants(ctx context.Context, scope string) ([]Grant, error) {
	s, err := v.v.readACL(ctx, scope)
	if err != nil {
		return nil, fail("grants", scope, err)
	}
	grants := slices.Clone(s.policy.Grants)
	return slices.DeleteFunc(grants, func(g Grant) bool { return !covers(scope, g.Scope) }), nil
}

// Barriers returns the barriers in scope and below it, sorted. It needs ReadACL in scope.
func (v *View) Barriers(ctx context.Context, scope string) ([]string, error) {
	s, err := v.v.readACL(ctx, scope)
	if err != nil {
		return nil, fail("barriers", scope, err)
	}
	barriers := slices.Clone(s.policy.Barriers)
	return slices.DeleteFunc(barriers, func(b string) bool { return !covers(scope, b) }), nil
}

// Policy returns all of the policy. It needs ReadACL in "".
func (v *View) Policy(ctx context.Context) (*Policy, error) {
	s, err := v.v.readACL(ctx, "")
	if err != nil {
		return nil, fail("policy", "", err)
	}
	return s.policy.Clone(), nil
}

// readACL returns the policy if the identity has ReadACL in scope.
func (v *view) readACL(ctx context.Context, scope string) (*snapshot, error) {
	if err := cmp.Or(ctx.Err(), CheckScope(scope)); err != nil {
		return nil, err
	}
	a, now, err := v.access(ctx)
	switch {
	case err != nil:
	case !a.rights.rights(scope).Has(ReadACL):
		err = denied
	case a.snapshot == nil:
		err = ErrStale // a recovery user may read it, but nobody can
	}
	v.report(now, "read ACL", scope, ReadACL, err)
	if err != nil {
		return nil, err
	}
	return a.snapshot, nil
}

// Explain tells whether who has right on key, which may be a scope, and why. Of oneself anyone may ask; of another
// identity, or of oneself with other groups, it needs ReadACL in "".
func (v *View) Explain(ctx context.Context, who Identity, right Rights, key string) (Explanation, error) {
	e, err := v.v.explain(ctx, who, right, key)
	return e, fail("explain", key, err)
}

func (v *view) explain(ctx context.Context, who Identity, right Rights, key string) (Explanation, error) {
	if err := cmp.Or(ctx.Err(), CheckScope(key), who.Validate(), askable(right)); err != nil {
		return Explanation{}, err
	}
	own := who.User == v.who.User && sameGroups(who.Groups, v.who.Groups)
	if !own {
		s, err := v.readACL(ctx, "")
		if err != nil {
			return Explanation{}, err
		}
		return explain(s.index, who, right, key, v.guard.clock.now().time()), nil
	}
	a, now, err := v.access(ctx)
	if err != nil {
		return Explanation{}, err
	}
	ix := v.guard.recovery
	if a.snapshot != nil {
		ix = a.snapshot.index
	}
	return explain(ix, who, right, key, now.time(), v.who.restrictions...), nil
}

func sameGroups(a, b []string) bool {
	normal := func(ids []string) []string { return sortedSet(slices.Clone(ids), strings.Compare) }
	return slices.Equal(normal(a), normal(b))
}
