package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The tools that are not the standard library's, pinned. The go command builds them once, and keeps them in its cache.
const (
	staticcheck = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"
	govulncheck = "golang.org/x/vuln/cmd/govulncheck@v1.9.0"
)

// vulnerabilities asks govulncheck. It fails on a vulnerability that code of the module can reach in another module.
// One that is only imported, or that is in the standard library (whoever builds with a library chooses the toolchain),
// is reported. Without the database the step is not run.
func vulnerabilities(ctx context.Context, j *job) result {
	var report, complaint bytes.Buffer
	err := j.command(ctx, nil, &report, &complaint, "run", govulncheck, "-format", "json", "./...")
	vulns, started, badReport := readVulns(&report)
	if err == nil {
		err = badReport
	}
	if err != nil {
		j.Write(complaint.Bytes())
		if started && strings.Contains(complaint.String(), "fetching vulnerabilities") && unreachable(complaint.String()) != "" {
			return result{outcome: notRun, note: "database unreachable"}
		}
		return result{outcome: failed, note: err.Error()}
	}
	return judgeVulns(vulns, j)
}

func judgeVulns(vulns []vuln, log io.Writer) result {
	reachable, others := 0, 0
	for _, v := range vulns {
		fmt.Fprintln(log, v)
		if v.called && v.module != "stdlib" {
			reachable++
		} else {
			others++
		}
	}
	switch {
	case reachable > 0:
		return result{outcome: failed, note: fmt.Sprintf("%d reachable", reachable)}
	case others > 0:
		return result{outcome: passed, note: fmt.Sprintf("%d reported, none called outside the toolchain", others)}
	}
	return result{outcome: passed}
}

// A vuln is one known vulnerability of one module in the build.
type vuln struct {
	id, module, version, fixed string
	called                     bool // code of ours can reach it
}

func (v vuln) String() string {
	how, fix := "is not called", "no fix yet"
	if v.called {
		how = "is called"
	}
	if v.fixed != "" {
		fix = "fixed in " + v.fixed
	}
	return fmt.Sprintf("%s in %s@%s %s; %s; https://pkg.go.dev/vuln/%s", v.id, v.module, v.version, how, fix, v.id)
}

// readVulns reads the messages of govulncheck -format json. Started tells whether there is one at all, so whether
// govulncheck itself could be built. A finding's first frame names the vulnerable symbol if code of ours can reach it,
// and otherwise the module or package alone.
func readVulns(r io.Reader) (vulns []vuln, started bool, err error) {
	at := map[string]int{}
	for dec := json.NewDecoder(r); ; started = true {
		var message struct {
			Finding *struct {
				OSV   string `json:"osv"`
				Fixed string `json:"fixed_version"`
				Trace []struct{ Module, Version, Function string }
			}
		}
		if err := dec.Decode(&message); errors.Is(err, io.EOF) {
			return vulns, started, nil
		} else if err != nil {
			return vulns, started, fmt.Errorf("reading govulncheck's report: %w", err)
		}
		f := message.Finding
		if f == nil || len(f.Trace) == 0 {
			continue
		}
		where := f.Trace[0]
		i, seen := at[f.OSV+" "+where.Module]
		if !seen {
			i = len(vulns)
			at[f.OSV+" "+where.Module] = i
			vulns = append(vulns, vuln{id: f.OSV, module: where.Module, version: where.Version, fixed: f.Fixed})
		}
		vulns[i].called = vulns[i].called || where.Function != ""
	}
}
