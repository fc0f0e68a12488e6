package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance/providers"
	_ "github.com/holdall-go/holdall/drivers/s3"
)

func TestRefuses(t *testing.T) {
	for _, args := range [][]string{nil, {"nonsense"}, {"minio", "ceph"}} {
		var stdout, stderr bytes.Buffer
		if status := serve(t.Context(), args, &stdout, &stderr); status != 2 || !strings.Contains(stderr.String(), "b2, ceph, minio, rados, swift, versitygw") {
			t.Errorf("serve %q: %d, %s", args, status, &stderr)
		}
	}
}

// What is printed is enough to use the server.
func TestServe(t *testing.T) {
	required, err := providers.Versitygw.Required()
	if err != nil {
		t.Fatal(err)
	}
	var unavailable *providers.Unavailable
	if _, err := providers.Versitygw.Start(t.Context()); errors.As(err, &unavailable) && !required {
		t.Skip("not run: ", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	said, stdout := io.Pipe()
	ended := make(chan int, 1)
	var complaint bytes.Buffer
	go func() {
		ended <- serve(ctx, []string{"versitygw"}, stdout, &complaint)
		stdout.Close()
	}()
	var text strings.Builder
	for b := make([]byte, 1<<10); !strings.Contains(text.String(), "until it is interrupted"); {
		n, err := said.Read(b)
		text.Write(b[:n])
		if err != nil {
			t.Fatalf("it ended with %d: %s", <-ended, &complaint)
		}
	}
	for _, set := range regexp.MustCompile(`export (\w+)=(.*)`).FindAllStringSubmatch(text.String(), -1) {
		t.Setenv(set[1], set[2])
	}
	store := regexp.MustCompile(`blob.Open: (.*)`).FindStringSubmatch(text.String())
	if store == nil {
		t.Fatalf("it names no URL:\n%s", &text)
	}
	b, err := blob.Open(t.Context(), store[1])
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Put(t.Context(), "k", strings.NewReader("content"), nil); err != nil {
		t.Error(err)
	}
	stop()
	if status := <-ended; status != 0 {
		t.Errorf("it ended with %d: %s", status, &complaint)
	}
	if _, err := b.Stat(t.Context(), "k", nil); err == nil {
		t.Error("the server goes on")
	}
}
