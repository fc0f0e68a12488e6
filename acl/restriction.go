package acl

import "time"

// A restriction narrows what an identity may do to some rights in a scope, for a while. It only ever takes away, so
// restrictions of one another need no order, and the restricted is never an owner.
type restriction struct {
	Scope   string    `json:"scope"`
	Rights  Rights    `json:"rights"`
	Expires time.Time `json:"expires,omitzero"` // nothing from this moment on; zero: never
}

// rights returns what r leaves of all rights on key, before it expires.
func (r *restriction) rights(key string) Rights {
	if covers(r.Scope, key) {
		return r.Rights
	}
	return 0
}
