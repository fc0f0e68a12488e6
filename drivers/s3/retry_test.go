package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/parts"
)

// failFirst makes a server that fails its first n requests in a way, and then does what it should.
func failFirst(t *testing.T, n int, fail func(w http.ResponseWriter), then func(w http.ResponseWriter, r request)) *fake {
	var asked atomic.Int64
	return newFake(t, func(w http.ResponseWriter, r request) {
		if asked.Add(1) <= int64(n) {
			fail(w)
			return
		}
		then(w, r)
	})
}

// breakOff ends the connection without an answer.
func breakOff(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func slowDown(w http.ResponseWriter) {
	answerError(w, 503, "SlowDown", "Please reduce your request rate.")
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	ctx := context.Background()
	for name, fail := range map[string]func(http.ResponseWriter){"slow down": slowDown, "a lost answer": breakOff,
		"an internal error": func(w http.ResponseWriter) { answerError(w, 500, "InternalError", "") }} {
		for what, call := range map[string]func(b *Bucket) error{
			"put":    func(b *Bucket) error { _, err := b.Put(ctx, "k", strings.NewReader("content"), nil); return err },
			"get":    func(b *Bucket) error { _, err := blob.ReadAll(ctx, b, "k"); return err },
			"delete": func(b *Bucket) error { return b.Delete(ctx, "k", nil) },
		} {
			f := failFirst(t, 2, fail, ordinary)
			if err := call(f.open(t, "aws")); err != nil {
				t.Errorf("%s after two of %s: %v", what, name, err)
			}
			if n := len(f.requests()); n != 3 {
				t.Errorf("%s after two of %s took %d requests, not 3", what, name, n)
			}
			f = failFirst(t, 100, fail, ordinary)
			err := call(f.open(t, "aws", func(c *Config) { c.MaxAttempts = 3 }))
			var e *blob.Error
			if !errors.As(err, &e) || !e.Retryable() {
				t.Errorf("%s with nothing but %s answers %v, which is not retryable", what, name, err)
			}
			if n := len(f.requests()); n != 3 {
				t.Errorf("%s with nothing but %s took %d requests, of 3 that are allowed", what, name, n)
			}
		}
	}
}

func TestWhatStaysIsNotTriedAgain(t *testing.T) {
	for _, status := range []int{400, 403, 404, 412, 501} {
		f := newFake(t, func(w http.ResponseWriter, r request) { answerError(w, status, "", "") })
		_, err := f.open(t, "aws").Get(context.Background(), "k", nil)
		if n := len(f.requests()); err == nil || n != 1 {
			t.Errorf("%d was asked for %d times, and answers %v", status, n, err)
		}
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	f := failFirst(t, 1, func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "1")
		slowDown(w)
	}, ordinary)
	begin := time.Now()
	if _, err := f.open(t, "aws").Stat(context.Background(), "k", nil); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < time.Second {
		t.Errorf("a server that asks for a second is asked again after %v", took)
	}
	// A wait that is too long is the caller's to decide.
	f = failFirst(t, 100, func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "3600")
		slowDown(w)
	}, ordinary)
	begin = time.Now()
	_, err := f.open(t, "aws").Get(context.Background(), "k", nil)
	if n := len(f.requests()); err == nil || n != 1 || time.Since(begin) > 30*time.Second {
		t.Errorf("a server that asks for an hour was asked %d times in %v: %v", n, time.Since(begin), err)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r request) {
		w.Header().Set("Retry-After", "20")
		slowDown(w)
	})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := f.open(t, "aws").Stat(ctx, "k", nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 5*time.Second {
		t.Errorf("a call whose time is over answers %v after %v", err, time.Since(begin))
	}
}

// A write if-absent whose first answer was lost finds the object there when it is sent again. It is done if the mark on
// that is its own; otherwise nobody can say.
func TestLostAnswersOfConditionalWrites(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		name  string
		fail  func(http.ResponseWriter)
		apply bool // what fails is carried out
		other bool // somebody else's object is there at the end
		want  error
	}{
		{"applied and lost", breakOff, true, false, nil},
		{"lost, and another's is there", breakOff, false, true, blob.ErrAmbiguous},
		{"refused for now, and another's is there", slowDown, false, true, blob.ErrExist},
		{"refused for now", slowDown, false, false, nil},
		{"lost before", breakOff, false, false, nil},
	} {
		mark, left := "", 1
		if test.other {
			mark = "of another"
		}
		f := newFake(t, func(w http.ResponseWriter, r request) {
			switch {
			case r.method == http.MethodHead:
				stored(w, r, "content", map[string]string{"X-Amz-Meta-Holdall-Write": mark})
			case left > 0:
				left--
				if test.apply {
					mark = r.header.Get("X-Amz-Meta-Holdall-Write")
				}
				test.fail(w)
			case mark != "":
				answerError(w, 412, "PreconditionFailed", "")
			default:
				w.Header().Set("Etag", `"e1"`)
			}
		})
		o, err := f.open(t, "aws").Put(ctx, "k", strings.NewReader("content"), &blob.PutOptions{If: blob.IfAbsent})
		switch {
		case test.want == nil && (err != nil || o.ETag != `"e1"` || len(o.Metadata) > 0):
			t.Errorf("%s: %+v, %v", test.name, o, err)
		case test.want != nil && !errors.Is(err, test.want):
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		case test.want == blob.ErrExist && errors.Is(err, blob.ErrAmbiguous):
			t.Errorf("%s: a loss that is certain is called ambiguous: %v", test.name, err)
		}
	}
}

// A request that broke off while its body was being sent was not carried out, so the refusal of the next one is certain.
func TestABodyThatWasCutWasNotStored(t *testing.T) {
	const size, long = 100 << 10, parts.MaxBuffered + 1
	atHand := func() io.Reader { return bytes.NewReader(pattern(size)) }
	stream := func() io.Reader { return onlyReads{atHand()} }
	longStream := func() io.Reader { return io.LimitReader(new(counter), long) } // cannot be sent again
	for _, test := range []struct {
		name, flavour string
		body          func() io.Reader
		size, sent    int64 // of the body, and how much goes out before the connection breaks
		want          error
		puts          int
	}{
		{"at hand, nothing sent", "aws", atHand, size, 0, blob.ErrExist, 2},
		{"at hand, all sent but a byte", "aws", atHand, size, size - 1, blob.ErrExist, 2},
		{"at hand, all sent", "aws", atHand, size, size, blob.ErrAmbiguous, 2},
		{"stream, all sent but a byte", "aws", stream, size, size - 1, blob.ErrExist, 2},
		{"stream, all sent", "aws", stream, size, size, blob.ErrAmbiguous, 2},
		{"long stream in one request, all sent but a byte", "ceph", longStream, long, long - 1, syscall.EPIPE, 1},
		{"long stream in one request, all sent", "ceph", longStream, long, long, blob.ErrAmbiguous, 1},
	} {
		f := newFake(t, func(w http.ResponseWriter, r request) {
			if r.method == http.MethodHead {
				stored(w, r, "content", map[string]string{"X-Amz-Meta-Holdall-Write": "of another"})
				return
			}
			answerError(w, 412, "PreconditionFailed", "")
		})
		cut := &cutFirst{after: test.sent}
		b := f.open(t, test.flavour, func(cfg *Config) {
			cut.RoundTripper = cfg.HTTPClient.Transport
			cfg.HTTPClient.Transport = cut
		})
		_, err := b.Put(context.Background(), "k", test.body(), &blob.PutOptions{If: blob.IfAbsent, Size: test.size})
		if !errors.Is(err, test.want) || errors.Is(err, blob.ErrAmbiguous) != (test.want == blob.ErrAmbiguous) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if cut.puts != test.puts {
			t.Errorf("%s: sent %d times, want %d", test.name, cut.puts, test.puts)
		}
	}
}

// cutFirst breaks the first PUT after some bytes of its body.
type cutFirst struct {
	http.RoundTripper
	after int64
	puts  int
}

func (c *cutFirst) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut {
		c.puts++
	}
	if r.Method != http.MethodPut || c.puts > 1 {
		return c.RoundTripper.RoundTrip(r)
	}
	defer r.Body.Close()
	if _, err := io.CopyN(io.Discard, r.Body, c.after); err != nil {
		return nil, err
	}
	return nil, &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
}
