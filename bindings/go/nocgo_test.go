//go:build !cgo

package datastreams

import (
	"context"
	"testing"

	"github.com/datastreams/datastreams/bindings/go/internal/native"
)

func TestWithoutCgoPathwaysPassThrough(t *testing.T) {
	Start(WithService("service"), WithAgentAddr("localhost:8126"))
	defer Stop()
	if Err() != native.ErrUnavailable {
		t.Fatal(Err())
	}
	p, raw := header(t)
	edge := NewEdge("direction:in", "type:kafka")
	received := edge.Consume(raw, 1)
	if after, sent := edge.Produce(received, 1, nil); received != p || after != p || string(sent) != p.EncodeStr() {
		t.Errorf("%v became %v, %q", p, after, sent)
	}
	_, ctx := SetCheckpoint(ContextWithPathway(context.Background(), p), "direction:out", "type:kafka")
	if got, ok := PathwayFromContext(ctx); !ok || got != p {
		t.Errorf("%v, %v", got, ok)
	}
	if Merge([]Pathway{{}, p}) != p || len(Counters()) != 0 {
		t.Error("merged something else, or counted")
	}
	Flush()
	TrackKafkaProduce("orders", 0, 1)
	TrackTransaction("id", "sent")
}
