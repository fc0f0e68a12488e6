// Command quickstart opens a real directory tree as a bucket, gives people rights in it, and shows each of them exactly
// what they may see.
//
//	go run ./examples/quickstart [directory]
//
// Without a directory it takes the source of the Go distribution. The tree is opened read-only; who may see what is kept
// in another bucket, in memory.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/file"
	"github.com/holdall-go/holdall/drivers/mem"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	dir, err := directory(args)
	if err != nil {
		return err
	}
	s := newShow(out)

	// 1. A directory is a bucket.
	files, err := file.Open(dir, nil)
	if err != nil {
		return err
	}
	defer files.Close()
	bucket := blob.ReadOnly(files)
	tree, err := survey(ctx, bucket)
	if errors.Is(err, fs.ErrPermission) { // a listing leaves nothing out in silence
		return fmt.Errorf("a folder in %s cannot be read; try another directory: %w", dir, err)
	}
	if err != nil {
		return err
	}
	s.step("Open %s as a bucket", dir)
	s.say("%s, %s; each file is one, its path is the key", count(tree.objects, "object"), size(tree.bytes))
	if skipped := files.Skipped(); skipped.Links+skipped.Names > 0 {
		s.say("left out: %d links or special files, %d names that are no keys", skipped.Links, skipped.Names)
	}
	s.done()

	// 2. Who may see what is a policy, kept in another bucket. The first owner is root.
	guard, err := acl.Create(ctx, bucket, &acl.Options{Store: mem.New(nil)}, acl.User("root"))
	if err != nil {
		return err
	}
	defer guard.Close()
	s.step("Put access control above it")
	s.say("the policy lies in a bucket in memory, so nothing is written to the directory")
	s.done()

	// 3. Root gives rights. A grant on a folder holds for all below it, down to a barrier.
	root := guard.As(acl.Identity{User: "root"})
	for _, res := range root.Batch(ctx,
		acl.AddGrant(acl.Grant{Scope: tree.first, To: acl.User("alice"), Rights: acl.Reader}),
		acl.AddGrant(acl.Grant{Scope: tree.second, To: acl.Group("docs"), Rights: acl.Reader}),
		acl.SetGroup("docs", acl.User("bob")),
		acl.SetBarrier(tree.inside),
	) {
		if res.Err != nil {
			return res.Err
		}
	}
	s.step("Grant rights")
	s.say("user:alice may read %s and all below it", tree.first)
	s.say("group:docs, which is bob, may read %s", tree.second)
	s.say("a barrier at %s stops there what was granted above it", tree.inside)
	s.done()

	// 4. Each view is a bucket again, and holds just what its user may see.
	alice := guard.As(acl.Identity{User: "alice"})
	for _, who := range []acl.Identity{{User: "alice"}, {User: "bob"}, {}} {
		if err := list(ctx, s, guard.As(who), who); err != nil {
			return err
		}
	}

	// 5. What is hidden cannot be read, and nothing tells whether it is there.
	s.step("Alice reads what she may, and what she may not")
	for _, key := range []string{tree.open, tree.hidden, tree.hidden + ".no-such-object"} {
		content, err := blob.ReadAll(ctx, alice, key)
		switch {
		case err == nil:
			s.say("%s: %d bytes", key, len(content))
		case errors.Is(err, fs.ErrPermission):
			s.say("%s", err)
		default:
			return err
		}
	}
	s.done()

	// 6. Any answer can be explained, by the same code that gives it.
	s.step("Why?")
	for _, key := range []string{tree.open, tree.hidden} {
		e, err := alice.Explain(ctx, acl.Identity{User: "alice"}, acl.Get, key)
		if err != nil {
			return err
		}
		s.say("%s", strings.ReplaceAll(e.String(), "\n\t", "\n      "))
	}
	s.done()

	// 7. Revoking one grant may leave another: holdall says which.
	return revoke(ctx, s, root, alice, tree)
}

// list shows what one person's view holds.
func list(ctx context.Context, s *show, view blob.Bucket, who acl.Identity) error {
	name := who.User
	if name == "" {
		name = "nobody"
	}
	s.step("List everything as %s", name)
	objects := 0
	for _, err := range view.List(ctx, nil) {
		if err != nil {
			return err
		}
		objects++
	}
	var top []string
	for o, err := range view.List(ctx, &blob.ListOptions{Delimiter: "/", Limit: 5}) {
		if err != nil {
			return err
		}
		top = append(top, o.Key)
	}
	if objects == 0 {
		s.say("an empty bucket")
	} else {
		s.say("%s, under %s", count(objects, "object"), strings.Join(top, " "))
	}
	s.done()
	return nil
}

// revoke takes a grant from alice that another one covers, and then the other.
func revoke(ctx context.Context, s *show, root *acl.View, alice blob.Bucket, tree *layout) error {
	if _, err := root.Grant(ctx, tree.open, acl.User("alice"), acl.Reader); err != nil {
		return err
	}
	s.step("Revoke")
	for _, scope := range []string{tree.open, tree.first} {
		res, err := root.Revoke(ctx, scope, acl.User("alice"))
		if err != nil {
			return err
		}
		s.say("alice loses her grant on %s", scope)
		for _, left := range res.Residual.Grants {
			s.say("  what still gives it: %s", left)
		}
		_, err = alice.Stat(ctx, tree.open, nil)
		s.say("  may she still read %s? %s", tree.open, yesNo(err))
	}
	s.done()
	return nil
}

func yesNo(err error) string {
	if err == nil {
		return "yes"
	}
	return "no: " + err.Error()
}

// directory is the one that was named, or Go's own source.
func directory(args []string) (string, error) {
	switch {
	case len(args) == 1 && (args[0] == "" || strings.HasPrefix(args[0], "-")):
		return "", fmt.Errorf("%q is no directory; usage: quickstart [directory]", args[0])
	case len(args) == 0:
		goroot, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			return "", fmt.Errorf("cannot find Go's source (%w); name a directory instead", err)
		}
		return filepath.Join(strings.TrimSpace(string(goroot)), "src"), nil
	case len(args) == 1:
		return filepath.Abs(args[0])
	}
	return "", fmt.Errorf("%d arguments; name one directory, or none", len(args))
}
