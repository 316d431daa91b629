package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	measured "github.com/datastreams/datastreams/bindings/go/integrations/kafka/v2"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

// Messages of a producer that takes no part: tombstones without keys among them.
func TestWithoutHeaders(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders, billing := b.topic(t, "orders"), unique("billing")
	p, err := kafka.NewProducer(b.configured())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	queued := time.Now().Add(-time.Minute)
	for range 2 {
		msg := &kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &orders, Partition: 0}, Timestamp: queued}
		if err := p.Produce(msg, nil); err != nil {
			t.Fatal(err)
		}
	}
	c := b.consumer(t, b.configured("group.id", billing), orders)
	for range 2 {
		msg := read(t, c)
		ctx := measured.ContextWithMessage(context.Background(), msg)
		if pathway, ok := datastreams.PathwayFromContext(ctx); !ok || pathway.PathwayStart().UnixMilli() != queued.UnixMilli() {
			t.Errorf("the pathway started at %v, not %v", pathway.PathwayStart(), queued)
		}
	}
	agent.Flushed()
	edge := agent.One(t, "direction:in", "group:"+billing, "topic:"+orders, "type:kafka", "kafka_cluster_id:"+c.ClusterID())
	if edge.Parent != 0 || edge.Current != 2 || edge.Size.Max != 0 || edge.Latency.Min < 59 || edge.Latency.Max > 90 {
		t.Errorf("%v: latency %+v, size %+v", edge, edge.Latency, edge.Size)
	}
}

// Errors and times out as the client's own.
func TestReadMessage(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders := b.topic(t, "orders")
	config := b.configured("group.id", unique("billing"), "auto.offset.reset", "error")
	c := b.consumer(t, config, orders)
	for _, timeout := range []time.Duration{0, time.Microsecond, 20 * time.Millisecond} {
		msg, err := c.ReadMessage(timeout)
		if msg != nil || err == nil || !err.(kafka.Error).IsTimeout() || err.Error() != "Local: Timed out" {
			t.Errorf("%v: %v, %v", timeout, msg, err)
		}
	}
	// An offset that is not there is an error of the partition, and no message.
	if err := c.Assign([]kafka.TopicPartition{{Topic: &orders, Partition: 0, Offset: 99}}); err != nil {
		t.Fatal(err)
	}
	if msg, err := c.ReadMessage(wait); err == nil || err.(kafka.Error).IsTimeout() {
		t.Errorf("%v, %v", msg, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadMessage(-1); err == nil {
		t.Error("a closed consumer reads")
	}
	if err := c.Close(); err == nil {
		t.Error("closed twice")
	}
	if edges := agent.Flushed(); len(edges) != 0 {
		t.Errorf("%v", edges)
	}
}

func TestConsumerEvents(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders, billing := b.topic(t, "orders"), unique("billing")
	p := b.producer(t, b.configured())
	for range 3 {
		sent(t, p, context.Background(), to(orders, "12 apples"))
	}
	c := b.consumer(t, b.configured("group.id", billing, "go.events.channel.enable", true, "auto.commit.interval.ms", 100), orders)
	got, committed := 0, false
	for got < 3 || !committed {
		select {
		case event := <-c.Events():
			switch event := event.(type) {
			case *kafka.Message:
				got++
				if _, ok := datastreams.PathwayFromContext(measured.ContextWithMessage(context.Background(), event)); !ok {
					t.Error("a message without a pathway")
				}
			case kafka.OffsetsCommitted:
				committed = committed || event.Offsets[0].Offset == 3
			}
		case <-time.After(wait):
			t.Fatalf("%d messages, committed: %v", got, committed)
		}
	}
	agent.Flushed()
	cluster := "kafka_cluster_id:" + c.ClusterID()
	if edge := agent.One(t, "direction:in", "group:"+billing, "topic:"+orders, "type:kafka", cluster); edge.Current != 3 {
		t.Errorf("%v", edge)
	}
	if commit := agent.Backlog("type:kafka_commit", "consumer_group:"+billing, "topic:"+orders, "partition:0", cluster); commit != 3 {
		t.Errorf("%d was committed", commit)
	}
	ended(t, "Close", func() { _ = c.Close() })
	if _, open := <-c.Events(); open {
		t.Error("the channel is open")
	}
}

// Exactly once: what a transaction commits is reported when it commits, and not when it aborts.
func TestTransaction(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders, payments, billing := b.topic(t, "orders"), b.topic(t, "payments"), unique("billing")
	p := b.producer(t, b.configured("transactional.id", unique("billing")))
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	if err := p.InitTransactions(ctx); err != nil {
		t.Fatal(err)
	}
	go func() {
		for range p.Events() {
		}
	}()
	c := b.consumer(t, b.configured("group.id", billing, "enable.auto.commit", false), orders)
	committed := []string{"type:kafka_commit", "consumer_group:" + billing, "topic:" + orders, "partition:0", "kafka_cluster_id:" + p.ClusterID()}
	for _, offset := range []kafka.Offset{5, 9, kafka.OffsetInvalid} {
		abort := offset == 9
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := p.Produce(to(payments, "12 apples"), nil); err != nil {
			t.Fatal(err)
		}
		if offset >= 0 {
			metadata, err := c.GetConsumerGroupMetadata()
			if err != nil {
				t.Fatal(err)
			}
			if err := p.SendOffsetsToTransaction(ctx, []kafka.TopicPartition{{Topic: &orders, Partition: 0, Offset: offset}}, metadata); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		agent.Flushed()
		if offset == 5 && agent.Backlog(committed...) != -1 {
			t.Errorf("reported before it is committed: %v", agent.Backlogs())
		}
		if abort {
			err = p.AbortTransaction(ctx)
		} else {
			err = p.CommitTransaction(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		agent.Flushed()
		if commit := agent.Backlog(committed...); commit != 5 {
			t.Errorf("%d was committed: %v", commit, agent.Backlogs())
		}
	}
}
