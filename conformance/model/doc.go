// Package model tests a bucket by comparison: [Check] walks at random over all that a bucket can do and compares each
// answer with that of a map, and [CheckLinearizable] lets many clients loose on few keys and asks whether their answers
// could have been given one after the other.
//
//	func TestModel(t *testing.T) {
//		model.Check(t, func() blob.Bucket { return mystore.Open(…an empty namespace…) }, nil)
//	}
//
// It is a module of its own, so that a driver which uses package conformance does not get its dependencies. The flags of
// rapid apply: -rapid.checks and -rapid.steps make a walk longer, and -rapid.seed repeats one.
package model
