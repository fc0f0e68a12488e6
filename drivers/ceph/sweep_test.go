package ceph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// agedID is the ID of something that began so long ago.
func agedID(age time.Duration) string {
	return fmt.Sprintf("%0*x", idTime, time.Now().Add(-age).UnixMilli()) + newID()[idTime:]
}

func write(t *testing.T, p *fakePool, object string) {
	t.Helper()
	if err := p.write(t.Context(), func() {}, object, []byte("x")); err != nil {
		t.Fatal(err)
	}
}

func sweep(t *testing.T, b *Bucket, opts *SweepOptions) Swept {
	t.Helper()
	swept, err := b.Sweep(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return swept
}

// problems returns what Fsck finds, by kind.
func problems(t *testing.T, b *Bucket) map[ProblemKind][]string {
	t.Helper()
	found := map[ProblemKind][]string{}
	checked, err := b.Fsck(t.Context(), &FsckOptions{Content: true}, func(p Problem) {
		found[p.Kind] = append(found[p.Kind], p.String())
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, some := range found {
		n += len(some)
	}
	if int64(n) != checked.Problems {
		t.Errorf("it counts %d problems, and told of %d", checked.Problems, n)
	}
	return found
}

// Orphans go by age, and only what nothing names is one.
func TestSweep(t *testing.T) { synctest.Test(t, testSweep) }

func testSweep(t *testing.T) {
	b, p := newFake(t)
	p.maxPage = 3
	put(t, b, "put", string(large), nil)
	for i := range 10 {
		put(t, b, fmt.Sprint("small", i), "x", nil)
	}
	u := begin(t, b, "upload", 4, nil)
	send(t, u, 1, "abcd")
	send(t, u, 2, "ef")
	if _, err := u.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	live := begin(t, b, "live", 4, nil)
	send(t, live, 1, "abcd")
	write(t, p, partPiece(live.ID(), 2, "ABCDEFGH", 1).object(0)) // being sent
	kept := p.data()

	young, old := putPiece(agedID(MinSweepAge-time.Hour), 1).object(0), putPiece(agedID(MinSweepAge+time.Hour), 1).object(0)
	write(t, p, young)
	write(t, p, old)
	write(t, p, "somebody's")
	if got := problems(t, b); len(got[Orphan]) != 1 || !strings.Contains(got[Orphan][0], old) || len(got[Foreign]) != 1 || len(got) != 2 {
		t.Errorf("fsck found %q", got)
	}
	if got := sweep(t, b, nil); got != (Swept{Objects: 1}) {
		t.Errorf("swept %+v, and only %s was old", got, old)
	}
	if got := sweep(t, b, &SweepOptions{Alone: true}); got != (Swept{Objects: 1}) {
		t.Errorf("swept %+v, and only %s was left", got, young)
	}
	if got := p.data(); !slices.Equal(got, kept) {
		t.Errorf("left is %q, want %q", got, kept)
	}
	if p.objects["somebody's"] == nil {
		t.Error("what is not ours was removed")
	}
	send(t, live, 2, "ef")
	if _, err := live.Complete(t.Context()); err != nil {
		t.Error(err)
	}
	wantContent(t, b, "live", "abcdef")
	wantContent(t, b, "put", string(large))
	wantContent(t, b, "upload", "abcdef")

	// A generation of a part that was not chosen, whose removal was interrupted.
	write(t, p, partPiece(live.ID(), 2, "ABCDEFGH", 1).object(0))
	if got := sweep(t, b, &SweepOptions{Alone: true}); got != (Swept{Objects: 1}) {
		t.Errorf("swept %+v", got)
	}
	wantContent(t, b, "live", "abcdef")
}

// An upload that is completed while a Sweep looks is seen as one or as the other.
func TestSweepBesideComplete(t *testing.T) {
	for _, call := range []string{"each", "page"} {
		for nth := range 30 {
			b, p := newFake(t)
			u := begin(t, b, "k", 4, nil)
			send(t, u, 1, "abcd")
			n := 0
			p.hook(func(c, _ string) error {
				if c == call {
					if n++; n == nth+1 {
						if _, err := u.Complete(t.Context()); err != nil {
							t.Error(err)
						}
					}
				}
				return nil
			}, nil)
			if got := sweep(t, b, &SweepOptions{Alone: true}); got.Objects != 0 {
				t.Fatalf("completed before the %d. %s: swept %+v", nth+1, call, got)
			}
			p.hook(nil, nil)
			if n > nth {
				wantContent(t, b, "k", "abcd")
			}
		}
	}
}

func TestSweepUploads(t *testing.T) { synctest.Test(t, testSweepUploads) }

func testSweepUploads(t *testing.T) {
	b, p := newFake(t)
	young := begin(t, b, "k", 4, nil)
	send(t, young, 1, "abcd")
	old := &handle{b: b.raw, objectKey: "k", uploadRecord: &uploadRecord{Format: formatVersion, ID: agedID(50 * time.Hour), PartSize: 4}}
	old.raw = encodeJSON(old.uploadRecord)
	if err := p.operate(b.raw.shard("k"), []step{{set, old.key(), old.raw}}); err != nil {
		t.Fatal(err)
	}
	send(t, old, 1, "abcd")
	if got := sweep(t, b, &SweepOptions{Uploads: 49 * time.Hour}); got != (Swept{Uploads: 1}) {
		t.Errorf("swept %+v", got)
	}
	if _, err := young.Complete(t.Context()); err != nil {
		t.Error(err)
	}
	// Aborts that were interrupted after their first operation, some time ago, and some more.
	abort := func() {
		left := begin(t, b, "k", 4, nil)
		send(t, left, 1, "abcd")
		if err := p.operate(b.raw.shard("k"), []step{{do: unset, key: uploadKey("k", left.ID())}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(MinSweepAge - time.Hour)
	}
	abort()
	if got := problems(t, b); len(got) > 0 {
		t.Errorf("of what is young, fsck found %q", got)
	}
	if got := sweep(t, b, nil); got != (Swept{}) {
		t.Errorf("of what is young, swept %+v", got)
	}
	abort()
	if got := problems(t, b); len(got[Orphan]) != 2 || len(got) != 1 {
		t.Errorf("fsck found %q", got)
	}
	if got := sweep(t, b, nil); got != (Swept{Records: 1, Objects: 1}) {
		t.Errorf("swept %+v", got)
	}
	if got := sweep(t, b, &SweepOptions{Alone: true}); got != (Swept{Records: 1, Objects: 1}) {
		t.Errorf("alone, swept %+v", got)
	}
	if got := problems(t, b); len(got) > 0 {
		t.Errorf("fsck found %q", got)
	}
}

func TestSweepRefuses(t *testing.T) {
	b, _ := newFake(t)
	for _, opts := range []SweepOptions{{OlderThan: time.Hour}, {OlderThan: -1}, {Uploads: -1}, {OlderThan: -1, Alone: true}} {
		if _, err := b.Sweep(t.Context(), &opts); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
	b.Close()
	if _, err := b.Sweep(context.Background(), nil); !errors.Is(err, blob.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// Who closes the bucket during a Sweep or an Fsck ends that.
func TestSweepClosed(t *testing.T) {
	for nth, closed := 1, true; closed; nth++ {
		closed = false
		for name, check := range map[string]func(b *Bucket) error{
			"sweep": func(b *Bucket) error { _, err := b.Sweep(context.Background(), nil); return err },
			"fsck":  func(b *Bucket) error { _, err := b.Fsck(context.Background(), nil, nil); return err },
		} {
			b, p := newFake(t)
			put(t, b, "large", string(large), nil)
			var calls atomic.Int64
			p.hook(func(_, _ string) error {
				if int(calls.Add(1)) == nth {
					b.Close()
				}
				return nil
			}, nil)
			ended := make(chan error, 1)
			go func() { ended <- check(b) }()
			select {
			case err := <-ended:
				// The last call may have all that was asked for.
				if last := int(calls.Load()) <= nth; !errors.Is(err, blob.ErrClosed) && (err != nil || !last) {
					t.Errorf("closed in call %d: %s: %v", nth, name, err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("closed in call %d: %s does not end", nth, name)
			}
			if int(calls.Load()) >= nth {
				closed = true
			} else if nth < 6 {
				t.Errorf("%s took only %d calls", name, calls.Load())
			}
		}
	}
}

// Fsck tells each thing that can be wrong from the others, and Sweep touches nothing while an entry cannot be read.
func TestFsck(t *testing.T) {
	for name, test := range map[string]struct {
		harm func(b *Bucket, p *fakePool)
		kind ProblemKind
		says string
	}{
		"an object is missing":     {func(b *Bucket, p *fakePool) { delete(p.objects, p.data()[0]) }, Lost, "is missing"},
		"an object is short":       {func(b *Bucket, p *fakePool) { p.objects[p.data()[0]].content = []byte("x") }, Lost, "has 1 bytes"},
		"a bit of it is flipped":   {func(b *Bucket, p *fakePool) { flip(b, "large", 5) }, Damaged, "checksum"},
		"a bit of a small one":     {func(b *Bucket, p *fakePool) { flip(b, "small", 0) }, Damaged, "checksum"},
		"a shard is missing":       {func(b *Bucket, p *fakePool) { delete(p.objects, shardObject(0)) }, Lost, "shard"},
		"an entry is cut off":      {func(b *Bucket, p *fakePool) { omap(b, p, "small")[tagEntry+"small"] = []byte("\x01a") }, Damaged, "too early"},
		"an entry is of a future":  {func(b *Bucket, p *fakePool) { omap(b, p, "small")[tagEntry+"small"] = []byte("\x02") }, Damaged, "format 2"},
		"content without an entry": {func(b *Bucket, p *fakePool) { delete(omap(b, p, "small"), tagEntry+"small") }, Damaged, "without an entry"},
		"large content unmarked":   {func(b *Bucket, p *fakePool) { delete(omap(b, p, "large"), tagLarge+"large") }, Damaged, "mark"},
		"an entry without content": {func(b *Bucket, p *fakePool) { delete(omap(b, p, "small"), tagContent+"small") }, Damaged, "has 0 bytes"},
		"parts without their list": {func(b *Bucket, p *fakePool) { delete(omap(b, p, "parts"), tagContent+"parts") }, Damaged, "list of parts"},
		"a foreign key":            {func(b *Bucket, p *fakePool) { omap(b, p, "small")["x"] = nil }, Foreign, `"x"`},
		"an upload is no JSON": {func(b *Bucket, p *fakePool) {
			omap(b, p, "k")[uploadKey("k", newID())] = []byte("{")
		}, Damaged, "record of the upload"},
		"an upload has no name": {func(b *Bucket, p *fakePool) { omap(b, p, "k")[tagUpload+"k"] = nil }, Damaged, "names no upload"},
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newFake(t)
			put(t, b, "large", string(large), nil)
			put(t, b, "small", "x", nil)
			u := begin(t, b, "parts", 1, nil)
			send(t, u, 1, "x")
			if _, err := u.Complete(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := problems(t, b); len(got) > 0 {
				t.Fatalf("whole, and fsck found %q", got)
			}
			test.harm(b, p)
			got := problems(t, b)
			if len(got[test.kind]) == 0 || !strings.Contains(got[test.kind][0], test.says) || len(got) != 1 {
				t.Errorf("fsck found %q, want %s: %s", got, test.kind, test.says)
			}
		})
	}
}

// Beside old content, of which something cannot be read, Fsck comes to its end all the same.
func TestFsckOfOldDamage(t *testing.T) {
	b, p := newFake(t)
	old := &handle{b: b.raw, objectKey: "k", uploadRecord: &uploadRecord{Format: formatVersion, ID: agedID(50 * time.Hour), PartSize: 4}}
	old.raw = encodeJSON(old.uploadRecord)
	if err := p.operate(b.raw.shard("k"), []step{{set, old.key(), old.raw}}); err != nil {
		t.Fatal(err)
	}
	send(t, old, 1, "abcd")
	if _, err := old.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := problems(t, b); len(got) > 0 {
		t.Fatalf("whole, and fsck found %q", got)
	}
	delete(omap(b, p, "k"), tagContent+"k")
	if got := problems(t, b); len(got[Damaged]) != 1 || len(got) != 1 {
		t.Errorf("fsck found %q", got)
	}
}

// What writers replace or end while Fsck looks is no problem, however old it is, and however long its removal takes.
func TestFsckBesideWriters(t *testing.T) {
	for name, write := range map[string]func(b *Bucket, u blob.Upload) error{
		"overwrite": func(b *Bucket, _ blob.Upload) error {
			_, err := b.Put(context.Background(), "k", strings.NewReader("new"), nil)
			return err
		},
		"delete":   func(b *Bucket, _ blob.Upload) error { return b.Delete(context.Background(), "k", nil) },
		"complete": func(_ *Bucket, u blob.Upload) error { _, err := u.Complete(context.Background()); return err },
		"abort":    func(_ *Bucket, u blob.Upload) error { return u.Abort(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for nth, reached := 1, true; reached; nth++ {
					b, p := newFake(t)
					put(t, b, "k", string(large[:inlineSize+1]), nil)
					u := begin(t, b, "upload", 1, nil)
					for n := range 2 * removals {
						send(t, u, n+1, "x")
						send(t, u, n+1, "y")
					}
					time.Sleep(MinSweepAge + time.Hour)
					var calls, writing atomic.Int64
					p.hook(func(call, _ string) error {
						switch {
						case call == "remove":
							time.Sleep(removalTime * 3 / 4)
						case writing.Load() == 0 && int(calls.Add(1)) == nth:
							writing.Store(1)
							go func() {
								if err := write(b, u); err != nil {
									t.Error(err)
								}
							}()
							synctest.Wait() // it is removing
						}
						return nil
					}, nil)
					if checked, err := b.Fsck(t.Context(), nil, func(p Problem) { t.Errorf("before call %d: %v", nth, p) }); err != nil {
						t.Errorf("before call %d: %+v, %v", nth, checked, err)
					}
					if reached = writing.Load() == 1; !reached && nth < 20 {
						t.Errorf("Fsck made only %d calls", nth-1)
					}
				}
			})
		})
	}
}

// Who waits in an Fsck to look again at what nothing names does so no longer than the bucket is open, and than ctx lasts.
func TestFsckEndsWhileItWaits(t *testing.T) {
	for name, want := range map[string]error{"closed": blob.ErrClosed, "cancelled": context.Canceled} {
		synctest.Test(t, func(t *testing.T) {
			b, p := newFake(t)
			write(t, p, putPiece(agedID(MinSweepAge+time.Hour), 1).object(0))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			began := time.Now()
			time.AfterFunc(removalTime/2, func() {
				if name == "closed" {
					b.Close()
				} else {
					cancel()
				}
			})
			checked, err := b.Fsck(ctx, nil, nil)
			if waited := time.Since(began); !errors.Is(err, want) || checked.Problems > 0 || waited != removalTime/2 {
				t.Errorf("%s: %+v, %v, after %v", name, checked, err, waited)
			}
		})
	}
}

func omap(b *Bucket, p *fakePool, key string) map[string][]byte {
	return p.objects[b.raw.shard(key)].omap
}

// While an entry cannot be read, it is not known what it names, so nothing is removed.
func TestSweepStopsAtDamage(t *testing.T) {
	b, p := newFake(t)
	put(t, b, "large", string(large), nil)
	omap(b, p, "large")[tagEntry+"large"] = []byte("{")
	want := p.data()
	if swept, err := b.Sweep(t.Context(), &SweepOptions{Alone: true}); err == nil || swept.Objects > 0 {
		t.Errorf("swept %+v, %v", swept, err)
	}
	if got := p.data(); !slices.Equal(got, want) {
		t.Errorf("left is %q, want %q", got, want)
	}
	// A write needs no old entry that can be read, unless it has a condition.
	if _, err := b.Put(t.Context(), "large", strings.NewReader("x"), &blob.PutOptions{If: blob.IfMatch(`"x"`)}); err == nil || errors.Is(err, blob.ErrPrecondition) {
		t.Errorf("if-match of a damaged entry: %v", err)
	}
	put(t, b, "large", "new", nil)
	wantContent(t, b, "large", "new")
}
