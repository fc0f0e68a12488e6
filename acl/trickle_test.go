package acl

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// Who is slow, on purpose or not, gets nothing by a right that he had when he began: attack 26 for what is no stream of
// bytes.

// bulk is a store that deletes up to three keys in one request.
type bulk struct{ *spy }

func (b *bulk) Capabilities() blob.Capabilities {
	caps := b.spy.Capabilities()
	caps.BulkDelete = 3
	return caps
}

func (b *bulk) DeleteEach(ctx context.Context, keys iter.Seq[string], failed func(string, error)) error {
	var page []string
	send := func() {
		if len(page) > 0 {
			_ = b.enter("bulk", fmtKeys(page))
		}
		for _, key := range page {
			if err := b.Wrapper.Delete(ctx, key, nil); err != nil {
				failed(key, err)
			}
		}
		page = nil
	}
	for key := range keys {
		if page = append(page, key); len(page) == 3 {
			send()
		}
	}
	send()
	return nil
}

func fmtKeys(keys []string) string {
	return string(bytes.Join(slices.Collect(func(yield func([]byte) bool) {
		for _, k := range keys {
			yield([]byte(k))
		}
	}), []byte("+")))
}

// A store sends many keys in one request, so they are checked when that is sent, not when each was named.
func TestTrickledDeleteEach(t *testing.T) {
	b := &bulk{newSpy()}
	put(t, b.Wrapper, "t/1", "t/2", "t/3", "t/4", "t/5")
	g := newTestGuard(t, b, nil)
	install(t, g, policyOf(grantTo("u", "t/", Writer)))
	b.taken()
	failed := map[string]error{}
	err := g.as("u").DeleteEach(t.Context(), func(yield func(string) bool) {
		for _, key := range []string{"t/1", "t/2", "t/3", "t/4", "t/5"} {
			if key == "t/5" {
				must(t)(g.as("olga").Revoke(t.Context(), "t/", User("u")))
			}
			if !yield(key) {
				return
			}
		}
	}, func(key string, err error) { failed[key] = err })
	wantErr(t, "the batch", err, fs.ErrPermission)
	if got := entries(t, b.Wrapper, nil); !slices.Equal(got, []string{"t/4", "t/5"}) {
		t.Errorf("left %q", got)
	}
	for _, key := range []string{"t/4", "t/5"} {
		wantErr(t, key, failed[key], fs.ErrPermission)
	}
	if got := b.taken(); !slices.Equal(got, []string{"bulk t/1+t/2+t/3"}) {
		t.Errorf("made the requests %q", got)
	}
}

// Attack 13 where the store takes many keys in one request: each is decided by itself, whatever stands beside it.
func TestBulkDeletionsAreDecidedEach(t *testing.T) {
	for _, order := range [][]string{{"t/1", "s/1", "t/2"}, {"s/1", "t/1", "t/2"}, {"t/1", "t/2", "s/1"}, {"s/1", "s/2", "t/1"}, {"s/1", "s/2", "t/../s/1"}} {
		b := &bulk{newSpy()}
		put(t, b.Wrapper, "s/1", "s/2", "t/1", "t/2")
		g := newTestGuard(t, b, nil)
		install(t, g, policyOf(grantTo("u", "t/", Writer)))
		failed := map[string]bool{}
		err := g.as("u").DeleteEach(t.Context(), slices.Values(order), func(key string, _ error) { failed[key] = true })
		if err == nil {
			t.Errorf("%q: no error", order)
		}
		left := entries(t, b.Wrapper, nil)
		for _, key := range []string{"s/1", "s/2", "t/1", "t/2"} {
			deleted := strings.HasPrefix(key, "t/") && slices.Contains(order, key)
			if slices.Contains(left, key) == deleted || failed[key] != (strings.HasPrefix(key, "s/") && slices.Contains(order, key)) {
				t.Errorf("%q: left %q, failed %v", order, left, failed)
			}
		}
	}
}

// backwards is a store that reads a body that can be read anywhere from its last piece to its first.
type backwards struct {
	blob.Wrapper
	beforeLast func()
}

func (b *backwards) Put(ctx context.Context, key string, body io.Reader, o *blob.PutOptions) (*blob.Object, error) {
	at, begin, size, ok := blob.BodyAt(body)
	if !ok {
		return b.Wrapper.Put(ctx, key, body, o)
	}
	data := make([]byte, size)
	for off := (size - 1) / 4 * 4; off >= 0; off -= 4 {
		if off == 0 {
			b.beforeLast()
		}
		if _, err := at.ReadAt(data[off:min(off+4, size)], begin+off); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return b.Wrapper.Put(ctx, key, bytes.NewReader(data), o)
}

// The last bytes that a store asks for pass only after a check, also where they are not those at the end.
func TestRevokedBeforeTheLastPiece(t *testing.T) {
	b := &backwards{Wrapper: blob.Wrap(mem.New(nil))}
	g := newTestGuard(t, b, nil)
	install(t, g, policyOf(grantTo("u", "k", Writer)))
	b.beforeLast = func() { must(t)(g.as("olga").Revoke(t.Context(), "k", User("u"))) }
	_, err := g.as("u").Put(t.Context(), "k", bytes.NewReader([]byte("in several pieces")), nil)
	wantErr(t, "the put", err, fs.ErrPermission)
	if got := content(t, b.Wrapper, "k"); got != "nothing" {
		t.Errorf("published %q", got)
	}
}

// Each page of a listing is asked for by a right that is still held, however small pages are.
func TestListingOfSmallPages(t *testing.T) {
	b := mem.New(nil)
	put(t, b, "t/1", "t/2", "t/3", "t/4")
	g := newTestGuard(t, b, nil)
	install(t, g, policyOf(grantTo("u", "t/", Reader)))
	var got []string
	for o, err := range g.as("u").List(t.Context(), &blob.ListOptions{PageSize: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, o.Key); len(got) == 2 {
			must(t)(g.as("olga").Revoke(t.Context(), "t/", User("u")))
		}
	}
	if len(got) != 2 {
		t.Errorf("showed %q, of which the first two were allowed", got)
	}
}

// Uploads below a prefix where nothing may be seen are not asked for.
func TestUploadsOfWhatIsHidden(t *testing.T) {
	s := &uploadsSpy{newSpy()}
	g := newTestGuard(t, s, nil)
	install(t, g, policyOf(grantTo("u", "t/", Writer)))
	s.taken()
	for _, prefix := range []string{"secret/", "t0", "tx"} {
		for info, err := range g.as("u").Uploads(t.Context(), prefix) {
			t.Errorf("%s: %v, %v", prefix, info, err)
		}
	}
	if calls := s.taken(); len(calls) > 0 {
		t.Errorf("made the requests %q", calls)
	}
	for range g.as("u").Uploads(t.Context(), "t") {
		t.Error("there is none")
	}
	if calls := s.taken(); !slices.Equal(calls, []string{"uploads t"}) {
		t.Errorf("made the requests %q", calls)
	}
}

// Unfinished uploads show where their keys would be listed, and nowhere else.
func TestUploadsOfOthers(t *testing.T) {
	g := newTestGuard(t, mem.New(nil), nil)
	install(t, g, policyOf(grantTo("u", "t/", Reader), grantTo("u", "s/write", CreateNew|Write|Get), grantTo("v", "", Writer)))
	for _, key := range []string{"s/1", "s/write", "t/1", "t0", "u/1"} {
		if _, err := g.as("v").Upload(t.Context(), key, nil); err != nil {
			t.Fatal(err)
		}
	}
	for prefix, want := range map[string][]string{"": {"t/1"}, "t": {"t/1"}, "t/": {"t/1"}, "s/": nil} {
		var got []string
		for info, err := range g.as("u").Uploads(t.Context(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, info.Key); info.ID != "" {
				t.Errorf("a reader is shown the token %q", info.ID)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("below %q are shown %q, not %q", prefix, got, want)
		}
	}
}

type uploadsSpy struct{ *spy }

func (s *uploadsSpy) Uploads(ctx context.Context, prefix string) iter.Seq2[*blob.UploadInfo, error] {
	_ = s.enter("uploads", prefix)
	return s.Wrapper.Uploads(ctx, prefix)
}
