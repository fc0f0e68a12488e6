// Package keyspace holds the arithmetic of keys in byte order that listings share.
package keyspace

import "strings"

// RollUp returns the common prefix that a listing by delimiter shows in place of key: key up to and with the first
// delimiter after prefix. It is ok only if there is one.
func RollUp(key, prefix, delimiter string) (common string, ok bool) {
	if delimiter == "" {
		return "", false
	}
	i := strings.Index(key[len(prefix):], delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(prefix)+i+len(delimiter)], true
}

// End returns the least string that is greater than every string that begins with prefix. It is not ok if there is
// none: prefix is empty, or all of its bytes are 0xff. (A guessed successor, such as prefix+"\xff", would pass over
// keys; this one is exact: after "a/b/" comes "a/b0".)
func End(prefix string) (end string, ok bool) {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1}), true
		}
	}
	return "", false
}

// After returns the successor of key: the least string that is greater.
func After(key string) string { return key + "\x00" }

// SeekPast returns where a listing that is to begin at start begins: there, but past a subtree that is rolled up into a
// common prefix before it. A server would filter its keys by start and roll up what is left, into a prefix that was
// passed already.
func SeekPast(start, prefix, delimiter string) string {
	if !strings.HasPrefix(start, prefix) {
		return start
	}
	if common, rolled := RollUp(start, prefix, delimiter); rolled && common < start {
		if end, ok := End(common); ok {
			return end
		}
	}
	return start
}
