package b2

import (
	"context"
	"net/http"
	"time"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/internal/remote"
)

const defaultAttempts = 5

// backoff is for calls that are refused without saying for how long.
var backoff = remote.Backoff{First: 250 * time.Millisecond, Max: 8 * time.Second}

// try makes a call, which send sends once, and repeats it as [remote.Caller.Do] does. Every call of B2 may be made twice
// without harm. Ambiguous reports whether a failed attempt may have been carried out, which matters where the response to
// the repeated call may be about what the first has done.
//
// If the token of the account has expired, try requests a new one. If an upload URL is no longer valid, try only calls
// send again, which takes another upload URL on every call. The first repetition after either is made without a wait.
//
// The error is a [*remote.Failure] whose cause is an [*Error], or that of ctx.
func (a *account) try(ctx context.Context, call string, send func(context.Context) error) (ambiguous bool, err error) {
	var x *exchange
	renewed, moved := false, false // each of them is worth one attempt
	return a.calls.DoRemedied(ctx, call, func(ctx context.Context) error {
		x = &exchange{call: call}
		ctx = context.WithValue(ctx, exchangeKey{}, x)
		return x.explain(ctx, send(ctx))
	}, func(ctx context.Context, f *remote.Failure) (remote.Remedy, error) {
		if x.badToken && x.token != "" && !renewed {
			renewed = true
			return remote.Uncounted, a.renew(ctx, x.token)
		}
		if f.Status == http.StatusUnauthorized && (x.badToken || moved && f.Code == "") { // a new token, or upload URL, did not help
			f.Transient = false
		}
		if x.badURL && !moved && f.RetryAfter == 0 {
			moved = true
			return remote.AtOnce, nil
		}
		return remote.Wait, nil
	})
}

// call is try for calls that have the same effect and response however often they are made.
func (a *account) call(ctx context.Context, call string, send func(context.Context) error) error {
	_, err := a.try(ctx, call, send)
	return err
}

// An exchange is what passed the transport for one attempt of a call. Blazer's base does not return it, so it goes with
// the ctx.
type exchange struct {
	call  string
	token string // of the account, with which the call went
	grant *grant // that b2_authorize_account returned

	failure  *remote.Failure
	badToken bool // the token is no longer valid
	badURL   bool // the upload URL is no longer valid
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// fail makes f the failure of the attempt.
func (x *exchange) fail(f *remote.Failure) error {
	x.failure = withError(f)
	return f
}

// noResponse is the failure of a call to which no response came. An upload is then sent to another upload URL.
func (x *exchange) noResponse(cause error) error {
	f := remote.NoResponse(cause)
	f.Call, x.badURL = x.call, uploads[x.call]
	f.Transient = f.Transient || x.badURL
	return x.fail(f)
}

// unproven is the failure of a response that says success and was not sent by B2.
func (x *exchange) unproven(status int, lack string) error {
	f := remote.Unproven(status, lack)
	f.Call, x.badURL = x.call, uploads[x.call]
	return x.fail(f)
}

// explain returns what the error of an attempt means. If ctx has ended, that is its error.
func (x *exchange) explain(ctx context.Context, err error) error {
	if _, final := err.(remote.Final); err == nil || final {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case x.failure != nil: // base has made another error of it
		return x.failure
	case remote.AsFailure(err) != nil:
		return err
	}
	return x.noResponse(err)
}

// A class is what B2 charges a call as.
// https://www.backblaze.com/cloud-storage/transaction-pricing
type class int

const (
	classA class = iota // free: those that upload, finish and remove
	classB              // those that download
	classC              // those that list, copy and manage
)

var classes = map[string]class{
	"b2_cancel_large_file": classA, "b2_delete_file_version": classA, "b2_finish_large_file": classA, "b2_get_upload_part_url": classA,
	"b2_get_upload_url": classA, "b2_hide_file": classA, "b2_start_large_file": classA, "b2_upload_file": classA, "b2_upload_part": classA,
	"b2_download_file_by_id": classB, "b2_download_file_by_name": classB, "b2_get_file_info": classB,
	"b2_authorize_account": classC, "b2_copy_file": classC, "b2_copy_part": classC, "b2_list_buckets": classC, "b2_list_file_names": classC,
	"b2_list_file_versions": classC, "b2_list_parts": classC, "b2_list_unfinished_large_files": classC,
}

// observe counts an attempt, and passes it on to next, which may be nil.
func (a *account) observe(next func(blob.Attempt)) func(blob.Attempt) {
	return func(attempt blob.Attempt) {
		a.counts[classes[attempt.Call]].Add(1)
		if next != nil {
			next(attempt)
		}
	}
}
