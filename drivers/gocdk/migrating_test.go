package gocdk

import (
	"os"
	"reflect"
	"strings"
	"testing"

	gcblob "gocloud.dev/blob"
)

// Each method of gocloud.dev's bucket and of its iterator is in the table of MIGRATING.md.
func TestMigratingNamesEveryCall(t *testing.T) {
	page, err := os.ReadFile("MIGRATING.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) > 1 {
			for i, code := range strings.Split(cells[1], "`") {
				if name, _, _ := strings.Cut(strings.TrimPrefix(code, "b."), "("); i%2 == 1 {
					named[name] = true
				}
			}
		}
	}
	for _, of := range []reflect.Type{reflect.TypeFor[*gcblob.Bucket](), reflect.TypeFor[*gcblob.ListIterator]()} {
		for i := range of.NumMethod() {
			if name := of.Method(i).Name; !named[name] {
				t.Errorf("the table has no %s of %s", name, of)
			}
		}
	}
}
