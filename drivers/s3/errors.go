package s3

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/holdall-go/holdall/internal/retry"
	"github.com/holdall-go/holdall/internal/text"
)

// A failure is a request that did not succeed. It reads as the server's own words, and answers to what they mean. The
// SDK's error stays reachable with errors.As.
type failure struct {
	is        error  // what it means to the callers of blob, or nil
	code      string // the server's, such as "NoSuchKey"; empty: it gave none
	status    int    // of HTTP; zero: there was no answer
	requestID string
	message   string
	after     time.Duration // Retry-After
	again     bool          // the same request may succeed later
	lost      bool          // the request may have been carried out all the same
	cause     error
}

func (f *failure) Error() string {
	var b strings.Builder
	if f.is != nil {
		b.WriteString(f.is.Error())
		b.WriteString(": ")
	}
	if f.status == 0 {
		b.WriteString(f.message)
		return b.String()
	}
	b.WriteString("the server answered ")
	fmt.Fprintf(&b, "%d %s", f.status, http.StatusText(f.status))
	if f.code != "" && f.code != http.StatusText(f.status) {
		b.WriteString(", " + f.code)
	}
	if f.message != "" {
		b.WriteString(": " + strings.TrimSuffix(f.message, "."))
	}
	if f.requestID != "" {
		b.WriteString(" (request " + f.requestID + ")")
	}
	return b.String()
}

func (f *failure) Unwrap() []error {
	if f.is == nil {
		return []error{f.cause}
	}
	return []error{f.is, f.cause}
}

// Retryable tells whether the same call may succeed later.
func (f *failure) Retryable() bool { return f.again }

// asFailure reads what the SDK answered. An error that is no answer of a server, and none of the network, is returned as
// it is.
func asFailure(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var known *failure
	if errors.As(err, &known) {
		return err
	}
	f := &failure{cause: err}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() != 0 { // the SDK also wraps what is no answer so
		f.answered(response)
		return f
	}
	var input *smithy.InvalidParamsError
	if errors.As(err, &input) {
		return err
	}
	f.unanswered()
	return f
}

// answered reads an answer of the server.
func (f *failure) answered(r *smithyhttp.ResponseError) {
	f.status = r.HTTPStatusCode()
	if r.Response != nil {
		f.requestID = r.Response.Header.Get("X-Amz-Request-Id")
		f.after = retry.After(r.Response.Header.Get("Retry-After"), time.Now())
	}
	var with *awshttp.ResponseError
	if errors.As(f.cause, &with) && with.RequestID != "" {
		f.requestID = with.RequestID
	}
	var api smithy.APIError
	if errors.As(f.cause, &api) {
		f.code, f.message = api.ErrorCode(), text.Printable(api.ErrorMessage())
	}
	if f.code == "UnknownError" {
		f.code = ""
	}
	m := meaningOf(f.code, f.status)
	if strings.Contains(f.message, "completion is already in progress") { // Ceph's words; its code says InternalError
		m = meaning{is: errBusy, again: true}
	}
	f.is, f.again, f.lost = m.is, m.again, m.lost
	if f.status >= 200 && f.status < 300 && f.code == "" { // an answer that cannot be read
		f.message = "its answer cannot be read: " + text.Printable(errors.Unwrap(r).Error())
		f.again, f.lost = true, true
	}
}

// lacking is the failure of an answer that says 200 and lacks what every such answer of S3 has. It comes from somebody on
// the way, as the login page of a hotel does.
func lacking(what string) error {
	return &failure{status: http.StatusOK, message: "its answer lacks " + what + ", and so is not of S3", again: true, lost: true,
		cause: errors.New("an answer without " + what)}
}

// answer returns err, or else whether an answer has what every one of its kind has.
func answer(err error, value func() *string, what string) error {
	if err != nil {
		return err
	}
	if v := value(); v == nil || *v == "" {
		return lacking(what)
	}
	return nil
}

// unanswered reads a failure of the network.
func (f *failure) unanswered() {
	err := f.cause
	var request *url.Error // its text repeats the URL, which may be signed
	if errors.As(err, &request) {
		err = request.Err
	}
	var op *net.OpError
	dial := errors.As(err, &op) && op.Op == "dial"
	var dns *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &dns):
		f.again = !dns.IsNotFound
	case dial:
		f.again = true
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, new(*smithy.DeserializationError)),
		request != nil:
		f.again, f.lost = true, true
	}
	var sent *smithyhttp.RequestSendError
	if !dial && dns == nil && errors.As(f.cause, &sent) {
		f.again, f.lost = true, true
	}
	f.message = text.Printable(err.Error())
}

// A meaning is what an error code or a status means.
type meaning struct {
	is    error
	again bool // may succeed later
	lost  bool // may have been carried out
}

// errBusy names what is refused because something else is going on at the same time.
var errBusy = errors.New("a conflicting call is under way")

// codes are the error codes whose meaning their status does not tell.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var codes = map[string]meaning{
	"NoSuchKey":                     {is: blob.ErrNotExist},
	"NoSuchBucket":                  {is: blob.ErrNotExist},
	"NoSuchVersion":                 {is: blob.ErrNotExist},
	"NoSuchUpload":                  {is: blob.ErrNotExist},
	"PreconditionFailed":            {is: blob.ErrPrecondition},
	"ConditionalRequestConflict":    {is: errBusy, again: true},
	"OperationAborted":              {is: errBusy, again: true},
	"BadDigest":                     {is: blob.ErrChecksum},
	"InvalidDigest":                 {is: blob.ErrChecksum},
	"XAmzContentSHA256Mismatch":     {is: blob.ErrChecksum},
	"XAmzContentChecksumMismatch":   {is: blob.ErrChecksum},
	"EntityTooLarge":                {is: blob.ErrInvalid},
	"EntityTooSmall":                {is: blob.ErrInvalid},
	"InvalidPart":                   {is: blob.ErrInvalid},
	"InvalidPartOrder":              {is: blob.ErrInvalid},
	"KeyTooLongError":               {is: blob.ErrInvalid},
	"MetadataTooLarge":              {is: blob.ErrInvalid},
	"InvalidArgument":               {is: blob.ErrInvalid},
	"InvalidRequest":                {is: blob.ErrInvalid},
	"InvalidStorageClass":           {is: blob.ErrInvalid},
	"InvalidTag":                    {is: blob.ErrInvalid},
	"ExistingObjectIsDirectory":     {again: true}, // versitygw's, also when a directory was removed while an object was put into it
	"RequestTimeout":                {again: true},
	"SlowDown":                      {again: true},
	"ServiceUnavailable":            {again: true},
	"Throttling":                    {again: true},
	"TooManyRequests":               {again: true},
	"InternalError":                 {again: true, lost: true},
	"NotImplemented":                {is: errors.ErrUnsupported},
	"AccessControlListNotSupported": {is: errors.ErrUnsupported}, // the bucket has ACLs disabled
	"InvalidRange":                  {is: blob.ErrRange},
	"AccessDenied":                  {is: fs.ErrPermission},
	"ExpiredToken":                  {is: fs.ErrPermission},
	"InvalidToken":                  {is: fs.ErrPermission},
	"RequestTimeTooSkewed":          {is: fs.ErrPermission},
}

// meaningOf tells what an answer means.
func meaningOf(code string, status int) meaning {
	if m, ok := codes[code]; ok {
		return m
	}
	switch status {
	case http.StatusNotModified:
		return meaning{is: blob.ErrNotModified}
	case http.StatusUnauthorized, http.StatusForbidden:
		return meaning{is: fs.ErrPermission}
	case http.StatusNotFound:
		return meaning{is: blob.ErrNotExist}
	case http.StatusPreconditionFailed:
		return meaning{is: blob.ErrPrecondition}
	case http.StatusRequestedRangeNotSatisfiable:
		return meaning{is: blob.ErrRange}
	case http.StatusNotImplemented:
		return meaning{is: errors.ErrUnsupported}
	case http.StatusTooManyRequests:
		return meaning{again: true}
	case http.StatusRequestTimeout:
		return meaning{again: true}
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return meaning{again: true, lost: true}
	}
	return meaning{}
}

// ambiguous is the error of a write whose answer was lost. What the server then says of it, or of another attempt, does
// not tell what became of it, so the error answers to nothing else.
func ambiguous(then error) error {
	if f := failed(then); f != nil {
		unclassed := *f
		unclassed.is = nil
		then = &unclassed
	}
	return fmt.Errorf("%w: an answer was lost, and then: %w", blob.ErrAmbiguous, then)
}

// failed returns the failure in err, or nil.
func failed(err error) *failure {
	var f *failure
	errors.As(err, &f)
	return f
}
