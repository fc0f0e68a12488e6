package conformance

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
)

// needPolicy is what a policy needs of the store that holds it.
var needPolicy = Need{Name: "if-absent and if-match on Put, which a policy needs",
	Has: func(c blob.Capabilities) bool { return c.If.Put.Has(blob.KindAbsent) && c.If.Put.Has(blob.KindMatch) },
	Refused: refused(func(t *T) error {
		_, err := acl.Create(t.ctx, t.Bucket, nil, acl.User("root"))
		return err
	})}

// notGuarded excuses views, which reserve the names of the policy's objects: no second policy can be below them.
var notGuarded = unless("Guarded: it is under access control already", func(c blob.Capabilities) bool { return c.Guarded })

// An access is a bucket under access control, whose owner is root. Its policy is in a bucket of its own.
type access struct {
	t     *T
	b     blob.Bucket
	store blob.Bucket // nil: b
	guard *acl.Guard
	root  *acl.View
}

func newAccess(t *T) *access {
	return newAccessOver(t, t.Bucket, t.OpenAnother())
}

func newAccessOver(t *T, b, store blob.Bucket) *access {
	guard, err := acl.Create(t.ctx, b, &acl.Options{Store: store}, acl.User("root"))
	t.WantOK("create of the policy", err)
	return accessBy(t, b, store, guard)
}

func accessBy(t *T, b, store blob.Bucket, guard *acl.Guard) *access {
	t.Cleanup(func() { _ = guard.Close() })
	a := &access{t: t, b: b, store: store, guard: guard}
	a.root = a.as("root")
	return a
}

// quickly is for guards whose word a case waits for.
var quickly = acl.Within(50 * time.Millisecond)

// again opens the same policy by another guard, as another process would.
func (a *access) again(f acl.Freshness) *access {
	guard, err := acl.Open(a.t.ctx, a.b, &acl.Options{Store: a.store, Freshness: f})
	a.t.WantOK("another guard", err)
	return accessBy(a.t, a.b, a.store, guard)
}

// as is the view of a user, and of the groups that the application vouches for. No user is anybody.
func (a *access) as(user string, groups ...string) *acl.View {
	return a.guard.As(acl.Identity{User: user, Groups: groups})
}

// try makes edits in the name of the view's user, in one batch, and returns the error of each.
func try(t *T, view *acl.View, edits ...acl.Edit) []error {
	var errs []error
	for _, res := range view.Batch(t.ctx, edits...) {
		errs = append(errs, res.Err)
	}
	if len(errs) != len(edits) {
		t.Fatalf("a batch of %d edits has %d results", len(edits), len(errs))
	}
	return errs
}

// edit makes edits as root, which must succeed.
func (a *access) edit(edits ...acl.Edit) {
	for i, err := range try(a.t, a.root, edits...) {
		if err != nil {
			a.t.Fatalf("%v: %v", edits[i], err)
		}
	}
}

// grant is the edit that gives a user rights for ever.
func grant(scope, user string, rights acl.Rights) acl.Edit {
	return grantTo(scope, acl.User(user), rights)
}

func grantTo(scope string, to acl.Principal, rights acl.Rights) acl.Edit {
	return acl.AddGrant(acl.Grant{Scope: scope, To: to, Rights: rights})
}

func grantUntil(scope, user string, rights acl.Rights, until time.Time) acl.Edit {
	return acl.AddGrant(acl.Grant{Scope: scope, To: acl.User(user), Rights: rights, Expires: until})
}

// may tells whether a view has a right.
func may(t *T, view *acl.View, right acl.Rights, key string) bool {
	err := view.May(t.ctx, right, key)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("may %v %q: %v", right, key, err)
	}
	return err == nil
}

// singleRights are the rights one by one.
var singleRights = []acl.Rights{acl.Get, acl.List, acl.CreateNew, acl.Write, acl.Delete, acl.ReadACL, acl.WriteACL, acl.Share}

// rightsOf asks for every right of a view on a key.
func rightsOf(t *T, view *acl.View, key string) acl.Rights {
	var all acl.Rights
	for _, r := range singleRights {
		if may(t, view, r, key) {
			all |= r
		}
	}
	return all
}

// wantRights reports a view that has other rights on key than these.
func wantRights(t *T, who string, view *acl.View, key string, want acl.Rights) {
	if got := rightsOf(t, view, key); got != want {
		t.Errorf("%s may %v %q; it must be %v", who, got, key, want)
	}
}

// wantAllowed and wantDenied judge a call through a view.
func wantAllowed(t *T, what string, err error) {
	if err != nil {
		t.Errorf("%s is refused: %v", what, err)
	}
}

func wantDenied(t *T, what string, err error) { wantClass(t, what, err, fs.ErrPermission) }

func getThrough(t *T, b blob.Bucket, key string) error {
	_, _, err := get(t, b, key, nil)
	return err
}

func putThrough(t *T, b blob.Bucket, key string, cond blob.Condition) error {
	_, err := b.Put(t.ctx, key, strings.NewReader("put through a view"), &blob.PutOptions{If: cond})
	return err
}

func copyThrough(t *T, b blob.Bucket, from, to string) error {
	src, err := b.Source(t.ctx, from, nil)
	if err != nil {
		return err
	}
	_, err = b.Copy(t.ctx, to, src, nil)
	return err
}

// tree fills the bucket with objects, going past access control.
func (a *access) tree(keys ...string) {
	for _, key := range keys {
		a.t.Put(key, "content of "+key)
	}
}

// wantListed reports a view that lists other keys than these.
func wantListed(t *T, who string, b blob.Bucket, opts *blob.ListOptions, want ...string) {
	got := t.EntriesOf(b, opts)
	if !slices.Equal(got, want) && !(len(got) == 0 && len(want) == 0) && !t.Caps.Deviations.EventualList {
		t.Errorf("%s lists %q, not %q", who, got, want)
	}
}

func moveThrough(t *T, b blob.Bucket, from, to string) error {
	_, err := blob.Move(t.ctx, b, to, b, from, nil)
	return err
}
