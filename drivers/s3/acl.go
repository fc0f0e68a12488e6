package s3

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/blob"
)

// An ACL is the provider's own access control list of an object or a bucket. Buckets of AWS that were made since April
// 2023 have ACLs disabled and refuse to set any; other servers know some of this.
type ACL struct {
	Owner  string // the canonical id of an account
	Grants []Grant
}

// A Grant gives a grantee one permission. Exactly one of ID, URI and Email names the grantee.
type Grant struct {
	ID         string // the canonical id of an account
	URI        string // a group, such as "http://acs.amazonaws.com/groups/global/AllUsers"
	Email      string // of an account, when it is set; it comes back as an ID
	Permission string // "READ", "WRITE", "READ_ACP", "WRITE_ACP" or "FULL_CONTROL"
}

// ObjectACL returns the ACL of an object, or of the version of it that is not empty.
func (b *Bucket) ObjectACL(ctx context.Context, key, version string) (*ACL, error) {
	var acl *ACL
	err := b.own(ctx, "object ACL", key, "GetObjectAcl", func(ctx context.Context) error {
		out, err := b.raw.client.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: &b.raw.name, Key: &key, VersionId: header(version)})
		if err == nil {
			acl = readACL(out.Owner, out.Grants)
		}
		return err
	})
	return acl, err
}

// SetObjectACL replaces the ACL of an object, or of the version of it that is not empty. An acl without an owner keeps
// the object's.
func (b *Bucket) SetObjectACL(ctx context.Context, key, version string, acl *ACL) error {
	policy, err := acl.policy(ctx, func(ctx context.Context) (*ACL, error) { return b.ObjectACL(ctx, key, version) })
	if err != nil {
		return b.fail("set object ACL", key, err)
	}
	return b.own(ctx, "set object ACL", key, "PutObjectAcl", func(ctx context.Context) error {
		_, err := b.raw.client.PutObjectAcl(ctx, &s3.PutObjectAclInput{Bucket: &b.raw.name, Key: &key, VersionId: header(version), AccessControlPolicy: policy})
		return err
	})
}

// BucketACL returns the ACL of the bucket.
func (b *Bucket) BucketACL(ctx context.Context) (*ACL, error) {
	var acl *ACL
	err := b.own(ctx, "bucket ACL", "", "GetBucketAcl", func(ctx context.Context) error {
		out, err := b.raw.client.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &b.raw.name})
		if err == nil {
			acl = readACL(out.Owner, out.Grants)
		}
		return err
	})
	return acl, err
}

// SetBucketACL replaces the ACL of the bucket. An acl without an owner keeps the bucket's.
func (b *Bucket) SetBucketACL(ctx context.Context, acl *ACL) error {
	policy, err := acl.policy(ctx, b.BucketACL)
	if err != nil {
		return b.fail("set bucket ACL", "", err)
	}
	return b.own(ctx, "set bucket ACL", "", "PutBucketAcl", func(ctx context.Context) error {
		_, err := b.raw.client.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: &b.raw.name, AccessControlPolicy: policy})
		return err
	})
}

func readACL(owner *types.Owner, grants []types.Grant) *ACL {
	acl := &ACL{}
	if owner != nil {
		acl.Owner = aws.ToString(owner.ID)
	}
	for _, g := range grants {
		grant := Grant{Permission: string(g.Permission)}
		if to := g.Grantee; to != nil {
			grant.ID, grant.URI, grant.Email = aws.ToString(to.ID), aws.ToString(to.URI), aws.ToString(to.EmailAddress)
		}
		acl.Grants = append(acl.Grants, grant)
	}
	return acl
}

// policy returns what is sent for a, whose owner, if it has none, is that of the current ACL.
func (a *ACL) policy(ctx context.Context, current func(context.Context) (*ACL, error)) (*types.AccessControlPolicy, error) {
	if a == nil {
		return nil, fmt.Errorf("%w: there is no ACL to set; an empty one is &ACL{}", blob.ErrInvalid)
	}
	grants := make([]types.Grant, len(a.Grants))
	for i, g := range a.Grants {
		to := &types.Grantee{ID: header(g.ID), URI: header(g.URI), EmailAddress: header(g.Email)}
		switch {
		case g.ID != "" && g.URI == "" && g.Email == "":
			to.Type = types.TypeCanonicalUser
		case g.URI != "" && g.ID == "" && g.Email == "":
			to.Type = types.TypeGroup
		case g.Email != "" && g.ID == "" && g.URI == "":
			to.Type = types.TypeAmazonCustomerByEmail
		default:
			return nil, fmt.Errorf("%w: grant %d names not exactly one grantee, by ID, URI or Email", blob.ErrInvalid, i)
		}
		grants[i] = types.Grant{Grantee: to, Permission: types.Permission(g.Permission)}
	}
	owner := a.Owner
	if owner == "" {
		now, err := current(ctx)
		if err != nil {
			return nil, err
		}
		owner = now.Owner
	}
	return &types.AccessControlPolicy{Owner: &types.Owner{ID: &owner}, Grants: grants}, nil
}

// own makes a call that blob.Bucket has no method for, and wraps its error as that has them.
func (b *Bucket) own(ctx context.Context, op, key, call string, send func(context.Context) error) error {
	if b.raw.closed.Load() {
		return b.fail(op, key, blob.ErrClosed)
	}
	if err := b.raw.call(ctx, call, send); err != nil {
		return b.fail(op, key, err)
	}
	return nil
}

func (b *Bucket) fail(op, key string, err error) error {
	if inner, ok := err.(*blob.Error); ok {
		err = inner.Err
	}
	return &blob.Error{Op: op, Bucket: b.String(), Key: key, Err: err}
}
