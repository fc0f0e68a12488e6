package conformance

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/holdall-go/holdall/blob"
)

// classTable is what an error may answer to.
var classTable = []struct {
	name string
	err  error
}{
	{"not exist", fs.ErrNotExist}, {"exist", fs.ErrExist}, {"permission", fs.ErrPermission},
	{"precondition", blob.ErrPrecondition}, {"not modified", blob.ErrNotModified}, {"checksum", blob.ErrChecksum},
	{"invalid", blob.ErrInvalid}, {"range", blob.ErrRange}, {"changed", blob.ErrChanged},
	{"ambiguous", blob.ErrAmbiguous}, {"closed", blob.ErrClosed}, {"unsupported", errors.ErrUnsupported},
	{"canceled", context.Canceled}, {"deadline", context.DeadlineExceeded},
}

// classes names all that err answers to.
func classes(err error) []string {
	var names []string
	for _, c := range classTable {
		if errors.Is(err, c.err) {
			names = append(names, c.name)
		}
	}
	return names
}

// wantClass reports an error that does not answer to just these targets.
func wantClass(t *T, what string, err error, targets ...error) {
	var want []string
	for _, target := range targets {
		for _, name := range classes(target) {
			if !slices.Contains(want, name) {
				want = append(want, name)
			}
		}
	}
	got := classes(err)
	slices.Sort(got)
	slices.Sort(want)
	switch {
	case err == nil:
		t.Errorf("%s succeeded; expected an error of class %q", what, strings.Join(want, "+"))
	case !slices.Equal(got, want):
		t.Errorf("%s answers %v, which is of the class %q, not %q", what, err, strings.Join(got, "+"), strings.Join(want, "+"))
	}
}
