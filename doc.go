// Package holdall is the front door of a library for blob storage: one interface over memory, files and any provider,
// and above it access control of its own, recursive and per user, that means the same on every store. An application
// written against it can leave its provider without rewriting a line.
//
// This package is documentation alone. The rooms behind it:
//
//   - [github.com/holdall-go/holdall/blob]: the Bucket interface and its rules, and what works over any Bucket.
//   - [github.com/holdall-go/holdall/acl]: principals, rights and grants; a Guard that turns a Bucket into a view for
//     each person, which is a Bucket again.
//   - [github.com/holdall-go/holdall/drivers/mem], [github.com/holdall-go/holdall/drivers/file]: the stores. Importing
//     one makes its URLs known. Beside them, modules of their own: drivers/s3, drivers/b2, drivers/ceph, and
//     drivers/gocdk for gocloud.dev's buckets.
//   - [github.com/holdall-go/holdall/conformance]: the suite that proves a store, of yours or of ours.
//
// Alice may read and change photos/, and sees nothing else:
//
//	bucket, err := blob.Open(ctx, "file:///srv/data") // or "mem://data", and nothing else changes
//	guard, err := acl.Create(ctx, bucket, nil, acl.User("root"))
//	root := guard.As(acl.Identity{User: "root"})
//	_, err = root.Grant(ctx, "photos/", acl.User("alice"), acl.Writer)
//
//	alice := guard.As(acl.Identity{User: "alice"})
//	_, err = blob.WriteAll(ctx, alice, "photos/cat.jpg", cat, nil)
//	cat, err = blob.ReadAll(ctx, alice, "photos/cat.jpg")
//	_, err = blob.ReadAll(ctx, alice, "payroll.csv") // errors.Is(err, fs.ErrPermission), whether or not there is one
//	for o, err := range alice.List(ctx, nil) {       // photos/ and what is in it
//		fmt.Println(o, err)
//	}
//
// Programs to run and copy from are in the folder examples.
package holdall
