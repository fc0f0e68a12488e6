package gocdk_test

import (
	"testing"

	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/drivers/gocdk/gocdktest"
)

func TestConformanceOverMemblob(t *testing.T) {
	if report := conformance.Run(t, gocdktest.Memblob()); report.Count(conformance.NotRun) > 0 {
		t.Error("cases were not run, though everything is in this process")
	}
}

// Syncing nothing, fileblob is still slow in listing: only the short tier runs.
func TestConformanceOverFileblob(t *testing.T) {
	conformance.Run(t, gocdktest.Fileblob(), conformance.InTier(conformance.Short))
}
