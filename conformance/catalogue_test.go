package conformance

import (
	"encoding/csv"
	"os"
	"strings"
	"testing"
)

// wanted is a line of the catalogue: a case that the suite should have.
type wanted struct{ id, gate, checks string }

// catalogue is the list of cases that the suite was planned from. Gates: M is every driver, C a capability or a hook,
// M/C every driver but those that declare a limitation, I a value that is recorded, L the long tier.
func catalogue(t *testing.T) map[string]wanted {
	f, err := os.Open("testdata/catalogue.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]wanted{}
	for _, line := range lines[1:] {
		if _, twice := all[line[0]]; twice {
			t.Errorf("%s is in the catalogue twice", line[0])
		}
		all[line[0]] = wanted{line[0], line[1], line[2]}
	}
	return all
}

// Every case that every driver must pass is there, or it is said why not.
func TestCatalogueIsCovered(t *testing.T) {
	have := map[string]bool{}
	for _, c := range Cases() {
		have[c.ID] = true
	}
	for id, w := range catalogue(t) {
		if !strings.HasPrefix(w.gate, "M") || !strings.Contains("ABCDEFGHIJKNORS", id[:1]) {
			continue
		}
		if !have[id] && omitted[id] == "" {
			t.Errorf("%s (%s) is neither a case nor omitted with a reason: %s", id, w.gate, w.checks)
		}
	}
	for id, why := range omitted {
		if have[id] {
			t.Errorf("%s is a case and is omitted, too: %s", id, why)
		}
	}
}

func TestCases(t *testing.T) {
	all, known := Cases(), catalogue(t)
	if len(all) < 200 {
		t.Errorf("there are %d cases, fewer than 200", len(all))
	}
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.ID] {
			t.Errorf("%s is there twice", c.ID)
		}
		seen[c.ID] = true
		if known[c.ID].id == "" {
			t.Errorf("%s is not in the catalogue; add a line", c.ID)
		}
		if Groups[c.Group()] == "" || c.Run == nil {
			t.Errorf("%s is of no group, or does nothing", c.ID)
		}
		if c.Doc == "" || strings.HasSuffix(c.Doc, ".") || strings.ContainsAny(c.Doc, "\n|") {
			t.Errorf("%s: the Doc is no line of a table: %q", c.ID, c.Doc)
		}
	}
	for id := range omitted {
		if known[id].id == "" {
			t.Errorf("omitted %s is not in the catalogue", id)
		}
	}
}
