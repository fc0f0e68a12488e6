package providers_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/conformance"
)

// matrixFile is the committed matrix. It holds outcomes and the versions of the servers, and nothing that differs from
// one run to the next.
const matrixFile = "../MATRIX.md"

const preamble = `# Which store does what

Each case of [the suite](doc.go) on each store: what it checks, and how it ended. A column is named after what really ran.

- **pass**: the store does it.
- **unsupported**: the store does not declare it, and it was seen to refuse it and to change nothing; or it cannot be for
  such a store, as a restart cannot for a map in memory.
- **expected failure**: known, and not right; the reason and a link are [beside the server](providers).
- **not run**: the suite cannot reach what it would need for that.

This file is written by ` + "`go -C conformance/providers test -tags ceph . -timeout 160m -args -matrix`" + `, or with -run for some
stores or cases alone, and each run of the tests compares it with what it sees.

`

const viewsPreamble = `
## Per-user views

The same cases on a view of package [acl](../acl) over each store: that of someone with every data right, beside other
people's grants and a barrier. The policy is in the bucket itself; where the store has no conditional writes, under the
promise that one guard alone edits it. Cases that would go past the view are not run; those of group R make views
themselves, and a view is not made over a view.

`

// The tables of the committed matrix.
const (
	stores = iota // the stores themselves
	views         // per-user views over them
	tables
)

// A matrix is a table: the results of each store, of which it knows the outcomes alone.
type matrix []*conformance.Report

// outcome returns how a case ended on a store, or "" for one that is not there.
func (m matrix) outcome(store, id string) string {
	for _, r := range m {
		for _, res := range r.Results {
			if r.Store == store && res.ID == id {
				return res.Outcome.String()
			}
		}
	}
	return ""
}

// stores are those that have a column.
func (m matrix) stores() (names []string) {
	for _, r := range m {
		names = append(names, r.Store)
	}
	return names
}

// readMatrix parses the committed matrix.
func readMatrix(content []byte) (all [tables]matrix) {
	at, first := -1, 0 // the table, and the first cell of its lines that is of a store
	for line := range strings.Lines(string(content)) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		// A cell may say \| for a bar. What the cases check is skipped, so it need not be read right.
		cells := strings.Split(strings.ReplaceAll(strings.Trim(strings.TrimSpace(line), "|"), `\|`, ""), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[0] == "case" {
			at++
			first = max(1, 1+slices.Index(cells, "checks"))
			for _, store := range cells[first:] {
				all[at] = append(all[at], &conformance.Report{Store: store})
			}
			continue
		}
		for i, r := range all[at] {
			for o := conformance.Pass; o <= conformance.ExpectedFailure; o++ {
				if o.String() == cells[first+i] {
					r.Results = append(r.Results, conformance.Result{ID: cells[0], Outcome: o})
				}
			}
		}
	}
	return all
}

// compare reports where a run does not agree with a table of the committed matrix. A failure is reported by the case
// itself.
func compare(t *testing.T, table int, r *conformance.Report) {
	content, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	committed := readMatrix(content)[table]
	if names := committed.stores(); !slices.Contains(names, r.Store) {
		t.Errorf("MATRIX.md has no column %s, but %s; write it anew (see its beginning)", r.Store, strings.Join(names, ", "))
		return
	}
	for _, res := range r.Results {
		switch got, want := res.Outcome.String(), committed.outcome(r.Store, res.ID); {
		case want == "": // a new case, which need not wait until every server has run it
			t.Logf("%s is %q, and not in MATRIX.md yet", res.ID, got)
		case got != want && res.Outcome != conformance.Fail:
			t.Errorf("%s is %q, but %q in MATRIX.md; if that is right, write it anew (see its beginning)", res.ID, got, want)
		}
	}
}

// write writes the columns of the stores that ran anew, and leaves the others, and the other table, as they are.
func write(t *testing.T, table int, ran []*conformance.Report) {
	content, err := os.ReadFile(matrixFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	all := readMatrix(content)
	all[table] = all[table].with(ran)
	if err := os.WriteFile(matrixFile, format(t, all), 0o666); err != nil {
		t.Fatal(err)
	}
}

// with returns m with what ran in place of the same stores, of whatever version. A case that did not run keeps its outcome,
// so -run can select some cases. Stores that are not there yet come last.
func (m matrix) with(ran []*conformance.Report) matrix {
	m = slices.Clone(m)
	for _, r := range ran {
		at := slices.IndexFunc(m, func(old *conformance.Report) bool { return kind(old.Store) == kind(r.Store) })
		if at < 0 {
			m = append(m, r)
		} else {
			m[at] = over(m[at], r)
		}
	}
	return m
}

// over returns the results of a run over those of an earlier one of the same store.
func over(old, ran *conformance.Report) *conformance.Report {
	merged := *ran
	merged.Results = slices.Clone(ran.Results)
	for _, res := range old.Results {
		if !slices.ContainsFunc(ran.Results, func(r conformance.Result) bool { return r.ID == res.ID }) {
			merged.Results = append(merged.Results, res)
		}
	}
	return &merged
}

// format is the content of the file. What the cases check is said in its first table alone.
func format(t *testing.T, all [tables]matrix) []byte {
	var b, second bytes.Buffer
	b.WriteString(preamble)
	if err := errors.Join(conformance.WriteMatrix(&b, all[stores]...), conformance.WriteMatrix(&second, all[views]...)); err != nil {
		t.Fatal(err)
	}
	b.WriteString(viewsPreamble)
	for line := range strings.Lines(second.String()) {
		cells := strings.Split(line, "|") // no case's Doc has a bar
		b.WriteString(strings.Join(slices.Delete(cells, 2, 3), "|"))
	}
	return b.Bytes()
}

// kind is the name of a store without its version.
func kind(store string) string {
	if i := strings.IndexByte(store, '-'); i >= 0 {
		return store[:i]
	}
	return store
}

// What is written is read again as it was.
func TestMatrixIsRead(t *testing.T) {
	var want [tables]matrix
	for i, store := range []string{"mem", "s3:x-1.2", "mem", "b2"} {
		r := &conformance.Report{Store: store}
		for j, c := range conformance.Cases() {
			r.Results = append(r.Results, conformance.Result{ID: c.ID, Outcome: conformance.Outcome((j + 2*i) % 5)})
		}
		want[i/2] = append(want[i/2], r)
	}
	if got := readMatrix(format(t, want)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Some columns can be written alone.
func TestMatrixKeepsTheOthers(t *testing.T) {
	old := matrix{{Store: "mem"}, {Store: "s3:x-1.2"}, {Store: "b2"}}
	if got := old.with([]*conformance.Report{{Store: "new"}, {Store: "s3:x-1.3"}}).stores(); !slices.Equal(got, []string{"mem", "s3:x-1.3", "b2", "new"}) {
		t.Errorf("it has the columns %q", got)
	}
}

// Some cases of a store can be written alone.
func TestMatrixKeepsTheOtherCases(t *testing.T) {
	report := func(outcomes map[string]conformance.Outcome) *conformance.Report {
		r := &conformance.Report{Store: "mem"}
		for id, o := range outcomes {
			r.Results = append(r.Results, conformance.Result{ID: id, Outcome: o})
		}
		return r
	}
	old := matrix{report(map[string]conformance.Outcome{"A01": conformance.Pass, "A02": conformance.Pass})}
	got := old.with([]*conformance.Report{report(map[string]conformance.Outcome{"A02": conformance.Unsupported, "A03": conformance.Pass})})
	for id, want := range map[string]string{"A01": "pass", "A02": "unsupported", "A03": "pass"} {
		if o := got.outcome("mem", id); o != want {
			t.Errorf("%s is %q, want %q", id, o, want)
		}
	}
	if o := old.outcome("mem", "A02"); o != "pass" {
		t.Errorf("the earlier run has changed: A02 is %q", o)
	}
}
