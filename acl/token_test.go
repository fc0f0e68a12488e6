package acl

import (
	"io/fs"
	"testing"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/mem"
)

// A token to abort another's upload is good for that alone, and only for as long as one may delete the key.
func TestAbortTokens(t *testing.T) {
	g := newTestGuard(t, mem.New(nil), nil)
	install(t, g, policyOf(grantTo("u", "k/", Writer), grantTo("v", "k/", Writer)))
	ctx, v := t.Context(), g.as("v")
	if _, err := g.as("u").Upload(ctx, "k/x", nil); err != nil {
		t.Fatal(err)
	}
	token := ""
	for info, err := range v.Uploads(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		token = info.ID
	}
	forged := string(rune(toResume)) + token[1:]
	wantErr(t, "one made into one to resume", second(v.Upload(ctx, "k/x", &blob.UploadOptions{ID: forged})), fs.ErrPermission)
	held, err := v.Upload(ctx, "k/x", &blob.UploadOptions{ID: token})
	if err != nil {
		t.Fatal(err)
	}
	must(t)(g.as("olga").Revoke(ctx, "k/", User("v")))
	wantErr(t, "to abort without Delete", held.Abort(ctx), fs.ErrPermission)
	wantErr(t, "to take it up without Delete", second(v.Upload(ctx, "k/x", &blob.UploadOptions{ID: token})), fs.ErrPermission)
}
