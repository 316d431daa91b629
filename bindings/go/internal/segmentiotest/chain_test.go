// Package segmentiotest tests integrations/segmentio over a broker. It is a module of its own, as the broker needs a newer Go than the
// integration.
package segmentiotest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/segmentio"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

const (
	messages = 6
	// Tests say what the cluster's id is, where they do not test how it is learned: whether it is there in time is chance.
	id = "c"
)

// A writer, a group that passes on what it fetches and commits, and a group that reads.
func TestChain(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	orders, payments := broker.Topic(t, "orders", 1), broker.Topic(t, "payments", 1)
	billing, ledger := broker.Group("billing"), broker.Group("ledger")
	ctx := patient(t)

	source := writer(t, broker, &kafka.Writer{Topic: orders})
	batch := make([]kafka.Message, messages)
	for i := range batch {
		batch[i] = kafka.Message{Key: []byte("key"), Value: []byte("order")}
	}
	if err := source.WriteMessages(ctx, batch...); err != nil {
		t.Fatal(err)
	}
	if batch[0].Headers != nil {
		t.Errorf("the program's messages got %v", batch[0].Headers)
	}
	between, to := reader(t, broker, billing, orders), writer(t, broker, &kafka.Writer{})
	for i := range messages {
		order, err := between.FetchMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		payment := kafka.Message{Topic: payments, Key: order.Key} // without a value
		with := segmentio.ContextWithMessage(ctx, order)
		if i%2 == 0 {
			with, payment.Headers = ctx, order.Headers
		}
		if err := to.WriteMessages(with, payment); err != nil {
			t.Fatal(err)
		}
		if i%3 == 1 { // 4 are committed: 2, and 5
			if err := between.CommitMessages(ctx, order); err != nil {
				t.Fatal(err)
			}
		}
	}
	sink := reader(t, broker, ledger, payments)
	for range messages {
		if _, err := sink.ReadMessage(ctx); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if _, err := sink.ReadMessage(short); err == nil {
		t.Error("a message too many")
	}
	agent.Flushed()

	cluster := "kafka_cluster_id:" + id
	hash := uint64(0)
	for _, hop := range []struct {
		tags []string
		size float64
	}{
		{[]string{"direction:out", "topic:" + orders, "type:kafka", cluster}, messages * 8},
		{[]string{"direction:in", "group:" + billing, "topic:" + orders, "type:kafka", cluster}, messages * 8},
		{[]string{"direction:out", "topic:" + payments, "type:kafka", cluster}, messages * 3},
		{[]string{"direction:in", "group:" + ledger, "topic:" + payments, "type:kafka", cluster}, messages * 3},
	} {
		edge := agent.One(t, hop.tags...)
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, hash, hop.tags...); edge.Parent != hash || edge.Hash != want {
			t.Errorf("%v: want %d -> %d", edge, hash, want)
		}
		if edge.Current != messages || edge.Size.Count != messages || edge.Size.Sum < hop.size*0.98 || edge.Size.Sum > hop.size*1.02 {
			t.Errorf("%v: want %d messages, %g bytes", edge, messages, hop.size)
		}
		hash = edge.Hash
	}
	if n := len(agent.Edges()); n != 4 {
		t.Errorf("%d edges: %v", n, agent.Edges())
	}
	for _, backlog := range []struct {
		topic, kind, group string
		want               int64
	}{
		{orders, "kafka_produce", "", broker.End(t, orders, 0) - 1},
		{payments, "kafka_produce", "", messages - 1},
		{orders, "kafka_high_watermark", "", messages},
		{payments, "kafka_high_watermark", "", messages},
		{orders, "kafka_commit", billing, 5},
		{payments, "kafka_commit", ledger, messages},
	} {
		tags := []string{"topic:" + backlog.topic, "partition:0", "type:" + backlog.kind, cluster}
		if backlog.group != "" {
			tags = append(tags, "consumer_group:"+backlog.group)
			if got := broker.Committed(t, backlog.group, backlog.topic, 0); got != backlog.want {
				t.Errorf("%s has committed %d, not %d", backlog.group, got, backlog.want)
			}
		}
		if got := agent.Backlog(tags...); got != backlog.want {
			t.Errorf("%v: %d, not %d", tags, got, backlog.want)
		}
	}
	for _, topic := range []string{orders, payments} {
		for _, record := range broker.Records(t, topic, messages) {
			if keys := keysOf(record); !slices.Equal(keys, []string{datastreams.PropagationKeyBase64}) {
				t.Errorf("a record in %s has the headers %v", topic, keys)
			}
		}
	}
}

func writer(t *testing.T, broker *brokertest.Broker, w *kafka.Writer, opts ...segmentio.Option) *segmentio.Writer {
	t.Helper()
	w.Addr, w.RequiredAcks, w.BatchTimeout = kafka.TCP(broker.Addr), kafka.RequireAll, time.Millisecond
	w.Transport = &kafka.Transport{}
	t.Cleanup(w.Transport.(*kafka.Transport).CloseIdleConnections)
	wrapped := segmentio.WrapWriter(w, append([]segmentio.Option{segmentio.WithClusterID(id)}, opts...)...)
	t.Cleanup(func() {
		if err := wrapped.Close(); err != nil {
			t.Error(err)
		}
	})
	return wrapped
}

func reader(t *testing.T, broker *brokertest.Broker, group, topic string) *segmentio.Reader {
	t.Helper()
	r := segmentio.NewReader(kafka.ReaderConfig{
		Brokers: []string{broker.Addr}, GroupID: group, Topic: topic, StartOffset: kafka.FirstOffset, MaxWait: 100 * time.Millisecond,
	}, segmentio.WithClusterID(id))
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), brokertest.Patience)
	t.Cleanup(cancel)
	return ctx
}

func keysOf(record *kgo.Record) []string {
	keys := []string{}
	for _, header := range record.Headers {
		keys = append(keys, header.Key)
	}
	return keys
}
