// Command serve starts one of the servers of the tests with an empty bucket on it, and says how that is reached by a
// program, by examples/portable and by bench. It runs until it is interrupted, and then keeps nothing.
//
//	go -C conformance/providers run ./serve minio
//
// The servers are those of package providers, and rados. The exit status is 1 if the server cannot run here, which says
// why and what would help, and 2 for a wrong argument.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/conformance/providers"
)

// bucket is the name of the bucket that is made.
const bucket = "holdall"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(serve(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// serve runs the server that args name until ctx ends.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	starts := map[string]func(context.Context, io.Writer) error{providers.RADOS.Name: rados, providers.B2.Name: b2}
	for _, p := range providers.S3() {
		starts[p.Name] = func(ctx context.Context, w io.Writer) error { return server(ctx, p, w) }
	}
	names := strings.Join(slices.Sorted(maps.Keys(starts)), ", ")
	if len(args) != 1 || starts[args[0]] == nil {
		fmt.Fprintf(stderr, "serve: name one server of %s\n", names)
		return 2
	}
	err := starts[args[0]](ctx, stdout)
	if err == nil {
		fmt.Fprintln(stdout, "\nIt runs until it is interrupted.")
		<-ctx.Done()
	}
	if err = errors.Join(err, providers.Purge()); err != nil {
		fmt.Fprintln(stderr, "serve:", err)
		return 1
	}
	return 0
}

// server starts one that speaks S3's protocol.
func server(ctx context.Context, p *providers.Provider, w io.Writer) error {
	s, err := p.Start(ctx)
	if err != nil {
		return err
	}
	name, who := bucket, p.Holders[0]
	if _, err := s.Client(who).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		return err
	}
	store := &url.URL{Scheme: "s3", Host: bucket, RawQuery: url.Values{"endpoint": {s.Endpoint.String()}, "region": {"us-east-1"}}.Encode()}
	measured := *s.Endpoint
	measured.User, measured.Path = url.UserPassword(who.Access, who.Secret), "/"+bucket
	introduce(w, s.Name(), s.Environment(), store)
	fmt.Fprintf(w, "    go -C examples/portable run . '%s'\n", store)
	fmt.Fprintf(w, "    go -C bench run . -goal 'G1c|G4c|G5' -s3 '%s'\n", &measured)
	return nil
}

// b2 starts Backblaze's simulator.
func b2(ctx context.Context, w io.Writer) error {
	s, err := providers.B2.Start(ctx)
	if err != nil {
		return err
	}
	account, err := s.B2Account(ctx, providers.B2.Holders[0])
	if err != nil {
		return err
	}
	if _, err := account.MakeBucket(ctx, bucket); err != nil {
		return err
	}
	introduce(w, s.Name(), s.B2Environment(), &url.URL{Scheme: "b2", Host: bucket, RawQuery: url.Values{"endpoint": {s.Endpoint.String()}}.Encode()})
	return nil
}

// introduce says what runs, and how its bucket is opened.
func introduce(w io.Writer, name string, environment map[string]string, store *url.URL) {
	fmt.Fprintf(w, "%s\n\n", name)
	for _, variable := range slices.Sorted(maps.Keys(environment)) {
		fmt.Fprintf(w, "    export %s=%s\n", variable, environment[variable])
	}
	fmt.Fprintf(w, "    # blob.Open: %s\n", store)
}

// rados starts a cluster, which is reached with its keyring.
func rados(ctx context.Context, w io.Writer) error {
	c, err := providers.StartCluster(ctx, 1)
	if err != nil {
		return err
	}
	store := &url.URL{Scheme: "ceph", Host: providers.Pool, Path: "/" + bucket, RawQuery: url.Values{"conf": {c.Conf}, "create": {"true"}}.Encode()}
	introduce(w, c.Name(), nil, store)
	fmt.Fprintf(w, "    go -C drivers/ceph run -tags ceph ./fsck '%s'\n", store)
	store.Path, store.RawQuery = "/", url.Values{"conf": {c.Conf}}.Encode()
	fmt.Fprintf(w, "    go -C bench run -tags ceph . -goal R -rados '%s'\n", store)
	return nil
}
