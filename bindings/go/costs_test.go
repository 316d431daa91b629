//go:build cgo && !race

package datastreams

import (
	"context"
	"runtime"
	"testing"
)

// crossings counts the calls of C that a call makes. What ends meanwhile, an older client say, makes a few of its own.
func crossings(f func()) int64 {
	const runs = 1000
	before := runtime.NumCgoCall()
	for range runs {
		f()
	}
	return (runtime.NumCgoCall() - before) / runs
}

// What calls allocate, and how often they cross into C: a checkpoint once. The ancestor's own calls allocate no more than
// data-streams-go's: one checkpoint 5, a hop 15.
func TestCosts(t *testing.T) {
	start(t)
	in := NewEdge("direction:in", "group:billing", "topic:orders", "type:kafka")
	out := NewEdge("direction:out", "topic:payments", "type:kafka")
	p, text := out.Produce(Pathway{}, 1, nil)
	raw := p.Encode()
	buffer := make([]byte, 0, 64)
	ctx := ContextWithPathway(context.Background(), p)
	for _, call := range []struct {
		name      string
		most      float64 // allocations
		crossings int64
		f         func()
	}{
		{"Edge hop", 0, 2, func() {
			p := in.Consume(text, 100)
			_, buffer = out.Produce(p, 100, buffer[:0])
		}},
		{"Pathway.SetCheckpoint", 0, 1, func() { p.SetCheckpoint("direction:in", "group:billing", "topic:orders", "type:kafka") }},
		{"TrackKafkaCommitOffset", 0, 1, func() { TrackKafkaCommitOffset("billing", "orders", 3, 42) }},
		{"TrackTransaction", 0, 1, func() { TrackTransaction("order-4711", "invoiced") }},
		{"PathwayFromContext", 0, 0, func() { PathwayFromContext(ctx) }},
		{"DecodeStr", 0, 1, func() { _, _ = DecodeStr(string(text)) }},
		{"EncodeStr", 1, 1, func() { p.EncodeStr() }},
		{"SetCheckpoint", 1, 1, func() { SetCheckpoint(ctx, "direction:in", "group:billing", "topic:orders", "type:kafka") }},
		{"ancestor's hop", 4, 4, func() {
			p, _ := Decode(raw)
			_, ctx := SetCheckpoint(ContextWithPathway(context.Background(), p), "direction:in", "topic:orders", "type:kafka")
			p, _ = SetCheckpoint(ctx, "direction:out", "topic:payments", "type:kafka")
			p.Encode()
		}},
	} {
		if got := testing.AllocsPerRun(1000, call.f); got > call.most {
			t.Errorf("%s: %v allocations, not %v", call.name, got, call.most)
		}
		if got := crossings(call.f); got != call.crossings {
			t.Errorf("%s: %d calls of C, not %d", call.name, got, call.crossings)
		}
	}
}
