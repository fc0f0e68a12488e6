package remote

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/url"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/text"
)

// A Meaning is what a failed attempt means to the callers of package blob.
type Meaning struct {
	Is        error // a sentinel of package blob, or of the driver; nil: none fits
	Transient bool  // the same call may succeed later
	Ambiguous bool  // the attempt may have been carried out all the same
}

// Classify returns the meaning of a response that is not a success: that of its code if codes has it, and otherwise that
// of its HTTP status. A status without a meaning of its own gets the zero Meaning.
func Classify(codes map[string]Meaning, code string, status int) Meaning {
	if m, ok := codes[code]; ok {
		return m
	}
	return statuses[status]
}

// statuses are the meanings that HTTP statuses have in every store.
var statuses = map[int]Meaning{
	http.StatusNotModified:                  {Is: blob.ErrNotModified},
	http.StatusUnauthorized:                 {Is: fs.ErrPermission},
	http.StatusForbidden:                    {Is: fs.ErrPermission},
	http.StatusNotFound:                     {Is: blob.ErrNotExist},
	http.StatusRequestTimeout:               {Transient: true},
	http.StatusPreconditionFailed:           {Is: blob.ErrPrecondition},
	http.StatusRequestedRangeNotSatisfiable: {Is: blob.ErrRange},
	http.StatusTooManyRequests:              {Transient: true},
	http.StatusInternalServerError:          {Transient: true, Ambiguous: true},
	http.StatusNotImplemented:               {Is: errors.ErrUnsupported},
	http.StatusBadGateway:                   {Transient: true, Ambiguous: true},
	http.StatusServiceUnavailable:           {Transient: true, Ambiguous: true},
	http.StatusGatewayTimeout:               {Transient: true, Ambiguous: true},
}

// NoResponse returns the failure of a request to which no response came, for the reason cause, which is an error of an
// [http.RoundTripper] or [http.Client].
//
// A request that could not be sent was not carried out: no address was found, no connection was made, the server does not
// speak TLS, or its certificate is not trusted. Any other may have been. All are transient, except a host name that does
// not exist and the two failures of TLS.
func NoResponse(cause error) *Failure {
	reason := cause
	for wrapped := (*url.Error)(nil); errors.As(reason, &wrapped); { // its text repeats the URL, which may be signed
		reason = wrapped.Err
	}
	f := &Failure{Message: "no response: " + text.Printable(reason.Error()), Cause: cause}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(reason, &dns):
		f.Transient = !dns.IsNotFound
	case errors.As(reason, &op) && op.Op == "dial":
		f.Transient = true
	case errors.As(reason, new(*tls.CertificateVerificationError)), errors.Is(reason, http.ErrSchemeMismatch):
	default:
		f.Transient, f.Ambiguous = true, true
	}
	return f
}

// Unproven returns the failure of a response that reports success and lacks what every such response of the store has. A
// proxy has sent it, or a login page, so it does not prove that the store has carried out the call.
func Unproven(status int, lack string) *Failure {
	return &Failure{Meaning: Meaning{Transient: true, Ambiguous: true}, Status: status,
		Message: "the response lacks " + lack + ", so it was not sent by the store"}
}
