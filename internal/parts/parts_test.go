package parts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/holdall-go/holdall/blob"
)

var s3 = Limits{MinSize: 5 << 20, MaxSize: 5 << 30, Parts: 10_000}

func TestUniform(t *testing.T) {
	for _, test := range []struct {
		size, hint, want int64
		l                Limits
	}{
		{0, 0, 8 << 20, s3},
		{-1, 0, 8 << 20, s3},
		{1, 0, 8 << 20, s3},
		{0, 1, 5 << 20, s3},
		{0, 6 << 20, 6 << 20, s3},
		{80_000 << 20, 0, 8 << 20, s3},
		{80_000<<20 + 1, 0, 9 << 20, s3},
		{5 << 40, 0, 525 << 20, s3},
		{1 << 40, 5 << 20, 105 << 20, s3},
		{0, 6 << 30, 5 << 30, s3},
		{100 << 30, 0, 100 << 20, Limits{MinSize: 100 << 20}},
	} {
		c, err := Uniform(test.size, test.hint, test.l)
		if err != nil || c.First != test.want {
			t.Errorf("%d bytes, hint %d: %d, %v, want %d", test.size, test.hint, c.First, err, test.want)
		}
		if n := ceil(test.size, c.First); test.l.Parts > 0 && n > int64(test.l.Parts) {
			t.Errorf("%d bytes, hint %d: %d parts", test.size, test.hint, n)
		}
	}
	if _, err := Uniform(5<<30*10_000+1, 0, s3); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("more than all parts hold: %v", err)
	}
}

func TestStreamed(t *testing.T) {
	c, err := Streamed(0, 0, s3)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]int64{1: 8 << 20, 1000: 8 << 20, 1001: 16 << 20, 2001: 32 << 20, 3001: 64 << 20, 10_000: 64 << 20} {
		if got, err := c.size(n); got != want || err != nil {
			t.Errorf("part %d has %d bytes, %v, want %d", n, got, err, want)
		}
	}
	if total := c.total(); total>>30 != 492 {
		t.Errorf("a stream may have %d GiB", total>>30)
	}
	if _, err := c.size(10_001); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("part 10,001: %v", err)
	}
	uniform := s3
	uniform.Uniform = true
	if c, _ := Streamed(0, 0, uniform); c.Step != 0 {
		t.Error("parts grow where all must have one size")
	}
	for _, test := range []struct{ size, hint, want int64 }{{10, 0, 8 << 20}, {10, 100 << 20, MaxBuffered}, {0, 1 << 30, MaxBuffered}, {640_000 << 20, 0, MaxBuffered}} {
		if c, err := Streamed(test.size, test.hint, s3); err != nil || c.First != test.want {
			t.Errorf("a stream of %d bytes, hint %d: %d, %v, want %d", test.size, test.hint, c.First, err, test.want)
		}
	}
	if _, err := Streamed(640_000<<20+1, 0, s3); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a stream whose parts do not fit into memory: %v", err)
	}
}

// collect is a send that keeps what it was given.
type collect struct {
	mu    sync.Mutex
	parts map[int][]byte
}

func (c *collect) send(_ context.Context, p *Part) error {
	var got [2][]byte
	for i := range got { // another attempt reads the same
		b, err := io.ReadAll(p.Open())
		if err != nil {
			return err
		}
		got[i] = b
	}
	if !bytes.Equal(got[0], got[1]) || int64(len(got[0])) != p.Size || crc32.Checksum(got[0], castagnoli) != p.CRC32C {
		return fmt.Errorf("part %d is not what it says", p.Number)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parts == nil {
		c.parts = map[int][]byte{}
	}
	c.parts[p.Number] = got[0]
	return nil
}

func (c *collect) whole() []byte {
	var all []byte
	for n := 1; n <= len(c.parts); n++ {
		all = append(all, c.parts[n]...)
	}
	return all
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for i := 0; i+8 <= n; i += 8 {
		v := r.Uint64()
		for j := range 8 {
			b[i+j] = byte(v >> (8 * j))
		}
	}
	return b
}

func TestPartsAreTheStream(t *testing.T) {
	ctx := context.Background()
	l := Limits{MinSize: 1, Parts: 100}
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 7, 1 << 20, 5<<20 + 1} {
		content := random(size)
		for _, part := range []int64{1 << 20, chunkSize, 100_000} {
			cut, err := Uniform(int64(size), part, l)
			if err != nil {
				t.Fatal(err)
			}
			for name, src := range map[string]Source{
				"a stream":                          NewStream(bytes.NewReader(content), cut),
				"a slow stream":                     NewStream(iotest.HalfReader(bytes.NewReader(content)), cut),
				"a stream that idles":               NewStream(&idleReader{r: bytes.NewReader(content)}, cut),
				"one that ends with its last bytes": NewStream(iotest.DataErrReader(bytes.NewReader(content)), cut),
				"sections":                          Sections(bytes.NewReader(append([]byte("before"), content...)), 6, int64(size), cut),
			} {
				var c collect
				if err := Send(ctx, src, 3, c.send); err != nil {
					t.Fatalf("%s of %d bytes in parts of %d: %v", name, size, part, err)
				}
				// A stream that has not said that it ends may leave an empty part behind, but no source makes one of nothing.
				if !bytes.Equal(c.whole(), content) {
					t.Errorf("%s of %d bytes in parts of %d arrives in %d parts with %d bytes", name, size, part, len(c.parts), len(c.whole()))
				}
			}
		}
	}
	wantBalance(t)
}

// An idleReader delivers nothing, and no error, at every second Read.
type idleReader struct {
	r    io.Reader
	idle bool
}

func (i *idleReader) Read(p []byte) (int, error) {
	if i.idle = !i.idle; i.idle {
		return 0, nil
	}
	return i.r.Read(p)
}

// wantBalance reports memory that was taken and not given back.
func wantBalance(t *testing.T) {
	t.Helper()
	memory.Lock()
	defer memory.Unlock()
	if memory.charged != 0 {
		t.Errorf("%d chunks are still charged", memory.charged)
	}
	if len(memory.idle) > allChunks {
		t.Errorf("%d chunks are kept, of %d that the budget has", len(memory.idle), allChunks)
	}
}

func TestPeek(t *testing.T) {
	ctx := context.Background()
	cut := Cut{First: 1000, Most: 1000}
	for size, only := range map[int]bool{0: true, 1: true, 999: true, 1000: true, 1001: false} {
		s := NewStream(bytes.NewReader(random(size)), cut)
		first, got, err := s.Peek(ctx)
		if err != nil || got != only || first.Size != int64(min(size, 1000)) {
			t.Errorf("a stream of %d bytes: %+v, only %t, %v", size, first, got, err)
		}
		var c collect
		if err := Send(ctx, s, 1, c.send); err != nil || !bytes.Equal(c.whole(), random(size)) {
			t.Errorf("a stream of %d bytes after a look at it: %d bytes, %v", size, len(c.whole()), err)
		}
		s.Close()
	}
	wantBalance(t)
}

func TestFailures(t *testing.T) {
	ctx := context.Background()
	broken := errors.New("broken")
	cut := Cut{First: 1000, Most: 1000}
	// The body fails.
	s := NewStream(io.MultiReader(bytes.NewReader(random(2500)), iotest.ErrReader(broken)), cut)
	var c collect
	if err := Send(ctx, s, 2, c.send); err != broken {
		t.Errorf("a body that fails: %v", err)
	}
	// A send fails: the others end, no part is asked for any longer.
	n := 0
	err := Send(ctx, NewStream(bytes.NewReader(random(1<<20)), cut), 1, func(ctx context.Context, p *Part) error {
		n++
		return broken
	})
	if err != broken || n > 2 {
		t.Errorf("a send that fails: %v, after %d parts", err, n)
	}
	// ctx ends.
	ended, cancel := context.WithCancel(ctx)
	err = Send(ended, NewStream(bytes.NewReader(random(1<<20)), cut), 2, func(ctx context.Context, p *Part) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a ctx that ends: %v", err)
	}
	// A body that never delivers anything.
	if _, _, err := NewStream(nothing{}, cut).Peek(ctx); err != io.ErrNoProgress {
		t.Errorf("a body without end or content: %v", err)
	}
	// Too many parts.
	if err := Send(ctx, NewStream(bytes.NewReader(random(3000)), Cut{First: 1000, Most: 1000, limits: Limits{Parts: 2}}), 1, c.send); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("more parts than there may be: %v", err)
	}
	if err := Send(ctx, NewStream(bytes.NewReader(random(2000)), Cut{First: 1000, Most: 1000, limits: Limits{Parts: 2}}), 1, c.send); err != nil {
		t.Errorf("as many parts as there may be: %v", err)
	}
	wantBalance(t)
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

// A part that was released is read no more, though its reader is still in somebody's hands: its memory is another's.
func TestReleasedPartsAreClosed(t *testing.T) {
	s := NewStream(bytes.NewReader(random(3000)), Cut{First: 3000, Most: 3000})
	p, _, err := s.Peek(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	r := p.Open()
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	p.Release()
	p.Release()
	if n, err := r.Read(make([]byte, 100)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("a released part delivers %d bytes, %v", n, err)
	}
	wantBalance(t)
}

// Many streams at once hold no more than the budget, and one part each.
func TestBudget(t *testing.T) {
	const streams, part = 6, 16 << 20
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	most := 0
	var wait sync.WaitGroup
	for range streams {
		wait.Go(func() {
			s := NewStream(io.LimitReader(zeros{}, 4*part), Cut{First: part, Most: part})
			err := Send(ctx, s, 8, func(context.Context, *Part) error {
				memory.Lock()
				most = max(most, memory.charged)
				memory.Unlock()
				time.Sleep(time.Millisecond)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if limit := allChunks + streams*part/chunkSize; most > limit {
		t.Errorf("%d chunks were held at once, of %d", most, limit)
	}
	wantBalance(t)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
