package kafka

import (
	"context"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// Carrier gives datastreams.InjectToBase64Carrier and datastreams.ExtractFromBase64Carrier the headers of a message.
type Carrier[H Header] struct {
	headers *[]H
}

// CarrierOf makes a carrier of a message's list of headers.
func CarrierOf[H Header](headers *[]H) Carrier[H] { return Carrier[H]{headers} }

// Set sets the value of a header, in place of all values it has. The list of headers is replaced, not changed.
func (c Carrier[H]) Set(key, value string) {
	headers := make([]H, 0, len(*c.headers)+1)
	for i := range *c.headers {
		if header((*c.headers)[i]).Key != key {
			headers = append(headers, (*c.headers)[i])
		}
	}
	*c.headers = append(headers, H(header{Key: key, Value: []byte(value)}))
}

// ForeachKey calls handler with every header, and returns the first error that handler returns.
func (c Carrier[H]) ForeachKey(handler func(key, value string) error) error {
	for i := range *c.headers {
		one := header((*c.headers)[i])
		if err := handler(one.Key, string(one.Value)); err != nil {
			return err
		}
	}
	return nil
}

// Get returns the last value of a header, and whether there is one.
func (c Carrier[H]) Get(key string) (value string, ok bool) {
	for i := len(*c.headers) - 1; i >= 0; i-- {
		if one := header((*c.headers)[i]); one.Key == key {
			return string(one.Value), true
		}
	}
	return "", false
}

// ContextWithHeaders returns a copy of ctx that carries the pathway in a message's headers, ctx itself when there is none.
func ContextWithHeaders[H Header](ctx context.Context, headers []H) context.Context {
	if p, err := datastreams.Decode(Find(headers).Pathway); err == nil {
		return datastreams.ContextWithPathway(ctx, p)
	}
	return ctx
}
