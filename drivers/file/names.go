package file

import (
	"strings"
	"unicode/utf8"
)

// Every name that begins with the marker is the driver's own; no key is stored under one literally. What follows says
// what the name is:
//
//	.holdall~            in the root: the work directory
//	.holdall~=text       a segment of a key that cannot be a name as it is, escaped, or the end of a long one
//	.holdall~+text       a directory: the beginning of a segment that is too long for one name; the names in it go on
//	.holdall~self        in a directory: the object whose key is the directory's path
const (
	marker   = ".holdall~"
	final    = '='
	chained  = '+'
	selfName = marker + "self"
	workName = marker

	maxName  = 255 // bytes in one name, on every file system in common use
	hexLower = "0123456789abcdef"
)

// naming turns keys into paths and back. It does no I/O. A key is split at its slashes; a segment that the file system
// holds literally, and that nothing else is stored under, is its own name. So a plain tree has plain names.
type naming struct {
	windows bool // names are what Windows takes: no device names, no reserved characters
	fold    bool // the file system takes names that differ in case or composition for one
}

// path returns the path of a key: names joined by slashes, relative to the root. Two keys never have one path.
func (n naming) path(key string) string {
	plain := true
	for rest, more := key, true; more && plain; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		plain = n.literal(segment)
	}
	if plain {
		return key
	}
	var b strings.Builder
	for rest, more := key, true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		b.WriteString(n.encode(segment))
		if more {
			b.WriteByte('/')
		}
	}
	return b.String()
}

// literal tells whether a segment is its own name.
func (n naming) literal(segment string) bool {
	if segment == "" || segment == "." || segment == ".." || len(segment) > maxName || strings.HasPrefix(segment, marker) {
		return false
	}
	if !n.windows && !n.fold {
		return true
	}
	for i := range len(segment) {
		if n.forbids(segment[i]) {
			return false
		}
	}
	last := segment[len(segment)-1]
	return !n.windows || last != '.' && last != ' ' && !isDevice(segment)
}

// forbids tells whether a name cannot hold b, wherever it stands. A tilde would let a key name a file by its short name.
func (n naming) forbids(b byte) bool {
	return n.windows && (b < 0x20 || b == 0x7f || strings.IndexByte(`<>:"|?*\~`, b) >= 0) ||
		n.fold && (b >= 'A' && b <= 'Z' || b >= utf8.RuneSelf)
}

// escapes tells whether an escaped name writes b as a percent sign and two digits. On Windows that holds for dots and
// spaces, too: they vanish from the end of a name.
func (n naming) escapes(b byte) bool {
	return b == '%' || n.windows && (b == '.' || b == ' ') || n.forbids(b)
}

// isDevice tells whether Windows takes a name for a device, whatever its extension: CON, aux.txt, "COM1 .log".
func isDevice(segment string) bool {
	stem, _, _ := strings.Cut(segment, ".")
	stem, _, _ = strings.Cut(stem, ":")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, isPort := strings.CutPrefix(stem, "COM")
	if !isPort {
		port, isPort = strings.CutPrefix(stem, "LPT")
	}
	return isPort && utf8.RuneCountInString(port) == 1 && strings.ContainsAny(port, "0123456789¹²³")
}

// encode returns the name of a segment, or, of a long one, the path of names that it is chained over. Each name but the
// last is filled with as many characters as fit, so there is one encoding.
func (n naming) encode(segment string) string {
	if n.literal(segment) {
		return segment
	}
	var done strings.Builder
	var name []byte
	for i := 0; i < len(segment); {
		_, width := utf8.DecodeRuneInString(segment[i:])
		before := len(name)
		for _, b := range []byte(segment[i : i+width]) {
			if n.escapes(b) {
				name = append(name, '%', hexLower[b>>4], hexLower[b&15])
			} else {
				name = append(name, b)
			}
		}
		if len(marker)+1+len(name) > maxName {
			done.WriteString(marker + string(chained))
			done.Write(name[:before])
			done.WriteByte('/')
			name = append(name[:0], name[before:]...)
		}
		i += width
	}
	done.WriteString(marker + string(final))
	done.Write(name)
	return done.String()
}

// segment returns the segment that a name found on disk stands for, or, of a chain, its beginning. Text and path are what
// the chain of names so far stands for, and the chain itself; both are empty for a name in a directory of keys. It is
// not ok for what no key encodes to: then the name is somebody else's.
func (n naming) segment(text, path, name string) (segment string, chain, ok bool) {
	segment, chain, ok = n.decode(name)
	if !ok || path != "" && !strings.HasPrefix(name, marker) {
		return "", false, false
	}
	segment = text + segment
	if !chain && strings.HasPrefix(name, marker) {
		ok = n.encode(segment) == join(path, name)
	}
	return segment, chain, ok
}

// decode returns the text that one name stands for, and whether the segment goes on in the names beneath it.
func (n naming) decode(name string) (text string, more, ok bool) {
	if !strings.HasPrefix(name, marker) {
		return name, false, n.literal(name) && utf8.ValidString(name)
	}
	rest := name[len(marker):]
	if rest == "" || rest[0] != final && rest[0] != chained {
		return "", false, false
	}
	more = rest[0] == chained
	text, ok = n.unescape(rest[1:])
	if !ok || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return "", false, false
	}
	return text, more, true
}

// unescape undoes the escapes of a name. Only what escapes writes is accepted.
func (n naming) unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 >= len(s) {
				return "", false
			}
			high, low := strings.IndexByte(hexLower, s[i+1]), strings.IndexByte(hexLower, s[i+2])
			if high < 0 || low < 0 || !n.escapes(byte(high<<4|low)) {
				return "", false
			}
			c = byte(high<<4 | low)
			i += 2
		} else if n.escapes(c) {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// split returns the directory of a path, "" for the root, and the name in it.
func split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

// join is the inverse of split.
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
