package acl

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// A moment that is in the year 10000 in UTC cannot be stored, whatever year it is where it was written down; and it spoils
// no other edit of the batch.
func TestExpiryBeyondTheCalendar(t *testing.T) {
	g := newTestGuard(t, mem.New(nil), nil)
	west := time.FixedZone("west", -12*60*60)
	late := time.Date(9999, 12, 31, 23, 0, 0, 0, west)
	results := g.as("olga").Batch(t.Context(), AddGrant(Grant{To: User("u"), Rights: Get, Expires: late}), AddGrant(grantTo("u", "k", Get)))
	wantErr(t, "in the year 10000", results[0].Err, blob.ErrInvalid)
	if results[1].Err != nil {
		t.Errorf("the edit beside it: %v", results[1].Err)
	}
	early := policyOf(Grant{To: User("u"), Rights: Get, Expires: time.Date(1, 1, 1, 1, 0, 0, 0, time.FixedZone("east", 12*60*60))})
	wantErr(t, "before the year 1", early.Validate(), blob.ErrInvalid)
}

// A grant until a moment that is no number of nanoseconds is like any other: it is compiled once.
func TestDistantExpiry(t *testing.T) {
	g := newTestGuard(t, mem.New(nil), nil)
	for _, year := range []int{2261, 2300, 2600, 9999} {
		install(t, g, policyOf(Grant{Scope: "k", To: User("u"), Rights: Get, Expires: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)}))
		v := g.as("u")
		first, _, err := v.v.access(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if again, _, _ := v.v.access(t.Context()); again != first {
			t.Errorf("until %d: compiled for each call", year)
		}
	}
}

// Whether someone has no right at all is no question: the answer would be yes for whoever is suspended, too.
func TestNoRightIsNoQuestion(t *testing.T) {
	g := newTestGuard(t, mem.New(nil), nil)
	wantErr(t, "May", g.as("u").May(t.Context(), 0, "k"), blob.ErrInvalid)
	wantErr(t, "Explain", second(g.as("u").Explain(t.Context(), Identity{User: "u"}, 0, "k")), blob.ErrInvalid)
	wantErr(t, "Explain of another", second(g.as("olga").Explain(t.Context(), Identity{User: "u"}, 0, "k")), blob.ErrInvalid)
}

// A guard takes no part of a bucket that begins inside a segment: "hold" + "all/x" would be a key like any other.
func TestGuardOfPartOfASegment(t *testing.T) {
	whole := mem.New(nil)
	for name, test := range map[string]struct {
		bucket blob.Bucket
		ok     bool
	}{
		"the whole":        {whole, true},
		"a subtree":        {blob.Sub(whole, "a/"), true},
		"all, as a Sub":    {blob.Sub(whole, ""), true},
		"below a segment":  {blob.Sub(blob.Sub(whole, "ho"), "use/"), true},
		"a segment":        {blob.Sub(whole, ".hold"), false},
		"and within":       {blob.Sub(blob.Sub(whole, "b/"), "ho"), false},
		"all of a segment": {blob.Sub(blob.Sub(whole, "c"), ""), false},
	} {
		opts := &Options{Store: mem.New(nil)}
		_, err := Create(t.Context(), test.bucket, opts, User("olga"))
		if test.ok && err != nil || !test.ok && (err == nil || !strings.Contains(err.Error(), `"/"`)) {
			t.Errorf("%s: %v", name, err)
		}
		if !test.ok {
			wantErr(t, name, err, blob.ErrInvalid)
			wantErr(t, name, second(Open(t.Context(), test.bucket, opts)), blob.ErrInvalid)
			wantErr(t, name+" as the store", second(Open(t.Context(), mem.New(nil), &Options{Store: test.bucket})), blob.ErrInvalid)
		}
	}
}

// Durations that together are beyond what a Duration holds would state a negative bound.
func TestHugeDurations(t *testing.T) {
	_, err := Create(t.Context(), mem.New(nil), &Options{Freshness: Within(math.MaxInt64), Grace: 1}, User("olga"))
	wantErr(t, "Freshness and Grace", err, blob.ErrInvalid)
}

// The hook hears of every refusal of an upload and of a signature, and when it was.
func TestHookHearsOfRefusals(t *testing.T) {
	var heard []string
	s := newSigner(t)
	put(t, s.Wrapper, "k")
	g := newTestGuard(t, s, &Options{Store: mem.New(nil), Hook: func(d Decision) {
		if d.Time.Year() < 2000 {
			t.Errorf("%s at %v", d.Op, d.Time)
		}
		if d.Err != nil {
			heard = append(heard, fmt.Sprintf("%s %v %q", d.Op, d.Right, d.Key))
		}
	}})
	install(t, g, policyOf(grantTo("u", "", Write|Share)))
	ctx := context.Background()
	_, _ = g.as("u").Upload(ctx, "k", &blob.UploadOptions{ID: "guessed"})
	_, _ = g.as("u").Sign(ctx, "k", &blob.SignOptions{Method: "PUT", Expires: time.Minute})
	_ = g.as("\xff").May(ctx, Get, "k")
	want := []string{`upload none "k"`, `sign Write "k"`, `may Get "k"`}
	if strings.Join(heard, "\n") != strings.Join(want, "\n") {
		t.Errorf("heard\n%s\nwant\n%s", strings.Join(heard, "\n"), strings.Join(want, "\n"))
	}
}

func TestZeroEditIsRefused(t *testing.T) {
	g := newTestGuard(t, mem.New(nil), nil)
	for _, edits := range [][]Edit{{{}}, {AddGrant(Grant{Scope: "a/", To: User("u"), Rights: Get}), {}}} {
		for _, res := range g.as("olga").Batch(t.Context(), edits...) {
			wantErr(t, "a batch with the zero Edit", res.Err, blob.ErrInvalid)
		}
	}
	if s := (Edit{}).String(); s != "no edit" {
		t.Errorf("the zero Edit reads %q", s)
	}
}
