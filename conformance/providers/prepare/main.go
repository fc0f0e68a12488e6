// Command prepare builds what the servers of the tests need and what is not there yet: their images, and versitygw for
// use without Docker. What it built once is kept, so that it does nothing the next time.
//
//	go -C conformance/providers run ./prepare
//
// The images begin with Docker's own of Debian and Go. On a machine whose engine reaches no registry, -airgapped makes
// the two from Debian's packages and the Go that is installed; that needs root and Debian, and installs debootstrap.
//
// The exit status is 1 if something is still missing. The last line then says what, and why or what would help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/ory/dockertest/v3/docker"

	"github.com/holdall-go/holdall/conformance/providers"
	"github.com/holdall-go/holdall/conformance/providers/images"
)

func main() {
	airgapped := flag.Bool("airgapped", false, "make the base images on this machine; needs root and Debian")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := prepare(ctx, *airgapped, os.Stdout); err != nil {
		fmt.Println(strings.TrimSpace(err.Error()))
		os.Exit(1)
	}
}

// prepare builds as much as it can.
func prepare(ctx context.Context, airgapped bool, log io.Writer) error {
	installed := providers.InstallVersitygw(ctx, log)
	pool, err := providers.Engine()
	if err != nil {
		return errors.Join(installed, fmt.Errorf("no Docker engine answers, so no images: start one, or point DOCKER_HOST at one (%w)", err))
	}
	err = build(ctx, pool.Client, airgapped, log)
	if errors.Is(err, images.ErrNoBase) {
		err = fmt.Errorf("%w; let it reach one, or on Debian, as root, run: go run ./internal/check -airgapped", err)
	}
	return errors.Join(installed, err)
}

func build(ctx context.Context, engine *docker.Client, airgapped bool, log io.Writer) error {
	missing, err := images.Missing(engine)
	if err != nil || len(missing) == 0 {
		return err
	}
	fmt.Fprintln(log, "images to build:", strings.Join(missing, ", "))
	from, err := images.FindBases(ctx, engine, airgapped, log)
	if err != nil {
		return err
	}
	engine.SetTimeout(0) // of a request, which a build is one of
	var failed []error
	for _, name := range missing {
		began := time.Now()
		fmt.Fprintf(log, "building the image of %s\n", name)
		switch err := images.Build(ctx, engine, name, from, log); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failed = append(failed, err)
		default:
			fmt.Fprintf(log, "built it in %s\n", time.Since(began).Round(time.Second))
		}
	}
	return errors.Join(append(failed, images.Sweep(engine))...)
}
