package acl

import (
	"errors"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// TestRightsRoundTrip pins the stored names, and that every set has exactly one spelling.
func TestRightsRoundTrip(t *testing.T) {
	if got := Admin.String(); got != "Get+List+Create+Write+Delete+ReadACL+WriteACL+Share" {
		t.Errorf("the stored names changed: %s", got)
	}
	seen := make(map[string]bool)
	for i := range 256 {
		r := Rights(i)
		text, _ := r.MarshalText()
		var again Rights
		if err := again.UnmarshalText(text); err != nil || again != r || seen[string(text)] {
			t.Errorf("%d is %q, which is %d, %v", i, text, again, err)
		}
		seen[string(text)] = true
	}
	if r, err := ParseRights("List+Get+List"); err != nil || r != Reader {
		t.Errorf("List+Get+List is %v, %v", r, err)
	}
	for _, s := range []string{"", "+", "Get+", "get", "Get, List", "Get+none", "Reader", "Read", "Get+Fly"} {
		if r, err := ParseRights(s); !errors.Is(err, blob.ErrInvalid) || r != 0 {
			t.Errorf("%q is %v, %v", s, r, err)
		}
	}
}

func TestHas(t *testing.T) {
	if !Writer.Has(Reader) || Reader.Has(Writer) || !Reader.Has(0) || Rights(0).Has(Get) || Reader.Has(Get|Write) {
		t.Error("Has is not inclusion")
	}
	if Writer&Control != 0 || Admin != ^Rights(0) {
		t.Error("a preset holds the wrong rights")
	}
}
