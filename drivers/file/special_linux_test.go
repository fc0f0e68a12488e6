package file

import (
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSpecialFiles has a pipe, which an open would wait for, and a socket in the tree.
func TestSpecialFiles(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		dir := t.TempDir()
		if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o666); err != nil {
			t.Skip(err)
		}
		l, err := net.Listen("unix", filepath.Join(dir, "s"))
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		b := openMode(t, dir, m)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, key := range []string{"pipe", "s", "pipe/x"} {
				wantMissing(t, b, key)
				if _, err := b.Put(t.Context(), key, strings.NewReader("x"), nil); err == nil {
					t.Errorf("Put replaced %s", key)
				}
				if err := b.Delete(t.Context(), key, nil); err != nil {
					t.Error(err)
				}
			}
			if keys := list(t, b, nil); len(keys) != 0 {
				t.Errorf("listed %q", keys)
			}
			if b.Skipped().Links != 2 {
				t.Errorf("skipped %+v", b.Skipped())
			}
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("hangs")
		}
		if got := onDisk(t, dir); !slices.Contains(got, "pipe") || !slices.Contains(got, "s") {
			t.Errorf("there are %q", got)
		}
	})
}

// TestWithoutOpenat2 goes by one openat for each name.
func TestWithoutOpenat2(t *testing.T) {
	noOpenat2.Store(true)
	defer noOpenat2.Store(false)
	t.Run("foreign", TestForeignTree)
	t.Run("attributes", TestAttributes)
	t.Run("displace", TestDisplace)
	t.Run("note", TestForeignNote)
}

// TestViaProc links unnamed files by way of /proc.
func TestViaProc(t *testing.T) {
	old := viaProc.Swap(true)
	defer viaProc.Store(old)
	TestConditions(t)
}

// TestFullDisk has the system's own error, the old object, and no residue.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("no right to mount a small file system: ", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	for _, m := range modes {
		b := openMode(t, dir, m)
		put(t, b, "a", "old")
		_, err := b.Put(t.Context(), "a", strings.NewReader(strings.Repeat("x", 2<<20)), nil)
		if err == nil || !strings.Contains(err.Error(), "write") || !errors.Is(err, unix.ENOSPC) {
			t.Errorf("Put on a full disk: %v", err)
		}
		wantBody(t, b, "a", "old")
		if left := drafts(t, dir); left != nil {
			t.Errorf("left in the work directory: %q", left)
		}
		b.Close()
	}
}
