package ceph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// large is content that does not fit beside an entry, in three objects.
var large = bytes.Repeat([]byte("0123456789abcdef"), (2*chunkSize+100)/16+1)

func put(t *testing.T, b blob.Bucket, key, content string, opts *blob.PutOptions) *blob.Object {
	t.Helper()
	o, err := b.Put(t.Context(), key, strings.NewReader(content), opts)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func wantContent(t *testing.T, b blob.Bucket, key, want string) {
	t.Helper()
	got, err := blob.ReadAll(t.Context(), b, key)
	if err != nil || string(got) != want {
		t.Errorf("%q is %.20q (%d bytes, %v), want %.20q (%d bytes)", key, got, len(got), err, want, len(want))
	}
}

// once makes a hook that acts on the first call of that name.
func once(call string, f func(object string) error) func(call, object string) error {
	var done atomic.Bool
	return func(c, object string) error {
		if c != call || done.Swap(true) {
			return nil
		}
		return f(object)
	}
}

func lose(object string) error { return fail(late, "call", object) }

// A write whose answer was lost knows its own entry.
func TestLostAnswers(t *testing.T) {
	for _, content := range []string{"small", string(large)} {
		for name, opts := range map[string]*blob.PutOptions{"always": nil, "if-absent": {If: blob.IfAbsent}} {
			t.Run(fmt.Sprintf("%s, %d bytes", name, len(content)), func(t *testing.T) {
				b, p := newFake(t)
				p.hook(nil, once("apply", lose))
				o := put(t, b, "k", content, opts)
				p.hook(nil, nil)
				now, err := b.Stat(t.Context(), "k", nil)
				if err != nil || now.ETag != o.ETag {
					t.Errorf("the Put made %s, and the key holds %v (%v)", o.ETag, now, err)
				}
				wantContent(t, b, "k", content)
			})
		}
	}
}

// A write that timed out and is not seen may yet be carried out. Its content stays for that.
func TestAmbiguousWrites(t *testing.T) {
	b, p := newFake(t)
	p.hook(once("apply", lose), nil)
	_, err := b.Put(t.Context(), "k", bytes.NewReader(large), nil)
	if !errors.Is(err, blob.ErrAmbiguous) {
		t.Fatalf("a Put that was not answered: %v", err)
	}
	var e *blob.Error
	if !errors.As(err, &e) || !e.Retryable() {
		t.Errorf("%v does not say that it may be tried again", err)
	}
	if len(p.data()) == 0 {
		t.Error("the content is gone, and the entry may yet come")
	}
	if _, err := b.Stat(t.Context(), "k", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: %v", err)
	}

	put(t, b, "d", "x", nil)
	p.hook(once("apply", lose), nil)
	if err := b.Delete(t.Context(), "d", nil); !errors.Is(err, blob.ErrAmbiguous) {
		t.Errorf("a Delete that was not answered: %v", err)
	}
}

// A write whose look at the key was not answered was not sent, so its outcome is known. It leaves nothing.
func TestLookNotAnswered(t *testing.T) {
	for name, write := range map[string]func(b *Bucket, u blob.Upload, old blob.Condition) error{
		"put": func(b *Bucket, _ blob.Upload, _ blob.Condition) error {
			_, err := b.Put(t.Context(), "k", bytes.NewReader(large), nil)
			return err
		},
		"put small if-match": func(b *Bucket, _ blob.Upload, old blob.Condition) error {
			_, err := b.Put(t.Context(), "k", strings.NewReader("x"), &blob.PutOptions{If: old})
			return err
		},
		"put one object if-match": func(b *Bucket, _ blob.Upload, old blob.Condition) error {
			_, err := b.Put(t.Context(), "k", bytes.NewReader(large[:inlineSize+1]), &blob.PutOptions{If: old})
			return err
		},
		"put if-match": func(b *Bucket, _ blob.Upload, old blob.Condition) error {
			_, err := b.Put(t.Context(), "k", bytes.NewReader(large), &blob.PutOptions{If: old})
			return err
		},
		"delete if-match": func(b *Bucket, _ blob.Upload, old blob.Condition) error {
			return b.Delete(t.Context(), "k", &blob.DeleteOptions{If: old})
		},
		"delete each": func(b *Bucket, _ blob.Upload, _ blob.Condition) error {
			return b.DeleteEach(t.Context(), slices.Values([]string{"k"}), func(string, error) {})
		},
		"complete": func(_ *Bucket, u blob.Upload, _ blob.Condition) error {
			_, err := u.Complete(t.Context())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newFake(t)
			old := put(t, b, "k", string(large), nil)
			u := begin(t, b, "k", 10, &blob.UploadOptions{If: blob.IfMatch(old.ETag)})
			send(t, u, 1, "x")
			want, looks := p.data(), 0
			p.hook(func(call, object string) error {
				if call != "values" {
					return nil
				}
				if looks++; name == "complete" && looks == 1 { // at the upload
					return nil
				}
				return lose(object)
			}, nil)
			err := write(b, u, blob.IfMatch(old.ETag))
			var e *blob.Error
			if !errors.As(err, &e) || !e.Retryable() || errors.Is(err, blob.ErrAmbiguous) {
				t.Errorf("the write: %v", err)
			}
			if got := p.data(); !slices.Equal(got, want) {
				t.Errorf("content is in %q, want %q", got, want)
			}
			p.hook(nil, nil)
			wantContent(t, b, "k", string(large))
		})
	}
}

// The mismatch that an operation answers may be its own doing, if librados has sent it twice. Until that is seen, its
// content stays.
func TestMismatchOfItsOwn(t *testing.T) {
	for name, write := range map[string]func(b *Bucket, u blob.Upload) error{
		"put": func(b *Bucket, _ blob.Upload) error {
			_, err := b.Put(t.Context(), "k", bytes.NewReader(large[:inlineSize+1]), &blob.PutOptions{If: blob.IfAbsent})
			return err
		},
		"part": func(_ *Bucket, u blob.Upload) error {
			_, err := u.Put(t.Context(), 1, section(string(large[:inlineSize+1])))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newFake(t)
			u := begin(t, b, "k", inlineSize+1, nil)
			p.hook(func(call, object string) error {
				if call == "values" {
					return lose(object)
				}
				return nil
			}, once("apply", func(object string) error { return fail(mismatch, "apply", object) }))
			if err := write(b, u); !errors.Is(err, blob.ErrAmbiguous) {
				t.Errorf("the write: %v", err)
			}
			p.hook(nil, nil)
			if name == "part" {
				if _, err := u.Complete(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			wantContent(t, b, "k", string(large[:inlineSize+1]))
		})
	}
}

// A Put whose content could not be written has published nothing, so its outcome is known. It leaves nothing.
func TestContentNotWritten(t *testing.T) {
	for _, k := range []kind{late, full, denied, other} {
		b, p := newFake(t)
		put(t, b, "k", "old", nil)
		p.hook(once("write", func(object string) error { return fail(k, "write", object) }), nil)
		_, err := b.Put(t.Context(), "k", bytes.NewReader(large), nil)
		if err == nil || errors.Is(err, blob.ErrAmbiguous) || errors.Is(err, fs.ErrPermission) != (k == denied) {
			t.Errorf("failure of kind %d: %v", k, err)
		}
		if left := p.data(); len(left) > 0 {
			t.Errorf("it left %v", left)
		}
		wantContent(t, b, "k", "old")
	}
}

// What a writer read is compared with what the key holds when it writes, however the two of them are interleaved.
func TestInterleavedWriters(t *testing.T) {
	b, p := newFake(t)
	put(t, b, "k", "first", nil)
	meanwhile := func(content string) func(string, string) error {
		return once("apply", func(string) error {
			put(t, b, "k", content, nil)
			return nil
		})
	}

	p.hook(meanwhile(string(large)), nil)
	put(t, b, "k", "last", nil)
	wantContent(t, b, "k", "last")
	if left := p.data(); len(left) > 0 {
		t.Errorf("the content of the other writer was left: %v", left)
	}

	first := put(t, b, "k", "first", nil)
	p.hook(meanwhile("other"), nil)
	_, err := b.Put(t.Context(), "k", bytes.NewReader(large), &blob.PutOptions{If: blob.IfMatch(first.ETag)})
	if !errors.Is(err, blob.ErrPrecondition) {
		t.Errorf("an if-match that lost: %v", err)
	}
	wantContent(t, b, "k", "other")
	if left := p.data(); len(left) > 0 {
		t.Errorf("the loser left %v", left)
	}

	p.hook(once("apply", func(string) error {
		put(t, b, "new", "other", nil)
		return nil
	}), nil)
	_, err = b.Put(t.Context(), "new", strings.NewReader("x"), &blob.PutOptions{If: blob.IfAbsent})
	if !errors.Is(err, blob.ErrExist) {
		t.Errorf("an if-absent that lost: %v", err)
	}

	p.hook(meanwhile("newer"), nil)
	if err := b.Delete(t.Context(), "k", nil); err != nil {
		t.Error(err)
	}
	if _, err := b.Stat(t.Context(), "k", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after a delete that was overtaken: %v", err)
	}
}

// The time of an object never stands still, whatever the clock does.
func TestTimesGrow(t *testing.T) {
	b, _ := newFake(t)
	var last time.Time
	for i := range 1000 {
		o := put(t, b, "k", "x", nil)
		if !o.ModTime.After(last) {
			t.Fatalf("overwrite %d is of %v, after %v", i, o.ModTime, last)
		}
		last = o.ModTime
	}
}

// An entry from the future, of a clock that was wrong, is followed by later ones of its own key, and of no other.
func TestTimeFromTheFuture(t *testing.T) {
	b, _ := newFake(t)
	future := time.Now().AddDate(1, 0, 0)
	now = func() time.Time { return future }
	defer func() { now = time.Now }()
	last := lastTime.Load()
	put(t, b, "k", "x", nil)
	lastTime.Store(last) // as in another process
	now = time.Now
	if o := put(t, b, "k", string(large), nil); !o.ModTime.After(future) {
		t.Errorf("what replaces it is of %v", o.ModTime)
	}
	if o := put(t, b, "other", "x", nil); time.Until(o.ModTime) > time.Minute {
		t.Errorf("another object is of %v", o.ModTime)
	}
}

// awake makes the clock of the wall jump by d, as it does after a suspension; the other clock does not tell.
func awake(t *testing.T, d time.Duration) {
	now = func() time.Time { return time.Now().Round(0).Add(d) }
	t.Cleanup(func() { now = time.Now })
}

// A Put that took too long by the clock that Sweep goes by is not published, and leaves nothing.
func TestPutTakesTooLong(t *testing.T) {
	b, p := newFake(t)
	p.hook(once("write", func(string) error {
		awake(t, longestPut+time.Minute)
		return nil
	}), nil)
	_, err := b.Put(t.Context(), "k", bytes.NewReader(large[:100_000]), nil)
	if err == nil || !strings.Contains(err.Error(), "12h") {
		t.Errorf("a Put of more than 12 hours: %v", err)
	}
	if _, err := b.Stat(t.Context(), "k", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: %v", err)
	}
	if left := p.data(); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

// block makes calls of that name wait until release is called; begun gets a value for each.
func block(p *fakePool, call string) (begun chan struct{}, release func()) {
	begun, gate := make(chan struct{}, 100), make(chan struct{})
	p.hook(func(c, _ string) error {
		if c == call {
			begun <- struct{}{}
			<-gate
		}
		return nil
	}, nil)
	return begun, sync.OnceFunc(func() { close(gate) })
}

// Who calls is not kept by a cluster that does not answer, and neither is Close. What is given up leaves nothing behind;
// for the calls of librados that cannot be interrupted, the connection lives until the last of them has ended.
func TestAbandoned(t *testing.T) {
	for _, test := range []struct {
		blocked string
		call    func(ctx context.Context, b *Bucket) error
		unknown bool
		stays   bool // the call cannot be interrupted, or what undoes it cannot
	}{
		{"values", func(ctx context.Context, b *Bucket) error { _, err := b.Stat(ctx, "k", nil); return err }, false, false},
		{"read", func(ctx context.Context, b *Bucket) error { _, err := blob.ReadAll(ctx, b, "large"); return err }, false, false},
		{"write", func(ctx context.Context, b *Bucket) error {
			_, err := b.Put(ctx, "k", bytes.NewReader(large), nil)
			return err
		}, false, false},
		{"apply", func(ctx context.Context, b *Bucket) error {
			_, err := b.Put(ctx, "k", strings.NewReader("x"), nil)
			return err
		}, true, false},
		{"apply", func(ctx context.Context, b *Bucket) error { return b.Delete(ctx, "large", nil) }, true, false},
		{"apply", func(ctx context.Context, b *Bucket) error { _, err := b.Upload(ctx, "k", nil); return err }, false, true},
		{"page", func(ctx context.Context, b *Bucket) error {
			for _, err := range b.List(ctx, nil) {
				return err
			}
			return nil
		}, false, true},
		{"each", func(ctx context.Context, b *Bucket) error { _, err := b.Sweep(ctx, nil); return err }, false, true},
	} {
		c := newFakeCluster("pool")
		b, err := c.open(t.Context(), "pool", "space", &Config{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		put(t, b, "large", string(large), nil)
		p := c.at("pool", "space")
		begun, release := block(p, test.blocked)
		defer release()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- test.call(ctx, b) }()
		<-begun
		cancel()
		err = <-ended
		if !errors.Is(err, context.Canceled) || errors.Is(err, blob.ErrAmbiguous) != test.unknown {
			t.Errorf("%s is blocked: %v", test.blocked, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if test.stays {
			if c.shuts.Load() != 0 {
				t.Errorf("%s is blocked, and the connection is shut under it", test.blocked)
			}
			release()
		}
		<-b.raw.ended
		if c.shuts.Load() != 1 {
			t.Errorf("%s: the connection was shut %d times", test.blocked, c.shuts.Load())
		}
	}
}

// What an abandoned Put is still writing is removed when it has arrived.
func TestAbandonedContentIsRemoved(t *testing.T) {
	b, p := newFake(t)
	begun, release := block(p, "write")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := b.Put(ctx, "k", bytes.NewReader(large), nil)
		ended <- err
	}()
	<-begun
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the Put: %v", err)
	}
	release()
	b.Close()
	<-b.raw.ended
	if left := p.data(); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

// A cluster that does not answer is asked once by each of those who remove, and not for every object.
func TestRemovalStopsWhenNothingAnswers(t *testing.T) {
	b, p := newFake(t)
	var asked atomic.Int64
	p.hook(func(call, object string) error {
		if call != "remove" {
			return nil
		}
		asked.Add(1)
		return fail(late, call, object)
	}, nil)
	if err := b.raw.removePieces([]piece{putPiece(newID(), 10<<30)}); !is(err, late) {
		t.Errorf("the removal: %v", err)
	}
	if n := asked.Load(); n < 1 || n > removals {
		t.Errorf("%d objects were asked for", n)
	}
}

// What an operation has replaced, whose answer was lost or not waited for, is removed when that is seen; and so is what
// could not be published.
func TestSettled(t *testing.T) {
	for name, answer := range map[string]func(cancel func()) error{
		"timed out": func(func()) error { return lose("k") },
		"left": func(cancel func()) error {
			cancel()
			time.Sleep(2 * patience)
			return nil
		},
	} {
		t.Run("carried out, "+name, func(t *testing.T) {
			b, p := newFake(t)
			old := put(t, b, "k", string(large), nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p.hook(nil, once("apply", func(string) error { return answer(cancel) }))
			_, err := b.Put(ctx, "k", bytes.NewReader(large[:100_000]), &blob.PutOptions{If: blob.IfMatch(old.ETag)})
			if (err == nil) != (name == "timed out") {
				t.Errorf("the Put: %v", err)
			}
			p.hook(nil, nil)
			b.Close()
			<-b.raw.ended
			if n := len(p.data()); n != 1 {
				t.Errorf("the object lies in %v", p.data())
			}
		})
		t.Run("overtaken, "+name, func(t *testing.T) {
			b, p := newFake(t)
			old := put(t, b, "k", "old", nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p.hook(once("apply", func(object string) error {
				put(t, b, "k", "new", nil)
				if err := answer(cancel); err != nil {
					return err
				}
				return fail(mismatch, "apply", object)
			}), nil)
			_, err := b.Put(ctx, "k", bytes.NewReader(large), &blob.PutOptions{If: blob.IfMatch(old.ETag)})
			if !errors.Is(err, blob.ErrAmbiguous) {
				t.Errorf("the Put: %v", err)
			}
			p.hook(nil, nil)
			wantContent(t, b, "k", "new")
			b.Close()
			<-b.raw.ended
			if left := p.data(); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}
