//go:build cgo && !race

package datastreams

import (
	"context"
	"testing"
)

// What calls allocate. The ancestor's own calls make no more than data-streams-go's: one checkpoint 5, a hop 15.
func TestAllocations(t *testing.T) {
	start(t)
	in := NewEdge("direction:in", "group:billing", "topic:orders", "type:kafka")
	out := NewEdge("direction:out", "topic:payments", "type:kafka")
	p, text := out.Produce(Pathway{}, 1, nil)
	raw := p.Encode()
	buffer := make([]byte, 0, 64)
	ctx := ContextWithPathway(context.Background(), p)
	for _, call := range []struct {
		name string
		most float64
		f    func()
	}{
		{"Edge hop", 0, func() {
			p := in.Consume(text, 100)
			_, buffer = out.Produce(p, 100, buffer[:0])
		}},
		{"Pathway.SetCheckpoint", 0, func() { p.SetCheckpoint("direction:in", "group:billing", "topic:orders", "type:kafka") }},
		{"TrackKafkaCommitOffset", 0, func() { TrackKafkaCommitOffset("billing", "orders", 3, 42) }},
		{"TrackTransaction", 0, func() { TrackTransaction("order-4711", "invoiced") }},
		{"PathwayFromContext", 0, func() { PathwayFromContext(ctx) }},
		{"DecodeStr", 0, func() { _, _ = DecodeStr(string(text)) }},
		{"EncodeStr", 1, func() { p.EncodeStr() }},
		{"SetCheckpoint", 1, func() { SetCheckpoint(ctx, "direction:in", "group:billing", "topic:orders", "type:kafka") }},
		{"ancestor's hop", 4, func() {
			p, _ := Decode(raw)
			_, ctx := SetCheckpoint(ContextWithPathway(context.Background(), p), "direction:in", "topic:orders", "type:kafka")
			p, _ = SetCheckpoint(ctx, "direction:out", "topic:payments", "type:kafka")
			p.Encode()
		}},
	} {
		if got := testing.AllocsPerRun(1000, call.f); got > call.most {
			t.Errorf("%s: %v allocations, not %v", call.name, got, call.most)
		}
	}
}
