package s3

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/holdall-go/holdall/internal/remote"
)

var backoff = remote.Backoff{First: 50 * time.Millisecond, Max: 5 * time.Second}

// try makes a call, which send sends once, and repeats it as [remote.Caller.Do] does. Every request of S3 may be sent
// twice without harm. Ambiguous reports whether a failed attempt may have been carried out, which matters to a write on a
// condition: the response to the repeated request may be about what the first has done.
//
// The error is a [*remote.Failure], that of ctx, or about input that the SDK refuses.
func (b *bucket) try(ctx context.Context, call string, send func(context.Context) error) (ambiguous bool, err error) {
	return b.tryWith(ctx, &b.calls, call, send)
}

// tryWith is try with another caller than that of the bucket.
func (b *bucket) tryWith(ctx context.Context, calls *remote.Caller, call string, send func(context.Context) error) (ambiguous bool, err error) {
	return calls.Do(ctx, call, func(ctx context.Context) error {
		err := asFailure(send(ctx))
		if f := remote.AsFailure(err); f != nil && b.flavour.racesFail && f.Status == http.StatusInternalServerError && f.Code == "" {
			f.Ambiguous = false
		}
		return err
	})
}

// call is try for requests that have the same effect and response however often they are sent.
func (b *bucket) call(ctx context.Context, call string, send func(context.Context) error) error {
	_, err := b.try(ctx, call, send)
	return err
}

// observed returns a client that sends as the given one does, and reports each request to the observer of the bucket.
func observed(client s3.HTTPClient) *http.Client {
	if c, ok := client.(*http.Client); ok {
		reporting := *c
		if c.Transport == nil {
			reporting.Transport = http.DefaultTransport
		}
		reporting.Transport = remote.Observed(reporting.Transport)
		return &reporting
	}
	return &http.Client{Transport: remote.Observed(roundTripper{client}), CheckRedirect: remote.NoRedirect}
}

// A roundTripper is a client of the SDK's as a transport.
type roundTripper struct{ client s3.HTTPClient }

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return r.client.Do(req) }
