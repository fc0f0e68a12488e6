package file

import (
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

var namings = map[string]naming{
	"unix":    {},
	"folding": {fold: true},
	"windows": {windows: true, fold: true},
}

func TestEncode(t *testing.T) {
	long := strings.Repeat("x", 255)
	for _, c := range []struct{ rule, key, path string }{
		{"unix", "photos/2015/a.jpg", "photos/2015/a.jpg"},
		{"unix", ".hidden/~/100%/a b", ".hidden/~/100%/a b"},
		{"unix", "a\\b:c*\n\x01\u00e4", "a\\b:c*\n\x01\u00e4"},
		{"unix", "/", ".holdall~=/.holdall~="},
		{"unix", "a//b/", "a/.holdall~=/b/.holdall~="},
		{"unix", "./../...", ".holdall~=./.holdall~=../..."},
		{"unix", ".holdall/policy", ".holdall/policy"},
		{"unix", ".holdall~", ".holdall~=.holdall~"},
		{"unix", ".holdall~self", ".holdall~=.holdall~self"},
		{"unix", ".holdall~=%", ".holdall~=.holdall~=%25"},
		{"unix", long, long},
		{"unix", long + "x", ".holdall~+" + long[:245] + "/.holdall~=" + long[:11]},
		{"folding", "README.md", ".holdall~=%52%45%41%44%4d%45.md"},
		{"folding", "n\u00e4h", ".holdall~=n%c3%a4h"},
		{"windows", "con", ".holdall~=con"},
		{"windows", "aux.txt", ".holdall~=aux%2etxt"},
		{"windows", "com\u00b9", ".holdall~=com%c2%b9"},
		{"windows", "a:b", ".holdall~=a%3ab"},
		{"windows", "a\\b", ".holdall~=a%5cb"},
		{"windows", "a.", ".holdall~=a%2e"},
		{"windows", "a ", ".holdall~=a%20"},
		{"windows", "progra~1", ".holdall~=progra%7e1"},
		{"windows", "console.log", "console.log"},
	} {
		if got := namings[c.rule].path(c.key); got != c.path {
			t.Errorf("%s: %q is stored as %q, want %q", c.rule, c.key, got, c.path)
		}
	}
}

// keyOf is the inverse of path, by the rules that a listing goes by.
func (n naming) keyOf(path string) (key string, ok bool) {
	var segments []string
	text, chainPath := "", ""
	for name := range strings.SplitSeq(path, "/") {
		segment, chain, ok := n.segment(text, chainPath, name)
		if !ok {
			return "", false
		}
		if chain {
			text, chainPath = segment, join(chainPath, name)
			continue
		}
		segments = append(segments, segment)
		text, chainPath = "", ""
	}
	return strings.Join(segments, "/"), chainPath == ""
}

func TestForeignNames(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct{ rule, path string }{
		{"unix", ".holdall~"}, {"unix", ".holdall~self"}, {"unix", ".holdall~other"},
		{"unix", ".holdall~=plain"},                                          // would be stored as it is
		{"unix", ".holdall~=%2e"},                                            // not what needs an escape
		{"unix", ".holdall~=%"}, {"unix", ".holdall~=a%2"}, {"unix", "\xff"}, // no text
		{"unix", ".holdall~+ab/.holdall~=c"},                             // a chain that is not full
		{"unix", ".holdall~+" + long[:245] + "/" + long[:20]},            // a literal name in a chain
		{"unix", ".holdall~+" + long[:245] + "/.holdall~=%2e"},           // an escape that is none
		{"folding", "README"}, {"folding", "\u00e4"}, {"windows", "NUL"}, // other keys would be these
	} {
		if key, ok := namings[c.rule].keyOf(c.path); ok {
			t.Errorf("%s: %q is taken for the key %q", c.rule, c.path, key)
		}
	}
}

func FuzzKeyEscape(f *testing.F) {
	for _, key := range awkward {
		f.Add(key, key+"/")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for rule, n := range namings {
			for _, key := range []string{a, b} {
				if blob.CheckKey(key) != nil {
					return
				}
				path := n.path(key)
				if got, ok := n.keyOf(path); !ok || got != key {
					t.Fatalf("%s: %q is stored as %q, which is read as %q, %t", rule, key, path, got, ok)
				}
				for name := range strings.SplitSeq(path, "/") {
					if name == "" || name == "." || name == ".." || name == workName || name == selfName || len(name) > maxName {
						t.Fatalf("%s: %q is stored as %q", rule, key, path)
					}
					if n.fold && name != strings.ToLower(name) {
						t.Fatalf("%s: %q is stored as %q, which has capitals", rule, key, path)
					}
				}
			}
			if a != b && n.path(a) == n.path(b) {
				t.Fatalf("%s: %q and %q are both stored as %q", rule, a, b, n.path(a))
			}
			// Whatever is found on disk is one key's or nobody's.
			if key, ok := n.keyOf(a); ok && n.path(key) != a {
				t.Fatalf("%s: the name %q is taken for the key %q, which is stored as %q", rule, a, key, n.path(key))
			}
		}
	})
}
