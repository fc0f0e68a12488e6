// Package conformance tells whether a store can be trusted: a list of cases that any [blob.Bucket] runs through, and a
// report of what it passed.
//
// Whoever writes a driver calls it from a test:
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, conformance.Harness{
//			Name: "mystore",
//			Open: func(t *conformance.T) blob.Bucket { … an empty bucket, or a prefix of one … },
//		})
//	}
//
// Only Open is required. Every other field of [Harness] is a hook that lets more cases run; a case that misses its hook
// is reported as not run, never as passed.
//
// A case is data: [Cases] lists them, each with a stable ID such as K03, its group, and what it needs. What a bucket can
// do is read from its [blob.Capabilities], and both halves of each are tested: a declared capability must work, at its
// limits and one beyond them, and one that is not declared must be refused with [errors.ErrUnsupported], leaving no
// trace. Cases run as subtests named K/K03, so -run selects a group or a case:
//
//	go test -short -run 'TestConformance/K' .        a group, in the short tier
//	go test -short -run 'TestConformance/K/K03$' .   a case
//
// What a store is known to do wrong is a [KnownFailure] of its harness: the reason, and the texts of which each line of the
// failure contains one. A case that fails in any other way fails the run, also if its known failure is a race that the
// store loses now and then, and also behind a wrapper. Without a text the harness is refused.
//
//	Expected: map[string]conformance.KnownFailure{
//		"C22": {
//			Reason: "the store verifies no checksum: https://example.com/issues/1",
//			Texts:  []string{`succeeded; expected an error of class "checksum"`, "puts with wrong checksums"},
//		},
//	},
//
// A case may choose at random what it tries, so run it with several seeds before its texts are complete.
//
// At its end a run logs the slowest cases, and each failed case in a few lines: what it checks, what was expected, what
// came, and the command that runs it alone.
package conformance
