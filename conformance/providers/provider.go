package providers

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/holdall-go/holdall/conformance"
)

// A Provider is a kind of server, and how it is started here.
type Provider struct {
	Name    string // such as "minio"; also the driver's name for its flavour
	Holders [2]Identity

	// column is how the names of its columns in the matrix begin, where that is not "s3:" and Name.
	column string

	// port is where the server listens in its container, such as "9000/tcp".
	port string

	// env is the environment of the server.
	env []string

	// command is that of the container, where it is not the image's own.
	command []string

	// child starts the server without Docker, if that can be done. The error is an *Unavailable if it cannot be done here.
	child func(p *Provider) (process, error)

	// second makes the second of the Holders, unless the server begins with it.
	second func(ctx context.Context, s *Server) error

	// ready tries whether the server works. Without it, one that speaks S3's protocol is tried.
	ready func(ctx context.Context, s *Server) error

	// version asks the server, or its program, for its version.
	version func(ctx context.Context, s *Server) (string, error)

	// expected are the cases of the suite that fail on it, always or now and then.
	expected map[string]conformance.KnownFailure

	once    sync.Once
	started *Server
	err     error
}

// An Identity is a pair of keys. Both identities of a server are users of their own, and neither may touch what is the
// other's unless that lets it.
type Identity struct{ Access, Secret string }

// All returns the providers, ordered by name.
func All() []*Provider { return []*Provider{B2, Ceph, MinIO, Swift, Versitygw} }

// S3 returns those that speak S3's protocol.
func S3() []*Provider { return []*Provider{Ceph, MinIO, Swift, Versitygw} }

// Start returns the server, which runs and has put, given and listed an object, as the first call made it. The error is
// an *[Unavailable] if there is none here.
func (p *Provider) Start(ctx context.Context) (*Server, error) {
	p.once.Do(func() { p.started, p.err = start(context.WithoutCancel(ctx), p) })
	return p.started, p.err
}

// An Unavailable error says why a server cannot run here, and what to do about it.
type Unavailable struct {
	Provider, Why, Remedy string
	Err                   error // the cause, or nil
}

func (u *Unavailable) Error() string {
	s := fmt.Sprintf("%s cannot run here: %s", u.Provider, u.Why)
	if u.Err != nil {
		s += fmt.Sprintf(" (%v)", u.Err)
	}
	return s + "; " + u.Remedy
}

func (u *Unavailable) Unwrap() error { return u.Err }

// Required tells whether HOLDALL_REQUIRE demands the server. A name in it that no server has is an error.
func (p *Provider) Required() (bool, error) {
	demanded := os.Getenv("HOLDALL_REQUIRE")
	if demanded == "" {
		return false, nil
	}
	var known []string
	for _, p := range append(All(), RADOS) {
		known = append(known, p.Name)
	}
	required := false
	for _, name := range strings.Split(demanded, ",") {
		name = strings.TrimSpace(name)
		if name != "all" && !slices.Contains(known, name) {
			return false, fmt.Errorf("HOLDALL_REQUIRE names %q; the servers are %s, or all for all of them", name, strings.Join(known, ", "))
		}
		required = required || name == "all" || name == p.Name
	}
	return required, nil
}
