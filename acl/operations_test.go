package acl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// An operation is one way to use a method of a view on one key, and what it needs.
type operation struct {
	method string // of blob.Bucket
	what   string
	need   func(r Rights, exists bool) bool
	do     func(ctx context.Context, v *View, key string) error
	// What it cannot tell: nothing is needed to list, since a listing shows what is allowed.
	open bool
}

func needs(all Rights) func(Rights, bool) bool {
	return func(r Rights, _ bool) bool { return r.Has(all) }
}

// A plain write needs one right where there is an object, and another where there is none; with both it does not look.
func needsWrite(r Rights, exists bool) bool {
	return r.Has(CreateNew) || r.Has(Write) && exists
}

// operations has every method of blob.Bucket but those that say nothing of a key. Versions, and conditions that hold and
// do not, are told apart.
var operations = []operation{
	{method: "Stat", what: "stat", need: needs(Get), do: func(ctx context.Context, v *View, key string) error {
		_, err := v.Stat(ctx, key, nil)
		return err
	}},
	{method: "Stat", what: "stat if-none-match", need: needs(Get), do: func(ctx context.Context, v *View, key string) error {
		_, err := v.Stat(ctx, key, &blob.StatOptions{If: blob.IfNoneMatch("x")})
		return err
	}},
	{method: "Stat", what: "stat of a version", need: needs(Get | Write), do: func(ctx context.Context, v *View, key string) error {
		_, err := v.Stat(ctx, key, &blob.StatOptions{Version: "1"})
		return err
	}},
	{method: "Get", what: "get", need: needs(Get), do: func(ctx context.Context, v *View, key string) error { return read(ctx, v, key, nil) }},
	{method: "Get", what: "get a range", need: needs(Get), do: func(ctx context.Context, v *View, key string) error {
		return read(ctx, v, key, &blob.GetOptions{Range: blob.Last(1)})
	}},
	{method: "Get", what: "get if-match", need: needs(Get), do: func(ctx context.Context, v *View, key string) error {
		return read(ctx, v, key, &blob.GetOptions{If: blob.IfMatch("x")})
	}},
	{method: "Get", what: "get if-modified-since", need: needs(Get), do: func(ctx context.Context, v *View, key string) error {
		return read(ctx, v, key, &blob.GetOptions{If: blob.IfModifiedSince(epoch)})
	}},
	{method: "Get", what: "get a version", need: needs(Get | Write), do: func(ctx context.Context, v *View, key string) error {
		return read(ctx, v, key, &blob.GetOptions{Version: "1"})
	}},
	{method: "Put", what: "put", need: needsWrite, do: func(ctx context.Context, v *View, key string) error {
		_, err := v.Put(ctx, key, strings.NewReader("new"), nil)
		return err
	}},
	{method: "Put", what: "put if-absent", need: needs(CreateNew), do: func(ctx context.Context, v *View, key string) error {
		_, err := v.Put(ctx, key, strings.NewReader("new"), &blob.PutOptions{If: blob.IfAbsent})
		return err
	}},
	{method: "Put", what: "put if-match", need: needs(Write), do: func(ctx context.Context, v *View, key string) error {
		_, err := v.Put(ctx, key, strings.NewReader("new"), &blob.PutOptions{If: blob.IfMatch("x")})
		return err
	}},
	{method: "Source", what: "source", need: needs(Get), do: func(ctx context.Context, v *View, key string) error {
		_, err := v.Source(ctx, key, nil)
		return err
	}},
	{method: "Source", what: "source of a version", need: needs(Get | Write), do: func(ctx context.Context, v *View, key string) error {
		_, err := v.Source(ctx, key, &blob.SourceOptions{Version: "1"})
		return err
	}},
	{method: "Copy", what: "copy", need: needsWrite, do: func(ctx context.Context, v *View, key string) error { return copyTo(ctx, v, key, nil) }},
	{method: "Copy", what: "copy if-absent", need: needs(CreateNew), do: func(ctx context.Context, v *View, key string) error {
		return copyTo(ctx, v, key, &blob.CopyOptions{If: blob.IfAbsent})
	}},
	{method: "Copy", what: "copy if-match", need: needs(Write), do: func(ctx context.Context, v *View, key string) error {
		return copyTo(ctx, v, key, &blob.CopyOptions{If: blob.IfMatch("x")})
	}},
	{method: "Delete", what: "delete", need: needs(Delete), do: func(ctx context.Context, v *View, key string) error { return v.Delete(ctx, key, nil) }},
	{method: "Delete", what: "delete if-match", need: needs(Delete), do: func(ctx context.Context, v *View, key string) error {
		return v.Delete(ctx, key, &blob.DeleteOptions{If: blob.IfMatch("x")})
	}},
	{method: "Delete", what: "delete a version", need: needs(Delete | Write), do: func(ctx context.Context, v *View, key string) error {
		return v.Delete(ctx, key, &blob.DeleteOptions{Version: "1"})
	}},
	{method: "DeleteEach", what: "delete each", need: needs(Delete), do: func(ctx context.Context, v *View, key string) error {
		return v.DeleteEach(ctx, slices.Values([]string{key}), nil)
	}},
	{method: "Upload", what: "begin an upload", need: needsWrite, do: func(ctx context.Context, v *View, key string) error { return begin(ctx, v, key, nil) }},
	{method: "Upload", what: "begin an upload if-absent", need: needs(CreateNew), do: func(ctx context.Context, v *View, key string) error {
		return begin(ctx, v, key, &blob.UploadOptions{If: blob.IfAbsent})
	}},
	{method: "Upload", what: "begin an upload if-match", need: needs(Write), do: func(ctx context.Context, v *View, key string) error {
		return begin(ctx, v, key, &blob.UploadOptions{If: blob.IfMatch("x")})
	}},
	{method: "Upload", what: "resume an upload by the store's id", need: func(Rights, bool) bool { return false }, do: func(ctx context.Context, v *View, key string) error {
		return begin(ctx, v, key, &blob.UploadOptions{ID: "1"})
	}},
	{method: "Sign", what: "sign GET", need: needs(Get | Share), do: signing("GET", blob.Condition{})},
	{method: "Sign", what: "sign HEAD", need: needs(Get | Share), do: signing("HEAD", blob.Condition{})},
	{method: "Sign", what: "sign DELETE", need: needs(Delete | Share), do: signing("DELETE", blob.Condition{})},
	{method: "Sign", what: "sign PUT", need: needs(CreateNew | Share), do: signing("PUT", blob.Condition{})},
	{method: "Sign", what: "sign PUT if-match", need: needs(Write | Share), do: signing("PUT", blob.IfMatch("x"))},
	{method: "Sign", what: "sign PUT if-absent", need: needs(CreateNew | Share), do: signing("PUT", blob.IfAbsent)},
	{method: "List", what: "list", open: true, do: func(ctx context.Context, v *View, key string) error {
		for _, err := range v.List(ctx, &blob.ListOptions{Prefix: key}) {
			return err
		}
		return nil
	}},
	{method: "Uploads", what: "uploads", open: true, do: func(ctx context.Context, v *View, key string) error {
		for _, err := range v.Uploads(ctx, key) {
			return err
		}
		return nil
	}},
}

func read(ctx context.Context, v *View, key string, o *blob.GetOptions) error {
	r, err := v.Get(ctx, key, o)
	if err == nil {
		err = r.Close()
	}
	return err
}

func begin(ctx context.Context, v *View, key string, o *blob.UploadOptions) error {
	u, err := v.Upload(ctx, key, o)
	if err == nil {
		err = u.Abort(ctx)
	}
	return err
}

func copyTo(ctx context.Context, v *View, key string, o *blob.CopyOptions) error {
	src, err := v.v.guard.as("olga").Source(ctx, "source", nil)
	if err == nil {
		_, err = v.Copy(ctx, key, src, o)
	}
	return err
}

func signing(method string, cond blob.Condition) func(context.Context, *View, string) error {
	return func(ctx context.Context, v *View, key string) error {
		_, err := v.Sign(ctx, key, &blob.SignOptions{Method: method, Expires: time.Minute, If: cond})
		return err
	}
}

// signer is a store that keeps versions, and signs.
type signer struct{ *spy }

func (s *signer) Capabilities() blob.Capabilities {
	caps := s.spy.Capabilities()
	caps.Sign = blob.SignRules{Methods: blob.Methods("GET", "HEAD", "PUT", "DELETE", "POST"), Conditions: true}
	return caps
}

func (s *signer) Sign(_ context.Context, key string, o *blob.SignOptions) (*blob.SignedRequest, error) {
	if err := s.enter("sign", key); err != nil {
		return nil, err
	}
	h := http.Header{}
	switch o.If.Kind() {
	case blob.KindAbsent:
		h.Set("If-None-Match", "*")
	case blob.KindMatch:
		h.Set("If-Match", o.If.ETag())
	}
	return &blob.SignedRequest{Method: o.Method, Header: h, Expires: epoch.Add(o.Expires)}, nil
}

func newSigner(t testing.TB) *signer {
	s := &signer{&spy{Wrapper: blob.Wrap(mem.New(&mem.Options{Versions: true}))}}
	put(t, s.Wrapper, "source")
	return s
}

func TestEveryMethodIsInTheTable(t *testing.T) {
	keyless := []string{"Capabilities", "Close"}
	bucket := reflect.TypeFor[blob.Bucket]()
	for i := range bucket.NumMethod() {
		name := bucket.Method(i).Name
		if !slices.Contains(keyless, name) && !slices.ContainsFunc(operations, func(o operation) bool { return o.method == name }) {
			t.Errorf("the table of operations lacks %s", name)
		}
	}
}

// TestOperations tries each operation with each set of data rights, on a key that exists and one that does not.
func TestOperations(t *testing.T) {
	for _, op := range operations {
		t.Run(op.what, func(t *testing.T) {
			t.Parallel()
			s := newSigner(t)
			g := newTestGuard(t, s, nil)
			p := policyOf()
			sets := []Rights{}
			for r := range Rights(0x80) { // without Share, and with it
				r = r&0x1f | r&0x20<<2
				if sets = append(sets, r); r != 0 {
					p.Grants = append(p.Grants, grantTo(fmt.Sprintf("u%d", r), "k/", r))
				}
			}
			install(t, g, p)
			for _, have := range sets {
				for _, exists := range []bool{true, false} {
					op.try(t, s, g, have, exists)
				}
			}
		})
	}
}

func (op *operation) try(t *testing.T, s *signer, g *Guard, have Rights, exists bool) {
	key := "k/missing"
	_ = s.Wrapper.Delete(t.Context(), key, nil)
	if exists {
		key = "k/there"
		put(t, s.Wrapper, key)
	}
	s.taken()
	err := op.do(t.Context(), g.as(fmt.Sprintf("u%d", have)), key)
	calls := s.taken()
	if op.open {
		if err != nil {
			t.Errorf("with %v: %v", have, err)
		}
		return
	}
	calls = slices.DeleteFunc(calls, func(c string) bool { return c == "source source" })
	want := op.need(have, exists)
	if denied := errors.Is(err, fs.ErrPermission); denied == want {
		t.Errorf("with %v, exists %v: %v, allowed should be %v", have, exists, err, want)
	}
	looks := have.Has(Write) && !have.Has(CreateNew) && op.need(have, true) != op.need(have, false)
	switch {
	case want && len(calls) == 0 && err == nil:
		t.Errorf("with %v: no request", have)
	case !want && len(calls) > 0 && !(looks && slices.Equal(calls, []string{"stat " + key})):
		t.Errorf("with %v, exists %v: denied with the requests %q", have, exists, calls)
	}
	for _, c := range calls { // attack 4: byte for byte
		if !strings.HasSuffix(c, " "+key) {
			t.Errorf("with %v: %q, and the key is %q", have, c, key)
		}
	}
}

// Attack 11: what is denied answers the same whether or not it exists.
func TestDenialIsTheSameForWhatIsMissing(t *testing.T) {
	s := newSigner(t)
	put(t, s.Wrapper, "k/a")
	g := newTestGuard(t, s, nil)
	install(t, g, policyOf(grantTo("w", "k/", Write)))
	for _, op := range operations {
		if op.open {
			continue
		}
		for _, user := range []string{"nobody's friend", ""} {
			there := op.do(t.Context(), g.as(user), "k/a")
			missing := op.do(t.Context(), g.as(user), "k/b")
			if there == nil || missing == nil || strings.ReplaceAll(there.Error(), "k/a", "k/b") != missing.Error() {
				t.Errorf("%s: %v for an object, %v for none", op.what, there, missing)
			}
		}
	}
	_, missing := g.as("w").Put(t.Context(), "k/b", strings.NewReader(""), nil)
	_, denied := g.as("x").Put(t.Context(), "k/b", strings.NewReader(""), nil)
	if missing == nil || missing.Error() != denied.Error() {
		t.Errorf("a missing key answers %v, a denied one %v", missing, denied)
	}
}

// Attacks 3 and 15: keys that are not canonical, or reserved, through every entry point, for owners too.
func TestBadKeysAreRefusedEverywhere(t *testing.T) {
	s := newSigner(t)
	g := newTestGuard(t, s, nil)
	bad := []string{
		"", "..", ".", "a/../b", "a/./b", "a//b", "/a", "//", `a\b`, "a\x00b", "a/\x00", "a\x01", "a\x7f", "\u0085", "a\xffb",
		".holdall/x", "team/.holdall/", ".HOLDALL/x", ".holdall./x", ".hold\u200call/x", ".holdall /x", "HOLDAL~1/x", ".holdall:x/y",
		".holdall", "a/.holdall", strings.Repeat("k", 1025),
	}
	for _, key := range bad {
		for _, op := range operations {
			if op.open {
				continue
			}
			s.taken()
			err := op.do(t.Context(), g.as("olga"), key)
			wantErr(t, fmt.Sprintf("%s of %q", op.what, key), err, blob.ErrInvalid)
			if calls := slices.DeleteFunc(s.taken(), func(c string) bool { return c == "source source" }); len(calls) > 0 {
				t.Errorf("%s of %q made the requests %q", op.what, key, calls)
			}
		}
		for _, err := range []error{
			second(g.as("olga").Grant(t.Context(), key+"/", User("u"), Get)),
			second(g.as("olga").Revoke(t.Context(), key+"/", User("u"))),
			second(g.as("olga").SetBarrier(t.Context(), key+"/")),
		} {
			wantErr(t, fmt.Sprintf("edit of %q", key), err, blob.ErrInvalid)
		}
	}
	for _, prefix := range []string{"/", "a//", "../", "a/../", "./", `a\`, ".holdall/", "a/.Holdall/x", "a\x01"} {
		for _, o := range []*blob.ListOptions{{Prefix: prefix}, {StartAfter: prefix}, {StartAt: prefix}} {
			s.taken()
			for _, err := range g.as("olga").List(t.Context(), o) {
				wantErr(t, fmt.Sprintf("list %+v", o), err, blob.ErrInvalid)
			}
			if calls := s.taken(); len(calls) > 0 {
				t.Errorf("list %+v made the requests %q", o, calls)
			}
		}
		for _, err := range g.as("olga").Uploads(t.Context(), prefix) {
			wantErr(t, "uploads of "+prefix, err, blob.ErrInvalid)
		}
	}
	// What looks like an escape is a key like any other, and is sent as it is.
	key := "%2e%2e/a%2Fb+c d/é/e\u0301"
	put(t, g.as("olga"), key)
	if calls := s.taken(); !slices.Equal(calls, []string{"put " + key}) {
		t.Errorf("made %q", calls)
	}
}

func second[T any](_ T, err error) error { return err }

// Attack 13: a batch decides each key by itself.
func TestBatchDecidesEachKey(t *testing.T) {
	s := newSpy()
	g := newTestGuard(t, s, nil)
	install(t, g, policyOf(grantTo("u", "mine/", Writer)))
	all := []string{"mine/1", "theirs/1", "mine/2", "mine//3", "mine/4"}
	for range 24 {
		put(t, s.Wrapper, "mine/1", "theirs/1", "mine/2", "mine//3", "mine/4")
		failed := map[string]error{}
		err := g.as("u").DeleteEach(t.Context(), slices.Values(all), func(key string, err error) { failed[key] = err })
		if err == nil || len(failed) != 2 || !errors.Is(failed["theirs/1"], fs.ErrPermission) || !errors.Is(failed["mine//3"], blob.ErrInvalid) {
			t.Fatalf("of %q failed %v, %v", all, failed, err)
		}
		all = append(all[1:], all[0])
	}
}

// Attack 14: identities that look alike are apart.
func TestIdentitiesThatLookAlike(t *testing.T) {
	s := newSpy()
	put(t, s.Wrapper, "k")
	g := newTestGuard(t, s, nil)
	ids := []string{"a:b", "a#b", "a@b", "a|b", "a/b", "a\x00b", "user:a", "group:a", "a", "A", "a ", "authenticated", "public", "é", "e\u0301"}
	for _, id := range ids {
		install(t, g, policyOf(grantTo(id, "k", Get), Grant{Scope: "k", To: Group(id), Rights: Delete}))
		for _, other := range append(slices.Clone(ids), "") {
			v := g.as(other)
			if got, want := v.May(t.Context(), Get, "k") == nil, other == id; got != want {
				t.Errorf("%q may by a grant to %q: %v", other, id, got)
			}
			if v.May(t.Context(), Delete, "k") == nil {
				t.Errorf("the user %q passes for the group %q", other, id)
			}
			if other != "" && (g.As(Identity{Groups: []string{other}}).May(t.Context(), Delete, "k") == nil) != (other == id) {
				t.Errorf("the group %q passes for %q", other, id)
			}
		}
	}
	wantErr(t, "an invalid identity", g.as("\xff").May(t.Context(), Get, "k"), blob.ErrInvalid)
}

func TestNothingGetsPastAView(t *testing.T) {
	g := newTestGuard(t, newSpy(), nil)
	v := reflect.TypeOf(g.as("u"))
	for i := range v.Elem().NumField() {
		if v.Elem().Field(i).IsExported() {
			t.Errorf("the field %s of a view is exported", v.Elem().Field(i).Name)
		}
	}
	for i := range v.NumMethod() {
		m := v.Method(i)
		for j := range m.Type.NumOut() {
			if out := m.Type.Out(j); out != v && out.Implements(reflect.TypeFor[blob.Bucket]()) {
				t.Errorf("%s returns a bucket", m.Name)
			}
		}
	}
	// What is behind Check passes on what it declares alone, and so will it when Bucket gains a method.
	for f := range reflect.TypeFor[view]().Fields() {
		if f.Anonymous != (f.Type == reflect.TypeFor[blob.Restricted]()) {
			t.Errorf("a view has the field %s of type %v, embedded: %t", f.Name, f.Type, f.Anonymous)
		}
	}
	_, err := g.as("olga").Put(t.Context(), "k", nil, &blob.PutOptions{Provider: 1})
	wantErr(t, "a provider's option", err, errors.ErrUnsupported)
	if caps := g.as("u").Capabilities(); !caps.Keys.Canonical || !caps.Guarded {
		t.Errorf("declares %+v", caps)
	}
}

// Sources and bodies are bound to rights as they are when they are used.
func TestSourceKeptPastARevocation(t *testing.T) {
	s := newSpy()
	put(t, s.Wrapper, "k")
	g := newTestGuard(t, s, nil)
	install(t, g, policyOf(grantTo("u", "k", Get)))
	src, err := g.as("u").Source(t.Context(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	must(t)(g.as("olga").Revoke(t.Context(), "k", User("u")))
	_, err = s.Wrapper.Copy(t.Context(), "stolen", src, nil)
	wantErr(t, "a copy from a kept source", err, fs.ErrPermission)
}

// A view's rules for keys are its own: the prefix of a Sub that it guards is neither shown nor checked again, and what a
// caller does to its copy of the capabilities changes nothing.
func TestViewCapabilities(t *testing.T) {
	for _, prefix := range []string{"", "team/", "not//canonical/"} {
		s := newSpy()
		inside := blob.Sub(s, prefix)
		before := inside.Capabilities()
		g := newTestGuard(t, inside, nil)
		v := g.as("olga")
		put(t, v, "d/k")
		caps := v.Capabilities()
		if caps.Keys.Prefix != "" || caps.Keys.Max() != before.Keys.Max() || !caps.Keys.Canonical {
			t.Errorf("below %q a view has the rules %+v", prefix, caps.Keys)
		}
		mine := v.Capabilities()
		mine.Checksums.In, mine.If.Put, mine.Keys.Canonical = 0, 0, false
		if v.Capabilities() != caps || inside.Capabilities() != before {
			t.Errorf("below %q capabilities changed with the caller's copy", prefix)
		}
	}
}
