package providers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// region is what requests to every server here are signed for.
const region = "us-east-1"

// soon is how long a server may take until it works. It is generous: the machine may be busy with other things.
const soon = 2 * time.Minute

// A Server is one that runs.
type Server struct {
	Provider *Provider
	Version  string        // as the server or its program tells, such as "16.2.15"
	Endpoint *url.URL      // on 127.0.0.1
	Took     time.Duration // from the decision to start it to an object put, got and listed
	process  process
}

// Name is the name of the server's column in the matrix: what really ran, such as "s3:minio-2026-02-12".
func (s *Server) Name() string {
	return cmp.Or(s.Provider.column, "s3:"+s.Provider.Name) + "-" + s.Version
}

// A process is a running server: a container, or a child of this process.
type process interface {
	// endpoint is where it listens, also after a restart.
	endpoint() *url.URL

	// inside is the URL of the endpoint for commands of exec.
	inside() string

	// exec runs a command beside the server, on the same files and network, and returns what it prints.
	exec(ctx context.Context, command ...string) (string, error)

	// gone returns an error if the server is no longer running.
	gone() error

	// output is the end of what the server has printed so far.
	output() string

	// restart kills it, and starts it again with the files that it has.
	restart() error

	// pause freezes it, and resume lets it go on.
	pause() error
	resume() error

	// remove kills it, and removes its files.
	remove() error
}

// running are the servers that Purge stops.
var running struct {
	sync.Mutex
	processes []process
}

// Purge kills the servers that this process has started, and removes what they stored.
func Purge() error {
	running.Lock()
	defer running.Unlock()
	errs := make([]error, len(running.processes))
	var removing sync.WaitGroup
	for i, p := range running.processes {
		removing.Go(func() { errs[i] = p.remove() })
	}
	removing.Wait()
	running.processes = nil
	return errors.Join(errs...)
}

// start starts a server in Docker, or else as a child process, and waits until it works.
func start(ctx context.Context, p *Provider) (*Server, error) {
	began := time.Now()
	proc, err := startContainer(p)
	if u := (*Unavailable)(nil); errors.As(err, &u) && p.child != nil {
		proc, err = p.child(p)
	}
	if err != nil {
		return nil, err
	}
	running.Lock()
	running.processes = append(running.processes, proc)
	running.Unlock()
	s, err := bringUp(ctx, p, proc)
	if err != nil {
		return nil, err
	}
	s.Took = time.Since(began)
	return s, nil
}

// bringUp waits until a server that was started works, gives it its second identity, and learns its version.
func bringUp(ctx context.Context, p *Provider, proc process) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	s := &Server{Provider: p, Endpoint: proc.endpoint(), process: proc}
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	if p.second != nil {
		if err := p.second(ctx, s); err != nil {
			return nil, fmt.Errorf("making the second identity of %s: %w", p.Name, err)
		}
	}
	var err error
	if s.Version, err = p.version(ctx, s); err != nil {
		return nil, fmt.Errorf("asking %s for its version: %w", p.Name, err)
	}
	return s, nil
}

// Client returns a client of the SDK for one of the server's identities. It sends checksums only where the protocol
// demands them, since not every server knows those that the SDK would add.
func (s *Server) Client(who Identity) *s3.Client {
	return s3.New(s3.Options{
		Region:                     region,
		BaseEndpoint:               aws.String(s.Endpoint.String()),
		UsePathStyle:               true,
		Credentials:                aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(who.Access, who.Secret, "")),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
}

// Restart stops the server as a crash does, and starts it again with what it stored. It returns when the server works.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.process.restart(); err != nil {
		return fmt.Errorf("restarting %s: %w", s.Provider.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	return s.wait(ctx)
}

// Pause freezes the server for d. Its connections stay open.
func (s *Server) Pause(ctx context.Context, d time.Duration) error {
	return pause(ctx, s.process, s.Provider.Name, d)
}

func pause(ctx context.Context, p process, name string, d time.Duration) error {
	thaw, err := freezeProcess(p, name)
	if err != nil {
		return err
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return thaw()
}

// freezeProcess returns when p is frozen. The first call of thaw lets it go on.
func freezeProcess(p process, name string) (thaw func() error, err error) {
	if err := p.pause(); err != nil {
		return nil, fmt.Errorf("pausing %s: %w", name, err)
	}
	return sync.OnceValue(func() error {
		if err := p.resume(); err != nil {
			return fmt.Errorf("resuming %s: %w", name, err)
		}
		return nil
	}), nil
}

// tail keeps the last bytes that are written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

var _ io.Writer = (*tail)(nil)

// tailBytes is how much a tail keeps.
const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if n := len(t.b) - tailBytes; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
