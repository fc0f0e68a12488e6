//go:build ceph && cgo

package ceph

/*
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <rados/librados.h>

// A page is what an OSD has listed, in one piece: for each key the two lengths, four bytes each, the key, and its value.
struct page {
	char *text;
	size_t length, room, keys;
	unsigned char more;
};

static int page_add(struct page *p, rados_omap_iter_t listed) {
	for (;;) {
		char *key, *value;
		size_t lengths[2];
		int err = rados_omap_get_next2(listed, &key, &value, &lengths[0], &lengths[1]);
		if (err < 0 || key == NULL)
			return err;
		size_t next = p->length + 8 + lengths[0] + lengths[1];
		if (next > p->room) {
			char *text = realloc(p->text, 2 * next);
			if (text == NULL)
				return -ENOMEM;
			p->text = text;
			p->room = 2 * next;
		}
		char *to = p->text + p->length;
		for (int i = 0; i < 2; i++) {
			uint32_t n = lengths[i];
			memcpy(to, &n, 4);
			to += 4;
		}
		memcpy(to, key, lengths[0]);
		memcpy(to + lengths[0], value, lengths[1]);
		p->length = next;
		p->keys++;
	}
}

// page_read lists keys of an omap, the one to include, if there is one, before those that come after.
static int page_read(rados_ioctx_t io, const char *object, const char *prefix, const char *after, const char *include, size_t length, uint64_t most, struct page *p) {
	rados_omap_iter_t one = NULL, listed = NULL;
	int one_result = 0, listed_result = 0;
	rados_read_op_t op = rados_create_read_op();
	if (length > 0)
		rados_read_op_omap_get_vals_by_keys2(op, &include, 1, &length, &one, &one_result);
	rados_read_op_omap_get_vals2(op, after, prefix, most, &listed, &p->more, &listed_result);
	int err = rados_read_op_operate(op, io, object, LIBRADOS_OPERATION_NOFLAG);
	if (err >= 0)
		err = one_result;
	if (err >= 0)
		err = listed_result;
	if (err >= 0 && length > 0)
		err = page_add(p, one);
	if (err >= 0)
		err = page_add(p, listed);
	rados_omap_get_end(one);
	rados_omap_get_end(listed);
	rados_release_read_op(op);
	return err;
}
*/
import "C"

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unsafe"

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
	waiting  <-chan struct{} // for a call that was left, until it has ended
}

func connect(cfg *Config) (cluster, error) {
	conn, err := newConn(cfg.User)
	if err != nil {
		return nil, failed("making a connection", err)
	}
	c := &connection{conn: conn}
	// A connection that is not made is freed by go-ceph, as garbage; until then there is nothing to shut.
	if err := configure(conn, cfg); err != nil {
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
		if err = c.latest(); err == nil {
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

// latest gets the latest map of the cluster, for which librados has no timeout: so that of monitors bounds it here.
func (c *connection) latest() (err error) {
	timeout, _ := c.conn.GetConfigOption("rados_mon_op_timeout")
	done := make(chan struct{})
	var answer error
	go func() {
		defer close(done)
		answer = c.conn.WaitForLatestOSDMap()
	}()
	if !within(time.Duration(seconds(timeout)*float64(time.Second)), done) {
		c.waiting = done
		return errorCode(-C.ETIMEDOUT)
	}
	return answer
}

// shut ends the connection; if a call on it was left, when that has ended.
func (c *connection) shut() {
	if waiting := c.waiting; waiting != nil {
		c.waiting = nil
		go func() {
			<-waiting
			c.shut()
		}()
		return
	}
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

// page costs one call of C, whatever it lists: go-ceph's iterator makes one for each key.
func (p *radosPool) page(object, prefix, after, include string, most int) (page []pair, more bool, err error) {
	text := []byte(object + "\x00" + prefix + "\x00" + after + "\x00" + include + "\x00")
	at := func(i int) *C.char { return (*C.char)(unsafe.Pointer(&text[i])) }
	second := len(object) + 1
	third := second + len(prefix) + 1
	var listed C.struct_page
	defer func() { C.free(unsafe.Pointer(listed.text)) }()
	code := C.page_read(p.ioctx(), at(0), at(second), at(third), at(third+len(after)+1), C.size_t(len(include)), C.uint64_t(most), &listed)
	if code < 0 {
		return nil, false, failed("listing of "+object, errorCode(code))
	}
	rest := C.GoBytes(unsafe.Pointer(listed.text), C.int(listed.length))
	page = make([]pair, 0, listed.keys)
	for len(rest) > 0 {
		key := 8 + binary.NativeEndian.Uint32(rest)
		end := key + binary.NativeEndian.Uint32(rest[4:])
		page = append(page, pair{string(rest[8:key]), rest[key:end:end]})
		rest = rest[end:]
	}
	return page, listed.more != 0, nil
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
