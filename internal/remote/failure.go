package remote

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/holdall-go/holdall/blob"
)

// A Failure is one attempt of a call that did not succeed. It unwraps to what it means and to its cause, so the error of
// an SDK stays reachable with [errors.As]. No field holds a secret, or a URL that could hold one.
type Failure struct {
	Meaning
	Call       string        // such as "PutObject"
	Status     int           // of HTTP; 0: there was no response, or no request
	Code       string        // the provider's, such as "NoSuchKey"; empty: there is none
	RequestID  string        // the provider's; empty: there is none
	Message    string        // on one line, of bounded length: see text.Printable
	RetryAfter time.Duration // that the response asks for; 0: it does not
	Cause      error         // or nil
}

// Error reads "<meaning>: <call>: <status>, <code>: <message> (request <id>)" without the parts that are unknown.
func (f *Failure) Error() string {
	var b strings.Builder
	if f.Is != nil {
		b.WriteString(f.Is.Error() + ": ")
	}
	if f.Call != "" {
		b.WriteString(f.Call + ": ")
	}
	message := strings.TrimSuffix(f.Message, ".")
	if f.Status == 0 {
		b.WriteString(message)
		return b.String()
	}
	status := http.StatusText(f.Status)
	b.WriteString(strings.TrimSpace(fmt.Sprintf("%d %s", f.Status, status)))
	if f.Code != "" && f.Code != status {
		b.WriteString(", " + f.Code)
	}
	if message != "" {
		b.WriteString(": " + message)
	}
	if f.RequestID != "" {
		b.WriteString(" (request " + f.RequestID + ")")
	}
	return b.String()
}

// Unwrap returns what the failure means, and its cause.
func (f *Failure) Unwrap() []error {
	var all []error
	for _, err := range [...]error{f.Is, f.Cause} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// Retryable reports whether the same call may succeed later.
func (f *Failure) Retryable() bool { return f.Transient }

// AsFailure returns the [Failure] in err, or nil.
func AsFailure(err error) *Failure {
	var f *Failure
	errors.As(err, &f)
	return f
}

// Ambiguous returns the error of a write of which a response was lost, and whose outcome could not be resolved. Err is
// the last error of the write, or nil if its last attempt succeeded. It does not tell what became of the earlier
// attempts, so the error is [blob.ErrAmbiguous] and has no other meaning.
func Ambiguous(err error) error {
	if err == nil {
		return fmt.Errorf("%w: the response to an earlier attempt was lost, and it may have been carried out", blob.ErrAmbiguous)
	}
	if f := AsFailure(err); f != nil {
		meaningless := *f
		meaningless.Is = nil
		err = &meaningless
	}
	return fmt.Errorf("%w: a response was lost, and then: %w", blob.ErrAmbiguous, err)
}

// An Outcome is what became of a write.
type Outcome int

const (
	// Unknown: the write may have been carried out, or may still be.
	Unknown Outcome = iota

	// Applied: the write was carried out.
	Applied

	// NotApplied: the write was not carried out, and will not be.
	NotApplied
)

// Resolve returns the result of a write that ended with err, and of which an attempt may have been carried out. Query
// asks the store. If the write was applied, Resolve returns the value of query; if it was not, err; otherwise
// [Ambiguous].
func Resolve[T any](err error, query func() (T, Outcome)) (T, error) {
	v, outcome := query()
	switch outcome {
	case Applied:
		return v, nil
	case NotApplied:
		return *new(T), err
	}
	return *new(T), Ambiguous(err)
}
