package kafka_test

import (
	"context"
	"testing"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	measured "github.com/datastreams/datastreams/bindings/go/integrations/kafka/v2"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

// Through two services and a third that only reads, the second time by sending on what was received.
func TestChain(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders, payments, archive := b.topic(t, "orders"), b.topic(t, "payments"), b.topic(t, "archive")
	billing, books, attic := unique("billing"), unique("books"), unique("attic")
	p := b.producer(t, b.configured())
	group := func(name string) *kafka.ConfigMap {
		return b.configured("group.id", name, "enable.auto.commit", false)
	}

	const messages, committed = 7, 4
	for range messages {
		msg := to(orders, "12 apples")
		msg.Headers = []kafka.Header{{Key: "trace", Value: []byte("abc")}}
		if report := sent(t, p, context.Background(), msg); report.TopicPartition.Error != nil {
			t.Fatal(report.TopicPartition.Error)
		}
	}
	first := b.consumer(t, group(billing), orders)
	for i := range messages {
		msg := read(t, first)
		ctx := measured.ContextWithMessage(context.Background(), msg)
		payment := to(payments, "12 apples")
		payment.Headers = []kafka.Header{{Key: "trace", Value: []byte("abc")}}
		sent(t, p, ctx, payment)
		if i == committed-1 {
			if _, err := first.CommitMessage(msg); err != nil {
				t.Fatal(err)
			}
		}
	}
	second := b.consumer(t, group(books), payments)
	for range messages {
		msg := read(t, second)
		msg.TopicPartition = kafka.TopicPartition{Topic: &archive, Partition: 0}
		sent(t, p, context.Background(), msg)
	}
	third := b.consumer(t, group(attic), archive)
	for range messages {
		msg := read(t, third)
		if len(msg.Headers) != 2 || string(values(msg, "trace")[0]) != "abc" || len(values(msg, datastreams.PropagationKeyBase64)) != 1 {
			t.Fatalf("the headers are %v", msg.Headers)
		}
	}
	if done, err := third.Commit(); err != nil || done[0].Offset != messages {
		t.Fatal(done, err)
	}

	agent.Flushed()
	cluster := "kafka_cluster_id:" + p.ClusterID()
	parent := uint64(0)
	for _, tags := range [][]string{
		{"direction:out", "topic:" + orders, "type:kafka", cluster},
		{"direction:in", "group:" + billing, "topic:" + orders, "type:kafka", cluster},
		{"direction:out", "topic:" + payments, "type:kafka", cluster},
		{"direction:in", "group:" + books, "topic:" + payments, "type:kafka", cluster},
		{"direction:out", "topic:" + archive, "type:kafka", cluster},
		{"direction:in", "group:" + attic, "topic:" + archive, "type:kafka", cluster},
	} {
		edge := agent.One(t, tags...)
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, parent, tags...); edge.Parent != parent || edge.Hash != want {
			t.Errorf("%v, not %d -> %d", edge, parent, want)
		}
		// Key, value and the other header: 3 + 9 + 8 bytes, in a sketch.
		if edge.Current != messages || edge.Origin != messages || edge.Size.Count != messages || edge.Size.Min < 19.8 || edge.Size.Max > 20.2 {
			t.Errorf("%v: %g by origin, size %+v", edge, edge.Origin, edge.Size)
		}
		parent = edge.Hash
	}
	if edges := agent.Edges(); len(edges) != 6 {
		t.Errorf("%d edges: %v", len(edges), edges)
	}
	for _, test := range []struct {
		want int64
		tags []string
	}{
		{messages - 1, []string{"type:kafka_produce", "topic:" + orders}},
		{messages - 1, []string{"type:kafka_produce", "topic:" + payments}},
		{messages - 1, []string{"type:kafka_produce", "topic:" + archive}},
		{committed, []string{"type:kafka_commit", "consumer_group:" + billing, "topic:" + orders}},
		{messages, []string{"type:kafka_commit", "consumer_group:" + attic, "topic:" + archive}},
		{messages, []string{"type:kafka_high_watermark", "topic:" + orders}},
		{messages, []string{"type:kafka_high_watermark", "topic:" + archive}},
		{-1, []string{"type:kafka_commit", "consumer_group:" + books, "topic:" + payments}},
	} {
		if got := agent.Backlog(append(test.tags, "partition:0", cluster)...); got != test.want {
			t.Errorf("%v is %d, not %d; all are %v", test.tags, got, test.want, agent.Backlogs())
		}
	}
}

// A group with a subscription, automatic commits, and the other way to read.
func TestSubscription(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders, billing := b.topic(t, "orders"), unique("billing")
	p := b.producer(t, b.configured())
	c, err := measured.NewConsumer(b.configured("group.id", billing, "auto.offset.reset", "earliest",
		"auto.commit.interval.ms", 100, "enable.partition.eof", true))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Subscribe(orders, nil); err != nil {
		t.Fatal(err)
	}
	const messages = 3
	for range messages {
		sent(t, p, context.Background(), to(orders, "12 apples"))
	}
	eventually(t, "the consumer's cluster id", func() bool { return c.ClusterID() != "" })
	got, ends, committed := 0, 0, false
	eventually(t, "the commit and the end", func() bool {
		switch event := c.Poll(100).(type) {
		case *kafka.Message:
			got++
		case kafka.PartitionEOF:
			ends++
		case kafka.OffsetsCommitted:
			committed = committed || event.Error == nil && event.Offsets[0].Offset == messages
		}
		return committed && ends > 0
	})
	agent.Flushed()
	cluster := "kafka_cluster_id:" + c.ClusterID()
	edge := agent.One(t, "direction:in", "group:"+billing, "topic:"+orders, "type:kafka", cluster)
	if got != messages || edge.Current != messages {
		t.Errorf("%d messages were read: %v", got, edge)
	}
	if commit := agent.Backlog("type:kafka_commit", "consumer_group:"+billing, "topic:"+orders, "partition:0", cluster); commit != messages {
		t.Errorf("%d was committed", commit)
	}
	if high := agent.Backlog("type:kafka_high_watermark", "topic:"+orders, "partition:0", cluster); high != messages {
		t.Errorf("the partition ends at %d", high)
	}
}

// Two clients of a program's own making, wrapped afterwards.
func TestWrapped(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders, billing := b.topic(t, "orders"), unique("billing")
	producer, err := kafka.NewProducer(b.configured())
	if err != nil {
		t.Fatal(err)
	}
	p := measured.WrapProducer(producer, measured.WithClusterID("c"), measured.WithLegacyHeader())
	defer p.Close()
	consumer, err := kafka.NewConsumer(b.configured("group.id", billing))
	if err != nil {
		t.Fatal(err)
	}
	c := measured.WrapConsumer(consumer, measured.WithGroup(billing), measured.WithClusterID("c"))
	defer c.Close()
	if err := c.Assign([]kafka.TopicPartition{{Topic: &orders, Offset: kafka.OffsetBeginning}}); err != nil {
		t.Fatal(err)
	}
	sent(t, p, context.Background(), to(orders, "12 apples"))
	msg := read(t, c)
	// Both headers have the pathway after the edge: whoever sends the message on passes that on.
	text, raw := values(msg, datastreams.PropagationKeyBase64), values(msg, datastreams.PropagationKey)
	if len(text) != 1 || len(raw) != 1 {
		t.Fatalf("the headers are %v", msg.Headers)
	}
	a, _ := datastreams.Decode(text[0])
	if b, err := datastreams.Decode(raw[0]); err != nil || a.GetHash() != b.GetHash() {
		t.Errorf("the headers differ: %d and %d", a.GetHash(), b.GetHash())
	}
	agent.Flushed()
	out := agent.One(t, "direction:out", "topic:"+orders, "type:kafka", "kafka_cluster_id:c")
	in := agent.One(t, "direction:in", "group:"+billing, "topic:"+orders, "type:kafka", "kafka_cluster_id:c")
	if in.Parent != out.Hash || in.Hash != a.GetHash() {
		t.Errorf("%v, then %v, then %d", out, in, a.GetHash())
	}
}
