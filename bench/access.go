//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
	memdriver "github.com/holdall-go/holdall/drivers/mem"
)

// A world is the policy of G9a, in words that each side translates: 11,110 folders four deep, 1,000 users, 110 groups
// nested two deep, 11,111 grants.
type world struct {
	grants []worldGrant
	groups map[string][]string // members: "user:…" and "group:…"
}

type worldGrant struct{ scope, who string }

// The three questions about photos/2015/a/b.jpg, and for the figure of eight segments, one about a deeper key.
const (
	question = "photos/2015/a/b.jpg"
	deep     = "photos/2015/a/b/c/d/e/f.jpg"
)

func newWorld() *world {
	w := &world{groups: map[string][]string{}}
	// Ten top groups, each with ten groups, each with nine or ten users.
	for i := range 10 {
		top := fmt.Sprintf("top%d", i)
		for j := range 10 {
			g := fmt.Sprintf("g%d-%d", i, j)
			w.groups[top] = append(w.groups[top], "group:"+g)
			for k := range 10 {
				w.groups[g] = append(w.groups[g], fmt.Sprintf("user:u%d", i*100+j*10+k))
			}
		}
	}
	n := 0
	var folder func(scope string, depth int)
	folder = func(scope string, depth int) {
		for i := range 10 {
			s := fmt.Sprintf("%sf%d/", scope, i)
			who := fmt.Sprintf("user:u%d", n%1000)
			if n%3 == 0 {
				who = fmt.Sprintf("group:g%d-%d", n/3%10, n/30%10)
			}
			w.grants = append(w.grants, worldGrant{s, who})
			n++
			if depth > 1 {
				folder(s, depth-1)
			}
		}
	}
	folder("", 4)
	w.grants = append(w.grants, worldGrant{"photos/2015/", "user:alice"})
	w.groups["top0"] = append(w.groups["top0"], "group:inner")
	w.groups["inner"] = []string{"user:nested"}
	w.grants[0] = worldGrant{"photos/", "group:top0"}
	return w
}

// accessCheck is G9a.
func accessCheck(r *results) {
	w := newWorld()
	guard := ourGuard(w)
	defer guard.Close()
	casbins, cached, cedars, entities := casbinOf(w), cachedCasbinOf(w), cedarOf(w), cedarEntities(w)
	for _, q := range []struct {
		what, user string
		allowed    bool
	}{{"granted directly", "alice", true}, {"by a nested group", "nested", true}, {"not at all", "u999", false}} {
		view := guard.As(acl.Identity{User: q.user})
		ask := func(int) {
			if got := view.May(ctx, acl.Get, question) == nil; got != q.allowed {
				fatal(fmt.Errorf("holdall: %s may: %t", q.user, got))
			}
		}
		request := cedar.Request{Principal: cedar.NewEntityUID("User", types.String(q.user)), Action: cedar.NewEntityUID("Action", "get"), Resource: cedar.NewEntityUID("Object", question)}
		c := alternate(
			calls(1_000_000, ask),
			calls(20, func(int) { wantCasbin(q.allowed)(casbins.Enforce(q.user, question, "get")) }),
			calls(20_000, func(int) { wantCasbin(q.allowed)(cached.Enforce(q.user, question, "get")) }),
			calls(5, func(int) {
				if ok, _ := cedar.Authorize(cedars, entities, request); bool(ok) != q.allowed {
					fatal(fmt.Errorf("cedar: %s may: %t", q.user, bool(ok)))
				}
			}))
		o := c[0]
		r.add("check, "+q.what, o.perCall(), "Casbin "+short(c[1].cpu), times(c[1].cpu, o.cpu), "≤ 150 ns, 0 allocs", o.cpu <= 150 && o.allocs < 0.5)
		r.add("check, "+q.what, short(o.cpu), "Casbin, answer cached "+short(c[2].cpu), times(c[2].cpu, o.cpu), "quicker", o.cpu < c[2].cpu)
		r.add("check, "+q.what, short(o.cpu), "cedar-go "+short(c[3].cpu), times(c[3].cpu, o.cpu), "quicker", o.cpu < c[3].cpu)
	}
	view := guard.As(acl.Identity{User: "alice"})
	c := alternate(calls(1_000_000, func(int) { _ = view.May(ctx, acl.Get, deep) }))
	r.add("check, eight segments", c[0].perCall(), "—", "—", "≤ 150 ns, 0 allocs", c[0].cpu <= 150 && c[0].allocs < 0.5)
	newViews(r)
}

func ourGuard(w *world) *acl.Guard {
	guard, err := acl.Create(ctx, memdriver.New(nil), nil, acl.User("root"))
	must(err)
	root := guard.As(acl.Identity{User: "root"})
	var edits []acl.Edit
	for name, members := range w.groups {
		var ps []acl.Principal
		for _, m := range members {
			ps = append(ps, principal(m))
		}
		edits = append(edits, acl.SetGroup(name, ps...))
	}
	for _, g := range w.grants {
		edits = append(edits, acl.AddGrant(acl.Grant{Scope: g.scope, To: principal(g.who), Rights: acl.Reader}))
	}
	apply(root, edits)
	return guard
}

func apply(view *acl.View, edits []acl.Edit) {
	for _, res := range view.Batch(ctx, edits...) {
		must(res.Err)
	}
}

func principal(s string) acl.Principal {
	p, err := acl.ParsePrincipal(s)
	must(err)
	return p
}

// newViews builds the view of a user with 1,000 scopes. A fresh view answers its first question.
func newViews(r *results) {
	guard, err := acl.Create(ctx, memdriver.New(nil), nil, acl.User("root"))
	must(err)
	defer guard.Close()
	var edits []acl.Edit
	for i := range 1000 {
		edits = append(edits, acl.AddGrant(acl.Grant{Scope: fmt.Sprintf("a/%d/b/", i), To: acl.User("u"), Rights: acl.Reader}))
	}
	apply(guard.As(acl.Identity{User: "root"}), edits)
	c := alternate(calls(200, func(int) { must(guard.As(acl.Identity{User: "u"}).May(ctx, acl.Get, "a/500/b/c")) }))
	r.add("a view of 1,000 scopes", c[0].perCall(), "—", "—", "≤ 0.5 ms", c[0].cpu <= 500*time.Microsecond)
}

const casbinModel = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && keyMatch(r.obj, p.obj) && r.act == p.act
`

type rules interface {
	AddPolicies(rules [][]string) (bool, error)
	AddGroupingPolicies(rules [][]string) (bool, error)
}

func fillCasbin(e rules, w *world) {
	var policies, roles [][]string
	for _, g := range w.grants {
		policies = append(policies, []string{casbinName(g.who), g.scope + "*", "get"})
	}
	for name, members := range w.groups {
		for _, m := range members {
			roles = append(roles, []string{casbinName(m), "group:" + name})
		}
	}
	_, err := e.AddPolicies(policies)
	must(err)
	_, err = e.AddGroupingPolicies(roles)
	must(err)
}

func casbinName(who string) string { return strings.TrimPrefix(who, "user:") }

func casbinOf(w *world) *casbin.Enforcer {
	m, err := model.NewModelFromString(casbinModel)
	must(err)
	e, err := casbin.NewEnforcer(m)
	must(err)
	fillCasbin(e, w)
	return e
}

func cachedCasbinOf(w *world) *casbin.CachedEnforcer {
	m, err := model.NewModelFromString(casbinModel)
	must(err)
	e, err := casbin.NewCachedEnforcer(m)
	must(err)
	fillCasbin(e, w)
	return e
}

func wantCasbin(want bool) func(bool, error) {
	return func(got bool, err error) {
		must(err)
		if got != want {
			fatal(fmt.Errorf("casbin says %t", got))
		}
	}
}

// cedarOf translates each grant into a policy; folders and groups are entities with parents.
func cedarOf(w *world) *cedar.PolicySet {
	set := cedar.NewPolicySet()
	for i, g := range w.grants {
		kind, id, _ := strings.Cut(g.who, ":")
		principal := fmt.Sprintf("principal == User::%q", id)
		if kind == "group" {
			principal = fmt.Sprintf("principal in Group::%q", id)
		}
		var p cedar.Policy
		must(p.UnmarshalCedar(fmt.Appendf(nil, "permit (%s, action == Action::\"get\", resource in Folder::%q);", principal, g.scope)))
		set.Add(cedar.PolicyID(fmt.Sprint("p", i)), &p)
	}
	return set
}

func cedarEntities(w *world) cedar.EntityMap {
	all := cedar.EntityMap{}
	parents := map[types.EntityUID][]types.EntityUID{}
	for name, members := range w.groups {
		for _, m := range members {
			kind, id, _ := strings.Cut(m, ":")
			child := cedar.NewEntityUID(map[string]types.EntityType{"user": "User", "group": "Group"}[kind], types.String(id))
			parents[child] = append(parents[child], cedar.NewEntityUID("Group", types.String(name)))
		}
	}
	object, folder := cedar.NewEntityUID("Object", question), ""
	at := object
	segments := strings.SplitAfter(question, "/")
	for i := len(segments) - 1; i > 0; i-- {
		folder = strings.Join(segments[:i], "")
		above := cedar.NewEntityUID("Folder", types.String(folder))
		parents[at] = append(parents[at], above)
		at = above
	}
	for uid, ps := range parents {
		all[uid] = types.Entity{UID: uid, Parents: types.NewEntityUIDSet(ps...)}
	}
	return all
}

// viewListing is G9b.
func viewListing(r *results) {
	const n = 100_000
	b := memdriver.New(nil)
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("dir%02d/%06d", i%100, i)
	}
	fill(b, names, nil)
	guard, err := acl.Create(ctx, b, &acl.Options{Store: memdriver.New(nil)}, acl.User("root"))
	must(err)
	defer guard.Close()
	apply(guard.As(acl.Identity{User: "root"}), []acl.Edit{
		acl.AddGrant(acl.Grant{Scope: "", To: acl.User("all"), Rights: acl.Reader}),
		acl.AddGrant(acl.Grant{Scope: "dir50/", To: acl.User("one"), Rights: acl.Reader}),
	})
	all, one := guard.As(acl.Identity{User: "all"}), guard.As(acl.Identity{User: "one"})
	c := alternate(
		calls(1, func(int) { count(all.List(ctx, nil), n) }),
		calls(1, func(int) { count(b.List(ctx, nil), n) }),
		calls(1, func(int) { count(one.List(ctx, &blob.ListOptions{}), n/100) }))
	r.add("list 100,000 through a view, all allowed", short(c[0].cpu), "no view "+short(c[1].cpu), of(c[0].cpu, c[1].cpu), "≤ 1.2×", ratio(c[0].cpu, c[1].cpu) <= 1.2)
	part := 100 * ratio(c[2].cpu, c[1].cpu)
	r.add("one directory of 100 visible", short(c[2].cpu), "no view "+short(c[1].cpu), fmt.Sprintf("%.1f %%", part), "≤ 5 %", part <= 5)
	extra := (c[0].cpu - c[1].cpu) / n
	r.add("what the view adds, a key", short(max(0, extra)), "—", "—", "≤ 100 ns", extra <= 100)
}
