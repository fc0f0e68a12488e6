package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/ory/dockertest/v3/docker"
)

// Bases are the images that the Dockerfiles begin with.
type Bases struct{ Debian, Golang string }

var (
	// official are Docker's own, from whatever registry the engine reaches.
	official = Bases{"debian:bookworm-slim", "golang:1.26-bookworm"}

	// homemade are what base.sh makes. Their names are no registry's, so that nobody takes them for Docker's own.
	homemade = Bases{"holdall-base/debian:bookworm", "holdall-base/golang:1.26"}
)

// ErrNoBase means that the images which the Dockerfiles begin with are not there and cannot be pulled.
var ErrNoBase = errors.New("the engine reaches no registry for " + official.Debian + " and " + official.Golang)

// FindBases returns the images to build from. Those that were made on this machine come first, since whoever made them
// had a reason. With airgapped, they are made if they are missing: that needs root and Debian, and installs a package.
// Without, the official ones are pulled, or the error is ErrNoBase.
func FindBases(ctx context.Context, engine *docker.Client, airgapped bool, log io.Writer) (Bases, error) {
	switch {
	case homemade.present(engine):
		return homemade, nil
	case airgapped:
		return homemade, homemade.make(ctx, log)
	case official.present(engine):
		return official, nil
	}
	for _, ref := range []string{official.Debian, official.Golang} {
		fmt.Fprintln(log, "pulling", ref)
		name, tag, _ := strings.Cut(ref, ":")
		if err := engine.PullImage(docker.PullImageOptions{Repository: name, Tag: tag, Context: ctx}, docker.AuthConfiguration{}); err != nil {
			return Bases{}, fmt.Errorf("%w: %w", ErrNoBase, err)
		}
	}
	return official, nil
}

func (b Bases) present(engine *docker.Client) bool {
	for _, ref := range []string{b.Debian, b.Golang} {
		if _, err := engine.InspectImage(ref); err != nil {
			return false
		}
	}
	return true
}

// make runs base.sh.
func (b Bases) make(ctx context.Context, log io.Writer) error {
	script, err := files.ReadFile("base.sh")
	if err != nil {
		return err
	}
	bash := exec.CommandContext(ctx, "bash", "-c", string(script), "base.sh", b.Debian, b.Golang)
	bash.Stdout, bash.Stderr = log, log
	bash.Cancel = func() error { return bash.Process.Signal(os.Interrupt) } // so that it removes what it has unpacked
	bash.WaitDelay = 10 * time.Second
	if err := bash.Run(); err != nil {
		return fmt.Errorf("making %s and %s: %w", b.Debian, b.Golang, err)
	}
	return nil
}
