package put

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/remote"
)

const part = 1000 // bytes of a part, in most tests

var limits = parts.Limits{MinSize: 1, MaxSize: parts.MaxBuffered, Parts: 100}

// A fakeStore keeps what it is sent, and fails where a test wants it to.
type fakeStore struct {
	hook *blob.Hook

	// fail is called at the end of each attempt, when all content was read. What it returns is the result of the attempt, which
	// is carried out if applied.
	fail func(step string, attempt int) (err error, applied bool)

	mu      sync.Mutex
	steps   []string // "one", "begin", "part 1", "complete", "abort"
	tries   map[string]int
	known   blob.Checksums // at the beginning
	whole   blob.Checksums // at the end
	parts   map[int][]byte
	object  []byte // what was published
	publish int    // how often
}

var caller = remote.Caller{Attempts: 3, Backoff: remote.Backoff{First: 1, Max: 1}}

// attempt notes a step, whose content was read, and returns how it ends.
func (f *fakeStore) attempt(step string, apply func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tries == nil {
		f.tries = map[string]int{}
	}
	f.tries[step]++
	f.steps = append(f.steps, step)
	applied := true
	var err error
	if f.fail != nil {
		if err, applied = f.fail(step, f.tries[step]); err == nil {
			applied = true
		}
	}
	if applied {
		apply()
	}
	return err
}

func (f *fakeStore) publishes(content []byte) {
	f.object = content
	f.publish++
}

// received reads a body as an HTTP client does. Of a body that breaks off nothing is stored.
func received(b *Body, store func([]byte) error) error {
	content, err := io.ReadAll(iotest.OneByteReader(io.LimitReader(b, 3)))
	if err != nil {
		return remote.NoResponse(err)
	}
	rest, err := io.ReadAll(b)
	if err != nil {
		return remote.NoResponse(err)
	}
	return store(append(content, rest...))
}

func (f *fakeStore) One(ctx context.Context, whole *Content) (*blob.Object, error) {
	calls := caller
	if whole.Once {
		calls.Attempts = 1
	}
	ambiguous, err := calls.Do(ctx, "one", func(ctx context.Context) error {
		return whole.Send(ctx, func(b *Body) error {
			return received(b, func(content []byte) error {
				return f.attempt("one", func() { f.publishes(content) })
			})
		})
	})
	f.whole = whole.Checksums
	if err != nil {
		return nil, Stopped(ambiguous, err)
	}
	return &blob.Object{Size: whole.Size, Checksums: blob.CRC32CSum(whole.CRC32C)}, nil
}

func (f *fakeStore) Begin(_ context.Context, known blob.Checksums) (Upload, error) {
	f.known = known
	return &fakeUpload{f}, f.attempt("begin", func() { f.parts = map[int][]byte{} })
}

type fakeUpload struct{ *fakeStore }

func (f *fakeUpload) Send(ctx context.Context, p *Content) (Sent, error) {
	step := fmt.Sprintf("part %d", p.Number)
	_, err := caller.Do(ctx, step, func(ctx context.Context) error {
		return p.Send(ctx, func(b *Body) error {
			return received(b, func(content []byte) error {
				return f.attempt(step, func() { f.parts[p.Number] = content })
			})
		})
	})
	return p.Sent(fmt.Sprint("tag ", p.Number)), err
}

func (f *fakeUpload) Complete(ctx context.Context, all []Sent, whole blob.Checksums) (*blob.Object, error) {
	f.whole = whole
	var content []byte
	for i, s := range all {
		if s.Number != i+1 || s.Tag != fmt.Sprint("tag ", s.Number) || s.Size != int64(len(f.parts[s.Number])) {
			return nil, fmt.Errorf("part %d of the completion is %+v", i+1, s)
		}
		content = append(content, f.parts[s.Number]...)
	}
	ambiguous, err := caller.Do(ctx, "complete", func(ctx context.Context) error {
		if err := Publishing(ctx, f.hook); err != nil {
			return err
		}
		return f.attempt("complete", func() { f.publishes(content) })
	})
	if err != nil && ambiguous {
		return nil, remote.Ambiguous(err)
	}
	size, sum, _ := Joined(all)
	return &blob.Object{Size: size, Checksums: blob.CRC32CSum(sum)}, err
}

func (f *fakeUpload) Abort(context.Context) {
	_ = f.attempt("abort", func() { f.parts = nil })
}

// sorted returns the steps, those that run in parallel in order.
func (f *fakeStore) sorted() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	steps := slices.Clone(f.steps)
	slices.SortStableFunc(steps, func(a, b string) int {
		if strings.HasPrefix(a, "part") && strings.HasPrefix(b, "part") {
			return strings.Compare(a, b)
		}
		return 0
	})
	return strings.Join(steps, ", ")
}

// put stores a body in f, in parts of the size part.
func (f *fakeStore) put(ctx context.Context, r io.Reader, opts blob.PutOptions) (*blob.Object, error) {
	opts.PartSize = part
	f.hook = opts.Hook
	return Put(ctx, f, &Request{Body: r, Options: &opts, Limits: limits})
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// stream returns a reader of which nothing is known.
func stream(content []byte) io.Reader { return iotest.HalfReader(bytes.NewReader(content)) }

// bodies are the ways in which a content is given to Put.
var bodies = map[string]func([]byte) io.Reader{
	"stream": stream,
	"bytes":  func(content []byte) io.Reader { return bytes.NewReader(content) },
	"section": func(content []byte) io.Reader {
		return io.NewSectionReader(bytes.NewReader(append([]byte("before"), content...)), 6, int64(len(content)))
	},
}

// sumOf returns a checksum of a content.
func sumOf(t *testing.T, name blob.Algorithm, content []byte) (c blob.Checksums) {
	t.Helper()
	h, err := name.New()
	if err != nil {
		t.Fatal(err)
	}
	h.Write(content)
	return c.With(name, h.Sum(nil))
}

// wantBalance fails if memory of the budget was not given back: the second part of the body that it puts takes all of it.
func wantBalance(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := Put(ctx, discarding{}, &Request{Body: io.LimitReader(zeros{}, parts.Budget+1), Options: &blob.PutOptions{PartSize: parts.Budget}, Limits: limits})
	if err != nil {
		t.Errorf("memory was not given back: %v", err)
	}
}

// discarding is a store that keeps nothing.
type discarding struct{}

func (discarding) One(context.Context, *Content) (*blob.Object, error)   { return nil, errTest }
func (discarding) Begin(context.Context, blob.Checksums) (Upload, error) { return discarding{}, nil }
func (discarding) Send(_ context.Context, p *Content) (Sent, error)      { return p.Sent(""), nil }
func (discarding) Abort(context.Context)                                 {}
func (discarding) Complete(context.Context, []Sent, blob.Checksums) (*blob.Object, error) {
	return nil, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

var errTest = errors.New("an error of the test")

// lost is the failure of an attempt whose response was lost.
func lost() error {
	return &remote.Failure{Meaning: remote.Meaning{Transient: true, Ambiguous: true}, Message: "the response was lost"}
}
