package datastreams

import "context"

// TextMapWriter sets a header of a message.
type TextMapWriter interface {
	// Set sets the value of key, in place of the values it has.
	Set(key, val string)
}

// TextMapReader iterates over the headers of a message.
type TextMapReader interface {
	// ForeachKey calls handler with every header, and returns the first error that handler returns.
	ForeachKey(handler func(key, val string) error) error
}

// TextMapReaderByKey is what a [TextMapReader] may implement as well, so that only the header that is wanted becomes a
// string.
type TextMapReaderByKey interface {
	// Get returns the last value of key, and whether there is one.
	Get(key string) (val string, ok bool)
}

// InjectToBase64Carrier sets the header of the pathway that ctx carries. Without one, or without a carrier, it does nothing.
func InjectToBase64Carrier(ctx context.Context, carrier TextMapWriter) {
	if carrier == nil {
		return
	}
	if p, ok := PathwayFromContext(ctx); ok {
		carrier.Set(PropagationKeyBase64, p.EncodeStr())
	}
}

// ExtractFromBase64Carrier returns a copy of ctx that carries the pathway in the message's headers: that under
// [PropagationKeyBase64], else that under [PropagationKey]. Without one that can be read it returns ctx.
func ExtractFromBase64Carrier(ctx context.Context, carrier TextMapReader) context.Context {
	header, legacy := headersOf(carrier)
	for _, text := range [...]string{header, legacy} {
		if p, err := DecodeStr(text); err == nil {
			return ContextWithPathway(ctx, p)
		}
	}
	return ctx
}

// headersOf returns the last value under each of the two keys.
func headersOf(carrier TextMapReader) (header, legacy string) {
	if carrier == nil {
		return "", ""
	}
	if byKey, ok := carrier.(TextMapReaderByKey); ok {
		header, _ = byKey.Get(PropagationKeyBase64)
		legacy, _ = byKey.Get(PropagationKey)
		return header, legacy
	}
	_ = carrier.ForeachKey(func(key, value string) error {
		switch key {
		case PropagationKeyBase64:
			header = value
		case PropagationKey:
			legacy = value
		}
		return nil
	})
	return header, legacy
}
