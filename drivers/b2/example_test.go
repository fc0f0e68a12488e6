package b2_test

import (
	"context"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/drivers/b2"
	"github.com/holdall-go/holdall/drivers/mem"
)

// server stands in for Backblaze's, so that the examples run anywhere: it keeps small files, and their newest version.
func server() *httptest.Server {
	var mu sync.Mutex
	type file struct {
		id, content string
	}
	files, n := map[string]file{}, 0
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		answer := func(v map[string]any) { _ = json.NewEncoder(w).Encode(v) }
		name, download := strings.CutPrefix(r.URL.Path, "/file/photos-of-mine/")
		switch {
		case strings.HasSuffix(r.URL.Path, "b2_authorize_account"):
			answer(map[string]any{"authorizationToken": "token", "apiInfo": map[string]any{"storageApi": map[string]any{
				"apiUrl": srv.URL, "downloadUrl": srv.URL, "bucketId": "id", "bucketName": "photos-of-mine",
				"capabilities": []string{"listFiles", "readFiles", "writeFiles", "deleteFiles"}}}})
		case strings.HasSuffix(r.URL.Path, "b2_get_upload_url"):
			answer(map[string]any{"uploadUrl": srv.URL + "/b2api/v3/b2_upload_file/1", "authorizationToken": "upload token"})
		case strings.Contains(r.URL.Path, "b2_upload_file"):
			n++
			key, _ := url.QueryUnescape(r.Header.Get("X-Bz-File-Name"))
			files[key] = file{fmt.Sprint("version-", n), string(body)}
			answer(map[string]any{"fileId": files[key].id, "uploadTimestamp": n})
		case download && files[name].id != "":
			f := files[name]
			w.Header().Set("X-Bz-File-Id", f.id)
			w.Header().Set("X-Bz-Upload-Timestamp", "1")
			w.Header().Set("X-Bz-Content-Sha1", fmt.Sprintf("%x", sha1.Sum([]byte(f.content))))
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(f.content))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	return srv
}

// open opens the bucket of the stand-in. With Backblaze no Endpoint is needed, and where its own tools find an
// application key, none is here.
func open(ctx context.Context, srv *httptest.Server) *b2.Bucket {
	b, err := b2.Open(ctx, "photos-of-mine", &b2.Config{Endpoint: srv.URL, KeyID: "key-id", Key: "key"})
	if err != nil {
		log.Fatal(err)
	}
	return b
}

// A bucket is opened, written and read. What it costs is counted.
func ExampleOpen() {
	srv := server()
	defer srv.Close()
	ctx := context.Background()
	b := open(ctx, srv)
	defer b.Close()
	if _, err := blob.WriteAll(ctx, b, "2026/cat.txt", []byte("a cat"), nil); err != nil {
		log.Fatal(err)
	}
	content, err := blob.ReadAll(ctx, b, "2026/cat.txt")
	fmt.Printf("%s, %v, in %s\n", content, err, b)
	fmt.Printf("%+v\n", b.Calls())
	_, err = blob.WriteAll(ctx, b, "2026/cat.txt", nil, &blob.PutOptions{If: blob.IfAbsent})
	fmt.Println(errors.Is(err, errors.ErrUnsupported))
	// Output:
	// a cat, <nil>, in b2://photos-of-mine
	// {A:2 B:1 C:1}
	// true
}

// share gives alice one subtree, and shows what is hers.
func share(ctx context.Context, guard *acl.Guard) {
	root := guard.As(acl.Identity{User: "root"})
	if _, err := root.Grant(ctx, "alice/", acl.User("alice"), acl.Writer); err != nil {
		log.Fatal(err)
	}
	alice := guard.As(acl.Identity{User: "alice"})
	_, mine := blob.WriteAll(ctx, alice, "alice/cat.txt", []byte("a cat"), nil)
	_, others := blob.WriteAll(ctx, alice, "bob/cat.txt", []byte("a cat"), nil)
	fmt.Println(mine, errors.Is(others, fs.ErrPermission))
}

// B2 has no conditional writes, which the policy of access control needs. So that is kept in another bucket, such as a
// directory of the machine that serves the bucket.
func Example_policyApart() {
	srv := server()
	defer srv.Close()
	ctx := context.Background()
	b := open(ctx, srv)
	defer b.Close()
	guard, err := acl.Create(ctx, b, &acl.Options{Store: mem.New(nil)}, acl.User("root"))
	if err != nil {
		log.Fatal(err)
	}
	share(ctx, guard)
	// Output: <nil> true
}

// Or the policy is in the bucket itself, under the promise that one guard alone edits it: this process, and no other.
// Others may read it.
func Example_singleWriter() {
	srv := server()
	defer srv.Close()
	ctx := context.Background()
	b := open(ctx, srv)
	defer b.Close()
	_, err := acl.Create(ctx, b, nil, acl.User("root"))
	fmt.Println("without the promise:", errors.Is(err, errors.ErrUnsupported))
	guard, err := acl.Create(ctx, b, &acl.Options{SingleWriter: true}, acl.User("root"))
	if err != nil {
		log.Fatal(err)
	}
	share(ctx, guard)
	// Output:
	// without the promise: true
	// <nil> true
}
