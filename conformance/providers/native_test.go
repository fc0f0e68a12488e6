package providers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance/providers"
	"github.com/holdall-go/holdall/drivers/s3"
)

const allUsers = "http://acs.amazonaws.com/groups/global/AllUsers"

// TestNative uses what S3 alone has, through *s3.Bucket, as far as each server has it: what is opened to everybody
// anybody reads, and nothing else. What a server does not have, it refuses.
func TestNative(t *testing.T) {
	has := map[*providers.Provider]map[string]bool{
		providers.Ceph:      {"policy": true, "object ACL": true, "bucket ACL": true, "public access block": true, "tags": true},
		providers.MinIO:     {"policy": true, "tags": true},
		providers.Versitygw: {"policy": true, "tags": true},
	}
	each(t, func(t *testing.T, s *providers.Server) {
		if s.Provider == providers.Swift {
			t.Skip("not run: Swift's S3 door answers 400 to who does not sign, so nothing can be opened to everybody")
		}
		for what, use := range map[string]func(t *testing.T, owner, anybody *s3.Bucket) error{
			"policy": usePolicy, "object ACL": useObjectACL, "bucket ACL": useBucketACL, "public access block": usePublicAccessBlock, "tags": useTags} {
			t.Run(strings.ReplaceAll(what, " ", "_"), func(t *testing.T) {
				owner, anybody := nativeBucket(t, s)
				mayRead(t, anybody, "open/a", false)
				err := use(t, owner, anybody)
				if has[s.Provider][what] && err != nil {
					t.Error(err)
				}
				if !has[s.Provider][what] && !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("what the server does not have answers %v", err)
				}
			})
		}
	})
}

// nativeBucket makes a bucket with two objects, and returns it as its owner has it and as anybody does.
func nativeBucket(t *testing.T, s *providers.Server) (owner, anybody *s3.Bucket) {
	t.Helper()
	who := s.Provider.Holders[0]
	client := s.Client(who)
	name := fmt.Sprintf("native-%s", strings.ToLower(strings.ReplaceAll(t.Name()[strings.LastIndex(t.Name(), "/")+1:], "_", "-")))
	if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	open := func(cfg *s3.Config) *s3.Bucket {
		cfg.Endpoint, cfg.Region, cfg.MaxAttempts = s.Endpoint.String(), "us-east-1", 2
		b, err := s3.Open(t.Context(), name, cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return b
	}
	owner = open(&s3.Config{Credentials: credentials.NewStaticCredentialsProvider(who.Access, who.Secret, "")})
	anybody = open(&s3.Config{Anonymous: true})
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if _, err := blob.DeletePrefix(ctx, owner, ""); err != nil {
			t.Error(err)
		}
		if _, err := client.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String(name)}); err != nil {
			t.Error(err)
		}
	})
	for _, key := range []string{"open/a", "shut/b"} {
		if _, err := blob.WriteAll(t.Context(), owner, key, []byte(key), nil); err != nil {
			t.Fatal(err)
		}
	}
	return owner, anybody
}

func mayRead(t *testing.T, b *s3.Bucket, key string, may bool) {
	t.Helper()
	content, err := blob.ReadAll(t.Context(), b, key)
	if may && (err != nil || string(content) != key) {
		t.Errorf("%s, which is open, gives %q, %v", key, content, err)
	}
	if !may && !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%s, which is shut, gives %q, %v", key, content, err)
	}
}

func usePolicy(t *testing.T, owner, anybody *s3.Bucket) error {
	ctx := t.Context()
	if _, err := owner.Policy(ctx); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the policy of a new bucket: %w", err)
	}
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::%s/open/*"]}]}`, owner.Name())
	if err := owner.SetPolicy(ctx, policy); err != nil {
		return err
	}
	mayRead(t, anybody, "open/a", true)
	mayRead(t, anybody, "shut/b", false)
	if got, err := owner.Policy(ctx); err != nil || !strings.Contains(got, "s3:GetObject") {
		t.Errorf("the policy is %q, %v", got, err)
	}
	if err := owner.DeletePolicy(ctx); err != nil {
		return err
	}
	if err := owner.DeletePolicy(ctx); err != nil {
		t.Errorf("a second removal: %v", err)
	}
	mayRead(t, anybody, "open/a", false)
	return nil
}

func useObjectACL(t *testing.T, owner, anybody *s3.Bucket) error {
	ctx := t.Context()
	before, err := owner.ObjectACL(ctx, "open/a", "")
	if err != nil {
		return err
	}
	if err := owner.SetObjectACL(ctx, "open/a", "", openTo(before)); err != nil {
		return err
	}
	mayRead(t, anybody, "open/a", true)
	mayRead(t, anybody, "shut/b", false)
	if now, err := owner.ObjectACL(ctx, "open/a", ""); err != nil || now.Owner != before.Owner || len(now.Grants) != 2 {
		t.Errorf("the ACL is %+v, %v", now, err)
	}
	if err := owner.SetObjectACL(ctx, "open/a", "", before); err != nil {
		return err
	}
	mayRead(t, anybody, "open/a", false)
	_, err = owner.Put(ctx, "open/a", strings.NewReader("open/a"), &blob.PutOptions{Provider: &s3.Provider{ACL: "public-read"}})
	mayRead(t, anybody, "open/a", true)
	return err
}

// openTo is an ACL that lets everybody read, and leaves the owner all.
func openTo(before *s3.ACL) *s3.ACL {
	everybody := &s3.ACL{Grants: []s3.Grant{{URI: allUsers, Permission: "READ"}}}
	if before.Owner != "" { // MinIO answers with an owner without a name
		everybody.Grants = append(everybody.Grants, s3.Grant{ID: before.Owner, Permission: "FULL_CONTROL"})
	}
	return everybody
}

func useBucketACL(t *testing.T, owner, anybody *s3.Bucket) error {
	ctx := t.Context()
	lists := func() bool {
		for _, err := range anybody.List(ctx, nil) {
			return err == nil
		}
		return true
	}
	before, err := owner.BucketACL(ctx)
	if err != nil {
		return err
	}
	if lists() {
		t.Error("anybody lists a new bucket")
	}
	if err := owner.SetBucketACL(ctx, openTo(before)); err != nil {
		return err
	}
	if !lists() {
		t.Error("nobody else lists a bucket that is open for it")
	}
	return owner.SetBucketACL(ctx, before)
}

func usePublicAccessBlock(t *testing.T, owner, anybody *s3.Bucket) error {
	ctx := t.Context()
	if got, err := owner.PublicAccessBlock(ctx); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	} else if got != (s3.PublicAccessBlock{}) {
		t.Errorf("the public access block of a new bucket is %+v", got)
	}
	all := s3.PublicAccessBlock{BlockACLs: true, IgnoreACLs: true, BlockPolicy: true, RestrictPolicy: true}
	if err := owner.SetPublicAccessBlock(ctx, all); err != nil {
		return err
	}
	if got, err := owner.PublicAccessBlock(ctx); err != nil || got != all {
		t.Errorf("the block is %+v, %v", got, err)
	}
	_, err := owner.Put(ctx, "open/a", strings.NewReader("open/a"), &blob.PutOptions{Provider: &s3.Provider{ACL: "public-read"}})
	if err == nil {
		t.Error("a public ACL is set in spite of the block")
	}
	mayRead(t, anybody, "open/a", false)
	return nil
}

func useTags(t *testing.T, owner, _ *s3.Bucket) error {
	ctx := t.Context()
	tagged := &blob.PutOptions{Provider: &s3.Provider{Tags: map[string]string{"project x": "a+b=c"}, StorageClass: "STANDARD"}}
	if _, err := owner.Put(ctx, "open/a", strings.NewReader("open/a"), tagged); err != nil {
		return err
	}
	src, err := owner.Source(ctx, "open/a", nil)
	if err != nil {
		return err
	}
	if _, err := owner.Copy(ctx, "open/copy", src, nil); err != nil {
		return err
	}
	for _, key := range []string{"open/a", "open/copy"} {
		out, err := owner.Client().GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: aws.String(owner.Name()), Key: &key})
		if err != nil {
			return err
		}
		if len(out.TagSet) == 0 {
			return fmt.Errorf("%s has no tags", key)
		}
		if len(out.TagSet) != 1 || aws.ToString(out.TagSet[0].Key) != "project x" || aws.ToString(out.TagSet[0].Value) != "a+b=c" {
			t.Errorf("%s has %d tags, the first %q: %q", key, len(out.TagSet), aws.ToString(out.TagSet[0].Key), aws.ToString(out.TagSet[0].Value))
		}
	}
	return nil
}

// TestCustomerKey stores under a key of the customer (SSE-C): with it the content is there, in one request and in parts,
// copied and downloaded, and without it or with another it is not. A server that cannot refuses it, or is found out.
func TestCustomerKey(t *testing.T) {
	each(t, func(t *testing.T, s *providers.Server) {
		plain, _ := nativeBucket(t, s)
		who := s.Provider.Holders[0]
		open := func(key byte) *s3.Bucket {
			b, err := s3.Open(t.Context(), plain.Name(), &s3.Config{Endpoint: s.Endpoint.String(), Region: "us-east-1", MaxAttempts: 2,
				Credentials: credentials.NewStaticCredentialsProvider(who.Access, who.Secret, ""), CustomerKey: bytes.Repeat([]byte{key}, 32)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { b.Close() })
			return b
		}
		secret, other := open(1), open(2)
		if s.Provider != providers.Ceph { // the others want TLS for it, or do not have it
			_, err := blob.WriteAll(t.Context(), secret, "k", []byte("content"), nil)
			if !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, blob.ErrInvalid) {
				t.Errorf("a server that does not encrypt answers %v", err)
			}
			return
		}
		large := bytes.Repeat([]byte("0123456789abcdef"), 12<<20/16)
		for key, content := range map[string][]byte{"open/small": []byte("content"), "open/large": large} {
			if _, err := blob.WriteAll(t.Context(), secret, key, content, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := blob.Copy(t.Context(), secret, key+"-copy", secret, key, nil); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{key, key + "-copy"} {
				if got, err := blob.ReadAll(t.Context(), secret, key); err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s: %d bytes, %v", key, len(got), err)
				}
				for name, b := range map[string]*s3.Bucket{"no key": plain, "another key": other} {
					if got, err := blob.ReadAll(t.Context(), b, key); err == nil {
						t.Errorf("with %s, %s gives %d bytes", name, key, len(got))
					}
				}
			}
		}
	})
}
