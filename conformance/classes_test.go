package conformance

import (
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// The failure of a call that succeeded says which class of error was expected.
func TestWantClass(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string // what the failure ends with; "": there is none
	}{
		{nil, `put succeeded; expected an error of class "checksum"`},
		{blob.ErrInvalid, `, which is of the class "invalid", not "checksum"`},
		{blob.ErrChecksum, ""},
	} {
		var c T
		wantClass(&c, "put", test.err, blob.ErrChecksum)
		got := strings.Join(c.failures.lines, "\n")
		if c.Failed() != (test.want != "") || !strings.HasSuffix(got, test.want) {
			t.Errorf("an error %v is reported as %q; expected %q at the end", test.err, got, test.want)
		}
	}
}
