package s3

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/holdall-go/holdall/blob"
)

// Provider is what S3 alone knows about an object that is stored: the Provider option of Put, Copy and Upload, as a
// *Provider. The zero value of each field leaves the choice to the bucket. A server that does not know one refuses it, or,
// if it is not AWS, may ignore it; but that it encrypts, as by Encryption or [Config]'s CustomerKey, its answer must say,
// or the write fails with [errors.ErrUnsupported]. An object of one request is stored by then, in the clear.
type Provider struct {
	StorageClass string            // such as "STANDARD_IA" or "GLACIER"
	Tags         map[string]string // up to 10; a copy without any keeps those of its source
	ACL          string            // a canned ACL, such as "public-read"

	Encryption string // of the server: "AES256", "aws:kms" or "aws:kms:dsse"
	KMSKeyID   string // for the latter two
	KMSContext string // base64 of JSON, as the API has it
	BucketKey  *bool  // use an S3 Bucket Key
}

// AcceptsProvider tells whether p is a *Provider.
func (b *bucket) AcceptsProvider(p any) bool {
	_, ok := p.(*Provider)
	return ok
}

// provider returns what p says, in the types of the SDK.
func provider(p any) provided {
	o, _ := p.(*Provider)
	if o == nil {
		return provided{}
	}
	v := provided{class: types.StorageClass(o.StorageClass), acl: types.ObjectCannedACL(o.ACL), encryption: types.ServerSideEncryption(o.Encryption),
		kmsKey: header(o.KMSKeyID), kmsContext: header(o.KMSContext), bucketKey: o.BucketKey}
	if len(o.Tags) > 0 {
		query := url.Values{}
		for name, value := range o.Tags {
			query.Set(name, value)
		}
		v.tags = tagging(query)
	}
	return v
}

// tagging writes tags as a header has them; nil if there are none. A space is %20: to Ceph a plus is a plus.
func tagging(tags url.Values) *string {
	return header(strings.ReplaceAll(tags.Encode(), "+", "%20"))
}

type provided struct {
	class              types.StorageClass
	acl                types.ObjectCannedACL
	encryption         types.ServerSideEncryption
	kmsKey, kmsContext *string
	bucketKey          *bool
	tags               *string
}

// encrypted tells whether a server that was asked to encrypt says that it does.
func (b *bucket) encrypted(w *write, byServer types.ServerSideEncryption, byCustomer *string) error {
	switch {
	case b.customer != nil && aws.ToString(byCustomer) == "":
		return fmt.Errorf("%w: the server has taken no notice of the CustomerKey, and stores in the clear", errors.ErrUnsupported)
	case w.encryption != "" && byServer == "":
		return fmt.Errorf("%w: the server has taken no notice of Encryption, and stores in the clear", errors.ErrUnsupported)
	}
	return nil
}

func (p *Provider) check() error {
	if p != nil && len(p.Tags) > 10 {
		return fmt.Errorf("%w: %d tags; an object has at most 10", blob.ErrInvalid, len(p.Tags))
	}
	return nil
}
