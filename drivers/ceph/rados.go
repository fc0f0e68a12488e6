//go:build ceph && cgo

package ceph

// #include <errno.h>
// #include <rados/librados.h>
import "C"

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ceph/go-ceph/rados"

	"github.com/holdall-go/holdall/blob"
)

// timeouts are the options that bound the calls of librados. Ceph's own defaults are five minutes for the first, and for
// ever for the others.
var timeouts = [...]string{"client_mount_timeout", "rados_mon_op_timeout", "rados_osd_op_timeout"}

// OpenConn is [Open] over a connection that the caller has made. It stays the caller's: Close leaves it open, and it must
// outlive the bucket and every call that was abandoned. Of cfg only Create, Shards and DataPool may be set. The timeouts
// of the connection's configuration that are zero are set to [DefaultTimeout].
func OpenConn(ctx context.Context, conn *rados.Conn, pool, namespace string, cfg *Config) (*Bucket, error) {
	return openWith(ctx, pool, namespace, cfg, func(cfg *Config) (cluster, error) {
		if cfg.ConfigFile != "" || cfg.User != "" || cfg.Keyring != "" || cfg.Timeout != 0 {
			return nil, fmt.Errorf("%w: the connection is made; set no ConfigFile, User, Keyring or Timeout", blob.ErrInvalid)
		}
		for _, name := range timeouts {
			if v, err := conn.GetConfigOption(name); err != nil || seconds(v) == 0 {
				if err := setTimeout(conn, name, DefaultTimeout); err != nil {
					return nil, err
				}
			}
		}
		return &connection{conn: conn, borrowed: true}, nil
	})
}

// A connection is one to a cluster.
type connection struct {
	conn     *rados.Conn
	borrowed bool
	contexts []*rados.IOContext
}

func connect(cfg *Config) (cluster, error) {
	conn, err := newConn(cfg.User)
	if err != nil {
		return nil, failed("making a connection", err)
	}
	c := &connection{conn: conn}
	if err := configure(conn, cfg); err != nil {
		c.shut()
		return nil, err
	}
	if err := conn.Connect(); err != nil {
		return nil, failed("connecting to the cluster", err)
	}
	return c, nil
}

func newConn(user string) (*rados.Conn, error) {
	if user == "" {
		return rados.NewConn()
	}
	return rados.NewConnWithUser(user)
}

func configure(conn *rados.Conn, cfg *Config) error {
	defaults := map[string]string{}
	for _, name := range timeouts {
		defaults[name], _ = conn.GetConfigOption(name)
	}
	if cfg.ConfigFile != "" {
		if err := conn.ReadConfigFile(cfg.ConfigFile); err != nil {
			return failed("reading ConfigFile (conf in a URL)", err)
		}
	} else if err := conn.ReadDefaultConfigFile(); err != nil {
		return failed("reading the default ceph.conf", err)
	}
	if err := conn.ParseDefaultConfigEnv(); err != nil {
		return failed("reading CEPH_ARGS", err)
	}
	if cfg.Keyring != "" {
		if err := conn.SetConfigOption("keyring", cfg.Keyring); err != nil {
			return failed("setting keyring", err)
		}
	}
	for _, name := range timeouts {
		d := cfg.Timeout
		if v, err := conn.GetConfigOption(name); d == 0 && (err != nil || v == defaults[name] || seconds(v) == 0) {
			d = DefaultTimeout
		}
		if d == 0 {
			continue
		}
		if err := setTimeout(conn, name, d); err != nil {
			return err
		}
	}
	return nil
}

// seconds reads the value of a timeout.
func seconds(v string) float64 {
	s, _ := strconv.ParseFloat(v, 64)
	return s
}

func setTimeout(conn *rados.Conn, name string, d time.Duration) error {
	whole := int64((d + time.Second - 1) / time.Second)
	if err := conn.SetConfigOption(name, strconv.FormatInt(whole, 10)); err != nil {
		return failed("setting "+name, err)
	}
	return nil
}

// pool opens an I/O context. librados waits without end for a pool that it does not know, so that is looked up first.
func (c *connection) pool(name, namespace string) (pool, error) {
	known, err := c.knows(name)
	if err == nil && !known { // it may be new
		if err = c.conn.WaitForLatestOSDMap(); err == nil {
			known, err = c.knows(name)
		}
	}
	if err != nil {
		return nil, failed("listing the pools", err)
	}
	if !known {
		return nil, &failure{missing, "opening the pool", rados.ErrNotFound}
	}
	io, err := c.conn.OpenIOContext(name)
	if err != nil {
		return nil, failed("opening the pool", err)
	}
	io.SetNamespace(namespace)
	c.contexts = append(c.contexts, io)
	return &radosPool{io}, nil
}

func (c *connection) knows(name string) (bool, error) {
	names, err := c.conn.ListPools()
	return slices.Contains(names, name), err
}

func (c *connection) shut() {
	for _, io := range c.contexts {
		io.Destroy()
	}
	if !c.borrowed {
		c.conn.Shutdown()
	}
}

// A radosPool is a pool as librados has it. Its context is shared by all calls, since none of them asks it for the
// version of what it read last.
type radosPool struct{ io *rados.IOContext }

// failed gives an error of go-ceph its meaning.
func failed(call string, err error) error {
	var operation rados.OperationError
	if errors.As(err, &operation) && operation.OpError != nil {
		err = operation.OpError
	}
	f := &failure{call: call, cause: err}
	var coded interface{ ErrorCode() int }
	if errors.As(err, &coded) {
		f.kind = kindOf(coded.ErrorCode())
	}
	return f
}

func kindOf(code int) kind {
	switch -code {
	case C.ENOENT:
		return missing
	case C.EEXIST:
		return taken
	case C.ECANCELED:
		return mismatch
	case C.ETIMEDOUT:
		return late
	case C.EPERM, C.EACCES:
		return denied
	case C.ENOSPC, C.EDQUOT:
		return full
	}
	return other
}

func (p *radosPool) page(object, prefix, after, include string, most int) (page []pair, more bool, err error) {
	op := rados.CreateReadOp()
	defer op.Release()
	type step interface {
		Next() (*rados.OmapKeyValue, error)
	}
	var steps []step
	if include != "" {
		steps = append(steps, op.GetOmapValuesByKeys([]string{include}))
	}
	listed := op.GetOmapValues(after, prefix, uint64(most))
	if err := op.Operate(p.io, object, rados.OperationNoFlag); err != nil {
		return nil, false, failed("listing of "+object, err)
	}
	for _, s := range append(steps, listed) {
		for {
			kv, err := s.Next()
			if err != nil {
				return nil, false, failed("listing of "+object, err)
			}
			if kv == nil {
				break
			}
			page = append(page, pair{kv.Key, kv.Value})
		}
	}
	return page, listed.More(), nil
}

func (p *radosPool) make(object string, content []byte) error {
	op := rados.CreateWriteOp()
	defer op.Release()
	if len(content) == 0 {
		op.Create(rados.CreateIdempotent)
	} else {
		op.Create(rados.CreateExclusive)
		op.WriteFull(content)
	}
	if err := op.Operate(p.io, object, rados.OperationFullTry); err != nil {
		return failed("making of "+object, err)
	}
	return nil
}

func (p *radosPool) size(object string) (int64, error) {
	s, err := p.io.Stat(object)
	if err != nil {
		return 0, failed("stat of "+object, err)
	}
	return int64(s.Size), nil
}

func (p *radosPool) remove(object string) error {
	if err := p.io.Delete(object); err != nil {
		return failed("removal of "+object, err)
	}
	return nil
}

func (p *radosPool) each(yield func(object string) bool) error {
	objects, err := p.io.Iter()
	if err != nil {
		return failed("listing of the objects", err)
	}
	defer objects.Close()
	for objects.Next() {
		if !yield(objects.Value()) {
			return nil
		}
	}
	if err := objects.Err(); err != nil {
		return failed("listing of the objects", err)
	}
	return nil
}
