package conformance

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// Cases that keep a history and judge it afterwards.

// An edit is a put or a delete with the time before it was called and the time after it returned.
type edit struct {
	begin, end time.Time
	present    bool // afterwards
}

// A look is a listing in the same way.
type look struct {
	begin, end time.Time
	keys       map[string]bool
}

func listIsASet(t *T) {
	const workers, keysEach, edits = 4, 5, 20
	judged := 0
	for round := range t.rounds(8) {
		history := map[string][]edit{} // of one worker each
		for w := range workers {
			for k := range keysEach {
				history[listKey(round, w, k)] = nil
			}
		}
		var mu sync.Mutex
		var looks []look
		rands := t.rands(workers)
		writing := make(chan struct{})
		var writers sync.WaitGroup
		writers.Add(workers)
		go func() { writers.Wait(); close(writing) }()
		t.crowd(workers+2, func(i int) {
			if i >= workers {
				for over := false; !over; {
					select {
					case <-writing:
						over = true
					default:
					}
					l, err := lookAt(t, fmt.Sprintf("r%d/", round))
					if err != nil {
						t.Errorf("list: %v", err)
						return
					}
					mu.Lock()
					looks = append(looks, l)
					mu.Unlock()
				}
				return
			}
			defer writers.Done()
			mine := map[string][]edit{}
			for range edits {
				key := listKey(round, i, rands[i].IntN(keysEach))
				e := edit{begin: time.Now(), present: rands[i].IntN(2) == 0}
				var err error
				if e.present {
					_, err = t.Bucket.Put(t.ctx, key, strings.NewReader("x"), nil)
				} else {
					err = t.Bucket.Delete(t.ctx, key, nil)
				}
				e.end = time.Now()
				if err != nil {
					t.Errorf("edit of %q: %v", key, err)
					return
				}
				mine[key] = append(mine[key], e)
			}
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(history, mine)
		})
		for _, l := range looks {
			for key, edits := range history {
				present, known := stateDuring(edits, l)
				if !known {
					continue
				}
				judged++
				if present != l.keys[key] {
					t.Errorf("round %d: during the whole of a listing the presence of %q was %t; the listing says %t", round, key, present, l.keys[key])
				}
			}
		}
	}
	t.Recordf("%d keys in listings judged", judged)
}

func listKey(round, worker, k int) string { return fmt.Sprintf("r%d/%d-%d", round, k, worker) }

func lookAt(t *T, prefix string) (look, error) {
	l := look{begin: time.Now(), keys: map[string]bool{}}
	for o, err := range t.Bucket.List(t.ctx, &blob.ListOptions{Prefix: prefix}) {
		if err != nil {
			return l, err
		}
		l.keys[o.Key] = true
	}
	l.end = time.Now()
	return l, nil
}

// stateDuring tells whether a key was present during a look; not known if it was being edited. Edits are in order.
func stateDuring(edits []edit, l look) (present, known bool) {
	for _, e := range edits {
		switch {
		case e.end.Before(l.begin):
			present = e.present
		case !e.begin.After(l.end):
			return false, false
		}
	}
	return present, true
}

func replayedWorkload(t *T) {
	steps := 60
	if t.Tier > Short {
		steps = 500
	}
	seed := t.Rand.Uint64()
	first := workload(t, t.Bucket, seed, steps)
	again := workload(t, t.OpenAnother(), seed, steps)
	for i := range first {
		if first[i] != again[i] {
			t.Fatalf("step %d of the same workload: first %s, then %s", i, first[i], again[i])
		}
	}
}

// workload makes random calls, checks them against a map, and returns a line for each: the call and its outcome. Calls
// that the bucket does not declare are left out, the same ones in every replay.
func workload(t *T, b blob.Bucket, seed uint64, steps int) []string {
	r := rand.New(rand.NewPCG(seed, 1))
	keys := []string{"a", "a-b", "a.txt", "b/c", "b0", "z"}
	model := map[string]string{}
	var trace []string
	for step := range steps {
		key, content := keys[r.IntN(len(keys))], strings.Repeat("c", r.IntN(9))+fmt.Sprint(step)
		old, present := model[key]
		var line string
		var err error
		switch op := r.IntN(6); op {
		case 0, 1:
			opts := &blob.PutOptions{}
			if op == 1 && t.Caps.If.Put.Has(blob.KindAbsent) {
				opts.If = blob.IfAbsent
			}
			_, err = b.Put(t.ctx, key, strings.NewReader(content), opts)
			if present && !opts.If.IsZero() {
				wantClass(t, "put if-absent of what is there", err, fs.ErrExist, blob.ErrPrecondition)
			} else {
				t.WantOK("put", err)
				model[key] = content
			}
			line = fmt.Sprintf("put %q %s", key, opts.If)
		case 2, 3:
			var got string
			got, _, err = get(t, b, key, nil)
			line = fmt.Sprintf("get %q: %s", key, got)
			if present != (err == nil) || got != old {
				t.Errorf("get %q answers %q, %v; the map says %q, %t", key, got, err, old, present)
			}
		case 4:
			err = b.Delete(t.ctx, key, nil)
			line = fmt.Sprintf("delete %q", key)
			delete(model, key)
		case 5:
			got := t.EntriesOf(b, nil)
			line = fmt.Sprintf("list: %q", got)
			if want := slices.Sorted(maps.Keys(model)); !slices.Equal(got, want) {
				t.Errorf("the listing is %q; the map says %q", got, want)
			}
		}
		trace = append(trace, line+" "+strings.Join(classes(err), "+"))
	}
	return trace
}
