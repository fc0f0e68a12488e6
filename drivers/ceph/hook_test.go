package ceph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

var errHook = errors.New("the hook refuses")

// A hook is called for what is sent and before the operation that publishes, and its error leaves what was there. It may
// use the bucket, also when many do so at once.
func TestHooks(t *testing.T) {
	for _, content := range []string{"", "small", string(large)} {
		for name, body := range map[string]func() io.Reader{
			"bytes":  func() io.Reader { return bytes.NewReader([]byte(content)) },
			"stream": func() io.Reader { return hidden{strings.NewReader(content)} },
		} {
			b, _ := newFake(t)
			put(t, b, "k", "old", nil)
			var mu sync.Mutex
			var sent int64
			published := 0
			var failSend, failPublish error
			hook := &blob.Hook{
				OnSend: func(ctx context.Context, n int64) error {
					mu.Lock()
					defer mu.Unlock()
					sent += n
					return failSend
				},
				OnPublish: func(ctx context.Context) error {
					if _, err := b.Stat(ctx, "k", nil); err != nil {
						return err
					}
					published++
					return failPublish
				},
			}
			write := func() error {
				_, err := b.Put(t.Context(), "k", body(), &blob.PutOptions{Hook: hook})
				return err
			}
			failPublish = errHook
			if err := write(); !errors.Is(err, errHook) || published != 1 {
				t.Errorf("%s of %d bytes that is not published: %v, after %d attempts", name, len(content), err, published)
			}
			failSend, failPublish = errHook, nil
			if err := write(); content != "" && !errors.Is(err, errHook) {
				t.Errorf("%s of %d bytes that is not sent: %v", name, len(content), err)
			}
			if content != "" {
				wantContent(t, b, "k", "old")
			}
			failSend, sent, published = nil, 0, 0
			if err := write(); err != nil || sent != int64(len(content)) || published == 0 {
				t.Errorf("%s of %d bytes: %v; %d were sent, %d published", name, len(content), err, sent, published)
			}
			wantContent(t, b, "k", content)
		}
	}
}

// Hooks that use the bucket do not wait for the permits of the calls that they belong to.
func TestHooksUseTheBucket(t *testing.T) {
	b, _ := newFake(t)
	put(t, b, "policy", "x", nil)
	ask := func(ctx context.Context) error {
		_, err := blob.ReadAll(ctx, b, "policy")
		return err
	}
	hook := &blob.Hook{OnSend: func(ctx context.Context, _ int64) error { return ask(ctx) }, OnPublish: ask}
	var wait sync.WaitGroup
	for i := range 2 * maxCalls {
		wait.Go(func() {
			key := []string{"a", "b", "c", "d"}[i%4]
			if _, err := b.Put(t.Context(), key, strings.NewReader(string(large[:2<<20])), &blob.PutOptions{Hook: hook}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

// An upload keeps the hook that it was begun or resumed with.
func TestHookOfAnUpload(t *testing.T) {
	b, _ := newFake(t)
	var events []string
	hook := &blob.Hook{
		OnSend:    func(context.Context, int64) error { events = append(events, "send"); return nil },
		OnPublish: func(context.Context) error { events = append(events, "publish"); return errHook },
	}
	u := begin(t, b, "k", 10, nil)
	resumed, err := b.Upload(t.Context(), "k", &blob.UploadOptions{ID: u.ID(), Hook: hook})
	if err != nil {
		t.Fatal(err)
	}
	send(t, resumed, 1, "0123456789")
	if _, err := resumed.Complete(t.Context()); !errors.Is(err, errHook) {
		t.Errorf("a completion that the hook refuses: %v", err)
	}
	if !slices.Equal(events, []string{"send", "publish"}) {
		t.Errorf("the hook hears %q", events)
	}
	if _, err := u.Complete(t.Context()); err != nil {
		t.Errorf("after a completion that a hook refused: %v", err)
	}
	wantContent(t, b, "k", "0123456789")
}
