package providers

import (
	"errors"
	"sync"
	"testing"
)

// BenchmarkStart starts all servers at the same time, over images that are there, until each has put, given and listed an
// object, and removes them again. It reports what each took.
func BenchmarkStart(b *testing.B) {
	took := make([]float64, len(All()))
	for b.Loop() {
		errs := make([]error, len(took))
		var starting sync.WaitGroup
		for i, p := range All() {
			starting.Go(func() {
				s, err := start(b.Context(), p)
				if errs[i] = err; err == nil {
					took[i] += s.Took.Seconds()
				}
			})
		}
		starting.Wait()
		b.StopTimer()
		if err := errors.Join(append(errs, Purge())...); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	for i, p := range All() {
		b.ReportMetric(took[i]/float64(b.N), p.Name+"-s/op")
	}
}
