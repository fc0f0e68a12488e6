package acl

import (
	"fmt"
	"strings"
	"time"
)

// An Explanation tells whether an identity has a right on a key, and why.
type Explanation struct {
	Allowed bool
	Right   Rights
	Key     string
	Reasons []Reason // every one that bears on the right, from the whole bucket down; none if nothing was granted
}

// A Reason is one thing in the policy that gives the right, or keeps it back.
type Reason struct {
	Kind    ReasonKind
	Grant   Grant       // for ReasonGrant, ReasonBarrier and ReasonExpired
	Via     []Principal // how the identity is the grantee or the owner: the user, a group that holds it, and so on
	Barrier string      // for ReasonBarrier: the barrier that stops the grant
}

// ReasonKind is what a [Reason] does to the right.
type ReasonKind string

// The kinds of reasons.
const (
	ReasonOwner      ReasonKind = "owner"      // an owner has every right
	ReasonGrant      ReasonKind = "granted"    // a live grant gives some of the right
	ReasonBarrier    ReasonKind = "stopped"    // a live grant would, but for a barrier below its scope
	ReasonExpired    ReasonKind = "expired"    // a grant did, until it expired
	ReasonSuspended  ReasonKind = "suspended"  // a suspended user has no right
	ReasonRestricted ReasonKind = "restricted" // the view's restrictions leave less than the policy gives
)

// String tells the verdict, and then each reason on a line of its own.
func (e Explanation) String() string {
	verdict := "denied"
	if e.Allowed {
		verdict = "allowed"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v on %q: %s", e.Right, e.Key, verdict)
	if len(e.Reasons) == 0 {
		b.WriteString("\n\tnothing grants it")
	}
	for _, reason := range e.Reasons {
		fmt.Fprintf(&b, "\n\t%v", reason)
	}
	return b.String()
}

// String tells r on one line.
func (r Reason) String() string {
	s := string(r.Kind)
	switch r.Kind {
	case ReasonSuspended:
		return "the user is suspended"
	case ReasonRestricted:
		return "the view is restricted"
	case ReasonBarrier:
		s = fmt.Sprintf("stopped by the barrier at %q", r.Barrier)
	}
	if r.Kind != ReasonOwner {
		s += ": " + r.Grant.String()
	}
	if len(r.Via) > 1 || r.Kind == ReasonOwner {
		way := make([]string, len(r.Via))
		for i, p := range r.Via {
			way[i] = p.String()
		}
		s += ", as " + strings.Join(way, " in ")
	}
	return s
}

// explain answers whether who has right on key, by the same code as a check does, and then looks for the reasons. It
// shows only grants that reach who.
func explain(ix *index, who Identity, right Rights, key string, now time.Time, restrictions ...restriction) Explanation {
	e := Explanation{Right: right, Key: key}
	e.Allowed = compile(ix, who, now, restrictions...).rights(key).Has(right)
	if ix.policy.isSuspended(who.User) {
		e.Reasons = []Reason{{Kind: ReasonSuspended}}
		return e
	}
	principals := ix.membership.principals(who, ix.policy.AllowPublic)
	way := make(map[Principal][]Principal, len(principals))
	for i, p := range principals {
		way[p.Principal] = path(principals, i)
		if ix.policy.isOwner(p.Principal) {
			e.Reasons = append(e.Reasons, Reason{Kind: ReasonOwner, Via: way[p.Principal]})
		}
	}
	ix.policy.covering(key, func(g *Grant, barrier int) {
		via, mine := way[g.To]
		if !mine || g.Rights&right == 0 {
			return
		}
		reason := Reason{Kind: ReasonGrant, Grant: *g, Via: via}
		switch {
		case !g.live(now):
			reason.Kind = ReasonExpired
		case g.passing(barrier)&right == 0:
			reason.Kind, reason.Barrier = ReasonBarrier, key[:barrier]
		}
		e.Reasons = append(e.Reasons, reason)
	})
	if !e.Allowed && len(restrictions) > 0 && compile(ix, who, now).rights(key).Has(right) {
		e.Reasons = append(e.Reasons, Reason{Kind: ReasonRestricted})
	}
	return e
}
