package acl

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/holdall-go/holdall/blob"
)

// Principal is one to whom rights are granted: a user, a group, any named user, or anyone. It is comparable; two
// principals are the same exactly if they are ==. The zero Principal is nobody, and invalid in a policy.
type Principal struct {
	kind kind
	id   string
}

type kind uint8

const (
	kindUser kind = 1 + iota
	kindGroup
	kindAuthenticated
	kindPublic
)

var (
	// Authenticated is every named user.
	Authenticated = Principal{kind: kindAuthenticated}
	// Public is everyone, named or not.
	Public = Principal{kind: kindPublic}
)

// User returns the principal of one user. The id is opaque: any characters, compared byte for byte, and never given
// to another person later.
func User(id string) Principal { return Principal{kindUser, id} }

// Group returns the principal of one group. The id is as opaque as a user's.
func Group(id string) Principal { return Principal{kindGroup, id} }

// ParsePrincipal reads what [Principal.String] writes: "user:ID", "group:ID", "authenticated" or "public". The first
// colon ends the kind, so an ID may hold colons.
func ParsePrincipal(s string) (Principal, error) {
	switch s {
	case "authenticated":
		return Authenticated, nil
	case "public":
		return Public, nil
	}
	name, id, _ := strings.Cut(s, ":")
	p := Principal{id: id}
	switch name {
	case "user":
		p.kind = kindUser
	case "group":
		p.kind = kindGroup
	}
	if err := p.Validate(); err != nil {
		return Principal{}, fmt.Errorf("principal %q: %w", s, err)
	}
	return p, nil
}

// String writes p as "user:ID", "group:ID", "authenticated" or "public".
func (p Principal) String() string {
	switch p.kind {
	case kindUser:
		return "user:" + p.id
	case kindGroup:
		return "group:" + p.id
	case kindAuthenticated:
		return "authenticated"
	case kindPublic:
		return "public"
	}
	return "no principal"
}

// Validate reports why p cannot be named in a policy, or nil.
func (p Principal) Validate() error {
	switch p.kind {
	case kindUser, kindGroup:
		return checkID(p.id)
	case kindAuthenticated, kindPublic:
		return nil
	}
	return fmt.Errorf(`%w: no principal; write "user:ID", "group:ID", "authenticated" or "public"`, blob.ErrInvalid)
}

// MarshalText implements [encoding.TextMarshaler].
func (p Principal) MarshalText() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return []byte(p.String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *Principal) UnmarshalText(text []byte) error {
	parsed, err := ParsePrincipal(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// named reports whether p is a user or a group: what can be an owner, or a member of a group.
func (p Principal) named() bool { return p.kind == kindUser || p.kind == kindGroup }

func (p Principal) compare(q Principal) int {
	return cmp.Or(cmp.Compare(p.kind, q.kind), strings.Compare(p.id, q.id))
}

// maxID bounds the ids of users and groups. It is the longest key: long enough for any name, certificate subject or
// token claim, short enough that ids do not decide the size of a policy.
const maxID = maxKey

// checkID refuses what cannot be the id of a user or group. An empty id would be nobody's. Invalid UTF-8 does not
// survive JSON: each bad byte becomes U+FFFD, so two ids that differ would be stored as one.
func checkID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: the id is empty; an id has 1 to %d bytes", blob.ErrInvalid, maxID)
	case len(id) > maxID:
		return fmt.Errorf("%w: the id %.40q… has %d bytes; an id has 1 to %d bytes", blob.ErrInvalid, id, len(id), maxID)
	case !utf8.ValidString(id):
		return fmt.Errorf("%w: the id %q is not valid UTF-8; encode other bytes, as in hex", blob.ErrInvalid, id)
	}
	return nil
}

// Identity is who asks: a user id, or "" for nobody, and the ids of groups that the application vouches for, beside
// those that the policy stores.
type Identity struct {
	User   string
	Groups []string
}

// Nobody is the identity of an anonymous caller. It has what is granted to [Public].
var Nobody = Identity{}

// Validate reports why who cannot ask for anything, or nil. A nobody may be vouched for.
func (who Identity) Validate() error {
	if who.User != "" {
		if err := checkID(who.User); err != nil {
			return fmt.Errorf("identity: user: %w", err)
		}
	}
	for _, id := range who.Groups {
		if err := checkID(id); err != nil {
			return fmt.Errorf("identity of %q: group: %w", who.User, err)
		}
	}
	return nil
}
