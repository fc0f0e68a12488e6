package providers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/holdall-go/holdall/conformance/providers/b2front"
	"github.com/holdall-go/holdall/conformance/providers/images"
)

// B2 is Backblaze's own simulator of B2, behind an HTTP front of ours that also fails when asked to (package b2front). Its
// two identities are the master keys of two accounts. It keeps nothing when it is restarted. Where Debian's python3-b2sdk
// is installed, it runs without Docker too.
//
// Tests of drivers/b2 that need it are in this module, since that of the driver must not depend on this one.
var B2 = &Provider{
	Name:    "b2",
	column:  "b2:simulator",
	Holders: [2]Identity{{"account-0", "masterKey-0"}, {"account-1", "masterKey-1"}},
	port:    "8823/tcp",
	child:   startB2,
	ready:   b2Ready,
	version: func(ctx context.Context, s *Server) (string, error) { return s.B2Front().Version(ctx) },
}

// B2Front returns what steers the server, which must be one of B2.
func (s *Server) B2Front() b2front.Front { return b2front.Front{URL: s.Endpoint} }

// B2Account returns an account of the server, which must be one of B2.
func (s *Server) B2Account(ctx context.Context, who Identity) (*b2front.Account, error) {
	return b2front.Authorize(ctx, s.Endpoint, who.Access, who.Secret)
}

// b2Ready puts, gets and lists one file, in a bucket that it makes and removes.
func b2Ready(ctx context.Context, s *Server) error {
	account, err := s.B2Account(ctx, s.Provider.Holders[0])
	if err != nil {
		return err
	}
	bucket, err := account.MakeBucket(ctx, fmt.Sprintf("ready-%d", time.Now().UnixNano()))
	if err != nil {
		return err
	}
	const name, content = "name", "content"
	if _, err := account.Put(ctx, bucket.ID, name, []byte(content)); err != nil {
		return err
	}
	got, err := account.Get(ctx, bucket.Name, name, nil)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	if b, err := io.ReadAll(got.Body); err != nil || string(b) != content {
		return fmt.Errorf("get answers %q: %w", b, err)
	}
	var listed struct{ Files []b2front.File }
	if err := account.Call(ctx, "b2_list_file_names", b2front.Params{"bucketId": bucket.ID}, &listed); err != nil {
		return err
	}
	if len(listed.Files) != 1 || listed.Files[0].Name != name {
		return fmt.Errorf("the file is not listed: %v", listed.Files)
	}
	return account.RemoveBucket(ctx, bucket)
}

// debianPython is the interpreter that has Debian's packages. Another python3 on the PATH would not.
const debianPython = "/usr/bin/python3"

// startB2 runs the front as a child of this process, where the simulator is installed.
func startB2(p *Provider) (process, error) {
	if out, err := exec.Command(debianPython, "-c", "import b2sdk.raw_simulator").CombinedOutput(); err != nil {
		last := bytes.TrimSpace(out)
		return nil, &Unavailable{p.Name, "no Docker engine has its image, and the simulator is not installed here",
			"build the image: go -C conformance/providers run ./prepare; or, on Debian 12: apt-get install python3-b2sdk",
			fmt.Errorf("%w: %s", err, last[bytes.LastIndexByte(last, '\n')+1:])}
	}
	dir, err := os.MkdirTemp("", "holdall-b2-")
	if err != nil {
		return nil, err
	}
	if err := images.Unpack(p.Name, dir); err != nil {
		return nil, err
	}
	at, err := freeAddress()
	if err != nil {
		return nil, err
	}
	c := &child{program: debianPython, dir: dir, at: at, args: []string{filepath.Join(dir, "front.py"), "--port", at.Port()}}
	return c, c.start()
}
