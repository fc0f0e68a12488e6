package providers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"

	"github.com/holdall-go/holdall/conformance/providers/images"
)

// The labels of our containers: what it is, and whose.
const (
	labelKind  = "holdall.test"
	labelOwner = "holdall.test.owner" // host and process that started it
	container  = "container"
)

// orphaned is after what time a container is removed even if its owner cannot be asked whether it still runs. No run
// takes as long.
const orphaned = 3 * time.Hour

// Engine returns the Docker engine that DOCKER_HOST names, or the local one. Containers that dead processes have left
// are gone when it returns. The error says why there is none.
var Engine = sync.OnceValues(func() (*dockertest.Pool, error) {
	pool, err := dockertest.NewPool("")
	if err != nil {
		return nil, err
	}
	pool.Client.SetTimeout(soon)
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	if err := pool.Client.PingWithContext(ctx); err != nil {
		return nil, err
	}
	return pool, sweep(pool.Client)
})

// sweep removes the containers that were labelled by processes that are gone.
func sweep(engine *docker.Client) error {
	all, err := engine.ListContainers(docker.ListContainersOptions{
		All: true, Filters: map[string][]string{"label": {labelKind + "=" + container}},
	})
	if err != nil {
		return fmt.Errorf("looking for old containers: %w", err)
	}
	for _, c := range all {
		if !lives(c.Labels[labelOwner]) || time.Since(time.Unix(c.Created, 0)) > orphaned {
			if err := removeContainer(engine, c.ID); err != nil {
				return fmt.Errorf("removing old container %s: %w", c.ID, err)
			}
		}
	}
	return nil
}

func removeContainer(engine *docker.Client, id string) error {
	err := engine.RemoveContainer(docker.RemoveContainerOptions{ID: id, Force: true, RemoveVolumes: true})
	var missing *docker.NoSuchContainer
	var failed *docker.Error
	// 409: it is being removed already, since it ended by itself.
	if errors.As(err, &missing) || errors.As(err, &failed) && failed.Status == 409 {
		return nil
	}
	return err
}

// owner names this process among all that may use the engine.
func owner() string {
	host, _ := os.Hostname()
	return host + " " + strconv.Itoa(os.Getpid())
}

// lives tells whether the owner of a container may still be running. Those on other hosts may.
func lives(owner string) bool {
	host, id, ok := strings.Cut(owner, " ")
	pid, err := strconv.Atoi(id)
	if here, _ := os.Hostname(); !ok || err != nil || host != here {
		return true
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false // Windows
	}
	defer p.Release()
	return !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// A dockerized server is one in a container.
type dockerized struct {
	pool     *dockertest.Pool
	resource *dockertest.Resource
	at       *url.URL
	port     string // in the container, such as "9000/tcp"
	printed  tail
}

// startContainer starts a server in Docker. The error is an *Unavailable if there is no engine, or no image.
func startContainer(p *Provider) (process, error) {
	pool, err := Engine()
	if err != nil {
		return nil, &Unavailable{p.Name, "no Docker engine answers", "start one, or point DOCKER_HOST at one", err}
	}
	ref, ours := images.Ref(p.Name)
	if _, err := pool.Client.InspectImage(ref); err != nil && ours {
		return nil, &Unavailable{p.Name, "its image is missing", "build it: go -C conformance/providers run ./prepare", err}
	}
	at, err := freeAddress()
	if err != nil {
		return nil, err
	}
	repository, tag := splitRef(ref)
	resource, err := pool.RunWithOptions(&dockertest.RunOptions{
		Repository: repository, Tag: tag, Env: p.env, Cmd: p.command,
		Labels: map[string]string{labelKind: container, labelOwner: owner()},
		// A port of our own choice stays the same when the container restarts.
		PortBindings: map[docker.Port][]docker.PortBinding{docker.Port(p.port): {{HostIP: "127.0.0.1", HostPort: at.Port()}}},
	}, func(host *docker.HostConfig) {
		// Not AutoRemove: an engine may take the stop within a restart for the end. Purge and sweep remove it.
		host.PublishAllPorts = false // dockertest would publish the others to the world
	})
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	d := &dockerized{pool: pool, resource: resource, at: at, port: p.port}
	// What it printed is read while it runs, which ends when it stops.
	go pool.Client.Logs(docker.LogsOptions{
		Container: resource.Container.ID, OutputStream: &d.printed, ErrorStream: &d.printed,
		Stdout: true, Stderr: true, Follow: true,
	})
	return d, nil
}

// splitRef takes the tag off the reference of an image.
func splitRef(ref string) (repository, tag string) {
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i], ref[i+1:]
	}
	return ref, ""
}

// freeAddress returns the URL of a port of 127.0.0.1 that nobody listens on right now. It is not one that systems give to
// those who connect, which are from 32768, or 49152: one of them could take it until the server starts, or starts again.
func freeAddress() (*url.URL, error) {
	var l net.Listener
	var err error
	for range 100 {
		at := fmt.Sprint("127.0.0.1:", 20_000+rand.IntN(12_000))
		if l, err = net.Listen("tcp", at); err == nil {
			return &url.URL{Scheme: "http", Host: at}, l.Close()
		}
	}
	return nil, err
}

func (d *dockerized) endpoint() *url.URL { return d.at }
func (d *dockerized) inside() string     { return "http://127.0.0.1:" + docker.Port(d.port).Port() }
func (d *dockerized) output() string     { return d.printed.String() }
func (d *dockerized) id() string         { return d.resource.Container.ID }

func (d *dockerized) gone() error {
	c, err := d.pool.Client.InspectContainer(d.id())
	if err == nil && !c.State.Running && !c.State.Restarting {
		err = fmt.Errorf("exit status %d", c.State.ExitCode)
	}
	return err
}

func (d *dockerized) exec(_ context.Context, command ...string) (string, error) {
	var out, complaint bytes.Buffer
	status, err := d.resource.Exec(command, dockertest.ExecOptions{StdOut: &out, StdErr: &complaint})
	if err == nil && status != 0 {
		err = fmt.Errorf("%s: exit status %d: %s", command[0], status, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.String(), err
}

// restart sends SIGKILL at once.
func (d *dockerized) restart() error { return d.pool.Client.RestartContainer(d.id(), 0) }

func (d *dockerized) pause() error  { return d.pool.Client.PauseContainer(d.id()) }
func (d *dockerized) resume() error { return d.pool.Client.UnpauseContainer(d.id()) }
func (d *dockerized) remove() error { return removeContainer(d.pool.Client, d.id()) }
