package acl

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A View is a bucket as one identity may use it: the one door that an application hands to a request. What the identity
// may not do answers [fs.ErrPermission], the same whether or not there is an object, and without a request to the store;
// what it may not see is not listed. It knows canonical keys only, see [CheckKey].
//
// A view is also where the policy is changed and asked about. It is cheap: make one for each request. Closing it closes
// nothing else.
type View struct {
	wrapper // of v behind blob.Check
	v       *view
}

// wrapper is an alias, so that the field is not exported.
type wrapper = blob.Wrapper

var _ blob.Bucket = (*View)(nil)

// As returns the view of an identity. The groups in it hold as of now. If who is invalid, every call answers why.
func (g *Guard) As(who Identity) *View {
	who.Groups = slices.Clone(who.Groups)
	return newView(&view{guard: g, who: asker{Identity: who}, broken: who.Validate()})
}

func newView(v *view) *View {
	v.Restricted = v.guard.base
	return &View{blob.Own(blob.Check(v)), v}
}

// AtLeast returns a view that knows what the edit did that returned token: where the policy known is older, its calls
// read it again, once, and then answer [ErrStale] if it is older still. So who is told of an edit by another process sees
// it at once.
func (v *View) AtLeast(token Token) *View {
	return newView(&view{guard: v.v.guard, who: v.v.who, broken: v.v.broken, atLeast: max(v.v.atLeast, uint64(token))})
}

// view is what a View does, before blob.Check.
type view struct {
	blob.Restricted
	guard   *Guard
	who     asker
	broken  error  // why no call can work, or nil
	atLeast uint64 // the least generation of a policy that may decide
	latest  atomic.Pointer[access]
}

// An access is what the identity may do by one snapshot.
type access struct {
	snapshot *snapshot // nil: none is fresh, and the identity is of a recovery user
	rights   *compiled
	until    int64 // wall time from which rights must be compiled again; 0: never
}

// denied is the answer to what is not allowed. It has no details: whatever they depended on, they would tell.
var denied = fs.ErrPermission

// Capabilities are those of the bucket, less what views refuse.
func (v *view) Capabilities() blob.Capabilities { return v.guard.caps }

// access returns what the identity may do in a call that begins now. Every decision comes through here.
func (v *view) access(ctx context.Context) (*access, instant, error) {
	now := v.guard.clock.now()
	if v.broken != nil {
		return nil, now, v.broken
	}
	if v.guard.closed.Load() {
		return nil, now, blob.ErrClosed
	}
	s, err := v.guard.snapshots.fresh(ctx, now, v.atLeast)
	if err != nil {
		a, rerr := v.recover(ctx, now, err)
		return a, now, rerr
	}
	if a := v.latest.Load(); a != nil && a.snapshot == s && (a.until == 0 || now.wall < a.until) {
		return a, now, nil
	}
	a := &access{snapshot: s, rights: compile(s.index, v.who.Identity, now.time(), v.who.restrictions...)}
	if until := a.rights.validUntil; until.Before(endOfClock) && !until.IsZero() {
		a.until = until.UnixNano()
	}
	v.latest.Store(a)
	return a, now, nil
}

// recover lets recovery users pass while no policy is fresh, because of err. It is by the user id alone: groups are the
// policy's business. That the view asks for a later policy than there is does not count: anyone can ask for that.
func (v *view) recover(ctx context.Context, now instant, err error) (*access, error) {
	if cerr := ctx.Err(); cerr != nil {
		return nil, err
	}
	if v.atLeast > 0 {
		if _, ferr := v.guard.snapshots.fresh(ctx, now, 0); ferr == nil {
			return nil, err
		}
	}
	c := compile(v.guard.recovery, Identity{User: v.who.User}, time.Time{}, v.who.restrictions...)
	if v.who.User == "" || c.everywhere == 0 {
		return nil, err
	}
	return &access{rights: c}, nil
}

// require answers why the identity may not do what needs want on key, or nil. The key is checked first, and nothing that
// depends on it happens before this.
func (v *view) require(ctx context.Context, op, key string, want Rights) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	a, now, err := v.access(ctx)
	if err == nil && !a.rights.rights(key).Has(want) {
		err = denied
	}
	v.report(now, op, key, want, err)
	return err
}

// report tells the hook of a decision.
func (v *view) report(now instant, op, key string, right Rights, err error) {
	if hook := v.guard.hook; hook != nil {
		hook(Decision{Time: now.time(), Who: v.who.Identity, Op: op, Right: right, Key: key, Err: err})
	}
}

// May returns nil if the identity has right on key, [fs.ErrPermission] if not, and otherwise why that cannot be told. It
// is what each call asks; a call may need more than one right.
func (v *View) May(ctx context.Context, right Rights, key string) error {
	err := cmp.Or(ctx.Err(), askable(right))
	if err == nil {
		err = v.v.require(ctx, "may", key, right)
	}
	if err == denied {
		return denied // as it is: a question is asked often, and its answer costs nothing
	}
	return fail("may", key, err)
}

// askable refuses the question whether someone has no right at all. Everyone has, the suspended too.
func askable(right Rights) error {
	if right == 0 {
		return fmt.Errorf("%w: no right is asked about; give one or more", blob.ErrInvalid)
	}
	return nil
}

// versioned adds what an old version needs beside: Write, since it may have been overwritten to redact it.
func versioned(want Rights, version string) Rights {
	if version != "" {
		want |= Write
	}
	return want
}

// fail wraps the error of a call that does not go through blob.Check.
func fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	return &blob.Error{Op: op, Key: key, Err: err}
}
