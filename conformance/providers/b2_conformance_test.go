package providers_test

import (
	"testing"

	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/conformance/providers"
)

// serveB2 returns the B2 server, with the environment that opens its buckets by URL.
func serveB2(t *testing.T) *providers.Server {
	t.Helper()
	if *bucketURL != "" {
		t.Skip("not run: -url names the one store to test")
	}
	wanted(t, providers.B2)
	s := started(t, providers.B2)
	for name, value := range s.B2Environment() {
		t.Setenv(name, value)
	}
	return s
}

func TestB2Conformance(t *testing.T) {
	conformance.Run(t, serveB2(t).B2Harness(false), conformance.InTier(tier()))
}

// TestB2ConformanceOfVersions runs what is about versions, where a Delete hides and removes nothing.
func TestB2ConformanceOfVersions(t *testing.T) {
	about := conformance.Only(func(c *conformance.Case) bool {
		for _, n := range c.Needs {
			if n.Name == "versions" {
				return true
			}
		}
		return c.Group() == "I" || c.Group() == "L"
	})
	conformance.Run(t, serveB2(t).B2Harness(true), conformance.InTier(tier()), about)
}
