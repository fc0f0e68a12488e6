package s3

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/blob"
)

// administered answers for the settings of one bucket and one object.
func administered() func(w http.ResponseWriter, r request) {
	settings := map[string]string{"acl=": `<AccessControlPolicy><Owner><ID>owner</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>owner</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>`}
	return func(w http.ResponseWriter, r request) {
		document, ok := settings[r.query]
		switch {
		case r.method == http.MethodPut:
			settings[r.query] = r.body
		case r.method == http.MethodDelete:
			delete(settings, r.query)
			w.WriteHeader(http.StatusNoContent)
		case !ok:
			answerError(w, 404, "NoSuchConfiguration", "")
		case r.query == "policy=":
			_, _ = w.Write([]byte(document))
		default:
			answerXML(w, document)
		}
	}
}

func TestACL(t *testing.T) {
	ctx := context.Background()
	b := newFake(t, administered()).open(t, "aws")
	public := &ACL{Grants: []Grant{{URI: "http://acs.amazonaws.com/groups/global/AllUsers", Permission: "READ"}, {ID: "somebody", Permission: "WRITE_ACP"}}}
	if err := b.SetObjectACL(ctx, "k", "", public); err != nil {
		t.Fatal(err)
	}
	for name, get := range map[string]func() (*ACL, error){
		"object": func() (*ACL, error) { return b.ObjectACL(ctx, "k", "") },
		"bucket": func() (*ACL, error) { return b.BucketACL(ctx) },
	} {
		if got, err := get(); err != nil || got.Owner != "owner" || !slices.Equal(got.Grants, public.Grants) {
			t.Errorf("the ACL of the %s is %+v, %v", name, got, err)
		}
	}
	if err := b.SetBucketACL(ctx, &ACL{Owner: "another"}); err != nil {
		t.Fatal(err)
	}
	if got, err := b.BucketACL(ctx); err != nil || got.Owner != "another" || len(got.Grants) != 0 {
		t.Errorf("the ACL of the bucket is %+v, %v", got, err)
	}
	for _, bad := range []*ACL{nil, {Grants: []Grant{{Permission: "READ"}}}, {Grants: []Grant{{ID: "a", URI: "b", Permission: "READ"}}}} {
		if err := b.SetObjectACL(ctx, "k", "", bad); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("the ACL %+v: %v", bad, err)
		}
	}
}

func TestPolicyAndPublicAccessBlock(t *testing.T) {
	ctx := context.Background()
	b := newFake(t, administered()).open(t, "aws")
	if _, err := b.Policy(ctx); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no policy: %v", err)
	}
	const policy = `{"Version":"2012-10-17","Statement":[]}`
	if err := b.SetPolicy(ctx, policy); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Policy(ctx); err != nil || got != policy {
		t.Errorf("the policy is %q, %v", got, err)
	}
	if err := b.SetPolicy(ctx, "{"); !errors.Is(err, blob.ErrInvalid) || !strings.Contains(err.Error(), "JSON") {
		t.Errorf("a policy that is none: %v", err)
	}
	if err := b.DeletePolicy(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Policy(ctx); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a policy that was deleted: %v", err)
	}
	if _, err := b.PublicAccessBlock(ctx); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no public access block: %v", err)
	}
	want := PublicAccessBlock{BlockACLs: true, RestrictPolicy: true}
	if err := b.SetPublicAccessBlock(ctx, want); err != nil {
		t.Fatal(err)
	}
	if got, err := b.PublicAccessBlock(ctx); err != nil || got != want {
		t.Errorf("the public access block is %+v, %v", got, err)
	}
}
