package main

import (
	"bytes"
	"strings"
	"testing"
)

const started = `{"config": {"scanner_name": "govulncheck"}} {"progress": {"message": "Scanning"}} {"osv": {"id": "GO-1"}}`

func TestReadVulns(t *testing.T) {
	for _, test := range []struct {
		name, report string
		outcome      outcome
		says         string
	}{
		{"nothing found", started, passed, ""},
		{"in a required module", started + `
			{"finding": {"osv": "GO-1", "trace": [{"module": "m", "version": "v1.0.0"}]}}`, passed, "m@v1.0.0 is not called; no fix yet"},
		{"in an imported package", started + `
			{"finding": {"osv": "GO-1", "trace": [{"module": "m"}]}}
			{"finding": {"osv": "GO-1", "trace": [{"module": "m", "package": "m/p"}]}}`, passed, "is not called"},
		{"in a function that is called", started + `
			{"finding": {"osv": "GO-1", "trace": [{"module": "m"}]}}
			{"finding": {"osv": "GO-1", "fixed_version": "v1.2.0", "trace": [{"module": "m", "package": "m/p"}]}}
			{"finding": {"osv": "GO-1", "trace": [
				{"module": "m", "package": "m/p", "function": "F", "receiver": "T"},
				{"module": "holdall", "package": "holdall/x", "function": "G"}]}}`, failed, "is called"},
		{"in the toolchain", started + `
			{"finding": {"osv": "GO-2", "fixed_version": "v1.26.9", "trace": [
				{"module": "stdlib", "version": "v1.26.8", "package": "net/http", "function": "Get"}]}}`, passed, "stdlib@v1.26.8 is called; fixed in v1.26.9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			vulns, began, err := readVulns(strings.NewReader(test.report))
			if err != nil || !began {
				t.Fatalf("began %v, error %v", began, err)
			}
			if len(vulns) > 1 {
				t.Errorf("%d vulnerabilities, want findings of one merged", len(vulns))
			}
			var log bytes.Buffer
			if r := judgeVulns(vulns, &log); r.outcome != test.outcome {
				t.Errorf("%v, want %s", r, test.outcome)
			}
			if !strings.Contains(log.String(), test.says) {
				t.Errorf("log %q, want %q in it", &log, test.says)
			}
		})
	}
}

func TestReadVulnsOfNoReport(t *testing.T) {
	if _, began, err := readVulns(strings.NewReader("")); began || err != nil {
		t.Errorf("nothing: began %v, error %v", began, err)
	}
	if _, _, err := readVulns(strings.NewReader(started + "{")); err == nil {
		t.Error("half a message is not an error")
	}
}
