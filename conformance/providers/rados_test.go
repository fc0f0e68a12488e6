//go:build ceph && cgo

package providers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ceph/go-ceph/rados"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/conformance/providers"
	"github.com/holdall-go/holdall/drivers/ceph"
)

func init() {
	also = append(also, store{providers.RADOS.Name, func(t *testing.T) conformance.Harness { return cluster(t, 1).Harness("") }})
}

// cluster returns the cluster of so many OSDs, or skips the test with the reason why there is none here, and what would
// help. Where it is required, that is a failure.
func cluster(t *testing.T, osds int) *providers.Cluster {
	t.Helper()
	if *bucketURL != "" {
		t.Skip("not run: -url names the one store to test")
	}
	required, err := providers.RADOS.Required()
	if err != nil {
		t.Fatal(err)
	}
	c, err := providers.StartCluster(t.Context(), osds)
	var unavailable *providers.Unavailable
	switch {
	case errors.As(err, &unavailable) && !required:
		t.Skip("not run: ", err)
	case err != nil:
		t.Fatal(err)
	}
	return c
}

// bucket makes a bucket in a namespace of the test's own.
func bucket(t *testing.T, c *providers.Cluster, cfg ceph.Config) *ceph.Bucket {
	t.Helper()
	cfg.ConfigFile, cfg.Create = c.Conf, true
	b, err := ceph.Open(t.Context(), providers.Pool, fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano()), &cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// TestRADOSErasureCoded runs the suite where large content is erasure-coded over three OSDs, and the entries are not,
// since erasure-coded pools have no omap.
func TestRADOSErasureCoded(t *testing.T) {
	notEveryDay(t)
	c := cluster(t, 3)
	for _, args := range [][]string{
		{"osd", "erasure-code-profile", "set", "holdall", "k=2", "m=1", "crush-failure-domain=osd"},
		{"osd", "pool", "create", "coded", "8", "8", "erasure", "holdall"},
		{"osd", "pool", "application", "enable", "coded", "rados"},
	} {
		if _, err := c.Ceph(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	conformance.Run(t, c.Harness("coded"), conformance.InTier(tier()))
	_, err := ceph.Open(t.Context(), "coded", "space", &ceph.Config{ConfigFile: c.Conf, Create: true})
	if err == nil {
		t.Error("a bucket was made in a pool without omaps")
	} else {
		t.Log(err)
	}
}

// freeze freezes a cluster, until the test is over at the latest.
func freeze(t *testing.T, c *providers.Cluster) (thaw func() error) {
	t.Helper()
	thaw, err := c.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = thaw() })
	return thaw
}

// A cluster that stops answering gives errors in bounded time, and keeps neither who calls nor Close. What it was asked
// meanwhile may come true later, and is said to be unknown.
func TestRADOSPaused(t *testing.T) {
	c := cluster(t, 1)
	const timeout = time.Second
	b := bucket(t, c, ceph.Config{Timeout: timeout})
	ctx := t.Context()
	large := bytes.Repeat([]byte("x"), 10<<20)
	if _, err := b.Put(ctx, "large", bytes.NewReader(large), nil); err != nil {
		t.Fatal(err)
	}
	r, err := b.Get(ctx, "large", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	thaw := freeze(t, c)

	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := b.Stat(short, "large", nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > timeout {
		t.Errorf("a ctx of 300 ms ended a Stat after %v: %v", time.Since(began), err)
	}
	type outcome struct {
		call string
		err  error
		took time.Duration
	}
	outcomes := make(chan outcome)
	calls := map[string]func() error{
		"stat": func() error { _, err := b.Stat(ctx, "large", nil); return err },
		"read": func() error { _, err := r.Read(make([]byte, 10)); return err },
		"list": func() error {
			for _, err := range b.List(ctx, nil) {
				return err
			}
			return nil
		},
		"create": func() error {
			_, err := b.Put(ctx, "new", strings.NewReader("x"), &blob.PutOptions{If: blob.IfAbsent})
			return err
		},
		"put large": func() error { _, err := b.Put(ctx, "other", bytes.NewReader(large), nil); return err },
		"open": func() error {
			_, err := ceph.Open(ctx, providers.Pool, "space", &ceph.Config{ConfigFile: c.Conf, Timeout: timeout})
			return err
		},
	}
	for name, call := range calls {
		go func() {
			began := time.Now()
			err := call()
			outcomes <- outcome{name, err, time.Since(began)}
		}()
	}
	for range calls {
		o := <-outcomes
		var e *blob.Error
		if !errors.As(o.err, &e) || !e.Retryable() || errors.Is(o.err, blob.ErrAmbiguous) != (o.call == "create") {
			t.Errorf("%s answers %v", o.call, o.err)
		}
		if o.took > 4500*time.Millisecond {
			t.Errorf("%s took %v", o.call, o.took)
		}
	}
	began = time.Now()
	if err := b.Close(); err != nil || time.Since(began) > 2*time.Second {
		t.Errorf("Close took %v: %v", time.Since(began), err)
	}
	if err := thaw(); err != nil {
		t.Fatal(err)
	}
	again, err := ceph.Open(ctx, providers.Pool, b.Namespace(), &ceph.Config{ConfigFile: c.Conf})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got, err := blob.ReadAll(ctx, again, "large"); err != nil || !bytes.Equal(got, large) {
		t.Errorf("after the pause: %d bytes, %v", len(got), err)
	}
	// Whether the write was carried out is unknown; that it was, whole, or was not, is not.
	if got, err := blob.ReadAll(ctx, again, "new"); !errors.Is(err, fs.ErrNotExist) && (err != nil || string(got) != "x") {
		t.Errorf("the write of unknown outcome: %q, %v", got, err)
	}
}

// Who asks for a pool that may be new, of monitors that have stopped, gets an answer in bounded time.
func TestRADOSUnknownPoolPaused(t *testing.T) {
	c := cluster(t, 1)
	conn, err := rados.NewConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.ReadConfigFile(c.Conf); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rados_mon_op_timeout", "rados_osd_op_timeout"} {
		if err := conn.SetConfigOption(name, "1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Connect(); err != nil {
		t.Fatal(err)
	}
	thaw := freeze(t, c)
	began := time.Now()
	_, err = ceph.OpenConn(t.Context(), conn, "no-such-pool", "space", nil)
	var e *blob.Error
	if took := time.Since(began); took > 3*time.Second || !errors.As(err, &e) || !e.Retryable() {
		t.Errorf("after %v: %v", took, err)
	}
	if err := thaw(); err != nil {
		t.Fatal(err)
	}
	// The monitors answer now, and the call that was left ends.
	if _, err := ceph.OpenConn(t.Context(), conn, "no-such-pool", "space", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the pause: %v", err)
	}
	conn.Shutdown()
}

// Calls whose ctx ends are cancelled: however many there are while a cluster does not answer, they leave no threads behind,
// and what they asked for was carried out whole or was not.
func TestRADOSCancelled(t *testing.T) {
	c := cluster(t, 1)
	b := bucket(t, c, ceph.Config{})
	ctx := t.Context()
	large := bytes.Repeat([]byte("x"), 100_000)
	for key, content := range map[string]string{"large": string(large), "small": "x"} {
		if err := put(t, b, key, content); err != nil {
			t.Fatal(err)
		}
	}
	threads := pprof.Lookup("threadcreate")
	before := threads.Count()
	thaw := freeze(t, c)
	const rounds, each = 5, 80
	for round := range rounds {
		var all sync.WaitGroup
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		for i := range each {
			key := fmt.Sprintf("new/%d/%d", round, i)
			for call, f := range map[string]func() error{
				"stat": func() error { _, err := b.Stat(short, "small", nil); return err },
				"read": func() error { _, err := blob.ReadAll(short, b, "large"); return err },
				"put":  func() error { _, err := b.Put(short, key, strings.NewReader("x"), nil); return err },
			} {
				all.Go(func() {
					if err := f(); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("%s: %v", call, err)
					}
				})
			}
		}
		all.Wait()
		cancel()
	}
	if n := threads.Count() - before; n > 400 {
		t.Errorf("%d calls took %d threads", 3*rounds*each, n)
	}
	if err := thaw(); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		for i := range each {
			key := fmt.Sprintf("new/%d/%d", round, i)
			if got, err := blob.ReadAll(ctx, b, key); !errors.Is(err, fs.ErrNotExist) && (err != nil || string(got) != "x") {
				t.Errorf("%s: %q, %v", key, got, err)
			}
		}
	}
}

// A pool that does not exist is said so, soon; and so is a user who may not.
func TestRADOSRefuses(t *testing.T) {
	c := cluster(t, 1)
	began := time.Now()
	_, err := ceph.Open(t.Context(), "no-such-pool", "space", &ceph.Config{ConfigFile: c.Conf, Create: true})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `"no-such-pool"`) {
		t.Errorf("an unknown pool: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("that took %v", took)
	}
	b := bucket(t, c, ceph.Config{})
	keyring := func(name string, caps ...string) string {
		key, err := c.Ceph(t.Context(), append([]string{"auth", "get-or-create", "client." + name}, caps...)...)
		if err != nil {
			t.Fatal(err)
		}
		return fileOf(t, name, key)
	}
	reader := keyring("reader", "mon", "allow r", "osd", "allow r pool="+providers.Pool)
	stranger := keyring("stranger", "mon", "allow r", "osd", "allow rw pool=other")
	impostor := fileOf(t, "impostor", "[client.reader]\n\tkey = AQD+XXJlAAAAABAAgQ2NmSyHBNB7WLbdTWTBQA==\n")
	open := func(user, keyring string) (*ceph.Bucket, error) {
		return ceph.Open(t.Context(), providers.Pool, b.Namespace(), &ceph.Config{ConfigFile: c.Conf, User: user, Keyring: keyring, Timeout: 5 * time.Second})
	}
	for name, keyring := range map[string]string{"stranger": stranger, "reader": impostor} {
		if _, err := open(name, keyring); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s with %s: %v", name, keyring, err)
		}
	}
	r, err := open("reader", reader)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := b.Put(t.Context(), "k", strings.NewReader("x"), nil); err != nil {
		t.Fatal(err)
	}
	if got, err := blob.ReadAll(t.Context(), r, "k"); err != nil || string(got) != "x" {
		t.Errorf("a reader reads %q, %v", got, err)
	}
	for name, err := range map[string]error{
		"put": put(t, r, "k", "y"), "put large": put(t, r, "k", strings.Repeat("y", 5000)), "delete": r.Delete(t.Context(), "k", nil),
	} {
		if !errors.Is(err, fs.ErrPermission) || errors.Is(err, blob.ErrAmbiguous) {
			t.Errorf("%s by a reader: %v", name, err)
		}
	}
}

func put(t *testing.T, b blob.Bucket, key, content string) error {
	_, err := b.Put(t.Context(), key, strings.NewReader(content), nil)
	return err
}

// A bucket over a connection of the caller's own leaves that open.
func TestRADOSConnection(t *testing.T) {
	c := cluster(t, 1)
	made := bucket(t, c, ceph.Config{})
	conn, err := rados.NewConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.ReadConfigFile(c.Conf); err != nil {
		t.Fatal(err)
	}
	if err := conn.Connect(); err != nil {
		t.Fatal(err)
	}
	defer conn.Shutdown()
	for range 2 {
		b, err := ceph.OpenConn(t.Context(), conn, providers.Pool, made.Namespace(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := put(t, b, "k", "x"); err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if v, err := conn.GetConfigOption("rados_osd_op_timeout"); err != nil || !strings.HasPrefix(v, fmt.Sprint(ceph.DefaultTimeout.Seconds())) {
		t.Errorf("the timeout of the connection is %q, %v", v, err)
	}
	if _, err := ceph.OpenConn(t.Context(), conn, providers.Pool, made.Namespace(), &ceph.Config{User: "x"}); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("a user beside a connection: %v", err)
	}
}

// What an interrupted write leaves is found in a real namespace, and removed.
func TestRADOSFsckAndSweep(t *testing.T) {
	c := cluster(t, 1)
	b := bucket(t, c, ceph.Config{})
	for i := range 3000 { // more than an OSD lists at once
		if err := put(t, b, fmt.Sprintf("k%04d", i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(t, b, "large", strings.Repeat("x", 5<<20)); err != nil {
		t.Fatal(err)
	}
	orphan := "holdall.data.000000000001ABCDEFGHIJKLMNOP/0"
	if err := c.Within(providers.Pool, b.Namespace(), func(io *rados.IOContext) error {
		return io.WriteFull(orphan, []byte("x"))
	}); err != nil {
		t.Fatal(err)
	}
	check := func(want ...ceph.ProblemKind) {
		var got []ceph.ProblemKind
		checked, err := b.Fsck(t.Context(), &ceph.FsckOptions{Content: true}, func(p ceph.Problem) {
			got = append(got, p.Kind)
			t.Log(p)
		})
		if err != nil || checked.Objects != 3001 || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("fsck: %+v, %v, %v, want %v", checked, got, err, want)
		}
	}
	check(ceph.Orphan)
	command := exec.CommandContext(t.Context(), "go", "run", "-tags=ceph", "./fsck", "-sweep", urlOf(c, b))
	command.Dir = filepath.Join("..", "..", "drivers", "ceph")
	said, err := command.CombinedOutput()
	if exited := command.ProcessState.ExitCode(); exited != 1 || !bytes.Contains(said, []byte("orphan: ")) || !bytes.Contains(said, []byte("removed 1 objects of RADOS")) {
		t.Errorf("command fsck: %v\n%s", err, said)
	}
	check()
}

// urlOf is the URL of a bucket.
func urlOf(c *providers.Cluster, b *ceph.Bucket) string {
	return fmt.Sprintf("ceph://%s/%s/?conf=%s", providers.Pool, url.PathEscape(b.Namespace()), url.QueryEscape(c.Conf))
}

// TestRADOSKilledWriters kills writers to a namespace.
func TestRADOSKilledWriters(t *testing.T) {
	c := cluster(t, 1)
	b := bucket(t, c, ceph.Config{})
	killWriters(t, urlOf(c, b))
	swept, err := b.Sweep(t.Context(), &ceph.SweepOptions{Alone: true, Uploads: time.Nanosecond})
	if err != nil {
		t.Error(err)
	}
	t.Logf("they left %+v", swept)
	checked, err := b.Fsck(t.Context(), nil, func(p ceph.Problem) { t.Error(p) })
	if err != nil || checked.Objects > 0 || checked.Uploads > 0 {
		t.Errorf("fsck: %+v, %v", checked, err)
	}
	if err := c.Within(providers.Pool, b.Namespace(), func(io *rados.IOContext) error {
		return io.ListObjects(func(object string) {
			if strings.HasPrefix(object, "holdall.data.") {
				t.Errorf("%s is left", object)
			}
		})
	}); err != nil {
		t.Error(err)
	}
}

// fileOf writes a file of the test's own.
func fileOf(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
