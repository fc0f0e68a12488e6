package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
)

// The part of [Check] that is about signed requests.

func (c *checked) Sign(ctx context.Context, key string, opts *SignOptions) (*SignedRequest, error) {
	err := c.enter(ctx, key)
	if err == nil && opts == nil {
		err = fmt.Errorf("%w: Sign needs options: a Method, and how long the request is good", ErrInvalid)
	}
	if err == nil {
		opts, err = c.signOptions(key, opts)
	}
	if err != nil {
		return nil, c.fail("sign", key, err)
	}
	s, err := c.b.Sign(ctx, key, opts)
	if err != nil {
		return nil, c.failed(ctx, "sign", key, err)
	}
	return s, nil
}

func (c *checked) signOptions(key string, o *SignOptions) (*SignOptions, error) {
	err := cmp.Or(o.If.check(), size("Size", o.Size))
	if methodBit(o.Method) == 0 {
		err = cmp.Or(err, fmt.Errorf("%w: method %q cannot be signed; GET, HEAD, PUT, DELETE and POST can", ErrInvalid, o.Method))
	}
	if o.Method != http.MethodGet && o.Method != http.MethodHead {
		err = cmp.Or(err, c.writable())
	}
	if o.Expires <= 0 {
		err = cmp.Or(err, fmt.Errorf("%w: Expires is %v; it must be more than zero", ErrInvalid, o.Expires))
	}
	if c.caps.Sign.MaxLife > 0 && o.Expires > c.caps.Sign.MaxLife {
		err = cmp.Or(err, fmt.Errorf("%w: Expires is %v; this bucket allows at most %v", ErrInvalid, o.Expires, c.caps.Sign.MaxLife))
	}
	if err == nil && !c.caps.Sign.Methods.Has(o.Method) {
		err = fmt.Errorf("%w: this bucket signs no %s requests", errors.ErrUnsupported, o.Method)
	}
	if err == nil {
		err = c.condition(o.If, c.signConditions(o.Method), "a signed "+o.Method)
	}
	switch stores := o.Method == http.MethodPut || o.Method == http.MethodPost; {
	case err == nil && stores:
		err = c.caps.Keys.checkWrite(key)
	case err == nil && !o.Attributes.IsZero():
		err = fmt.Errorf("%w: a signed %s stores nothing, and has no attributes", ErrInvalid, o.Method)
	}
	if err != nil {
		return nil, err
	}
	attrs, err := c.attributes(&o.Attributes)
	if err == nil && attrs != &o.Attributes {
		folded := *o
		folded.Attributes = *attrs
		o = &folded
	}
	return o, err
}

// signConditions are the conditions that a signed request can carry.
func (c *checked) signConditions(method string) ConditionSet {
	switch {
	case !c.caps.Sign.Conditions:
		return 0
	case method == http.MethodGet || method == http.MethodHead:
		return c.caps.If.Read
	case method == http.MethodPut:
		return c.caps.If.Put
	case method == http.MethodDelete:
		return c.caps.If.Delete
	}
	return 0
}
