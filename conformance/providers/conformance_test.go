package providers_test

import (
	"context"
	"crypto/rand"
	"os"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/conformance/providers"
	"github.com/holdall-go/holdall/conformance/providers/images"
	_ "github.com/holdall-go/holdall/drivers/b2"
	"github.com/holdall-go/holdall/drivers/gocdk/gocdktest"
	_ "github.com/holdall-go/holdall/drivers/s3"
)

// tier is the short one, or the default one in the long run and for the matrix.
func tier() conformance.Tier {
	if *writeMatrix || os.Getenv("HOLDALL_FULL") == "1" {
		return conformance.Default
	}
	return conformance.Short
}

// notEveryDay skips the test where the run is to be quick, as go test -short says.
func notEveryDay(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("not run: go test without -short runs it")
	}
}

// inTheLongRun skips the test unless the run may take hours.
func inTheLongRun(t *testing.T) {
	t.Helper()
	if tier() == conformance.Short {
		t.Skip("not run: HOLDALL_FULL=1 runs it")
	}
}

// A store is one that only some builds can reach.
type store struct {
	name    string
	harness func(t *testing.T) conformance.Harness // or skips the test
}

// also are the stores of this build.
var also []store

// local are the harnesses of the stores that need no server.
func local() []conformance.Harness {
	return []conformance.Harness{memory(), files(), gocdktest.Memblob(), gocdktest.Fileblob()}
}

// TestConformance runs the suite on the local stores and on every server, and compares the outcomes with those of the
// committed matrix, or writes that.
func TestConformance(t *testing.T) {
	var reports []*conformance.Report
	run := func(t *testing.T, h conformance.Harness, foreign bool) {
		report := conformance.Run(t, h, conformance.InTier(tier()))
		reports = append(reports, report)
		if !*writeMatrix && !foreign {
			compare(t, stores, report)
		}
	}
	if *bucketURL == "" {
		for _, h := range local() {
			t.Run(h.Name, func(t *testing.T) { run(t, h, false) })
		}
	}
	each(t, func(t *testing.T, s *providers.Server) {
		if s.Provider == providers.Swift { // it takes as long as all the others
			notEveryDay(t)
		}
		run(t, s.Harness(false), foreign(s))
	})
	t.Run("b2", func(t *testing.T) {
		s := serveB2(t)
		run(t, s.B2Harness(false), foreign(s))
	})
	for _, s := range also {
		t.Run(s.name, func(t *testing.T) { run(t, s.harness(t), false) })
	}
	if *writeMatrix && !t.Failed() {
		write(t, stores, reports)
	}
}

// foreign tells whether a setting names another image, which the matrix need not know.
func foreign(s *providers.Server) bool {
	_, ours := images.Ref(s.Provider.Name)
	return !ours
}

// TestVersions runs what is about versions, on the servers that have them.
func TestVersions(t *testing.T) {
	notEveryDay(t)
	about := conformance.Only(func(c *conformance.Case) bool {
		for _, n := range c.Needs {
			if n.Name == "versions" {
				return true
			}
		}
		return false
	})
	each(t, func(t *testing.T, s *providers.Server) {
		conformance.Run(t, s.Harness(true), conformance.InTier(tier()), about)
	})
	t.Run("b2", func(t *testing.T) {
		conformance.Run(t, serveB2(t).B2Harness(true), conformance.InTier(tier()), about)
	})
}

// TestURL runs the suite on the bucket that -url names. Each case has a prefix of its own there, which it empties.
func TestURL(t *testing.T) {
	if *bucketURL == "" {
		t.Skip("not run: it takes -args -url 's3://bucket/?region=…'")
	}
	open := func(t *conformance.T) blob.Bucket {
		b, err := blob.Open(t.Context(), *bucketURL)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return b
	}
	within := map[blob.Bucket]string{}
	sub := func(t *conformance.T, prefix string) blob.Bucket {
		whole := open(t)
		t.Cleanup(func() { _ = whole.Close() })
		b := blob.Sub(whole, prefix)
		within[b] = prefix
		return b
	}
	h := conformance.Harness{
		Name: *bucketURL,
		Open: func(t *conformance.T) blob.Bucket {
			b := sub(t, "holdall-conformance-"+rand.Text()+"/")
			t.Cleanup(func() {
				if err := empty(t.Context(), sub(t, within[b])); err != nil {
					t.Errorf("removing what the case left: %v", err)
				}
			})
			return b
		},
		Reopen: func(t *conformance.T, b blob.Bucket) blob.Bucket { return sub(t, within[b]) },
	}
	level := conformance.Default
	if testing.Short() {
		level = conformance.Short
	}
	conformance.Run(t, h, conformance.InTier(level))
}

// empty removes all that is in a bucket, unfinished uploads too.
func empty(ctx context.Context, b blob.Bucket) error {
	if b.Capabilities().Uploads.Listed {
		for u, err := range b.Uploads(ctx, "") {
			if err != nil {
				return err
			}
			upload, err := b.Upload(ctx, u.Key, &blob.UploadOptions{ID: u.ID})
			if err != nil {
				return err
			}
			if err := upload.Abort(ctx); err != nil {
				return err
			}
		}
	}
	_, err := blob.DeletePrefix(ctx, b, "")
	return err
}
