package remote

import (
	"context"
	"errors"
	"iter"
)

// A Page is a piece of a listing.
type Page[T any, Token comparable] struct {
	Items []T
	Next  Token // where the next page begins
	More  bool  // there is a next page
}

// Pages yields the items of a listing that a store returns page by page, beginning at first. The next page is fetched when
// the items of the last one are consumed. An error of fetch ends the listing, and so does the end of ctx. A page is
// also an error if it names the zero token, or the token that it was fetched with, as that of the next page: the listing
// would not end.
func Pages[T any, Token comparable](ctx context.Context, first Token, fetch func(context.Context, Token) (Page[T, Token], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none Token
		for at, more := first, true; more; {
			if err := ctx.Err(); err != nil {
				yield(*new(T), err)
				return
			}
			page, err := fetch(ctx, at)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if more = page.More; more && (page.Next == at || page.Next == none) {
				yield(*new(T), errEndless)
				return
			}
			at = page.Next
		}
	}
}

var errEndless = errors.New("the server says that the listing goes on, but not from where")
