package acl

import "strings"

// A scope says where a grant or barrier applies: "" is the whole bucket, "a/b/" is every key that begins with it, and
// anything else is that one key. It is never a raw prefix: "photos" is not "photos-private/x".

// CheckScope reports why s is not a scope, or nil. But for "", a scope follows the rules of [CheckKey].
func CheckScope(s string) error {
	if s == "" {
		return nil
	}
	return check("scope", s, true)
}

// covers reports whether key lies in scope s. Of a scope in place of key, it tells whether all of that lies in s.
func covers(s, key string) bool {
	return s == "" || s == key || s[len(s)-1] == '/' && strings.HasPrefix(key, s)
}

// nextAncestor returns the length of the shortest scope that covers key and is longer than n bytes, where n < len(key)
// is the length of another. So this visits every scope that covers key but "", from the shortest:
//
//	for n := 0; n < len(key); {
//		n = nextAncestor(key, n)
//		scope := key[:n]
//	}
func nextAncestor(key string, n int) int {
	if i := strings.IndexByte(key[n:], '/'); i >= 0 {
		return n + i + 1
	}
	return len(key)
}

// scopeEnd returns the end of the half-open range of keys [s, end) that scope s covers; "" means that it is unbounded.
func scopeEnd(s string) string {
	switch {
	case s == "":
		return ""
	case s[len(s)-1] == '/':
		return s[:len(s)-1] + string('/'+1)
	default:
		return s + "\x00"
	}
}
