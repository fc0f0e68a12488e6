package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
)

// Access control: what calls do, and what they do not tell.

// A revoking body takes a right away when half of it has been read.
type revokingBody struct {
	left, half int
	revoke     func()
}

func (b *revokingBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), b.left, 64<<10)
	clear(p[:n])
	if b.left > b.half && b.left-n <= b.half {
		b.revoke()
	}
	b.left -= n
	return n, nil
}

// checkedEach is after how many bytes of a stream its right is asked for again, at the latest.
const checkedEach = 8 << 20

func revokedUnderWay(t *T) {
	a := newAccess(t)
	t.Put("d/large", strings.Repeat("x", 3*checkedEach))
	t.Put("d/old", "old")
	a.edit(grant("d/", "alice", acl.Writer))
	alice := a.as("alice")
	revoke := func() { a.edit(acl.Revoke("d/", acl.User("alice"))) }
	for _, key := range []string{"d/old", "d/new"} {
		_, err := alice.Put(t.ctx, key, &revokingBody{1 << 20, 1 << 19, revoke}, nil)
		wantDenied(t, "put whose right is revoked half way", err)
		a.edit(grant("d/", "alice", acl.Writer))
	}
	t.WantContent("d/old", "old")
	t.WantMissing("d/new")

	r, err := alice.Get(t.ctx, "d/large", nil)
	t.WantOK("get", err)
	defer r.Close()
	_, err = io.ReadFull(r, make([]byte, 1000))
	t.WantOK("read", err)
	revoke()
	n, err := io.Copy(io.Discard, r)
	wantDenied(t, "read whose right is revoked", err)
	if n > checkedEach+1<<20 {
		t.Errorf("%d bytes were read after the revocation", n)
	}
	r, err = a.root.Get(t.ctx, "d/large", nil)
	t.WantOK("get by the owner", err)
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); n != 3*checkedEach || err != nil {
		t.Errorf("the owner reads %d bytes, %v", n, err)
	}
}

// viewListsVisible compares a view of random keys under a random policy with a bucket of just the keys that the
// reference lets it list, by all kinds of options.
func viewListsVisible(t *T) {
	names := []string{"a", "a-b", "a.txt", "b", "b0", "c"}
	for range t.rounds(10) {
		store, b, visible := t.OpenAnother(), t.OpenAnother(), t.OpenAnother()
		a := newAccessOver(t, b, store)
		p, edits := randomPolicy(t, names)
		a.edit(edits...)
		who := acl.Identity{User: "u0"}
		for range t.Rand.IntN(40) { // few enough now and then that a granted subtree is empty
			key := randomKey(t, names)
			if taken(t, b, key) {
				continue
			}
			_, err := b.Put(t.ctx, key, strings.NewReader("x"), nil)
			t.WantOK("put", err)
			if acl.Reference(p, who, key, time.Now()).Has(acl.List) {
				_, err := visible.Put(t.ctx, key, strings.NewReader("x"), nil)
				t.WantOK("put", err)
			}
		}
		view := a.guard.As(who)
		for range 30 {
			opts := randomListing(t, names)
			got, want := t.EntriesOf(view, opts), t.EntriesOf(visible, opts)
			if !slices.Equal(got, want) {
				t.Errorf("the view lists %+v as %q; a bucket of the visible keys as %q", opts, got, want)
			}
		}
	}
}

// taken tells whether the store cannot hold key beside what it holds.
func taken(t *T, b blob.Bucket, key string) bool {
	if !t.Caps.Keys.NoFileBesideDir {
		return false
	}
	for _, other := range t.EntriesOf(b, nil) {
		if strings.HasPrefix(other, strings.TrimSuffix(key, "/")+"/") || strings.HasPrefix(key, strings.TrimSuffix(other, "/")+"/") {
			return true
		}
	}
	return false
}

func randomListing(t *T, names []string) *blob.ListOptions {
	o := &blob.ListOptions{PageSize: t.Rand.IntN(4), Limit: t.Rand.IntN(4) * t.Rand.IntN(4)}
	if t.Rand.IntN(2) == 0 {
		o.Delimiter = "/"
	}
	if key := randomKey(t, names); t.Rand.IntN(2) == 0 {
		o.Prefix = key[:t.Rand.IntN(len(key)+1)]
	}
	switch start := randomKey(t, names); t.Rand.IntN(3) {
	case 1:
		o.StartAfter = start
	case 2:
		o.StartAt = start
	}
	return o
}

func hiddenKeysDoNotShow(t *T) {
	a := newAccess(t)
	a.tree("a/x", "b/c/x", "b/x", "d/x")
	a.edit(grant("a/", "alice", acl.List), grant("b/c/", "alice", acl.Reader), grant("d/", "alice", acl.Get|acl.Write|acl.Delete))
	alice := a.as("alice")
	look := func() string {
		var all []string
		for _, delimiter := range []string{"", "/"} {
			for _, prefix := range []string{"", "a/", "b", "b/", "d/", "hidden/"} {
				for limit := range 4 {
					var got []string
					for o, err := range alice.List(t.ctx, &blob.ListOptions{Prefix: prefix, Delimiter: delimiter, Limit: limit, PageSize: 2}) {
						t.WantOK("list", err)
						got = append(got, fmt.Sprintf("%s %d %t", o.Key, o.Size, o.IsPrefix))
					}
					all = append(all, fmt.Sprintf("%q%q%d: %q", prefix, delimiter, limit, got))
				}
			}
		}
		return strings.Join(all, "\n")
	}
	before := look()
	for i := range 30 {
		t.Put(fmt.Sprintf("%s/hidden%02d", []string{"b", "d", "hidden", "0"}[i%4], i), strings.Repeat("x", i))
	}
	if after := look(); before != after {
		t.Errorf("hidden keys changed what is listed from\n%s\nto\n%s", before, after)
	}
}

func denialTellsNothing(t *T) {
	f, inner := newFaulty(t.Bucket)
	a := newAccessOver(t, inner, t.OpenAnother())
	a.edit(grant("d/", "alice", acl.List), grant("other/", "alice", acl.Admin))
	alice := a.as("alice")
	for _, c := range calls(alice.Capabilities()) {
		if !c.key || c.op == "copy" { // which reads its source
			continue
		}
		key := "d/" + strings.ReplaceAll(c.name, " ", "-")
		var said [2]string
		for i := range said {
			f.repair()
			err := c.run(t.ctx, alice, key)
			wantDenied(t, c.name, err)
			said[i] = err.Error()
			if n := f.all(); n > 0 {
				t.Errorf("a denied %s made %d calls: %q", c.name, n, f.keys)
			}
			t.Put(key, "now it is there")
		}
		if said[0] != said[1] {
			t.Errorf("a denied %s says %q of a missing key, and %q of one that is there", c.name, said[0], said[1])
		}
	}
}

func copyRights(t *T) {
	a := newAccess(t)
	a.tree("from/k", "to/old")
	a.edit(grant("from/", "reader", acl.Reader), grant("to/", "writer", acl.Writer),
		grant("from/", "both", acl.Get), grant("to/", "both", acl.CreateNew|acl.Write),
		grant("from/", "creator", acl.Get), grant("to/", "creator", acl.CreateNew))
	wantDenied(t, "copy without a right to write", copyThrough(t, a.as("reader"), "from/k", "to/new"))
	wantDenied(t, "copy without a right to read", copyThrough(t, a.as("writer"), "from/k", "to/new"))
	wantAllowed(t, "copy with both", copyThrough(t, a.as("both"), "from/k", "to/new"))
	wantAllowed(t, "copy over what is there, with both", copyThrough(t, a.as("both"), "from/k", "to/old"))
	err := copyThrough(t, a.as("creator"), "from/k", "to/old")
	if t.Caps.If.Copy.Has(blob.KindAbsent) {
		wantClass(t, "copy over what is there, with Create alone", err, fs.ErrExist, blob.ErrPrecondition)
	} else {
		wantClass(t, "copy with Create alone, on a store that cannot copy if-absent", err, errors.ErrUnsupported)
	}
	// A source that is kept past a revocation copies nothing, not even for another.
	src, err := a.as("both").Source(t.ctx, "from/k", nil)
	t.WantOK("source", err)
	a.edit(acl.Revoke("from/", acl.User("both")))
	t.Delete("to/new")
	_, err = a.as("writer").Copy(t.ctx, "to/new", src, nil)
	wantDenied(t, "copy of a source whose right is gone", err)
	_, err = t.Bucket.Copy(t.ctx, "to/new", src, nil)
	wantDenied(t, "copy of such a source past the view", err)
	t.WantMissing("to/new")
}

func moveRights(t *T) {
	a := newAccess(t)
	a.tree("from/k")
	a.edit(grant("from/", "reader", acl.Reader), grant("to/", "reader", acl.Writer),
		grant("from/", "mover", acl.Get|acl.Delete), grant("to/", "mover", acl.CreateNew|acl.Write))
	wantDenied(t, "move without Delete on the source", moveThrough(t, a.as("reader"), "from/k", "to/k"))
	t.WantContent("from/k", "content of from/k")
	wantAllowed(t, "move", moveThrough(t, a.as("mover"), "from/k", "to/moved"))
	t.WantMissing("from/k")
	t.WantContent("to/moved", "content of from/k")
}

func bulkRights(t *T) {
	a := newAccess(t)
	bulkDecisions(t, a)
	_, inner := newBulk(t.Bucket) // which blob.Check hands all keys at once
	bulkDecisions(t, newAccessOver(t, inner, t.OpenAnother()))
}

func bulkDecisions(t *T, a *access) {
	a.edit(grant("mine/", "alice", acl.Delete), acl.SetBarrier("mine/not/"))
	keys := []string{"mine/1", "theirs/1", "mine/2", "../mine/3", "mine/not/1", "mine/missing", ".holdall/x", "theirs/missing"}
	may := map[string]bool{"mine/1": true, "mine/2": true, "mine/missing": true}
	for range 3 {
		a.tree("mine/1", "theirs/1", "mine/2", "mine/not/1")
		t.Rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		stayed := map[string]error{}
		err := a.as("alice").DeleteEach(t.ctx, slices.Values(keys), func(key string, err error) { stayed[key] = err })
		if err == nil {
			t.Errorf("a bulk deletion with denied keys succeeds")
		}
		for _, key := range keys {
			switch why, failed := stayed[key]; {
			case failed == may[key]:
				t.Errorf("in a bulk deletion of %q, %q failed: %t, %v", keys, key, failed, why)
			case failed && (key == "../mine/3" || key == ".holdall/x"):
				if !errors.Is(why, blob.ErrInvalid) && !errors.Is(why, fs.ErrPermission) {
					t.Errorf("the bad key %q stays with %v", key, why)
				}
			case failed:
				wantDenied(t, "a denied key of a bulk deletion", why)
			}
		}
		t.WantMissing("mine/1")
		t.WantContent("theirs/1", "content of theirs/1")
		t.WantContent("mine/not/1", "content of mine/not/1")
	}
}

func conditionsTellNothing(t *T) {
	a := newAccess(t)
	a.edit(grant("d/", "alice", acl.List|acl.Delete), grant("e/", "bob", acl.CreateNew))
	key := "d/k"
	conditional := func(view *acl.View) []string {
		var said []string
		for _, cond := range []blob.Condition{{}, blob.IfAbsent, blob.IfMatch(`"x"`)} {
			said = append(said, fmt.Sprint(putThrough(t, view, key, cond)))
		}
		for _, cond := range []blob.Condition{{}, blob.IfMatch(`"x"`), blob.IfNoneMatch(`"x"`), blob.IfModifiedSince(time.Unix(1, 0))} {
			if t.Caps.If.Read.Has(cond.Kind()) {
				_, err := view.Stat(t.ctx, key, &blob.StatOptions{If: cond})
				wantDenied(t, "stat "+cond.String(), err)
				_, _, err = get(t, view, key, &blob.GetOptions{If: cond})
				said = append(said, fmt.Sprint(err))
			}
		}
		return said
	}
	for _, view := range []*acl.View{a.as("alice"), a.as(""), a.as("carol")} {
		t.Delete(key)
		missing := conditional(view)
		t.Put(key, "there")
		if there := conditional(view); !slices.Equal(missing, there) {
			t.Errorf("conditions on a denied key answer %q where it is missing and %q where it is there", missing, there)
		}
	}
	wantDenied(t, "if-match with Create alone", putThrough(t, a.as("bob"), "e/k", blob.IfMatch(`"x"`)))
}

func signRights(t *T) {
	a := newAccess(t)
	a.tree("d/k")
	until := time.Now().Add(time.Hour)
	a.edit(grant("d/", "reader", acl.Reader), grant("d/", "sharer", acl.Share), grantUntil("d/", "both", acl.Reader|acl.Share, until))
	sign := func(view *acl.View, key string, life time.Duration) (*blob.SignedRequest, error) {
		return view.Sign(t.ctx, key, &blob.SignOptions{Method: http.MethodGet, Expires: life})
	}
	_, err := sign(a.as("reader"), "d/k", time.Minute)
	wantDenied(t, "sign without Share", err)
	_, err = sign(a.as("sharer"), "d/k", time.Minute)
	wantDenied(t, "sign with Share alone", err)
	_, err = sign(a.as("both"), "e/k", time.Minute)
	wantDenied(t, "sign elsewhere", err)
	s, err := sign(a.as("both"), "d/k", time.Minute)
	t.WantOK("sign with both", err)
	if s.Expires.After(time.Now().Add(2 * time.Minute)) {
		t.Errorf("a request signed for a minute is good until %v", s.Expires)
	}
	if s, err := sign(a.as("both"), "d/k", 2*time.Hour); err == nil && s.Expires.After(until.Add(time.Second)) {
		t.Errorf("a request signed under a grant until %v is good until %v", until, s.Expires)
	}
}

func uploadRights(t *T) {
	a := newAccess(t)
	a.edit(grant("d/", "alice", acl.CreateNew|acl.Write), grant("d/", "bob", acl.Reader))
	alice := a.as("alice")
	_, err := a.as("bob").Upload(t.ctx, "d/k", nil)
	wantDenied(t, "begin without a right to write", err)
	u, err := alice.Upload(t.ctx, "d/k", nil)
	t.WantOK("begin", err)
	_, err = u.Put(t.ctx, 1, section("content"))
	t.WantOK("part", err)
	_, err = a.as("bob").Upload(t.ctx, "d/k", &blob.UploadOptions{ID: u.ID()})
	wantDenied(t, "going on with another's upload", err)
	a.edit(grant("d/", "carol", acl.CreateNew|acl.Write))
	if _, err := a.as("carol").Upload(t.ctx, "d/k", &blob.UploadOptions{ID: u.ID()}); err == nil {
		t.Errorf("another who may write goes on with an upload that is not hers")
	}
	a.edit(acl.Revoke("d/", acl.User("alice")))
	_, err = u.Put(t.ctx, 2, section("x"))
	wantDenied(t, "a part after the revocation", err)
	_, err = u.Complete(t.ctx)
	wantDenied(t, "completion after the revocation", err)
	t.WantMissing("d/k")
	a.edit(grant("d/", "alice", acl.CreateNew))
	u, err = alice.Upload(t.ctx, "d/k", nil)
	if !t.Caps.If.Upload.Has(blob.KindAbsent) {
		wantClass(t, "an upload with Create alone, on a store that cannot complete if-absent", err, errors.ErrUnsupported)
		return
	}
	t.WantOK("begin with Create alone", err)
	t.Put("d/k", "meanwhile")
	_, err = u.Complete(t.ctx)
	wantClass(t, "completion with Create alone over what is there", err, fs.ErrExist, blob.ErrPrecondition)
	t.WantContent("d/k", "meanwhile")
	wantAllowed(t, "abort by who began", u.Abort(context.WithoutCancel(t.ctx)))
}

func rangesNeedGet(t *T) {
	a := newAccess(t)
	a.tree("d/k")
	a.edit(grant("d/", "alice", acl.Admin&^acl.Get), grant("d/", "bob", acl.Get))
	for _, r := range []blob.Range{{}, blob.Bytes(0, 1), blob.Bytes(0, 0), blob.From(3), blob.From(1000), blob.Last(1), blob.Last(0)} {
		_, _, err := get(t, a.as("alice"), "d/k", &blob.GetOptions{Range: r})
		wantDenied(t, fmt.Sprintf("get of %s without Get", r), err)
		if _, _, err = get(t, a.as("bob"), "d/k", &blob.GetOptions{Range: r}); err != nil && !errors.Is(err, blob.ErrRange) {
			t.Errorf("get of %s with Get answers %v", r, err)
		}
	}
}

func statNeedsGet(t *T) {
	a := newAccess(t)
	a.tree("d/k")
	a.edit(grant("d/", "alice", acl.Admin&^acl.Get))
	alice := a.as("alice")
	o, err := alice.Stat(t.ctx, "d/k", nil)
	wantDenied(t, "stat without Get", err)
	if o != nil {
		t.Errorf("a denied stat returns %+v", o)
	}
	_, err = alice.Stat(t.ctx, "d/none", nil)
	wantDenied(t, "stat of a missing key without Get", err)
	if text, etag := fmt.Sprint(err), t.Stat("d/k").ETag; strings.Contains(text, etag) {
		t.Errorf("the denial %q shows the ETag", text)
	}
}

// reservedKeys keeps the policy in the bucket itself.
func reservedKeys(t *T) {
	a := newAccessOver(t, t.Bucket, nil)
	a.edit(grant("", "alice", acl.Admin))
	inside := 0
	for _, key := range t.Entries(nil) {
		if !strings.HasPrefix(key, ".holdall/") {
			t.Errorf("the policy is kept as %q", key)
		}
		inside++
	}
	if inside == 0 {
		t.Errorf("a policy without a store of its own is not in the bucket")
	}
	before := t.Snapshot()
	keys := append(t.Entries(nil), ".holdall", ".holdall/", ".holdall/x", "team/.holdall/x", ".HOLDALL/x", ".holdall./x", ".holdall /x", ".hold\u200call/x")
	for _, view := range []*acl.View{a.root, a.as("alice")} {
		for _, key := range keys {
			for _, c := range calls(view.Capabilities()) {
				if !c.key {
					continue
				}
				if err := c.run(t.ctx, view, key); !errors.Is(err, blob.ErrInvalid) && !errors.Is(err, fs.ErrPermission) {
					t.Errorf("%s of the reserved key %q answers %v", c.name, key, err)
				}
			}
		}
		wantListed(t, "a view", view, nil)
		wantListed(t, "a view", view, &blob.ListOptions{Delimiter: "/"})
		wantListed(t, "a view", view, &blob.ListOptions{Prefix: ".hold"})
		if t.Caps.Uploads.Listed {
			for u := range view.Uploads(t.ctx, "") {
				t.Errorf("upload %+v shows", u)
			}
		}
	}
	if after := t.Snapshot(); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("calls on reserved keys changed %q to %q", before, after)
	}
}
