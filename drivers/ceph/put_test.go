package ceph

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// hidden is a reader whose bytes lie nowhere.
type hidden struct{ io.Reader }

// hiddenAt is a section's source that is neither memory nor a file.
type hiddenAt struct{ io.ReaderAt }

// What is written is the same wherever it lies: its bytes, its checksum, and the place in the body afterwards.
func TestBodies(t *testing.T) {
	whole := append([]byte("before"), large...)
	name := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b, _ := newFake(t)
	want := put(t, b, "k", string(large), nil)
	for what, r := range map[string]io.Reader{
		"bytes": bytes.NewReader(whole), "string": strings.NewReader(string(whole)), "file": file, "stream": hidden{bytes.NewReader(whole)},
	} {
		if _, err := io.ReadFull(r, make([]byte, len("before"))); err != nil {
			t.Fatal(err)
		}
		o, err := b.Put(t.Context(), "k", r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(o.Checksums) != fmt.Sprint(want.Checksums) {
			t.Errorf("%s: the checksums are %v, want %v", what, o.Checksums, want.Checksums)
		}
		wantContent(t, b, "k", string(large))
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%s: after the Put, a Read gives %d bytes, %v", what, n, err)
		}
	}
	if string(whole[6:]) != string(large) {
		t.Error("the body was written to")
	}
	for what, r := range map[string]io.ReaderAt{
		"bytes": bytes.NewReader(whole), "string": strings.NewReader(string(whole)), "file": file, "hidden": hiddenAt{bytes.NewReader(whole)},
	} {
		u := begin(t, b, "k", int64(len(large)), nil)
		if _, err := u.Put(t.Context(), 1, io.NewSectionReader(r, 6, int64(len(large)))); err != nil {
			t.Fatal(err)
		}
		o, err := u.Complete(t.Context())
		if err != nil || fmt.Sprint(o.Checksums) != fmt.Sprint(want.Checksums) {
			t.Errorf("a part of %s: %v, %v", what, o, err)
		}
		wantContent(t, b, "k", string(large))
		u = begin(t, b, "k", int64(len(large))+1, nil)
		if _, err := u.Put(t.Context(), 1, io.NewSectionReader(r, 6, int64(len(large))+1)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a part of %s that ends too early: %v", what, err)
		}
	}
}

// Content that is not published for its condition is not sent, if there is much of it.
func TestConditionJudgedFirst(t *testing.T) {
	b, p := newFake(t)
	put(t, b, "k", "x", nil)
	p.hook(func(call, object string) error {
		if call == "write" {
			t.Errorf("%s is written", object)
		}
		return nil
	}, nil)
	for want, cond := range map[error]blob.Condition{blob.ErrExist: blob.IfAbsent, blob.ErrPrecondition: blob.IfMatch(`"other"`)} {
		if _, err := b.Put(t.Context(), "k", bytes.NewReader(large), &blob.PutOptions{If: cond}); !errors.Is(err, want) {
			t.Errorf("%v: %v", cond, err)
		}
	}
}

// How many requests the calls take.
func TestRequests(t *testing.T) {
	b, p := newFake(t)
	count := func(what, want string, f func()) {
		t.Helper()
		var calls []string
		var mu sync.Mutex
		p.hook(func(call, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			calls = append(calls, call)
			return nil
		}, nil)
		f()
		p.hook(nil, nil)
		if len(calls) == 3 && calls[0] > calls[1] { // they run beside each other
			calls[0], calls[1] = calls[1], calls[0]
		}
		if got := strings.Join(calls, " "); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	u := begin(t, b, "u", 10, nil)
	count("a small put", "apply", func() { put(t, b, "k", "x", nil) })
	count("another over it", "apply", func() { put(t, b, "k", "y", nil) })
	count("a new one of 64 KiB", "values write apply", func() { put(t, b, "new", string(large[:64<<10]), nil) })
	count("a get of it", "values read", func() { wantContent(t, b, "new", string(large[:64<<10])) })
	count("if-absent", "write apply", func() { put(t, b, "absent", string(large[:2<<20]), &blob.PutOptions{If: blob.IfAbsent}) })
	count("a part", "write apply", func() { send(t, u, 1, "0123456789") })
	count("a part again", "write apply values apply", func() { send(t, u, 1, "0123456789") })
}
