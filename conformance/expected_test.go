package conformance_test

import (
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/drivers/mem"
)

// TestKnownFailures has a harness tell of failures that do not come: an expected one is then wrong, an unsteady one not.
func TestKnownFailures(t *testing.T) {
	h := conformance.Harness{
		Name:     "mem",
		Open:     func(*conformance.T) blob.Bucket { return mem.New(nil) },
		Expected: map[string]string{"C01": "why"},
		Unsteady: map[string]string{"C02": "why not"},
	}
	known := func(c *conformance.Case) bool { return c.ID == "C01" || c.ID == "C02" }
	got := map[string]conformance.Outcome{}
	for _, r := range conformance.RunAll(t.Context(), h, nil, conformance.Only(known)).Results {
		got[r.ID] = r.Outcome
	}
	if got["C01"] != conformance.Fail || got["C02"] != conformance.ExpectedFailure || len(got) != 2 {
		t.Errorf("outcomes are %v", got)
	}
	h.Open = func(*conformance.T) blob.Bucket { return &shortens{mem.New(nil)} }
	for _, r := range conformance.RunAll(t.Context(), h, nil, conformance.Only(known)).Results {
		if r.Outcome != conformance.ExpectedFailure || r.Reason == "" {
			t.Errorf("%s, which is known: %v, %q", r.ID, r.Outcome, r.Reason)
		}
	}
}
