package s3

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// An answer without a length, as a proxy that passes it on in pieces makes, is not taken for an empty object.
func TestAnswersWithoutLength(t *testing.T) {
	ctx := context.Background()
	f := newFake(t, func(w http.ResponseWriter, r request) {
		w.Header().Set("Etag", `"e1"`)
		w.(http.Flusher).Flush() // from here on it has no length
		if r.method == http.MethodGet {
			w.Write([]byte("content"))
		}
	})
	b := f.open(t, "aws", func(c *Config) { c.MaxAttempts = 2 })
	if content, err := blob.ReadAll(ctx, b, "k"); err == nil {
		t.Errorf("a get answers %q", content)
	}
	if o, err := b.Stat(ctx, "k", nil); err == nil {
		t.Errorf("a stat answers %d bytes", o.Size)
	}
	if n := len(f.requests()); n != 4 {
		t.Errorf("%d requests were made, want two of each", n)
	}
}

// A server that refuses a range of which it says that it is there is not asked for ever.
func TestServerThatContradictsItself(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r request) {
		if r.method == http.MethodHead {
			stored(w, r, "content", nil)
			return
		}
		answerError(w, 416, "InvalidRange", "")
	})
	_, err := f.open(t, "aws").Get(context.Background(), "k", &blob.GetOptions{Range: blob.Bytes(2, 3)})
	if !errors.Is(err, blob.ErrRange) {
		t.Errorf("the range that it refuses: %v", err)
	}
	if n := len(f.requests()); n != 3 {
		t.Errorf("%d requests were made, want get, head, get", n)
	}
}
