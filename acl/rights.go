package acl

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// Rights is a set of rights; the zero value is the empty set.
type Rights uint8

// The rights. Their names are stored in policies, so a name is never changed or given another meaning.
const (
	Get       Rights = 1 << iota // read an object and its attributes
	List                         // see that a key exists
	CreateNew                    // write a key that is absent; stored as "Create", a name that Go code has for the function
	Write                        // overwrite a key that is present
	Delete                       // delete a key
	ReadACL                      // read the grants and barriers of a scope
	WriteACL                     // change them, within the delegation rules
	Share                        // make links and signed requests for what the other rights allow
)

// Presets, each holding the one before it.
const (
	Reader      = Get | List
	Contributor = Reader | CreateNew
	Writer      = Contributor | Write | Delete
	Admin       = Writer | Control | Share // every right
)

// Control is the rights over the access control itself. They pass barriers: whoever administers a tree
// administers what lies behind a barrier in it, without being able to read it.
const Control = ReadACL | WriteACL

// rightNames holds the name of the right 1<<i at i.
var rightNames = [...]string{"Get", "List", "Create", "Write", "Delete", "ReadACL", "WriteACL", "Share"}

// noRights is how the empty set is written; an empty string would be too easy to overlook.
const noRights = "none"

// Has reports whether r holds every right of want. Every set has the empty set.
func (r Rights) Has(want Rights) bool { return r&want == want }

// String writes r as its rights' names joined by "+", as in "Get+List", in the order of their declaration,
// and the empty set as "none".
func (r Rights) String() string {
	if r == 0 {
		return noRights
	}
	names := make([]string, 0, len(rightNames))
	for rest := r; rest != 0; rest &= rest - 1 {
		names = append(names, rightNames[bits.TrailingZeros8(uint8(rest))])
	}
	return strings.Join(names, "+")
}

// ParseRights reads what [Rights.String] writes, with the names in any order. A name that it does not know is an
// error, never ignored: a policy written by a newer version must not be half understood.
func ParseRights(s string) (Rights, error) {
	if s == noRights {
		return 0, nil
	}
	var r Rights
next:
	for name := range strings.SplitSeq(s, "+") {
		for i, known := range rightNames {
			if name == known {
				r |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("%w: %q in %q is no right; the rights are %s", blob.ErrInvalid, name, s, Admin)
	}
	return r, nil
}

// MarshalText implements [encoding.TextMarshaler].
func (r Rights) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *Rights) UnmarshalText(text []byte) error {
	parsed, err := ParseRights(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}
