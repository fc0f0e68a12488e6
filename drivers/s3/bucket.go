package s3

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/parts"
	"github.com/holdall-go/holdall/internal/put"
	"github.com/holdall-go/holdall/internal/remote"
)

// A bucket is the driver: the methods of blob.Bucket, unchecked.
type bucket struct {
	blob.Unsupported
	name        string
	client      *s3.Client
	flavour     *flavour
	endpoint    string
	region      string
	credentials aws.CredentialsProvider
	customer    *customerKey
	versions    bool
	signPayload bool
	calls       remote.Caller
	closed      atomic.Bool
}

// Close lets go of nothing: connections belong to the HTTP client, which other buckets share.
func (b *bucket) Close() error {
	b.closed.Store(true)
	return nil
}

var _ blob.Bucket = (*bucket)(nil)

func (b *bucket) String() string { return "s3://" + b.name }

const (
	minPart   = 5 << 20 // https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
	maxPart   = 5 << 30
	maxParts  = 10_000
	maxSingle = 5 << 30 // what one PUT or one copy takes
	maxObject = 5 << 40
)

func (b *bucket) Capabilities() blob.Capabilities {
	f := b.flavour
	c := blob.Capabilities{
		Keys: f.keyRules(),
		If:   blob.ConditionRules{Put: f.putIf, Upload: f.uploadIf, Copy: f.copyIf, Source: f.sourceIf, Delete: f.deleteIf, Read: blob.ReadConditions},
		Objects: blob.ObjectRules{MaxSize: maxObject, Headers: true, Metadata: true, TimePrecision: timePrecision,
			MaxMetadataBytes: maxMetadata, MaxMetadataEntries: f.maxMetaCount},
		Uploads:    blob.UploadRules{Supported: true, MinPartSize: minPart, MaxPartSize: maxPart, MaxParts: maxParts, Listed: !f.noUploads},
		Checksums:  blob.ChecksumRules{In: blob.AllAlgorithms, Out: blob.Algorithms(blob.CRC32C)},
		Sign:       blob.SignRules{Methods: blob.Methods(http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete), MaxLife: maxSign, Conditions: true},
		Deviations: blob.Deviations{WriteWithoutModTime: true}, // responses to writes have no time
		Copy:       true,
		Hooks:      true,
		BulkDelete: maxDelete,
		Versions:   b.versions,
	}
	if !f.noForms {
		c.Sign.Methods |= blob.Methods(http.MethodPost)
	}
	if b.customer != nil { // a signed request would hand the customer's key out
		c.Sign = blob.SignRules{}
	}
	if f.maxMetaName > 0 && f.maxMetaBytes == 0 { // the longest names are packed, which takes a third more
		c.Objects.MaxMetadataBytes = maxMetadata * 2 / 3
	}
	if f.maxObject > 0 {
		c.Objects.MaxSize = f.maxObject
	}
	return c
}

// adjust makes the client send what this driver means: no retries but ours, no checksums but ours, and each body hashed
// no more often than needed.
func (b *bucket) adjust(o *s3.Options) {
	o.Retryer = aws.NopRetryer{}
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	o.DisableLogOutputChecksumValidationSkipped = true
	// A refused body of a few MiB costs less than a round trip for each part to ask first.
	o.ContinueHeaderThresholdBytes = -1
	o.APIOptions = append(o.APIOptions[:len(o.APIOptions):len(o.APIOptions)], b.adjustStack)
}

func (b *bucket) adjustStack(stack *middleware.Stack) error {
	if b.flavour.rawEchoes && strings.HasPrefix(stack.ID(), "List") {
		if err := stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("HoldallEcho", replaceInvalidXML), middleware.After); err != nil {
			return err
		}
	}
	switch stack.ID() {
	case "PutObject", "UploadPart":
		hash := unsigned
		if b.signPayload || !b.flavour.checksums {
			hash = signed
		}
		return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("HoldallPayload", hash), middleware.Before)
	case "GetObject", "HeadObject":
		if b.flavour.checksums {
			return stack.Build.Add(middleware.BuildMiddlewareFunc("HoldallChecksumMode", askForChecksums), middleware.After)
		}
	case "ListObjectVersions":
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("HoldallOrder", noteOrder), middleware.After)
	case "DeleteObjects":
		return stack.Build.Add(middleware.BuildMiddlewareFunc("HoldallContentMD5", addMD5), middleware.After)
	}
	return nil
}

// unsigned leaves the body out of the signature. Its CRC, which the server verifies, is in it.
func unsigned(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	return next.HandleFinalize(v4.SetPayloadHash(ctx, "UNSIGNED-PAYLOAD"), in)
}

// signed puts the SHA-256 of the body into the signature, also over HTTPS, for servers that verify nothing else.
func signed(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	if req, ok := in.Request.(*smithyhttp.Request); ok && req.GetStream() != nil && req.IsStreamSeekable() {
		h := sha256.New()
		content, ok := req.GetStream().(*put.Body)
		if !ok {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, fmt.Errorf("the body of the request is a %T", req.GetStream())
		}
		if err := content.WriteDigest(h); err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, err
		}
		ctx = v4.SetPayloadHash(ctx, hex.EncodeToString(h.Sum(nil)))
	} else if ok && req.GetStream() != nil { // it can be read but once
		ctx = v4.SetPayloadHash(ctx, "UNSIGNED-PAYLOAD")
	}
	return next.HandleFinalize(ctx, in)
}

// askForChecksums asks for the checksums that the server has. The SDK's own option for that would also make it verify
// them, which the Reader does already.
func askForChecksums(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
	if req, ok := in.Request.(*smithyhttp.Request); ok {
		req.Header.Set("X-Amz-Checksum-Mode", "ENABLED")
	}
	return next.HandleBuild(ctx, in)
}

// addMD5 adds the digest that servers of before 2022 demand with a bulk delete, beside the CRC that newer ones want.
func addMD5(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
	if req, ok := in.Request.(*smithyhttp.Request); ok && req.GetStream() != nil {
		h := md5.New()
		if _, err := io.Copy(h, req.GetStream()); err != nil {
			return middleware.BuildOutput{}, middleware.Metadata{}, err
		}
		if err := req.RewindStream(); err != nil {
			return middleware.BuildOutput{}, middleware.Metadata{}, err
		}
		req.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return next.HandleBuild(ctx, in)
}

// limits are those of the parts of an object.
func (b *bucket) limits() parts.Limits {
	return parts.Limits{MinSize: minPart, MaxSize: maxPart, Parts: maxParts, Uniform: b.flavour.uniformParts}
}

// A customerKey is a key of SSE-C, as its headers have it.
type customerKey struct{ algorithm, key, md5 *string }

func newCustomerKey(key []byte) *customerKey {
	sum := md5.Sum(key)
	return &customerKey{aws.String("AES256"), aws.String(base64.StdEncoding.EncodeToString(key)), aws.String(base64.StdEncoding.EncodeToString(sum[:]))}
}

// String keeps the key out of every text.
func (*customerKey) String() string { return "customer key" }
