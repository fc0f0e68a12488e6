package providers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall/conformance/providers/b2front"
)

// key makes a key and returns the account with it. The key goes with the test.
func (b *b2) key(bucketID, prefix string, capabilities ...string) (*b2front.Account, string) {
	b.Helper()
	id, secret, err := b.MakeKey(b.Context(), bucketID, prefix, capabilities...)
	if err != nil {
		b.Fatal(err)
	}
	account, err := b2front.Authorize(b.Context(), b.Endpoint, id, secret)
	if err != nil {
		b.Fatal(err)
	}
	return account, id
}

// A place is where a call is tried: a prefix of a bucket, with a file and a large file that is started.
type place struct {
	bucket, prefix string // the id of the bucket
	file, started  string // ids
}

func (b *b2) place(prefix string) place {
	b.Helper()
	file := b.put(prefix+"f", "x")
	var large b2front.File
	b.call("b2_start_large_file", b2front.Params{"fileName": prefix + "l", "contentType": "x/y"}, &large)
	return place{b.bucket.ID, prefix, file.ID, large.ID}
}

// Every call needs its capability, and obeys what its key is restricted to: a bucket, and in that names in "in/".
func TestB2Keys(t *testing.T) {
	b, other := newB2(t), newB2(t)
	in, out, elsewhere := b.place("in/"), b.place("out/"), other.place("in/")
	type params = b2front.Params
	calls := []struct {
		name, capability string
		at               func(p place) params
	}{
		{"b2_list_file_names", "listFiles", func(p place) params { return params{"bucketId": p.bucket, "prefix": p.prefix} }},
		{"b2_list_file_versions", "listFiles", func(p place) params { return params{"bucketId": p.bucket, "prefix": p.prefix + "f"} }},
		{"b2_list_unfinished_large_files", "listFiles", func(p place) params { return params{"bucketId": p.bucket, "namePrefix": p.prefix} }},
		{"b2_get_file_info", "readFiles", func(p place) params { return params{"fileId": p.file} }},
		{"b2_download_file_by_id", "readFiles", func(p place) params { return params{"fileId": p.file} }},
		{"b2_start_large_file", "writeFiles", func(p place) params {
			return params{"bucketId": p.bucket, "fileName": p.prefix + "m", "contentType": "x/y"}
		}},
		{"b2_list_parts", "writeFiles", func(p place) params { return params{"fileId": p.started} }},
		{"b2_get_upload_part_url", "writeFiles", func(p place) params { return params{"fileId": p.started} }},
		{"b2_copy_part", "writeFiles", func(p place) params {
			return params{"largeFileId": p.started, "sourceFileId": in.file, "partNumber": 1}
		}},
		{"b2_copy_part", "writeFiles", func(p place) params {
			return params{"largeFileId": in.started, "sourceFileId": p.file, "partNumber": 1}
		}},
		{"b2_copy_file", "writeFiles", func(p place) params {
			return params{"sourceFileId": in.file, "fileName": p.prefix + "c", "destinationBucketId": p.bucket}
		}},
		{"b2_copy_file", "writeFiles", func(p place) params {
			return params{"sourceFileId": p.file, "fileName": "in/c", "destinationBucketId": in.bucket}
		}},
		{"b2_get_download_authorization", "shareFiles", func(p place) params {
			return params{"bucketId": p.bucket, "fileNamePrefix": p.prefix, "validDurationInSeconds": 9}
		}},
		{"b2_finish_large_file", "writeFiles", func(p place) params {
			return params{"fileId": p.started, "partSha1Array": []string{sha1Of("x")}}
		}},
		{"b2_cancel_large_file", "writeFiles", func(p place) params { return params{"fileId": p.started} }},
		{"b2_hide_file", "writeFiles", func(p place) params { return params{"bucketId": p.bucket, "fileName": p.prefix + "f"} }},
		{"b2_delete_file_version", "deleteFiles", func(p place) params { return params{"fileId": p.file, "fileName": p.prefix + "f"} }},
	}
	all := []string{"listBuckets", "listFiles", "readFiles", "shareFiles", "writeFiles", "deleteFiles"}
	restricted, _ := b.key(b.bucket.ID, "in/", all...)
	denied := func(what string, a *b2front.Account, call string, p params) {
		t.Helper()
		if err := a.Call(t.Context(), call, p, nil); answer(err) != "401 unauthorized" {
			t.Errorf("%s %s: %v", call, what, err)
		}
	}
	for _, c := range calls {
		denied("outside of the prefix", restricted, c.name, c.at(out))
		denied("outside of the bucket", restricted, c.name, c.at(elsewhere))
		others := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == c.capability })
		a, _ := b.key(b.bucket.ID, "", others...)
		denied("without "+c.capability, a, c.name, c.at(in))
		needed := []string{c.capability}
		if strings.HasPrefix(c.name, "b2_copy") {
			a, _ := b.key(b.bucket.ID, "", needed...)
			denied("without readFiles", a, c.name, c.at(in))
			needed = append(needed, "readFiles")
		}
		at := in
		if c.name == "b2_cancel_large_file" { // the other is finished
			at = b.place("in/")
		}
		a, _ = b.key(b.bucket.ID, "in/", needed...)
		if err := a.Call(t.Context(), c.name, c.at(at), nil); err != nil {
			t.Errorf("%s as the key may: %v", c.name, err)
		}
	}
	for call, p := range map[string]params{
		"b2_list_file_names":             {"bucketId": b.bucket.ID, "prefix": "in"},
		"b2_list_file_versions":          {"bucketId": b.bucket.ID, "startFileName": "in/"},
		"b2_list_unfinished_large_files": {"bucketId": b.bucket.ID},
		"b2_get_upload_url":              {"bucketId": other.bucket.ID},
		"b2_list_buckets":                {"accountId": b.ID},
		"b2_list_keys":                   {"accountId": b.ID},
		"b2_create_key":                  {"accountId": b.ID, "keyName": "k", "capabilities": []string{"listFiles"}},
		"b2_create_bucket":               {"accountId": b.ID, "bucketName": "some-other-bucket", "bucketType": "allPrivate"},
		"b2_delete_bucket":               {"accountId": b.ID, "bucketId": b.bucket.ID},
	} {
		denied("with a restricted key", restricted, call, p)
	}
	for _, p := range []params{{"bucketName": b.bucket.Name}, {"bucketId": b.bucket.ID}} {
		if err := restricted.Call(t.Context(), "b2_list_buckets", p, nil); err != nil {
			t.Errorf("b2_list_buckets with %v: %v", p, err)
		}
	}

	// Uploads and downloads are no JSON.
	b.put("in/f", "x")
	u, err := restricted.UploadURL(t.Context(), b.bucket.ID)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"in/f": "200", "out/f": "401 unauthorized"} {
		if _, err := u.Put(t.Context(), name, nil, nil); answer(err) != want {
			t.Errorf("put %s: %v", name, err)
		}
		if _, err := restricted.Get(t.Context(), b.bucket.Name, name, nil); answer(err) != want {
			t.Errorf("get %s: %v", name, err)
		}
	}
	if _, err := restricted.Get(t.Context(), other.bucket.Name, "in/f", nil); answer(err) != "401 unauthorized" {
		t.Errorf("get from another bucket: %v", err)
	}
	blind, _ := b.key(b.bucket.ID, "", "listFiles")
	if _, err := blind.Get(t.Context(), b.bucket.Name, "in/f", nil); answer(err) != "401 unauthorized" {
		t.Errorf("get without the capability: %v", err)
	}

	// What authorization tells.
	a := restricted.Allowed
	slices.Sort(a.Capabilities)
	slices.Sort(all)
	if a.BucketID != b.bucket.ID || a.BucketName != b.bucket.Name || a.NamePrefix != "in/" || !slices.Equal(a.Capabilities, all) ||
		a.AbsoluteMinimumPartSize != 5_000_000 || a.APIURL != b.Endpoint.String() || a.DownloadURL != b.Endpoint.String() {
		t.Errorf("allowed is %+v", a)
	}
	if b.Allowed.BucketID != "" || b.Allowed.NamePrefix != "" {
		t.Errorf("the master key is restricted: %+v", b.Allowed)
	}
}

func TestB2KeysComeAndGo(t *testing.T) {
	b := newB2(t)
	account, id := b.key(b.bucket.ID, "", "writeFiles")
	u, err := account.UploadURL(t.Context(), b.bucket.ID)
	if err != nil {
		t.Fatal(err)
	}
	list := func() bool {
		var answer struct {
			Keys []struct{ ApplicationKeyID, ApplicationKey, BucketID string }
		}
		if err := b.Call(t.Context(), "b2_list_keys", b2front.Params{"accountId": b.ID, "maxKeyCount": 1000}, &answer); err != nil {
			t.Fatal(err)
		}
		for _, k := range answer.Keys {
			if k.ApplicationKey != "" {
				t.Error("a listing has a secret")
			}
			if k.ApplicationKeyID == id && k.BucketID == b.bucket.ID {
				return true
			}
		}
		return false
	}
	if !list() {
		t.Error("the key is not listed")
	}
	if err := b.Call(t.Context(), "b2_delete_key", b2front.Params{"applicationKeyId": id}, nil); err != nil {
		t.Fatal(err)
	}
	if list() {
		t.Error("the key is still listed")
	}
	if _, err := account.UploadURL(t.Context(), b.bucket.ID); answer(err) != "401 bad_auth_token" {
		t.Errorf("a call with a deleted key: %v", err)
	}
	if _, err := u.Put(t.Context(), "f", nil, nil); answer(err) != "401 bad_auth_token" {
		t.Errorf("an upload with a deleted key: %v", err)
	}
	for _, params := range []b2front.Params{
		{"capabilities": []string{}},
		{"capabilities": []string{"flyFiles"}},
		{"capabilities": []string{"writeKeys"}, "bucketId": b.bucket.ID},
		{"capabilities": []string{"listFiles"}, "namePrefix": "x"},
		{"capabilities": []string{"listFiles"}, "validDurationInSeconds": 86_400_000},
	} {
		params["accountId"], params["keyName"] = b.ID, "k"
		if err := b.Call(t.Context(), "b2_create_key", params, nil); answer(err) != "400 bad_request" {
			t.Errorf("%v: %v", params, err)
		}
	}
	var brief struct{ ApplicationKeyID, ApplicationKey string }
	params := b2front.Params{"accountId": b.ID, "keyName": "k", "capabilities": []string{"listFiles"}, "validDurationInSeconds": 1}
	if err := b.Call(t.Context(), "b2_create_key", params, &brief); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := b2front.Authorize(t.Context(), b.Endpoint, brief.ApplicationKeyID, brief.ApplicationKey)
		if answer(err) == "401 unauthorized" {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("a key for a second: %v", err)
		}
	}
	if _, err := b2front.Authorize(t.Context(), b.Endpoint, "account-0", "wrong"); answer(err) != "401 unauthorized" {
		t.Errorf("a wrong key: %v", err)
	}
	if err := (&b2front.Account{Endpoint: b.Endpoint}).Call(t.Context(), "b2_list_keys", b2front.Params{}, nil); answer(err) != "401 missing_auth_token" {
		t.Errorf("without a token: %v", err)
	}
	// Version 2 tells the same otherwise.
	header := http.Header{"Authorization": {"Basic YWNjb3VudC0wOm1hc3RlcktleS0w"}} // account-0:masterKey-0
	if status, _, body := b.raw("GET", "/b2api/v2/b2_authorize_account", "", header, ""); status != 200 || !strings.Contains(body, `"allowed": {"bucketId": null`) {
		t.Errorf("version 2: %d %s", status, body)
	}
}

// The two accounts know nothing of each other.
func TestB2Identities(t *testing.T) {
	b := newB2(t)
	if !strings.HasPrefix(b.server.Name(), "b2:simulator-1.") {
		t.Errorf("the server is %s", b.server.Name())
	}
	f := b.put("f", "x")
	second, err := b.server.B2Account(t.Context(), b.server.Provider.Holders[1])
	if err != nil {
		t.Fatal(err)
	}
	var buckets struct{ Buckets []b2front.Bucket }
	if err := second.Call(t.Context(), "b2_list_buckets", b2front.Params{"accountId": second.ID}, &buckets); err != nil || len(buckets.Buckets) > 0 {
		t.Errorf("the second sees %v, %v", buckets, err)
	}
	for call, params := range map[string]b2front.Params{
		"b2_list_file_names":     {"bucketId": b.bucket.ID},
		"b2_get_file_info":       {"fileId": f.ID},
		"b2_get_upload_url":      {"bucketId": b.bucket.ID},
		"b2_delete_file_version": {"fileId": f.ID, "fileName": "f"},
		"b2_delete_bucket":       {"accountId": second.ID, "bucketId": b.bucket.ID},
	} {
		if err := second.Call(t.Context(), call, params, nil); answer(err) != "401 unauthorized" {
			t.Errorf("%s by the second: %v", call, err)
		}
	}
	if _, err := second.Get(t.Context(), b.bucket.Name, "f", nil); answer(err) != "401 unauthorized" {
		t.Errorf("get by the second: %v", err)
	}
}

func TestB2DownloadAuthorization(t *testing.T) {
	b := newB2(t)
	b.put("in/f", "content")
	b.put("out/f", "")
	authorize := func(params b2front.Params) string {
		b.Helper()
		params["fileNamePrefix"] = "in/"
		var answer struct{ AuthorizationToken string }
		b.call("b2_get_download_authorization", params, &answer)
		return answer.AuthorizationToken
	}
	get := func(name string, query url.Values) (int, http.Header) {
		b.Helper()
		status, header, _ := b.raw("GET", "/file/"+b.bucket.Name+"/"+name+"?"+query.Encode(), "", nil, "")
		return status, header
	}
	token := authorize(b2front.Params{"validDurationInSeconds": 60})
	for _, c := range []struct {
		name, token string
		want        int
	}{{"in/f", token, 200}, {"out/f", token, 401}, {"in/f", "", 401}, {"in/f", token + "x", 401}, {"in/none", token, 404}} {
		if got, _ := get(c.name, url.Values{"Authorization": {c.token}}); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if _, header := get("in/f", url.Values{"Authorization": {token}, "b2ContentDisposition": {"attachment"}, "b2ContentType": {"x/y"}}); header.Get("Content-Disposition") != "attachment" || header.Get("Content-Type") != "x/y" {
		t.Errorf("overridden: %v", header)
	}
	// What the token fixes must be asked for.
	fixed := authorize(b2front.Params{"validDurationInSeconds": 60, "b2ContentDisposition": "attachment"})
	if got, _ := get("in/f", url.Values{"Authorization": {fixed}}); got != 401 {
		t.Errorf("without what is fixed: %d", got)
	}
	if got, header := get("in/f", url.Values{"Authorization": {fixed}, "b2ContentDisposition": {"attachment"}}); got != 200 || header.Get("Content-Disposition") != "attachment" {
		t.Errorf("with what is fixed: %d %v", got, header)
	}
	short := authorize(b2front.Params{"validDurationInSeconds": 1})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if got, _ := get("in/f", url.Values{"Authorization": {short}}); got == 401 {
			break
		} else if got != 200 || time.Now().After(deadline) {
			t.Fatalf("a token for a second: %d", got)
		}
	}
	for _, seconds := range []int{0, 604_801} {
		params := b2front.Params{"fileNamePrefix": "", "validDurationInSeconds": seconds}
		if err := b.inBucket("b2_get_download_authorization", params, nil); answer(err) != "400 bad_request" {
			t.Errorf("for %d seconds: %v", seconds, err)
		}
	}
	// Public buckets need no token.
	b.call("b2_update_bucket", b2front.Params{"accountId": b.ID, "bucketType": "allPublic"}, nil)
	if got, _ := get("out/f", nil); got != 200 {
		t.Errorf("from a public bucket: %d", got)
	}
}
