package s3

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/blob"
)

// Policy returns the policy of the bucket, a JSON document. A bucket without one is blob.ErrNotExist.
func (b *Bucket) Policy(ctx context.Context) (string, error) {
	policy := ""
	err := b.own(ctx, "policy", "", "GetBucketPolicy", func(ctx context.Context) error {
		out, err := b.raw.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &b.raw.name})
		if err == nil {
			policy = aws.ToString(out.Policy)
		}
		return err
	})
	return policy, err
}

// SetPolicy replaces the policy of the bucket. Who locks himself out needs the account's root to come back.
func (b *Bucket) SetPolicy(ctx context.Context, policy string) error {
	if !json.Valid([]byte(policy)) {
		return b.fail("set policy", "", fmt.Errorf("%w: the policy is no JSON document", blob.ErrInvalid))
	}
	return b.own(ctx, "set policy", "", "PutBucketPolicy", func(ctx context.Context) error {
		_, err := b.raw.client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &b.raw.name, Policy: &policy})
		return err
	})
}

// DeletePolicy removes the policy of the bucket. It is no error if there is none.
func (b *Bucket) DeletePolicy(ctx context.Context) error {
	return b.own(ctx, "delete policy", "", "DeleteBucketPolicy", func(ctx context.Context) error {
		_, err := b.raw.client.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &b.raw.name})
		return err
	})
}

// A PublicAccessBlock keeps a bucket from being made public by mistake. It is known to AWS and few others.
type PublicAccessBlock struct {
	BlockACLs      bool // refuse to set public ACLs
	IgnoreACLs     bool // take no notice of those that there are
	BlockPolicy    bool // refuse a public policy
	RestrictPolicy bool // let a public policy serve the account and AWS services only
}

// PublicAccessBlock returns the settings of the bucket. A bucket without any is blob.ErrNotExist, or, of Ceph, has the zero
// value.
func (b *Bucket) PublicAccessBlock(ctx context.Context) (PublicAccessBlock, error) {
	var p PublicAccessBlock
	err := b.own(ctx, "public access block", "", "GetPublicAccessBlock", func(ctx context.Context) error {
		out, err := b.raw.client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &b.raw.name})
		if err == nil && out.PublicAccessBlockConfiguration != nil {
			c := out.PublicAccessBlockConfiguration
			p = PublicAccessBlock{aws.ToBool(c.BlockPublicAcls), aws.ToBool(c.IgnorePublicAcls), aws.ToBool(c.BlockPublicPolicy), aws.ToBool(c.RestrictPublicBuckets)}
		}
		return err
	})
	return p, err
}

// SetPublicAccessBlock replaces the settings of the bucket.
func (b *Bucket) SetPublicAccessBlock(ctx context.Context, p PublicAccessBlock) error {
	return b.own(ctx, "set public access block", "", "PutPublicAccessBlock", func(ctx context.Context) error {
		_, err := b.raw.client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &b.raw.name,
			PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: &p.BlockACLs, IgnorePublicAcls: &p.IgnoreACLs,
				BlockPublicPolicy: &p.BlockPolicy, RestrictPublicBuckets: &p.RestrictPolicy}})
		return err
	})
}
