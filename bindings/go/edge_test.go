//go:build cgo

package datastreams

import (
	"context"
	"math"
	"runtime"
	"testing"
	"time"
	"weak"
)

func TestANilEdgePassesPathwaysThrough(t *testing.T) {
	reset()
	for _, begin := range []func(){func() {}, func() { start(t) }} {
		begin()
		p, raw := header(t)
		before := Counters()["invalid_arguments"]
		var none *Edge
		if none.Checkpoint(p, 1) != p || none.Tags() != nil || none.Err() == nil {
			t.Error("a nil edge did something")
		}
		if after, ctx := none.SetCheckpoint(ContextWithPathway(context.Background(), p), 1); after != p || ctx == nil {
			t.Errorf("%v", after)
		}
		if after, sent := none.Produce(p, 1, nil); after != p || string(sent) != p.EncodeStr() {
			t.Errorf("%v, %q", after, sent)
		}
		none.Consume(raw, 1)
		if current.Load() != nil && Counters()["invalid_arguments"] < before+4 {
			t.Error("it was not counted")
		}
	}
}

// An edge in a package variable, once used, outlives many clients. It must not keep their memory.
func TestAnEdgeKeepsNoStoppedClient(t *testing.T) {
	start(t)
	edge := NewEdge("direction:in", "topic:orders", "type:kafka")
	edge.Checkpoint(Pathway{}, 1)
	first := weak.Make(current.Load())
	start(t)
	eventually(t, "the first client is freed", func() bool {
		runtime.GC()
		return first.Value() == nil
	})
	runtime.KeepAlive(edge)
}

// A queue that tells no time, or none that there is, begins pathways now. In nanoseconds of 64 bits the last two would be an
// hour ago.
func TestMessagesQueuedOutOfTime(t *testing.T) {
	start(t)
	edge := NewEdge("direction:in", "type:kafka")
	before := time.Now()
	hourAgo := before.Add(-time.Hour)
	for _, queued := range []time.Time{
		{}, time.Unix(0, 0), time.Unix(-1, 0), time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC),
		hourAgo.Add(math.MaxInt64).Add(math.MaxInt64).Add(2), hourAgo.Add(math.MinInt64).Add(math.MinInt64),
	} {
		began := edge.ConsumeQueued(nil, 1, queued).PathwayStart()
		if began.Before(before) || began.After(time.Now()) {
			t.Errorf("queued at %v, it began at %v", queued, began)
		}
	}
	if began := edge.ConsumeQueued(nil, 1, hourAgo).PathwayStart(); !began.Equal(hourAgo) {
		t.Errorf("it began at %v, not at %v", began, hourAgo)
	}
}
