package acl

import (
	"testing"
	"time"
)

// Recovery users pass while no policy is known that is whole and fresh, and only then. That a view asks for a policy
// that is still to come is no such emergency: else a number would make an owner of each of them, whenever he likes.
func TestNoRecoveryByAsking(t *testing.T) {
	p := newPair(t, Options{Recovery: []string{"rescue"}})
	rescue := p.b.as("rescue").AtLeast(1 << 60)
	wantErr(t, "while all is well", rescue.May(t.Context(), Get, "k"), ErrStale)
	wantErr(t, "reading", second(rescue.Stat(t.Context(), "k", nil)), ErrStale)
	p.down()
	wantErr(t, "within Δ of an outage", rescue.May(t.Context(), Get, "k"), ErrStale)
	p.clock.move(time.Hour, time.Hour)
	if err := rescue.May(t.Context(), Get, "k"); err != nil {
		t.Errorf("after it: %v", err)
	}
}
