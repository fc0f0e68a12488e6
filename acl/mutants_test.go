package acl

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutants are ways to break the evaluator, the table of operations, the delegation rule and the freshness of what
// decides, each by one small change. The tests of this package must catch every one.
var mutants = []struct{ name, file, was, is string }{
	{"a barrier lets data rights pass", "compile.go", "rights &= Control\n", "rights &= Admin\n"},
	{"a barrier stops control, too", "compile.go", "rights &= Control\n", "rights = 0\n"},
	{"a barrier stops its own scope's grants", "compile.go", "rights |= c.scopes[scope]\n", "if !c.index.barriers.has(scope) {\n rights |= c.scopes[scope]\n}\n"},
	{"the nearest grant wins", "compile.go", "rights |= c.scopes[scope]\n", "if r, ok := c.scopes[scope]; ok {\n rights = r\n}\n"},
	{"a grant lives at the moment that it expires", "compile.go", "case !now.Before(t):", "case now.After(t):"},
	{"an expiry is not remembered", "compile.go", "if c.validUntil.IsZero() || t.Before(c.validUntil) {", "if false {"},
	{"the suspended are not", "compile.go", "if ix.policy.isSuspended(who.User) {", "if false {"},
	{"a scope is a prefix of bytes", "scope.go", "s[len(s)-1] == '/' && strings.HasPrefix(key, s)", "strings.HasPrefix(key, s)"},
	{"public grants live without the switch", "group.go", "if allowPublic {", "if true {"},
	{"nobody is authenticated", "group.go", "if who.User != \"\" {\n\t\t\tall = append(all, held{Authenticated, -1})\n\t\t}", "all = append(all, held{Authenticated, -1})"},
	{"groups do not nest", "group.go", "for i := 0; i < len(all); i++ {\n\t\tfor _, id := range m[", "for i := 0; i < min(1, len(all)); i++ {\n\t\tfor _, id := range m["},

	{"Stat needs List", "view_read.go", "\"stat\", key, versioned(Get, opts.Version)", "\"stat\", key, versioned(List, opts.Version)"},
	{"an old version needs nothing more", "view.go", "want |= Write\n", "want |= 0\n"},
	{"a source is checked when it is made alone", "view_read.go", "return src.Checked(func(ctx context.Context) error { return v.require(ctx, \"source\", key, want) }), nil", "return src, nil"},
	{"a download is checked when it begins alone", "view_body.go", "if n > 0 || err == io.EOF {", "if false && err == io.EOF {"},
	{"a put is not checked before it is published", "view_write.go", "v.hook(check, check)", "v.hook(check, nil)"},
	{"a put is not checked while it is sent", "view_body.go", "OnSend: v.pace(sending).passed, ", ""},
	{"a caller's hook comes after the check", "view_write.go", "opts.Hook.Then(v.hook(check, check))", "v.hook(check, check).Then(opts.Hook)"},
	{"a copy is not checked before it is published", "view_write.go", "opts.Hook.Then(&blob.Hook{OnPublish: check})", "opts.Hook"},
	{"an upload is not checked before it is published", "view_upload.go", "u.v.require(ctx, \"upload\", u.key, needFor(cond))", "ctx.Err()"},
	{"Create alone puts unconditionally", "view_write.go", "p.need, p.cond, needed = CreateNew, blob.IfAbsent, blob.KindAbsent", "p.need = CreateNew"},
	{"Write alone creates", "view_write.go", "err = denied\n\t}\n\tif err != nil {\n\t\treturn blob.Condition{}, err", "return blob.IfAbsent, nil\n\t}\n\tif err != nil {\n\t\treturn blob.Condition{}, err"},
	{"a missing condition is imitated", "view_write.go", "if !can.Has(needed) {", "if false {"},
	{"Delete needs Write", "view_write.go", "\"delete\", key, versioned(Delete, opts.Version)", "\"delete\", key, versioned(Write, opts.Version)"},
	{"many deletions are decided as one", "view_write.go", "err := v.require(ctx, \"delete\", key, Delete)\n", "err := v.require(ctx, \"delete\", page[0], Delete)\n"},
	{"Sign needs no Share", "view_write.go", "need := Share\n", "need := Rights(0)\n"},
	{"a signed request outlives the grant", "view_write.go", "o.Expires = min(o.Expires, until.Sub(now.time()))", "_ = until"},
	{"a token is for any user", "view_upload.go", "string(kind), s.Policy, key, id, user}", "string(kind), s.Policy, key, id}"},
	{"a token is for any key", "view_upload.go", "string(kind), s.Policy, key, id, user}", "string(kind), s.Policy, id, user}"},
	{"a token to abort resumes", "view_upload.go", "if u.kind != toResume {", "if false {"},
	{"an abort needs the token alone", "view_upload.go", "if u.kind == toAbort {\n", "if false {\n"},
	{"a completion is planned by the rights of the beginning", "view_upload.go", "func (u *viewUpload) Complete(ctx context.Context) (*blob.Object, error) {\n\tp, err := u.plan(ctx)", "func (u *viewUpload) Complete(ctx context.Context) (*blob.Object, error) {\n\tp, err := plan{cond: u.cond, need: CreateNew | Write}, error(nil)"},
	{"unfinished uploads show to all", "view_upload.go", "CheckKey(info.Key) != nil || !a.rights.rights(info.Key).Has(List)", "CheckKey(info.Key) != nil"},

	{"one gives what one does not hold", "delegation.go", "if !h.has(g.Rights, g.Expires) {", "if false && !h.has(g.Rights, g.Expires) {"},
	{"one gives for longer than one holds", "delegation.go", "if !h.has(g.Rights, g.Expires) {", "if !h.rights.Has(g.Rights) {"},
	{"a revocation needs no WriteACL", "delegation.go", "if _, err := c.administers(e.scope); err != nil {\n\t\treturn err\n\t}\n\tc.remove(", "c.remove("},
	{"a barrier is set by anyone", "delegation.go", "if _, err := c.administers(e.scope); err != nil {\n\t\treturn err\n\t}\n\tc.policy.Barriers = include", "c.policy.Barriers = include"},
	{"a barrier falls without what it stops", "delegation.go", "if !holdsAll {", "if false {"},
	{"a barrier falls although what it stops lasts longer", "delegation.go", "holdsAll = holdsAll && h.has(stopped, g.Expires)", "holdsAll = holdsAll && h.rights.Has(stopped)"},
	{"members are set by anyone", "owners.go", "func (e setGroup) apply(c *editing) error {\n\tif !c.owns() {", "func (e setGroup) apply(c *editing) error {\n\tif false {"},
	{"owners are made by anyone", "owners.go", "func (e addOwner) apply(c *editing) error {\n\tif !c.owns() {", "func (e addOwner) apply(c *editing) error {\n\tif false {"},
	{"the last owner goes", "owners.go", "if change(c.policy); !c.policy.administered() {", "if change(c.policy); false {"},

	{"a policy serves however old it is", "snapshot.go", "r.begun.since(now) <= s.delta && r.Generation", "r.Generation"},
	{"recovery users pass at any time", "view.go", "if v.who.User == \"\" || c.everywhere == 0 {\n\t\treturn nil, err\n\t}", "if v.who.User == \"\" {\n\t\treturn nil, err\n\t}"},
}

// A mutant is of code as it is: one whose place is gone must follow it.
func TestMutantsApply(t *testing.T) {
	for _, m := range mutants {
		source, err := os.ReadFile(m.file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(source), m.was); n != 1 {
			t.Errorf("%s: %q stands %d times in %s, not once", m.name, m.was, n, m.file)
		}
	}
}

// Each mutant is built and tested by itself, which takes minutes, so this is of the long tier.
func TestMutantsAreCaught(t *testing.T) {
	if os.Getenv("HOLDALL_FULL") != "1" {
		t.Skip("of the long tier; HOLDALL_FULL=1 runs it, as go run ./internal/check -full does")
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			path, err := filepath.Abs(m.file)
			if err != nil {
				t.Fatal(err)
			}
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			mutated, overlay := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
			replace, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
			if err != nil {
				t.Fatal(err)
			}
			for name, content := range map[string]string{mutated: strings.Replace(string(source), m.was, m.is, 1), overlay: string(replace)} {
				if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), "go", "test", "-short", "-failfast", "-vet=off", "-overlay", overlay, "-skip", "TestViewsConform|TestMutants", ".")
			cmd.Env = append(os.Environ(), "HOLDALL_FULL=")
			out, err := cmd.CombinedOutput()
			switch {
			case err == nil:
				t.Error("no test fails")
			case strings.Contains(string(out), "[build failed]") || !strings.Contains(string(out), "--- FAIL: "):
				t.Errorf("it was not tested: %v\n%s", err, out)
			}
		})
	}
}
