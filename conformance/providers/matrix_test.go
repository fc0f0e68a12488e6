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

This file is written by ` + "`go -C conformance/providers test -tags ceph . -timeout 80m -args -matrix`" + `, or with -run for some
stores alone, and each run of the tests compares it with what it sees.

`

// A matrix has the results of each store, of which it knows the outcomes alone.
type matrix map[string][]conformance.Result

// outcome returns how a case ended on a store, or "" for one that is not there.
func (m matrix) outcome(store, id string) string {
	for _, r := range m[store] {
		if r.ID == id {
			return r.Outcome.String()
		}
	}
	return ""
}

// readMatrix parses the table of the committed matrix, and returns its stores in their order too.
func readMatrix(content []byte) (stores []string, m matrix) {
	m = matrix{}
	for line := range strings.Lines(string(content)) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		// A cell may say \| for a bar. What the cases check is skipped, so it need not be read right.
		cells := strings.Split(strings.ReplaceAll(strings.Trim(strings.TrimSpace(line), "|"), `\|`, ""), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case stores == nil:
			stores = cells[2:]
		case strings.HasPrefix(cells[0], ":"):
		default:
			for i, s := range stores {
				for o := conformance.Pass; o <= conformance.ExpectedFailure; o++ {
					if o.String() == cells[2+i] {
						m[s] = append(m[s], conformance.Result{ID: cells[0], Outcome: o})
					}
				}
			}
		}
	}
	return stores, m
}

// compare reports where a run does not agree with the committed matrix. A failure is reported by the case itself.
func compare(t *testing.T, r *conformance.Report) {
	content, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	stores, committed := readMatrix(content)
	if !slices.Contains(stores, r.Store) {
		t.Errorf("MATRIX.md has no column %s, but %s; write it anew (see its beginning)", r.Store, strings.Join(stores, ", "))
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

// write writes the columns of the stores that ran anew, and leaves the others as they are. Stores that are not there yet
// come last.
func write(t *testing.T, ran []*conformance.Report) {
	content, err := os.ReadFile(matrixFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	stores, committed := readMatrix(content)
	var reports []*conformance.Report
	for _, store := range stores {
		reports = append(reports, &conformance.Report{Store: store, Results: committed[store]})
	}
	for _, r := range ran {
		at := slices.IndexFunc(reports, func(old *conformance.Report) bool { return kind(old.Store) == kind(r.Store) })
		if at < 0 {
			reports = append(reports, r)
		} else {
			reports[at] = r
		}
	}
	var b bytes.Buffer
	b.WriteString(preamble)
	if err := conformance.WriteMatrix(&b, reports...); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(matrixFile, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
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
	var first, second conformance.Report
	first.Store, second.Store = "mem", "s3:x-1.2"
	want := matrix{}
	for i, c := range conformance.Cases() {
		for at, r := range []*conformance.Report{&first, &second} {
			res := conformance.Result{ID: c.ID, Outcome: conformance.Outcome((i + 2*at) % 5)}
			want[r.Store] = append(want[r.Store], res)
			res.Reason = "whatever"
			r.Results = append(r.Results, res)
		}
	}
	var b bytes.Buffer
	b.WriteString(preamble)
	if err := conformance.WriteMatrix(&b, &first, &second); err != nil {
		t.Fatal(err)
	}
	stores, got := readMatrix(b.Bytes())
	if !slices.Equal(stores, []string{"mem", "s3:x-1.2"}) || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", stores, got, want)
	}
}
