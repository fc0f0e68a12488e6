package acl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// Attacks on views, each a way in which access control was broken somewhere. Those through bad keys, denials and batches
// stand beside the table of operations, those on listings, edits and snapshots with these.

// Attacks 1 and 2: a scope is no raw prefix, neither to grant nor to revoke.
func TestScopesAreNoPrefixes(t *testing.T) {
	b := mem.New(nil)
	put(t, b, "photos/x", "photos-private/x", "photos", "photosx", "photos0/", "a/b/x", "a/bc/x", "a/b")
	g := newTestGuard(t, b, nil)
	olga, u := g.as("olga"), g.as("u")
	must(t)(olga.Grant(t.Context(), "photos/", User("u"), Admin))
	if got := entries(t, u, nil); len(got) != 1 || got[0] != "photos/x" {
		t.Errorf("sees %q", got)
	}
	for _, key := range []string{"photos-private/x", "photos", "photosx", "photos0/"} {
		wantErr(t, key, u.May(t.Context(), Get, key), fs.ErrPermission)
		wantErr(t, key, second(u.Stat(t.Context(), key, nil)), fs.ErrPermission)
	}
	for _, scope := range []string{"photos-private/", "photos", "photosx", "photos0/", ""} {
		wantErr(t, "a grant in "+scope, second(u.Grant(t.Context(), scope, User("v"), Get)), fs.ErrPermission)
	}
	must(t)(olga.Grant(t.Context(), "a/b/", User("w"), Get))
	must(t)(olga.Grant(t.Context(), "a/bc/", User("w"), Get))
	must(t)(olga.Revoke(t.Context(), "a/b/", User("w")))
	if err := g.as("w").May(t.Context(), Get, "a/bc/x"); err != nil {
		t.Errorf("a revocation at a/b/ took a/bc/: %v", err)
	}
}

// Attack 7: a copy needs Get on its source, also between two views.
func TestCopyNeedsItsSource(t *testing.T) {
	b := mem.New(nil)
	put(t, b, "secret", "mine/x")
	g := newTestGuard(t, b, nil)
	install(t, g, policyOf(grantTo("u", "mine/", Writer), grantTo("v", "secret", Reader)))
	u, v := g.as("u"), g.as("v")
	wantErr(t, "copy", second(blob.Copy(t.Context(), u, "mine/y", u, "secret", nil)), fs.ErrPermission)
	if _, err := blob.Copy(t.Context(), u, "mine/y", v, "secret", nil); err != nil {
		t.Errorf("what v may read and u may write: %v", err)
	}
	wantErr(t, "copy", second(blob.Copy(t.Context(), v, "mine/z", v, "secret", nil)), fs.ErrPermission)
	wantErr(t, "move", second(blob.Move(t.Context(), u, "mine/z", v, "secret", nil)), fs.ErrPermission)
	if got := content(t, b, "secret"); got != "content of secret" {
		t.Errorf("the source of a refused move is %q", got)
	}
	for _, version := range []string{"1"} { // attack 25: an earlier version may have been redacted
		vb := mem.New(&mem.Options{Versions: true})
		put(t, vb, "secret", "secret")
		vg := newTestGuard(t, vb, nil)
		install(t, vg, policyOf(grantTo("r", "", Reader), grantTo("d", "", Reader|Delete)))
		wantErr(t, "an old version", second(vg.as("r").Get(t.Context(), "secret", &blob.GetOptions{Version: version})), fs.ErrPermission)
		wantErr(t, "deleting the newest", vg.as("d").Delete(t.Context(), "secret", &blob.DeleteOptions{Version: "2"}), fs.ErrPermission)
	}
}

// Attack 8: what is recursive stops at a barrier.
func TestRecursionAcrossABarrier(t *testing.T) {
	b := mem.New(nil)
	put(t, b, "t/1", "t/private/2", "t/private/3", "t/z")
	g := newTestGuard(t, b, nil)
	p := policyOf(grantTo("u", "t/", Admin))
	p.Barriers = []string{"t/private/"}
	install(t, g, p)
	if n, err := blob.DeletePrefix(t.Context(), g.as("u"), "t/"); err != nil || n != 2 {
		t.Errorf("removed %d, %v", n, err)
	}
	if got := entries(t, b, &blob.ListOptions{Prefix: "t/"}); len(got) != 2 {
		t.Errorf("left %q", got)
	}
}

// Attack 9: who may create cannot replace, by any way to write.
func TestCreateOnly(t *testing.T) {
	b := mem.New(nil)
	put(t, b, "k", "src")
	g := newTestGuard(t, b, nil)
	install(t, g, policyOf(grantTo("u", "", Contributor)))
	ctx, u := t.Context(), g.as("u")
	for _, o := range []*blob.PutOptions{nil, {If: blob.IfAbsent}} {
		wantErr(t, "put", second(u.Put(ctx, "k", strings.NewReader("x"), o)), blob.ErrExist)
	}
	wantErr(t, "copy", second(blob.Copy(ctx, u, "k", u, "src", nil)), blob.ErrExist)
	up, err := u.Upload(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := up.Put(ctx, 1, section("x")); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "complete", second(up.Complete(ctx)), blob.ErrExist)
	if err := up.Abort(ctx); err != nil {
		t.Error(err)
	}
	if got := content(t, b, "k"); got != "content of k" {
		t.Errorf("holds %q", got)
	}
	var wg sync.WaitGroup
	var errs [8]error
	for i := range errs {
		wg.Go(func() { _, errs[i] = u.Put(ctx, "new", strings.NewReader(fmt.Sprint(i)), nil) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
			if got := content(t, b, "new"); got != fmt.Sprint(i) {
				t.Errorf("%d won, and it holds %q", i, got)
			}
		}
	}
	if won != 1 {
		t.Errorf("%d of 8 created it", won)
	}
}

// Who may only overwrite replaces what he looked at, tries again when it changed, and gives up in the end.
func TestWriteOnly(t *testing.T) {
	ctx := t.Context()
	s := newSpy()
	put(t, s.Wrapper, "k")
	g := newTestGuard(t, s, nil)
	install(t, g, policyOf(grantTo("u", "", Write)))
	u := g.as("u")
	changes := 0
	s.interfere(nil, func(op, key string) error {
		if op == "stat" && changes > 0 {
			changes--
			_, err := s.Wrapper.Put(ctx, "k", strings.NewReader("other"), nil)
			return err
		}
		return nil
	})
	for _, test := range []struct {
		changes int
		body    io.Reader
		want    error
	}{
		{0, strings.NewReader("new"), nil},
		{2, strings.NewReader("new"), nil},
		{3, strings.NewReader("new"), blob.ErrPrecondition},
		{1, io.MultiReader(strings.NewReader("new")), blob.ErrPrecondition}, // cannot be read again
		{0, io.MultiReader(strings.NewReader("new")), nil},
	} {
		changes = test.changes
		_, err := u.Put(ctx, "k", test.body, nil)
		if !errors.Is(err, test.want) {
			t.Errorf("with %d changes: %v", test.changes, err)
		}
		if got := content(t, s.Wrapper, "k"); test.want == nil && got != "new" {
			t.Errorf("holds %q", got)
		}
	}
	changes = 0
	up, err := u.Upload(ctx, "k", nil)
	if err == nil {
		_, err = up.Put(ctx, 1, section("uploaded"))
	}
	if err == nil {
		_, err = up.Complete(ctx)
	}
	if got := content(t, s.Wrapper, "k"); err != nil || got != "uploaded" {
		t.Errorf("holds %q, %v", got, err)
	}
	wantErr(t, "an upload to what is missing", second(u.Upload(ctx, "missing", nil)), fs.ErrPermission)
}

// A store that takes two spellings for one key would let one of them pass a barrier on the other.
func TestSpellings(t *testing.T) {
	for name, caps := range map[string]func(c *blob.Capabilities){
		"case":        func(c *blob.Capabilities) { c.Keys.CaseFolding = true },
		"normal form": func(c *blob.Capabilities) { c.Keys.Normalizing = true },
	} {
		b := &broken{Wrapper: blob.Wrap(mem.New(nil)), caps: caps}
		_, err := Create(t.Context(), b, nil, User("olga"))
		wantErr(t, "Create over a store that ignores "+name, err, errors.ErrUnsupported)
		_, err = Open(t.Context(), b, nil)
		wantErr(t, "Open over a store that ignores "+name, err, errors.ErrUnsupported)
	}
}

// A store without a condition cannot keep a right apart that needs it.
func TestRightsThatNeedConditions(t *testing.T) {
	b := &broken{Wrapper: blob.Wrap(mem.New(nil)), caps: func(c *blob.Capabilities) { c.If.Put, c.If.Copy, c.If.Upload = 0, 0, 0 }}
	put(t, b.Wrapper, "k")
	g := newTestGuard(t, b, nil)
	install(t, g, policyOf(grantTo("c", "", CreateNew|Get), grantTo("w", "", Write|Get), grantTo("cw", "", CreateNew|Write|Get)))
	for user, want := range map[string]error{"c": errors.ErrUnsupported, "w": errors.ErrUnsupported, "cw": nil} {
		v := g.as(user)
		for what, err := range map[string]error{
			"put":    second(v.Put(t.Context(), "k", strings.NewReader("x"), nil)),
			"upload": second(v.Upload(t.Context(), "k", nil)),
			"copy":   second(blob.Copy(t.Context(), v, "k2", v, "k", nil)),
		} {
			if !errors.Is(err, want) {
				t.Errorf("%s by %s: %v", what, user, err)
			}
		}
	}
}

// Attack 16: who administers a subtree gains nothing there that he lacks, and nothing elsewhere.
func TestAdministratorsGainNothing(t *testing.T) {
	g := newTestGuard(t, mem.New(nil), nil)
	soon := time.Now().Add(time.Hour)
	p := policyOf(grantTo("adm", "t/", WriteACL|Get),
		Grant{Scope: "t/", To: User("brief"), Rights: Admin, Expires: soon}, grantTo("w", "", Writer))
	p.Barriers = []string{"t/private/"}
	p.Groups = map[string][]Principal{"g": nil}
	install(t, g, p)
	ctx, adm, brief := t.Context(), g.as("adm"), g.as("brief")
	for what, err := range map[string]error{
		"a right that he lacks":   second(adm.Grant(ctx, "t/", User("adm"), Write)),
		"a wider scope":           second(adm.Grant(ctx, "", User("adm"), Get)),
		"for longer":              second(brief.Grant(ctx, "t/", User("brief"), Get)),
		"a barrier":               second(adm.RemoveBarrier(ctx, "t/private/")),
		"a barrier, for a while":  second(brief.RemoveBarrier(ctx, "t/private/")),
		"a group":                 second(adm.SetGroup(ctx, "g", User("adm"))),
		"an owner":                second(adm.AddOwner(ctx, User("adm"))),
		"a suspension":            second(adm.Suspend(ctx, "olga")),
		"the public":              second(adm.SetAllowPublic(ctx, true)),
		"the secret":              second(adm.Edit(ctx, RenewSecret())),
		"an edit of nobody":       second(g.As(Nobody).Grant(ctx, "t/", User("x"), Get)),
		"the last owner's end":    second(g.as("olga").RemoveOwner(ctx, User("olga"))),
		"reading without ReadACL": second(adm.Grants(ctx, "t/")),
		"reading it all":          second(adm.Policy(ctx)),
		"asking about another":    second(adm.Explain(ctx, Identity{User: "w"}, Get, "t/x")),
		"asking with a group":     second(adm.Explain(ctx, Identity{User: "adm", Groups: []string{"g"}}, Get, "t/x")),
	} {
		if what == "the last owner's end" {
			wantErr(t, what, err, blob.ErrInvalid)
		} else {
			wantErr(t, what, err, fs.ErrPermission)
		}
	}
	if e, err := adm.Explain(ctx, Identity{User: "adm"}, Get, "t/x"); err != nil || !e.Allowed {
		t.Errorf("one's own right: %v, %v", e, err)
	}
	results := adm.Batch(ctx, AddGrant(grantTo("x", "t/", Write)), AddGrant(grantTo("y", "t/", Get)), AddGrant(grantTo("z", "u/", Get)))
	if results[0].Err == nil || results[1].Err != nil || results[2].Err == nil || !results[1].Changed || results[1].Token == 0 {
		t.Errorf("a batch: %+v", results)
	}
}

// Attack 19: a group that is deleted leaves nothing to one of the same name.
func TestGroupMadeAgain(t *testing.T) {
	g := newTestGuard(t, mem.New(nil), nil)
	ctx, olga := t.Context(), g.as("olga")
	must(t)(olga.SetGroup(ctx, "staff", User("u")))
	must(t)(olga.Grant(ctx, "t/", Group("staff"), Admin))
	must(t)(olga.DeleteGroup(ctx, "staff"))
	must(t)(olga.SetGroup(ctx, "staff", User("v")))
	for _, user := range []string{"u", "v"} {
		wantErr(t, user, g.as(user).May(ctx, Get, "t/x"), fs.ErrPermission)
	}
	must(t)(olga.Grant(ctx, "t/", Group("ghosts"), Get))
	if got := g.Health().Unresolved; len(got) != 1 || got[0] != "ghosts" { // attack 21
		t.Errorf("does not resolve %q", got)
	}
}

// Attack 22: a residual tells what is left, and names no grant that the caller may not read.
func TestRevokeTellsTheResidual(t *testing.T) {
	g := newTestGuard(t, mem.New(nil), nil)
	ctx := t.Context()
	install(t, g, policyOf(grantTo("u", "", Get), grantTo("u", "t/", Reader|Write), grantTo("u", "t/a/", Reader|Delete),
		grantTo("adm", "t/", Admin)))
	r := must(t)(g.as("adm").Revoke(ctx, "t/a/", User("u")))
	left := r.Residual
	if left.Rights != Reader || !left.FromAbove || len(left.Grants) != 1 || left.Grants[0].Scope != "t/" || r.Removed != 1 {
		t.Errorf("answers %+v", r)
	}
	if got := must(t)(g.as("olga").Revoke(ctx, "t/", User("u"))).Residual; len(got.Grants) != 1 || got.Rights != Get || got.FromAbove {
		t.Errorf("answers %+v to the owner", got)
	}
	if got := must(t)(g.as("olga").Revoke(ctx, "t/", User("u"))); got.Changed || got.Residual.Rights != 0 {
		t.Errorf("revoking nothing answers %+v", got)
	}
}

// Attack 26: a Put that is revoked half way publishes nothing, however its body is read; a download ends.
func TestRevokedHalfWay(t *testing.T) {
	revoke := func(t *testing.T, g *Guard) { must(t)(g.as("olga").Revoke(t.Context(), "k", User("u"))) }
	guard := func(t *testing.T, b blob.Bucket) *Guard {
		g := newTestGuard(t, b, nil)
		install(t, g, policyOf(grantTo("u", "k", Writer)))
		return g
	}
	t.Run("trickled put", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := mem.New(nil)
			g := guard(t, b)
			read, n := 0, 10
			_, err := g.as("u").Put(t.Context(), "k", readerFunc(func(p []byte) (int, error) {
				if read++; read == 3 {
					revoke(t, g)
				}
				time.Sleep(600 * time.Millisecond)
				if read > n {
					return 0, io.EOF
				}
				return copy(p, "drop"), nil
			}), nil)
			wantErr(t, "the put", err, fs.ErrPermission)
			if read > 6 || content(t, b, "k") != "nothing" {
				t.Errorf("read %d times, and published %q", read, content(t, b, "k"))
			}
		})
	})
	t.Run("at its end", func(t *testing.T) {
		for _, wrap := range []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r },
			func(r io.Reader) io.Reader { return io.MultiReader(r) },
			func(r io.Reader) io.Reader { return bytes.NewBuffer([]byte("short")) },
		} {
			for _, size := range []int64{0, 5} {
				s := newSpy()
				g := guard(t, s)
				s.interfere(func(op, key string) error { // the request is under way
					if op == "put" && key == "k" {
						revoke(t, g)
					}
					return nil
				}, nil)
				_, err := g.as("u").Put(t.Context(), "k", wrap(strings.NewReader("short")), &blob.PutOptions{Size: size})
				wantErr(t, "the put", err, fs.ErrPermission)
				if got := content(t, s.Wrapper, "k"); got != "nothing" {
					t.Errorf("published %q", got)
				}
			}
		}
	})
	t.Run("upload", func(t *testing.T) {
		s := newSpy()
		g := guard(t, s)
		u, err := g.as("u").Upload(t.Context(), "k", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Put(t.Context(), 1, section("part")); err != nil {
			t.Fatal(err)
		}
		revoke(t, g)
		wantErr(t, "a part", second(u.Put(t.Context(), 2, section("part"))), fs.ErrPermission)
		wantErr(t, "its end", second(u.Complete(t.Context())), fs.ErrPermission)
		for _, err := range u.Parts(t.Context()) {
			wantErr(t, "its parts", err, fs.ErrPermission)
		}
		if err := u.Abort(t.Context()); err != nil {
			t.Errorf("its beginner aborts: %v", err)
		}
	})
	t.Run("download", func(t *testing.T) {
		b := mem.New(nil)
		if _, err := blob.WriteAll(t.Context(), b, "k", make([]byte, 40<<20), nil); err != nil {
			t.Fatal(err)
		}
		g := guard(t, b)
		r, err := g.as("u").Get(t.Context(), "k", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := io.CopyN(io.Discard, r, 1<<20); err != nil {
			t.Fatal(err)
		}
		revoke(t, g)
		n, err := io.Copy(io.Discard, r)
		wantErr(t, "the rest", err, fs.ErrPermission)
		if n > checkBytes {
			t.Errorf("%d bytes arrived after the revocation", n)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A store is given the same body by a view as without one.
func TestBodiesKeepTheirForm(t *testing.T) {
	s := &bodySpy{Wrapper: blob.Wrap(mem.New(nil))}
	g := newTestGuard(t, s, nil)
	install(t, g, policyOf(grantTo("u", "k", Writer)))
	for _, test := range []struct {
		body io.Reader
		at   bool
		size int64
	}{
		{strings.NewReader("12345"), true, 5},
		{bytes.NewReader([]byte("12345")), true, 5},
		{section("12345"), true, 5},
		{struct{ io.ReadSeeker }{strings.NewReader("12345")}, false, 5},
		{bytes.NewBufferString("12345"), false, 5},
		{io.MultiReader(strings.NewReader("12345")), false, -1},
	} {
		if seeker, ok := test.body.(io.Seeker); ok {
			_, _ = seeker.Seek(1, io.SeekStart) // what is left counts
			test.size--
		}
		if _, err := g.as("u").Put(t.Context(), "k", test.body, nil); err != nil {
			t.Fatal(err)
		}
		if s.size != test.size || s.at != test.at {
			t.Errorf("the store sees a %T with %d bytes, to be read anywhere: %v", test.body, s.size, s.at)
		}
		if got := content(t, s.Wrapper, "k"); !strings.HasSuffix("12345", got) || test.size > 0 && int64(len(got)) != test.size {
			t.Errorf("a %T is stored as %q", test.body, got)
		}
	}
}

// bodySpy notes what a store can know of a body.
type bodySpy struct {
	blob.Wrapper
	size int64 // -1: unknown
	at   bool
}

func (s *bodySpy) Put(ctx context.Context, key string, body io.Reader, o *blob.PutOptions) (*blob.Object, error) {
	_, _, _, s.at = blob.BodyAt(body)
	var known bool
	if s.size, known = blob.BodySize(body); !known {
		s.size = -1
	}
	return s.Wrapper.Put(ctx, key, body, o)
}

// Resume tokens: the store's own id, another's token, or one for another key opens nothing.
func TestResumeTokens(t *testing.T) {
	ctx := t.Context()
	s := newSpy()
	g := newTestGuard(t, s, nil)
	install(t, g, policyOf(grantTo("u", "k/", Writer), grantTo("v", "k/", Writer), grantTo("w", "k/", Contributor), grantTo("l", "k/", Get)))
	u, err := g.as("u").Upload(ctx, "k/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Put(ctx, 1, section("part")); err != nil {
		t.Fatal(err)
	}
	ids := func(user string) (ids []string) {
		for info, err := range g.as(user).Uploads(ctx, "k/") {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, info.ID)
		}
		return ids
	}
	if got := ids("u"); len(got) != 1 || got[0] != u.ID() {
		t.Errorf("its beginner is shown %q, not %q", got, u.ID())
	}
	if got := ids("w"); len(got) != 1 || got[0] != "" {
		t.Errorf("who may neither resume nor delete is shown %q", got)
	}
	if got := ids("l"); len(got) != 0 {
		t.Errorf("who may not list is shown %q", got)
	}
	inner := ""
	for info := range s.Wrapper.Uploads(ctx, "") {
		inner = info.ID
	}
	s.taken()
	for what, try := range map[string]func() (blob.Upload, error){
		"the store's id":  func() (blob.Upload, error) { return g.as("u").Upload(ctx, "k/x", &blob.UploadOptions{ID: inner}) },
		"another's token": func() (blob.Upload, error) { return g.as("v").Upload(ctx, "k/x", &blob.UploadOptions{ID: u.ID()}) },
		"another key":     func() (blob.Upload, error) { return g.as("u").Upload(ctx, "k/y", &blob.UploadOptions{ID: u.ID()}) },
		"nobody":          func() (blob.Upload, error) { return g.as("").Upload(ctx, "k/x", &blob.UploadOptions{ID: u.ID()}) },
		"garbage":         func() (blob.Upload, error) { return g.as("u").Upload(ctx, "k/x", &blob.UploadOptions{ID: "r!"}) },
	} {
		wantErr(t, what, second(try()), fs.ErrPermission)
	}
	if calls := s.taken(); len(calls) > 0 {
		t.Errorf("made the requests %q", calls)
	}
	// Who may delete the key may abort, and no more.
	abort, err := g.as("v").Upload(ctx, "k/x", &blob.UploadOptions{ID: ids("v")[0]})
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "a part", second(abort.Put(ctx, 2, section("x"))), fs.ErrPermission)
	wantErr(t, "complete", second(abort.Complete(ctx)), fs.ErrPermission)
	// Its beginner goes on, in another process.
	h, err := Open(ctx, s, &Options{Store: g.store.bucket})
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.as("u").Upload(ctx, "k/x", &blob.UploadOptions{ID: ids("u")[0]})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Complete(ctx); err != nil || content(t, s.Wrapper, "k/x") != "part" {
		t.Errorf("holds %q, %v", content(t, s.Wrapper, "k/x"), err)
	}
	if got := entries(t, g.store.bucket, &blob.ListOptions{Prefix: uploadsRoot}); len(got) > 0 {
		t.Errorf("left %q", got)
	}
	other, err := g.as("u").Upload(ctx, "k/z", nil)
	if err != nil {
		t.Fatal(err)
	}
	if aborts := ids("v"); len(aborts) == 1 {
		a, err := g.as("v").Upload(ctx, "k/z", &blob.UploadOptions{ID: aborts[0]})
		if err == nil {
			err = a.Abort(ctx)
		}
		if err != nil {
			t.Errorf("abort by who may delete: %v", err)
		}
	}
	must(t)(g.as("olga").Edit(ctx, RenewSecret()))
	wantErr(t, "an old secret", second(g.as("u").Upload(ctx, "k/z", &blob.UploadOptions{ID: other.ID()})), fs.ErrPermission)
}

// A signed request allows no more than its signer may do, and for no longer.
func TestSign(t *testing.T) {
	s := newSigner(t)
	put(t, s.Wrapper, "k")
	clock := newManualClock()
	g := newTestGuard(t, s, &Options{Store: mem.New(nil), now: clock.read})
	ctx := t.Context()
	install(t, g, policyOf(Grant{Scope: "k", To: User("u"), Rights: Get | Share, Expires: epoch.Add(time.Minute)},
		grantTo("c", "", CreateNew|Share), grantTo("olga", "", Admin)))
	r, err := g.as("u").Sign(ctx, "k", &blob.SignOptions{Method: "GET", Expires: 30 * time.Minute})
	if err != nil || !r.Expires.Equal(epoch.Add(time.Minute)) {
		t.Errorf("expires %v, %v", r, err)
	}
	r, err = g.as("c").Sign(ctx, "new", &blob.SignOptions{Method: "PUT", Expires: time.Minute})
	if err != nil || r.Header.Get("If-None-Match") != "*" {
		t.Errorf("a PUT by who may only create: %v, %v", r, err)
	}
	wantErr(t, "beyond the cap", second(g.as("olga").Sign(ctx, "k", &blob.SignOptions{Method: "GET", Expires: 2 * time.Hour})), blob.ErrInvalid)
	if got := g.RevocationBound().Signed; got != time.Hour {
		t.Errorf("the bound is %v", got)
	}
}

// The hook hears of every decision.
func TestHook(t *testing.T) {
	var heard []string
	g := newTestGuard(t, mem.New(nil), &Options{Store: mem.New(nil), Hook: func(d Decision) {
		heard = append(heard, fmt.Sprintf("%s %s %v %q %v", d.Who.User, d.Op, d.Right, d.Key, d.Err == nil))
	}})
	ctx := context.Background()
	_, _ = g.as("u").Stat(ctx, "k", nil)
	_, _ = g.as("u").Put(ctx, "k", nil, nil)
	entries(t, g.as("u"), &blob.ListOptions{Prefix: "p"})
	_, _ = g.as("olga").SetBarrier(ctx, "b/")
	want := []string{
		`u stat Get "k" false`, `u put Create+Write "k" false`, `u list List "p" true`, `olga edit none "set a barrier at \"b/\"" true`,
	}
	if strings.Join(heard, "\n") != strings.Join(want, "\n") {
		t.Errorf("heard\n%s\nwant\n%s", strings.Join(heard, "\n"), strings.Join(want, "\n"))
	}
}
