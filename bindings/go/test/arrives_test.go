package test

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.02*math.Abs(want) {
		t.Errorf("%s is %v, not %v", what, got, want)
	}
}

// A message through three services, by the ancestor's calls and by edges: what the agent gets is one unbroken pathway.
func TestAMessageThroughServices(t *testing.T) {
	agent := agenttest.Start(t)
	out := []string{"direction:out", "topic:orders", "type:kafka"}
	in := []string{"type:kafka", "topic:orders", "group:billing", "direction:in"}
	again := []string{"direction:out", "topic:payments", "type:kafka"}

	produced, ctx := datastreams.SetCheckpointWithParams(context.Background(), datastreams.NewCheckpointParams().WithPayloadSize(512), out...)
	carried, ok := datastreams.PathwayFromContext(ctx)
	if !ok || carried != produced {
		t.Fatalf("%v, %v", carried, ok)
	}
	time.Sleep(100 * time.Millisecond)
	received, err := datastreams.DecodeStr(produced.EncodeStr())
	if err != nil {
		t.Fatal(err)
	}
	consumed, _ := datastreams.SetCheckpoint(datastreams.ContextWithPathway(context.Background(), received), in...)
	consumed.SetCheckpoint(again...)
	agent.Flushed()

	first, second, third := agent.One(t, out...), agent.One(t, in...), agent.One(t, again...)
	if first.Parent != 0 || second.Parent != first.Hash || third.Parent != second.Hash {
		t.Errorf("the pathway is broken:\n%v\n%v\n%v", first, second, third)
	}
	for _, edge := range []agenttest.Edge{first, second, third} {
		if edge.Current != 1 || edge.Origin != 1 || edge.Service != agenttest.Service || edge.Env != agenttest.Env {
			t.Errorf("%v", edge)
		}
	}
	if first.Hash != agenttest.Hash(agenttest.Service, agenttest.Env, 0, out...) {
		t.Errorf("%v", first)
	}
	if second.Latency.Max < 0.098 || second.Latency.Max > 5 {
		t.Errorf("a queue of 100 ms took %v s", second.Latency.Max)
	}
	near(t, "the size", first.Size.Sum, 512)
	if second.Size.Count != 0 {
		t.Errorf("a size that nobody gave: %v", second.Size)
	}
}

func TestEveryMessageIsCounted(t *testing.T) {
	agent := agenttest.Start(t)
	edge := datastreams.NewEdge("direction:in", "topic:orders", "type:kafka", "partition:3")
	const goroutines, messages = 8, 5000
	var wait sync.WaitGroup
	for range goroutines {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range messages {
				edge.Consume(nil, 0)
			}
		}()
	}
	wait.Wait()
	datastreams.Stop()
	found := agent.One(t, "direction:in", "topic:orders", "type:kafka", "partition:3")
	cut := datastreams.Counters()["cut_busy"]
	if uint64(found.Current)+cut != goroutines*messages || found.Size.Count != found.Current {
		t.Errorf("%v, %d cut", found, cut)
	}
}

func TestAnotherServiceHasItsOwnPayloadAndHash(t *testing.T) {
	agent := agenttest.Start(t)
	tags := []string{"direction:out", "topic:orders", "type:kafka"}
	own := datastreams.NewPathway(tags...)
	params := datastreams.CheckpointParams{ServiceOverride: "connector", PayloadSize: 10}
	other := datastreams.NewPathwayWithParams(params, tags...)
	edge := datastreams.NewEdgeOf("connector", tags...).Checkpoint(datastreams.Pathway{}, 10)
	if own.GetHash() == other.GetHash() || other.GetHash() != edge.GetHash() {
		t.Errorf("%d, %d, %d", own.GetHash(), other.GetHash(), edge.GetHash())
	}
	agent.Flushed()
	for _, found := range agent.Find(tags...) {
		want := map[string]uint64{agenttest.Service: own.GetHash(), "connector": other.GetHash()}[found.Service]
		if found.Hash != want {
			t.Errorf("%v", found)
		}
	}
	if n := len(agent.Find(tags...)); n != 2 {
		t.Errorf("%d services", n)
	}
}

func TestOffsetsArrive(t *testing.T) {
	agent := agenttest.Start(t)
	datastreams.TrackKafkaProduce("orders", 2, 41)
	datastreams.TrackKafkaProduce("orders", 2, 42)
	datastreams.TrackKafkaProduce("orders", 2, 40)
	datastreams.TrackKafkaProduceOffset("orders", 3, 7)
	datastreams.TrackKafkaCommitOffset("billing", "orders", 2, 30)
	datastreams.TrackKafkaCommitOffsetWithCluster("c1", "billing", "orders", 2, 31)
	datastreams.TrackKafkaHighWatermarkOffset("c1", "orders", 2, 43)
	datastreams.Flush()
	for _, want := range []struct {
		value int64
		tags  []string
	}{
		{42, []string{"type:kafka_produce", "topic:orders", "partition:2"}},
		{7, []string{"type:kafka_produce", "topic:orders", "partition:3"}},
		{30, []string{"type:kafka_commit", "topic:orders", "partition:2", "consumer_group:billing"}},
		{31, []string{"type:kafka_commit", "topic:orders", "partition:2", "consumer_group:billing", "kafka_cluster_id:c1"}},
		{43, []string{"type:kafka_high_watermark", "topic:orders", "partition:2", "kafka_cluster_id:c1"}},
	} {
		if got := agent.Backlog(want.tags...); got != want.value {
			t.Errorf("%v: %d, not %d; all are %v", want.tags, got, want.value, agent.Backlogs())
		}
	}
	if n := len(agent.Backlogs()); n != 5 {
		t.Errorf("%d backlogs: %v", n, agent.Backlogs())
	}
}

func TestAQueueThatTellsWhenAMessageEntered(t *testing.T) {
	agent := agenttest.Start(t)
	edge := datastreams.NewEdge("direction:in", "topic:orders", "type:kafka")
	edge.ConsumeQueued(nil, 1, time.Now().Add(-3*time.Second))
	agent.Flushed()
	near(t, "the time since the origin", agent.One(t, "direction:in", "topic:orders", "type:kafka").Pathway.Max, 3)
}

func TestBadHeadersStartAPathwayAndAreCounted(t *testing.T) {
	agent := agenttest.Start(t)
	edge := datastreams.NewEdge("direction:in", "topic:orders", "type:kafka")
	for _, header := range []string{"", "?", "AAAAAAAAAAA=", "0123456789"} {
		if p := edge.Consume([]byte(header), 1); p.IsZero() || time.Since(p.PathwayStart()) > time.Minute {
			t.Errorf("%q: %v", header, p)
		}
	}
	found := agent.Flushed()
	if len(found) != 1 || found[0].Current != 4 || found[0].Parent != 0 {
		t.Errorf("%v", found)
	}
	counters := datastreams.Counters()
	if refused := counters["header_unreadable"] + counters["header_truncated"] + counters["header_too_old"]; refused != 3 {
		t.Errorf("%d refused: %v", refused, counters)
	}
}

func TestTransactionsAreCounted(t *testing.T) {
	agenttest.Start(t)
	datastreams.TrackTransaction("order-1", "ingested")
	datastreams.TrackDataStreamsTransactionAt(context.Background(), "order-1", "booked", time.Now())
	datastreams.TrackTransaction("", "booked")
	datastreams.Stop()
	counters := datastreams.Counters()
	if counters["transactions"] != 2 || counters["invalid_arguments"] != 1 || counters["transactions_dropped"] != 0 {
		t.Errorf("%v", counters)
	}
}

func TestANegativeSizeIsUnknown(t *testing.T) {
	agent := agenttest.Start(t)
	edge := datastreams.NewEdge("direction:in", "topic:orders", "type:kafka")
	for _, size := range []int64{datastreams.UnknownSize, -2, math.MinInt64} {
		p := edge.Consume(nil, size)
		edge.Checkpoint(p, size)
		edge.Produce(p, size, nil)
		edge.ConsumeQueued(nil, size, time.Now())
	}
	for _, found := range agent.Flushed() {
		if found.Size.Count != 0 {
			t.Errorf("a size that nobody gave: %v", found.Size)
		}
	}
}
