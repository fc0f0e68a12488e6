package acl

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// TestPolicyJSON pins the stored form.
func TestPolicyJSON(t *testing.T) {
	p := &Policy{
		ID:     "p1",
		Owners: []Principal{User("olga")},
		Groups: map[string][]Principal{"b": {User("x:y")}, "a": {Group("b"), User("z")}},
		Grants: []Grant{
			{Scope: "z", To: Public, Rights: Get},
			{Scope: "a/", To: User("bob"), Rights: Reader, Expires: time.Date(2030, 1, 2, 4, 4, 5, 6, time.FixedZone("", 3600)), By: "olga"},
		},
		Barriers:    []string{"b/", "a/"},
		Suspended:   []string{"sam"},
		AllowPublic: true,
	}
	p.normalize()
	const want = `{"id":"p1","grants":[` +
		`{"scope":"a/","to":"user:bob","rights":"Get+List","expires":"2030-01-02T03:04:05.000000006Z","by":"olga"},` +
		`{"scope":"z","to":"public","rights":"Get"}],"barriers":["a/","b/"],` +
		`"groups":{"a":["user:z","group:b"],"b":["user:x:y"]},"owners":["user:olga"],"suspended":["sam"],"allowPublic":true}`
	text, err := json.Marshal(p)
	if err != nil || string(text) != want {
		t.Fatalf("got %s, %v\nwant %s", text, err, want)
	}
	again := new(Policy)
	if err := json.Unmarshal(text, again); err != nil || !reflect.DeepEqual(again, p) {
		t.Errorf("came back as %+v, %v", again, err)
	}
	for _, bad := range []string{
		`{"grants":[{"to":"bob"}]}`, `{"grants":[{"to":"user:"}]}`, `{"grants":[{"rights":"Fly"}]}`, `{"owners":["owner:o"]}`, `{"owners":[""]}`,
	} {
		if err := json.Unmarshal([]byte(bad), new(Policy)); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("%s was read: %v", bad, err)
		}
	}
}

// TestNormalForm: it means the same, is one for all orders, and is kept by cloning.
func TestNormalForm(t *testing.T) {
	for n := range cases(2_000) {
		r := source(n)
		p := randomPolicy(r, scopes[:6])
		p.Grants = append(p.Grants, p.Grants...) // so that gifts meet
		for i := range p.Grants {
			if r.IntN(2) == 0 {
				p.Grants[i].Rights, p.Grants[i].Expires = randomRights(r), randomMoment(r)
			}
		}
		normal, shuffled := p.Clone(), p.Clone()
		r.Shuffle(len(p.Grants), func(i, j int) {
			shuffled.Grants[i], shuffled.Grants[j] = shuffled.Grants[j], shuffled.Grants[i]
		})
		normal.normalize()
		shuffled.normalize()
		again := normal.Clone()
		again.normalize()
		if describe(normal) != describe(shuffled) || describe(normal) != describe(again) {
			t.Fatalf("case %d: not one normal form:\n%s\n%s", n, describe(normal), describe(shuffled))
		}
		for _, now := range []time.Time{epoch.Add(-time.Minute), epoch, epoch.Add(time.Hour), epoch.Add(10 * time.Hour)} {
			for _, key := range scopes[:6] {
				for _, who := range identities {
					if got, want := Reference(normal, who, key, now), Reference(p, who, key, now); got != want {
						t.Fatalf("case %d: normal form gives %v, want %v, of\n%s", n, got, want, describe(p))
					}
				}
			}
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	p := team()
	before := describe(p)
	c := p.Clone()
	c.Grants[0].Rights, c.Barriers[0], c.Owners[0], c.Suspended[0] = 0, "", Public, ""
	c.Groups["staff"][0] = Public
	c.Groups["new"] = nil
	if describe(p) != before {
		t.Error("changing a clone changed the policy")
	}
}

func TestValidate(t *testing.T) {
	if err := team().Validate(); err != nil {
		t.Fatal(err)
	}
	for what, breaks := range map[string]func(*Policy){
		"grant 1":           func(p *Policy) { p.Grants[1].Scope = "a//b" },
		"no principal":      func(p *Policy) { p.Grants[2].To = Principal{} },
		"no rights":         func(p *Policy) { p.Grants[2].Rights = 0 },
		"the year 10000":    func(p *Policy) { p.Grants[2].Expires = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"not valid UTF-8":   func(p *Policy) { p.Grants[2].By = "\xff" },
		"a barrier at":      func(p *Policy) { p.Barriers[0] = "" },
		`"../"`:             func(p *Policy) { p.Barriers[0] = "../" },
		`group "staff"`:     func(p *Policy) { p.Groups["staff"][0] = Authenticated },
		"id is empty":       func(p *Policy) { p.Groups[""] = nil },
		"owner: ":           func(p *Policy) { p.Owners[0] = Public },
		"suspended user: ":  func(p *Policy) { p.Suspended[0] = "" },
		"a policy needs an": func(p *Policy) { p.Suspended[0] = "olga" },
		"an owner that is":  func(p *Policy) { p.Owners = p.Owners[1:] },
		"the key":           nil,
	} {
		if breaks == nil {
			continue
		}
		p := team()
		breaks(p)
		if err := p.Validate(); !errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want: …%s…", err, what)
		}
	}
}

func TestUnresolved(t *testing.T) {
	p := team()
	p.Grants = append(p.Grants, Grant{To: Group("ghost")}, Grant{To: Group("ghost")}, Grant{To: Group("staff")})
	p.Groups["board"] = append(p.Groups["board"], Group("spirit"))
	p.Owners = append(p.Owners, Group("angel"))
	if got := strings.Join(p.Unresolved(), " "); got != "angel ghost spirit" {
		t.Errorf("unresolved are %s", got)
	}
}
