package file

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// A file that becomes shorter while it is stored is an error, and nothing of it is published. One that grows is stored
// as long as it was.
func TestBodyChangesItsSize(t *testing.T) {
	b := openMode(t, t.TempDir(), mode{})
	for name, test := range map[string]struct {
		size int64 // declared
		to   string
		want string
		err  error
	}{
		"shorter":           {0, "0123", "old", io.ErrUnexpectedEOF},
		"shorter, declared": {10, "0123", "old", blob.ErrInvalid},
		"longer":            {0, "0123456789more", "0123456789", nil},
		"longer, declared":  {10, "0123456789more", "0123456789", nil},
	} {
		put(t, b, "k", "old")
		path := filepath.Join(t.TempDir(), "body")
		if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		body := &changing{File: f, change: func() error { return os.WriteFile(path, []byte(test.to), 0o600) }}
		if _, err := b.Put(t.Context(), "k", body, &blob.PutOptions{Size: test.size}); !errors.Is(err, test.err) {
			t.Errorf("%s: %v", name, err)
		}
		wantBody(t, b, "k", test.want)
		f.Close()
	}
}

// changing is a file that another program changes before the first Read.
type changing struct {
	*os.File
	change func() error
}

func (c *changing) Read(p []byte) (int, error) {
	if change := c.change; change != nil {
		c.change = nil
		if err := change(); err != nil {
			return 0, err
		}
	}
	return c.File.Read(p)
}
