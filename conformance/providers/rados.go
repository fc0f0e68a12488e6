package providers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"

	"github.com/holdall-go/holdall/conformance/providers/images"
)

// RADOS is what lies under Ceph's gateway, reached by librados. It is no server of S3: a Cluster runs it.
var RADOS = &Provider{Name: "rados"}

// A Cluster is a Ceph cluster in a container of the image that the gateway uses: one monitor, and one OSD or more. It is
// on the host's network, since a client must reach monitor and OSDs by the addresses that these advertise, and listens
// on 127.0.0.1 alone. So it takes Linux.
type Cluster struct {
	Version string // such as "16.2.15"
	Conf    string // the path of its ceph.conf, which names a keyring with client.admin
	osds    int
	process *clusterProcess
}

// A clusterProcess is the container of a cluster.
type clusterProcess struct {
	*dockerized
	dir string // all that it stores, on the host and in the container
}

// Pool is a replicated pool that every Cluster has.
const Pool = "blob"

// clusters are those that Purge stops, by the number of their OSDs.
var clusters struct {
	sync.Mutex
	byOSDs map[int]*Cluster
	errs   map[int]error
}

// StartCluster returns the cluster of so many OSDs, which has put and given an object, as the first call made it. The
// error is an *[Unavailable] if there is none here.
func StartCluster(ctx context.Context, osds int) (*Cluster, error) {
	clusters.Lock()
	defer clusters.Unlock()
	if clusters.byOSDs == nil {
		clusters.byOSDs, clusters.errs = map[int]*Cluster{}, map[int]error{}
	}
	if clusters.byOSDs[osds] == nil && clusters.errs[osds] == nil {
		clusters.byOSDs[osds], clusters.errs[osds] = startCluster(context.WithoutCancel(ctx), osds)
	}
	return clusters.byOSDs[osds], clusters.errs[osds]
}

func startCluster(ctx context.Context, osds int) (*Cluster, error) {
	pool, err := Engine()
	if err != nil {
		return nil, &Unavailable{RADOS.Name, "no Docker engine answers", "start one, or point DOCKER_HOST at one", err}
	}
	ref, ours := images.Ref(Ceph.Name)
	if _, err := pool.Client.InspectImage(ref); err != nil && ours {
		return nil, &Unavailable{RADOS.Name, "its image is missing", "build it: go -C conformance/providers run ./prepare", err}
	}
	dir, err := os.MkdirTemp("", "holdall-rados-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{Conf: filepath.Join(dir, "ceph", "ceph.conf"), osds: osds}
	d, err := runCluster(pool, ref, dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("starting %s: %w", RADOS.Name, err)
	}
	c.process = &clusterProcess{d, dir}
	running.Lock()
	running.processes = append(running.processes, c.process)
	running.Unlock()
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	for n := 1; n < osds; n++ {
		if err := c.addOSD(ctx, n); err != nil {
			return nil, err
		}
	}
	// The files are the container's user's.
	if _, err := c.Exec(ctx, "chmod", "-R", "a+rX", filepath.Dir(c.Conf)); err != nil {
		return nil, err
	}
	c.Version, err = cephVersion(ctx, c.process, "ceph-osd")
	return c, err
}

// runCluster starts the container.
func runCluster(pool *dockertest.Pool, ref, dir string) (*dockerized, error) {
	mon, err := freePorts()
	if err != nil {
		return nil, err
	}
	gateway, err := freeAddress()
	if err != nil {
		return nil, err
	}
	repository, tag := splitRef(ref)
	resource, err := pool.RunWithOptions(&dockertest.RunOptions{
		Repository: repository, Tag: tag, Cmd: []string{filepath.Join(dir, "ceph")},
		Env:    []string{fmt.Sprint("MON_PORT=", mon), "RGW_PORT=" + gateway.Port(), "RGW_BIND=127.0.0.1"},
		Mounts: []string{dir + ":" + dir},
		Labels: map[string]string{labelKind: container, labelOwner: owner()},
	}, func(host *docker.HostConfig) {
		// Not AutoRemove, as in startContainer.
		host.NetworkMode = "host"
		host.PublishAllPorts = false
	})
	if err != nil {
		return nil, err
	}
	d := &dockerized{pool: pool, resource: resource}
	go pool.Client.Logs(docker.LogsOptions{
		Container: resource.Container.ID, OutputStream: &d.printed, ErrorStream: &d.printed,
		Stdout: true, Stderr: true, Follow: true,
	})
	return d, nil
}

// freePorts returns the first of two neighbouring ports that nobody listens on right now.
func freePorts() (int, error) {
	for range 100 {
		at, err := freeAddress()
		if err != nil {
			return 0, err
		}
		first, err := strconv.Atoi(at.Port())
		if err != nil {
			return 0, err
		}
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", first+1)); err == nil {
			return first, l.Close()
		}
	}
	return 0, errors.New("no two neighbouring ports are free")
}

// wait returns when the cluster works: when an object was put, got and listed.
func (c *Cluster) wait(ctx context.Context) error {
	const try = `[ -e "$0/made" ] && cd "$0" && export CEPH_CONF="$0/ceph.conf" &&
		timeout 10 rados -p ` + Pool + ` -N ready put object ceph.conf && timeout 10 rados -p ` + Pool + ` -N ready get object /dev/null &&
		timeout 10 rados -p ` + Pool + ` -N ready ls | grep -q object`
	for {
		_, err := c.Exec(ctx, "bash", "-c", try, filepath.Dir(c.Conf))
		if err == nil {
			return nil
		}
		if dead := c.process.gone(); dead != nil {
			return fmt.Errorf("%s ended before it worked: %w\n%s", RADOS.Name, dead, c.process.output())
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s does not work in time: %w\n%s", RADOS.Name, err, c.process.output())
		}
	}
}

// addOSD starts another OSD, which keeps what it has in memory, and does not come back after a restart.
func (c *Cluster) addOSD(ctx context.Context, n int) error {
	const add = `set -e; cd "$0"; export CEPH_CONF="$0/ceph.conf" CEPH_ARGS="--conf $0/ceph.conf"
		uuid=$(cat /proc/sys/kernel/random/uuid)
		ceph osd new $uuid $1
		ceph auth get-or-create osd.$1 mon 'allow profile osd' osd 'allow *' -o osd.$1.keyring
		options="--osd-data=$0/osd$1 --osd-objectstore=memstore --keyring=$0/osd.$1.keyring"
		mkdir -p osd$1
		ceph-osd --mkfs -i $1 --osd-uuid $uuid $options
		ceph-osd -i $1 $options
		for i in $(seq 300); do ceph osd stat | grep -q "$(($1 + 1)) up" && exit; sleep 0.1; done; exit 1`
	_, err := c.Exec(ctx, "bash", "-c", add, filepath.Dir(c.Conf), fmt.Sprint(n))
	if err != nil {
		err = fmt.Errorf("starting OSD %d: %w", n, err)
	}
	return err
}

// Name is the name of the cluster's column in the matrix.
func (c *Cluster) Name() string { return "ceph:rados-" + c.Version }

// Exec runs a command in the container, and returns what it prints.
func (c *Cluster) Exec(ctx context.Context, command ...string) (string, error) {
	return c.process.exec(ctx, command...)
}

// Ceph runs the command line of Ceph as client.admin.
func (c *Cluster) Ceph(ctx context.Context, args ...string) (string, error) {
	return c.Exec(ctx, append([]string{"ceph", "--conf", c.Conf}, args...)...)
}

// Restart stops the cluster as a crash does, and starts it again with what it stored. It returns when it works.
func (c *Cluster) Restart(ctx context.Context) error {
	if err := c.process.restart(); err != nil {
		return fmt.Errorf("restarting %s: %w", RADOS.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	return c.wait(ctx)
}

// Pause freezes the cluster for d. After more than a few seconds it may not recover.
func (c *Cluster) Pause(ctx context.Context, d time.Duration) error {
	return pause(ctx, c.process, RADOS.Name, d)
}

// Freeze returns when the cluster is frozen, and thaw when it runs again. After more than a few seconds it may not recover.
func (c *Cluster) Freeze() (thaw func() error, err error) {
	return freezeProcess(c.process, RADOS.Name)
}

// remove kills it, and removes its files, which only the container's user may do.
func (p *clusterProcess) remove() error {
	_, _ = p.exec(context.Background(), "rm", "-rf", filepath.Join(p.dir, "ceph"))
	return errors.Join(p.dockerized.remove(), os.RemoveAll(p.dir))
}
