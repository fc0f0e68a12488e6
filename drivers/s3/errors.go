package s3

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
	"github.com/holdall-go/holdall/internal/text"
)

// asFailure returns what an error of the SDK means, as a [*remote.Failure]. An error that is neither a response of the
// server nor one of the network is a failure that is not transient; one of a ctx, and of input that the SDK refuses, is
// returned as it is, and so is one that ends the call.
func asFailure(err error) error {
	if _, final := err.(remote.Final); err == nil || final || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || remote.AsFailure(err) != nil ||
		errors.As(err, new(*smithy.InvalidParamsError)) {
		return err
	}
	var response *smithyhttp.ResponseError
	switch {
	case errors.As(err, &response) && response.HTTPStatusCode() != 0: // the SDK also wraps what is not a response so
		return fromResponse(err, response)
	case fromNetwork(err):
		return remote.NoResponse(err)
	}
	return &remote.Failure{Message: text.Printable(err.Error()), Cause: err}
}

// placeholder is the code, and the message, of an error of the SDK for a response that has none.
const placeholder = "UnknownError"

// fromResponse returns the failure that a response of the server is.
func fromResponse(err error, r *smithyhttp.ResponseError) *remote.Failure {
	f := &remote.Failure{Status: r.HTTPStatusCode(), Cause: err}
	if r.Response != nil {
		f.RequestID = r.Response.Header.Get("X-Amz-Request-Id")
		f.RetryAfter = remote.RetryAfter(r.Response.Header.Get("Retry-After"), time.Now())
	}
	var with *awshttp.ResponseError
	if errors.As(err, &with) && with.RequestID != "" {
		f.RequestID = with.RequestID
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		f.Code, f.Message = api.ErrorCode(), text.Printable(api.ErrorMessage())
	}
	if f.Code == placeholder {
		f.Code = ""
	}
	if f.Message == placeholder {
		f.Message = ""
	}
	f.Meaning = remote.Classify(codes, f.Code, f.Status)
	switch {
	case strings.Contains(f.Message, "completion is already in progress"): // Ceph's words; its code says InternalError
		f.Meaning = remote.Meaning{Is: errBusy, Transient: true}
	case f.Status >= 200 && f.Status < 300 && f.Code == "":
		f.Message = "the response cannot be read: " + text.Printable(errors.Unwrap(r).Error())
		f.Transient, f.Ambiguous = true, true
	}
	return f
}

// fromNetwork reports whether an error of the SDK is about a request that got no response, or one that broke off.
func fromNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, new(*smithyhttp.RequestSendError)) || errors.As(err, new(*url.Error)) || errors.As(err, new(*smithy.DeserializationError))
}

// requireField returns err, or an error if a response lacks a field that every response of its kind has.
func requireField(err error, field func() *string, name string) error {
	if err != nil {
		return err
	}
	if v := field(); v == nil || *v == "" {
		return remote.Unproven(http.StatusOK, name)
	}
	return nil
}

// errBusy is the meaning of a call that is refused because a conflicting one is in progress.
var errBusy = errors.New("a conflicting call is in progress")

// codes are the error codes whose meaning their HTTP status does not tell.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var codes = map[string]remote.Meaning{
	"NoSuchKey":                     {Is: blob.ErrNotExist},
	"NoSuchBucket":                  {Is: blob.ErrNotExist},
	"NoSuchVersion":                 {Is: blob.ErrNotExist},
	"NoSuchUpload":                  {Is: blob.ErrNotExist},
	"PreconditionFailed":            {Is: blob.ErrPrecondition},
	"ConditionalRequestConflict":    {Is: errBusy, Transient: true},
	"OperationAborted":              {Is: errBusy, Transient: true},
	"BadDigest":                     {Is: blob.ErrChecksum},
	"InvalidDigest":                 {Is: blob.ErrChecksum},
	"XAmzContentSHA256Mismatch":     {Is: blob.ErrChecksum},
	"XAmzContentChecksumMismatch":   {Is: blob.ErrChecksum},
	"EntityTooLarge":                {Is: blob.ErrInvalid},
	"EntityTooSmall":                {Is: blob.ErrInvalid},
	"InvalidPart":                   {Is: blob.ErrInvalid},
	"InvalidPartOrder":              {Is: blob.ErrInvalid},
	"KeyTooLongError":               {Is: blob.ErrInvalid},
	"MetadataTooLarge":              {Is: blob.ErrInvalid},
	"InvalidArgument":               {Is: blob.ErrInvalid},
	"InvalidRequest":                {Is: blob.ErrInvalid},
	"InvalidStorageClass":           {Is: blob.ErrInvalid},
	"InvalidTag":                    {Is: blob.ErrInvalid},
	"ExistingObjectIsDirectory":     {Transient: true}, // of versitygw, also if a directory was removed while an object was put into it
	"RequestTimeout":                {Transient: true},
	"SlowDown":                      {Transient: true},
	"ServiceUnavailable":            {Transient: true},
	"Throttling":                    {Transient: true},
	"TooManyRequests":               {Transient: true},
	"InternalError":                 {Transient: true, Ambiguous: true},
	"NotImplemented":                {Is: errors.ErrUnsupported},
	"AccessControlListNotSupported": {Is: errors.ErrUnsupported}, // the bucket has ACLs disabled
	"InvalidRange":                  {Is: blob.ErrRange},
	"AccessDenied":                  {Is: fs.ErrPermission},
	"ExpiredToken":                  {Is: fs.ErrPermission},
	"InvalidToken":                  {Is: fs.ErrPermission},
	"RequestTimeTooSkewed":          {Is: fs.ErrPermission},
}
