package datastreams

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

type key struct{}

func TestContexts(t *testing.T) {
	p, _ := header(t)
	parent, cancel := context.WithCancelCause(context.WithValue(context.Background(), key{}, "value"))
	ctx := ContextWithPathway(parent, p)
	if got, ok := PathwayFromContext(ctx); !ok || got != p {
		t.Errorf("%v, %v", got, ok)
	}
	if ctx.Value(key{}) != "value" {
		t.Error("the parent's value is gone")
	}
	child, stop := context.WithTimeout(ctx, time.Hour)
	defer stop()
	if got, ok := PathwayFromContext(child); !ok || got != p {
		t.Errorf("%v, %v", got, ok)
	}
	if _, ok := PathwayFromContext(parent); ok {
		t.Error("the parent got a pathway")
	}
	cause := errors.New("cause")
	cancel(cause)
	<-child.Done()
	if context.Cause(child) != cause {
		t.Errorf("%v", context.Cause(child))
	}
}

func TestNilContexts(t *testing.T) {
	p, _ := header(t)
	var none context.Context
	if _, ok := PathwayFromContext(none); ok {
		t.Error("a pathway in no context")
	}
	if got, ok := PathwayFromContext(ContextWithPathway(none, p)); !ok || got != p {
		t.Errorf("%v, %v", got, ok)
	}
	if _, ctx := SetCheckpoint(none, "type:kafka"); ctx == nil {
		t.Error("no context")
	}
	if MergeContexts() == nil || MergeContexts(none) == nil {
		t.Error("no context")
	}
	if got, ok := PathwayFromContext(MergeContexts(none, ContextWithPathway(none, p))); !ok || got != p {
		t.Errorf("%v, %v", got, ok)
	}
}

func TestMergeContexts(t *testing.T) {
	p, _ := header(t)
	first := context.WithValue(context.Background(), key{}, 1)
	if MergeContexts(first, context.Background()) != first {
		t.Error("not the first")
	}
	merged := MergeContexts(first, ContextWithPathway(context.Background(), p))
	if got, ok := PathwayFromContext(merged); !ok || got != p || merged.Value(key{}) != 1 {
		t.Errorf("%v, %v", got, ok)
	}
}

// headers is a carrier of HTTP's headers.
type headers http.Header

func (h headers) Set(key, value string) { http.Header(h).Set(key, value) }

func (h headers) ForeachKey(handler func(key, value string) error) error {
	for key, values := range h {
		for _, value := range values {
			if err := handler(key, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// pairs is a carrier as of Kafka: keys may repeat.
type pairs [][2]string

func (p pairs) ForeachKey(handler func(key, value string) error) error {
	for _, pair := range p {
		if err := handler(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// byKey is pairs with Get, and must not be iterated over.
type byKey struct{ pairs }

func (byKey) ForeachKey(func(key, value string) error) error { panic("iterated") }

func (b byKey) Get(key string) (value string, ok bool) {
	for _, pair := range b.pairs {
		if pair[0] == key {
			value, ok = pair[1], true
		}
	}
	return value, ok
}

func TestCarriers(t *testing.T) {
	p, raw := header(t)
	text := p.EncodeStr()
	ctx := ContextWithPathway(context.Background(), p)
	sent := pairs{}
	writer := setter(func(key, value string) { sent = append(sent, [2]string{key, value}) })
	InjectToBase64Carrier(ctx, writer)
	InjectToBase64Carrier(context.Background(), writer)
	if fmt.Sprint(sent) != fmt.Sprint(pairs{{PropagationKeyBase64, text}}) {
		t.Errorf("%v", sent)
	}

	for name, carrier := range map[string]pairs{
		"one":                   {{PropagationKeyBase64, text}},
		"the last counts":       {{PropagationKeyBase64, "bad"}, {"other", "x"}, {PropagationKeyBase64, text}},
		"legacy alone":          {{PropagationKey, string(raw)}},
		"legacy as text":        {{PropagationKey, text}},
		"legacy when bad":       {{PropagationKeyBase64, "bad"}, {PropagationKey, string(raw)}},
		"base64 before legacy":  {{PropagationKey, "bad"}, {PropagationKeyBase64, text}},
		"binary under base64's": {{PropagationKeyBase64, string(raw)}},
	} {
		for _, reader := range []TextMapReader{carrier, byKey{carrier}} {
			got, ok := PathwayFromContext(ExtractFromBase64Carrier(context.Background(), reader))
			if !ok || got != p {
				t.Errorf("%s: %v, %v", name, got, ok)
			}
		}
	}
	InjectToBase64Carrier(ctx, nil) // no carrier: nothing is sent, and nothing received
	if ExtractFromBase64Carrier(ctx, nil) != ctx {
		t.Error("another context")
	}
	for _, carrier := range []pairs{nil, {{PropagationKeyBase64, "bad"}, {PropagationKey, "bad"}}} {
		if got := ExtractFromBase64Carrier(ctx, carrier); got != ctx {
			t.Errorf("%v: another context", carrier)
		}
	}
}

type setter func(key, value string)

func (s setter) Set(key, value string) { s(key, value) }

// The snippets of data-streams-go's README for HTTP, as they are there (but for its typing errors).
func TestSnippetsOfTheAncestorsREADME(t *testing.T) {
	p, _ := header(t)
	ctx := ContextWithPathway(context.Background(), p)
	req, err := http.NewRequest(http.MethodGet, "http://localhost", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := PathwayFromContext(ctx); ok {
		req.Header.Set(PropagationKeyBase64, p.EncodeStr())
	}

	extractPathwayToContext := func(req *http.Request) context.Context {
		ctx := req.Context()
		p, err := DecodeStr(req.Header.Get(PropagationKeyBase64))
		if err != nil {
			return ctx
		}
		ctx = ContextWithPathway(ctx, p)
		_, ctx = SetCheckpoint(ctx, []string{"type:http", "direction:in"}...)
		return ctx
	}
	if got, ok := PathwayFromContext(extractPathwayToContext(req)); !ok || got.PathwayStart() != p.PathwayStart() {
		t.Errorf("%v, %v", got, ok)
	}
	_ = headers(req.Header)
}
