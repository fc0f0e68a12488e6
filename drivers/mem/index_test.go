package mem

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// The index must hold, in order, just what a sorted slice holds after the same insertions and removals.
func TestIndexAgainstSortedSlice(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var x index
	var want []string
	for step := range 20_000 {
		key := fmt.Sprintf("%d/%d", r.IntN(40), r.IntN(100))
		at, found := slices.BinarySearch(want, key)
		switch {
		case !found:
			x.insert(&entry{key: key})
			want = slices.Insert(want, at, key)
		case r.IntN(3) == 0:
			x.remove(key)
			want = slices.Delete(want, at, at+1)
		}
		if step%500 == 0 || step > 19_900 {
			from := fmt.Sprintf("%d/", r.IntN(40))
			if got := keysFrom(&x, from); !slices.Equal(got, want[lowerBound(want, from):]) {
				t.Fatalf("step %d: from %q the index holds %d keys in another order or number than %d", step, from, len(got), len(want))
			}
		}
	}
}

// Keys that arrive in ascending order leave full chunks behind, or a million of them would take twice the memory.
func TestIndexFillsChunksInOrder(t *testing.T) {
	var x index
	const n = 100 * chunkSize
	for i := range n {
		x.insert(&entry{key: fmt.Sprintf("%08d", i)})
	}
	if len(x.chunks) > 101 {
		t.Errorf("%d keys in order fill %d chunks of %d", n, len(x.chunks), chunkSize)
	}
}

func keysFrom(x *index, from string) []string {
	keys := []string{}
	for p := x.seek(from); x.at(p) != nil; p = x.next(p) {
		keys = append(keys, x.at(p).key)
	}
	return keys
}

func lowerBound(sorted []string, key string) int {
	i, _ := slices.BinarySearch(sorted, key)
	return i
}
