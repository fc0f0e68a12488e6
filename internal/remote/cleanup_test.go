package remote

import (
	"context"
	"errors"
	"testing"
)

// An upload that was started although its ctx has ended is removed.
func TestStart(t *testing.T) {
	failed := errors.New("failed")
	for _, test := range []struct {
		name    string
		end     bool // ctx, while the call is in progress
		err     error
		want    error
		aborted bool
	}{
		{"success", false, nil, nil, false},
		{"failure", false, failed, failed, false},
		{"success after the end of ctx", true, nil, context.Canceled, true},
		{"failure after the end of ctx", true, failed, context.Canceled, false},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		aborted := false
		err := Start(ctx, func(ctx context.Context) error {
			if test.end {
				cancel()
			}
			if ctx.Err() != nil {
				t.Errorf("%s: the call ends with ctx", test.name)
			}
			return test.err
		}, func(ctx context.Context) { aborted = ctx.Err() == nil })
		if !errors.Is(err, test.want) || aborted != test.aborted {
			t.Errorf("%s: %v, aborted %v", test.name, err, aborted)
		}
		cancel()
	}
}
