package blob_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

func TestWriterCommits(t *testing.T) {
	noMoreGoroutines(t)
	b := newMem(t)
	w := blob.NewWriter(ctx, b, "k", &blob.PutOptions{Attributes: blob.Attributes{ContentType: "text/plain"}})
	p := []byte("one ")
	if n, err := w.Write(p); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	copy(p, "????") // the Writer must not have kept it
	if _, err := io.WriteString(w, ""); err != nil {
		t.Fatal(err)
	}
	if n, err := w.ReadFrom(unsized("two")); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if ok, err := blob.Exists(ctx, b, "k"); ok || err != nil {
		t.Error("something shows before Commit")
	}
	o, err := w.Commit()
	if err != nil || o.Size != 7 || o.ContentType != "text/plain" {
		t.Fatal(o, err)
	}
	wantContent(t, b, "k", "one two")
	if again, err := w.Commit(); err != nil || again.ETag != o.ETag {
		t.Errorf("the second Commit answers %v, %v", again, err)
	}
	_, err = w.Write([]byte("x"))
	wantErr(t, err, blob.ErrClosed)
	if err := errors.Join(w.Abort(), w.Close()); err != nil {
		t.Error(err)
	}
	wantContent(t, b, "k", "one two")
}

func TestWriterOfNothing(t *testing.T) {
	noMoreGoroutines(t)
	b := newMem(t)
	if o, err := blob.NewWriter(ctx, b, "empty", nil).Commit(); err != nil || o.Size != 0 {
		t.Error(o, err)
	}
	w := blob.NewWriter(ctx, b, "unused", nil)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	_, err := w.Commit()
	wantErr(t, err, blob.ErrClosed)
	wantKeys(t, b, nil, "empty")
}

// Whatever ends a Writer but Commit leaves what was there.
func TestWriterPublishesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(w *blob.Writer, cancel func()) error
		want error
	}{
		"abort":  {func(w *blob.Writer, _ func()) error { return errors.Join(w.Abort(), w.Abort(), w.Close()) }, nil},
		"close":  {func(w *blob.Writer, _ func()) error { return w.Close() }, blob.ErrClosed},
		"cancel": {func(w *blob.Writer, cancel func()) error { cancel(); _, err := w.Commit(); return err }, context.Canceled},
		"abort, then commit": {func(w *blob.Writer, _ func()) error {
			w.Abort()
			_, err := w.Commit()
			return err
		}, blob.ErrClosed},
		"a reader that fails": {func(w *blob.Writer, _ func()) error {
			if _, err := w.ReadFrom(failing("more", errTest)); err != errTest {
				return err
			}
			_, err := w.Commit()
			return errors.Join(err, w.Close())
		}, errTest},
	} {
		t.Run(name, func(t *testing.T) {
			noMoreGoroutines(t)
			b := newMem(t)
			put(t, b, "k", "old")
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			w := blob.NewWriter(ctx, b, "k", nil)
			if _, err := w.Write([]byte("new")); err != nil {
				t.Fatal(err)
			}
			if err := test.end(w, cancel); !errors.Is(err, test.want) {
				t.Errorf("%v; want %v", err, test.want)
			}
			if _, err := w.Write([]byte("more")); err == nil {
				t.Error("it takes more")
			}
			wantContent(t, b, "k", "old")
		})
	}
}

func TestWriterHearsOfTheStore(t *testing.T) {
	noMoreGoroutines(t)
	b := newMem(t)
	put(t, b, "k", "old")
	w := blob.NewWriter(ctx, b, "k", &blob.PutOptions{If: blob.IfAbsent})
	w.Write([]byte("new"))
	_, err := w.Commit()
	wantErr(t, err, fs.ErrExist)

	w = blob.NewWriter(ctx, blob.ReadOnly(b), "k", nil)
	_, err = w.ReadFrom(zeros{}) // it would never end
	wantErr(t, err, fs.ErrPermission)
	_, err = w.Commit()
	wantErr(t, err, fs.ErrPermission)
	w.Close()

	w = blob.NewWriter(ctx, b, "k", &blob.PutOptions{Size: 5})
	w.Write([]byte("shor"))
	_, err = w.Commit()
	wantErr(t, err, blob.ErrInvalid)
	wantContent(t, b, "k", "old")
}

// stuck is a store that takes no content and looks at no ctx, as long as its body has more.
func stuck(t *testing.T) blob.Bucket {
	f := &fake{}
	f.put = func(_ context.Context, _ string, body io.Reader, _ *blob.PutOptions) (*blob.Object, error) {
		var err error
		for err == nil {
			_, err = body.Read(make([]byte, 1))
		}
		return nil, err
	}
	return checkedFake(t, f)
}

func TestWriterIsUnblocked(t *testing.T) {
	noMoreGoroutines(t)
	for name, unblock := range map[string]func(w *blob.Writer, cancel func()){
		"cancel": func(_ *blob.Writer, cancel func()) { cancel() },
		"abort":  func(w *blob.Writer, _ func()) { w.Abort() },
		"close":  func(w *blob.Writer, _ func()) { w.Close() },
	} {
		ctx, cancel := context.WithCancel(ctx)
		w := blob.NewWriter(ctx, stuck(t), "k", nil)
		time.AfterFunc(10*time.Millisecond, func() { unblock(w, cancel) })
		if _, err := w.ReadFrom(zeros{}); err == nil {
			t.Errorf("%s: Write goes on", name)
		}
		w.Close()
		cancel()
	}
}

// A Writer that is forgotten takes its goroutine along.
func TestWriterDropped(t *testing.T) {
	before := runtime.NumGoroutine()
	b := newMem(t)
	put(t, b, "k", "old")
	for range 10 {
		blob.NewWriter(ctx, b, "k", nil).Write([]byte("new"))
	}
	for range 100 {
		runtime.GC()
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines are left", n-before)
	}
	wantContent(t, b, "k", "old")
}

func TestWriterTellsOfAStoreThatPublishesAllTheSame(t *testing.T) {
	f := &fake{}
	f.put = func(_ context.Context, _ string, body io.Reader, _ *blob.PutOptions) (*blob.Object, error) {
		io.Copy(io.Discard, body)
		return &blob.Object{}, nil
	}
	w := blob.NewWriter(ctx, checkedFake(t, f), "k", nil)
	w.Write([]byte("abc"))
	wantErr(t, w.Abort(), blob.ErrAmbiguous)
}

func TestWriterIsAnIOCopyTarget(t *testing.T) {
	b := newMem(t)
	content := noise(3 << 20)
	w := blob.NewWriter(ctx, b, "k", nil)
	if n, err := io.Copy(w, io.LimitReader(strings.NewReader(content), 1<<40)); n != 3<<20 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "k", content)
}

// A Commit that cannot be made answers when the store has done with what was begun, such as removing parts.
func TestWriterWaitsForTheStore(t *testing.T) {
	noMoreGoroutines(t)
	cleaned := make(chan struct{})
	f := &fake{}
	f.put = func(_ context.Context, _ string, body io.Reader, _ *blob.PutOptions) (*blob.Object, error) {
		_, err := io.Copy(io.Discard, body)
		time.Sleep(20 * time.Millisecond) // a remote store takes its time
		close(cleaned)
		return nil, err
	}
	w := blob.NewWriter(ctx, checkedFake(t, f), "k", nil)
	if _, err := w.ReadFrom(failing("some", errTest)); err != errTest {
		t.Fatal(err)
	}
	if _, err := w.Commit(); !errors.Is(err, errTest) {
		t.Errorf("commit answers %v", err)
	}
	select {
	case <-cleaned:
	default:
		t.Error("commit has not waited for the store")
	}
}
