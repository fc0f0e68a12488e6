package providers_test

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/conformance/providers"
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

This file is written by ` + "`go -C conformance/providers test -tags ceph . -timeout 80m -args -matrix`" + `, and each run of the tests compares it with what it sees.

`

// A matrix has the outcome of each case for each store.
type matrix map[string]map[string]string

// readMatrix parses the table of the committed matrix.
func readMatrix(content []byte) matrix {
	m := matrix{}
	var stores []string
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
			for _, s := range stores {
				m[s] = map[string]string{}
			}
		case strings.HasPrefix(cells[0], ":"):
		default:
			for i, s := range stores {
				m[s][cells[0]] = cells[2+i]
			}
		}
	}
	return m
}

// compare reports where a run does not agree with the committed matrix. A failure is reported by the case itself.
func compare(t *testing.T, r *conformance.Report) {
	content, err := os.ReadFile(matrixFile)
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("there is no matrix yet to compare with")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	committed := readMatrix(content)
	column, known := committed[r.Store]
	if !known {
		t.Errorf("MATRIX.md has no column %s, but %s; write it anew (see its beginning)", r.Store, strings.Join(slices.Sorted(maps.Keys(committed)), ", "))
		return
	}
	for _, res := range r.Results {
		if got, want := res.Outcome.String(), column[res.ID]; got != want && res.Outcome != conformance.Fail {
			t.Errorf("%s is %q, but %q in MATRIX.md; if that is right, write it anew (see its beginning)", res.ID, got, want)
		}
	}
}

// write writes the matrix, if it is whole.
func write(t *testing.T, reports []*conformance.Report) {
	if want := len(local()) + len(providers.All()) + len(also); len(reports) != want {
		t.Fatalf("%d of %d stores ran; the matrix is written when all do", len(reports), want)
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

// What is written is read again as it was.
func TestMatrixIsRead(t *testing.T) {
	result := func(id string, o conformance.Outcome) conformance.Result {
		return conformance.Result{ID: id, Outcome: o, Reason: "whatever"}
	}
	all := conformance.Cases()
	var first, second conformance.Report
	first.Store, second.Store = "mem", "s3:x-1.2"
	want := matrix{"mem": {}, "s3:x-1.2": {}}
	for i, c := range all {
		one, other := conformance.Outcome(i%5), conformance.Outcome((i+2)%5)
		first.Results = append(first.Results, result(c.ID, one))
		want["mem"][c.ID] = one.String()
		second.Results = append(second.Results, result(c.ID, other))
		want["s3:x-1.2"][c.ID] = other.String()
	}
	var b bytes.Buffer
	b.WriteString(preamble)
	if err := conformance.WriteMatrix(&b, &first, &second); err != nil {
		t.Fatal(err)
	}
	if got := readMatrix(b.Bytes()); !maps.EqualFunc(got, want, maps.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}
