package acl

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// TestCoalitionsGainNothing lets two users who are not owners try edits of all kinds, in turns and as time goes by. In
// the end nobody may have a right at any moment, in any world that owners could make of the same grants and barriers,
// that he would not have had, unless one of the two held it to begin with.
func TestCoalitionsGainNothing(t *testing.T) {
	total := cases(6_000)
	made := make(map[string]int)
	for n := range total {
		r := source(n)
		before := conspiracy(r)
		ix := newIndex(before.Clone())
		d := newDraft(ix)
		now := epoch
		var log []string
		for range 12 {
			if r.IntN(6) == 0 {
				now = now.Add(30 * time.Minute)
			}
			who := pick(r, conspirators)
			kind, e := conspire(r)
			did, err := d.apply(asker{Identity: who}, e, now)
			switch {
			case err == nil && kind == "owners":
				t.Fatalf("case %d: %s could %v", n, who.User, e)
			case err == nil && did.changed:
				made[kind]++
				log = append(log, who.User+": "+e.String())
			case err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, blob.ErrInvalid):
				t.Fatalf("case %d: %v: %v", n, e, err)
			}
		}
		normal := d.policy.Clone()
		if normal.normalize(); describe(normal) != describe(d.policy) {
			t.Fatalf("case %d: the draft is not in normal form, after %q:\n%s", n, log, describe(d.policy))
		}
		if len(log) > 0 {
			checkGains(t, n, before, d.policy, now, log)
		}
	}
	for _, kind := range []string{"grant", "revoke", "revokeBy", "barrier", "removal"} {
		if made[kind] < total/200 {
			t.Errorf("only %d edits of the kind %s were allowed: the test proves too little", made[kind], kind)
		}
	}
}

var (
	conspirators = []Identity{{User: "carol"}, {User: "dave", Groups: []string{"vouched"}}}
	plotScopes   = []string{"", "a/", "a/b/", "a/b/c/", "a/k"}
	plotKeys     = append([]string{"x", "a/x", "a/b/x", "a/b/c/x", "a/b", "a"}, plotScopes...)
	plotMembers  = []Principal{User("carol"), User("dave"), User("erin"), Group("g"), Group("vouched"), Authenticated, Public}
	plotRights   = []Rights{Get, Write, WriteACL, WriteACL | Get, Get | Write, WriteACL | Get | Write, ReadACL}
	moments      = []time.Time{{}, {}, epoch.Add(time.Hour), epoch.Add(2 * time.Hour)}
)

func conspiracy(r *rand.Rand) *Policy {
	p := &Policy{ID: "p", Owners: []Principal{User("olga")}, AllowPublic: r.IntN(2) == 0, Groups: map[string][]Principal{}}
	for range 2 + r.IntN(5) {
		p.Grants = append(p.Grants, Grant{
			Scope: pick(r, plotScopes), To: pick(r, plotMembers), Rights: pick(r, plotRights), Expires: pick(r, moments),
			By: pick(r, []string{"olga", "carol"}),
		})
	}
	for range r.IntN(4) {
		p.Barriers = append(p.Barriers, pick(r, plotScopes[1:]))
	}
	if r.IntN(2) == 0 {
		p.Groups["g"] = []Principal{pick(r, plotMembers[:3])}
	}
	if r.IntN(4) == 0 {
		p.Suspended = []string{pick(r, plotMembers[:3]).id}
	}
	return p
}

// conspire returns an edit, and its kind.
func conspire(r *rand.Rand) (string, Edit) {
	scope, who := pick(r, plotScopes), pick(r, plotMembers)
	switch r.IntN(8) {
	case 0, 1, 2:
		return "grant", AddGrant(Grant{Scope: scope, To: who, Rights: pick(r, plotRights), Expires: pick(r, moments)})
	case 3:
		return "revoke", Revoke(scope, who)
	case 4:
		return "revokeBy", RevokeBy(pick(r, []string{"olga", "carol"}))
	case 5:
		return "barrier", SetBarrier(pick(r, plotScopes[1:]))
	case 6:
		return "removal", RemoveBarrier(pick(r, plotScopes[1:]))
	}
	return "owners", pick(r, []Edit{
		SetGroup("g", User("carol"), User("dave")), DeleteGroup("g"), AddOwner(User("carol")), AddOwner(Group("vouched")),
		RemoveOwner(User("olga")), Suspend("erin"), Unsuspend("carol"), SetAllowPublic(true), SetAllowPublic(false),
	})
}

// checkGains compares what was with what is, from the moment of the last edit on.
func checkGains(t *testing.T, n int, before, after *Policy, last time.Time, log []string) {
	t.Helper()
	everyone := append([]Identity{Nobody, {User: "erin"}, {User: "frank", Groups: []string{"g"}}}, conspirators...)
	for _, now := range []time.Time{last, last.Add(30 * time.Minute), last.Add(time.Hour), last.Add(100 * time.Hour)} {
		held := make(map[string]Rights)
		for _, who := range conspirators {
			for _, key := range plotKeys {
				held[key] |= Reference(before, who, key, now)
			}
		}
		for world := range 4 {
			was, is := otherWorld(world, before), otherWorld(world, after)
			for _, who := range everyone {
				for _, key := range plotKeys {
					gained := Reference(is, who, key, now) &^ Reference(was, who, key, now)
					if gained&^held[key] != 0 {
						t.Fatalf("case %d: in world %d %+v gained %v on %q at %v, by %q\nbefore: %s\nafter: %s",
							n, world, who, gained, key, now, log, describe(before), describe(after))
					}
				}
			}
		}
	}
}

// otherWorld is what an owner could make of p without touching grants and barriers; the world 0 is p.
func otherWorld(world int, p *Policy) *Policy {
	q := *p
	switch world {
	case 1:
		q.AllowPublic, q.Suspended = true, nil
	case 2:
		q.AllowPublic, q.Groups = false, map[string][]Principal{"g": {User("erin")}, "vouched": {Group("g")}}
	case 3:
		q.Suspended, q.Groups = []string{"carol"}, nil
	}
	return &q
}
