package ibmsarama

import (
	"context"
	"testing"

	"github.com/IBM/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

// Clients of the program's own: single messages by hand, and a handler that is wrapped.
func TestByHand(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic, wrapped, traced := broker.Topic(t, "orders", 1), broker.Group("wrapped"), broker.Group("traced")
	producer, err := sarama.NewSyncProducer([]string{broker.Addr}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	const messages = 3
	for range messages {
		msg := &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("order")}
		ctx := TraceKafkaProduce(context.Background(), msg)
		if _, ok := datastreams.PathwayFromContext(ctx); !ok || len(msg.Headers) != 2 {
			t.Fatalf("headers %v, a pathway: %t", msg.Headers, ok)
		}
		if _, _, err := producer.SendMessage(msg); err != nil {
			t.Fatal(err)
		}
	}
	consume := func(group string, handler func(*reader) sarama.ConsumerGroupHandler, each func(sarama.ConsumerGroupSession, *sarama.ConsumerMessage)) {
		members, err := sarama.NewConsumerGroup([]string{broker.Addr}, group, config())
		if err != nil {
			t.Fatal(err)
		}
		defer members.Close()
		ctx, cancel := context.WithTimeout(context.Background(), brokertest.Patience)
		defer cancel()
		reader := &reader{each: each, left: messages, done: cancel}
		if err := members.Consume(ctx, []string{topic}, handler(reader)); err != nil || reader.left != 0 {
			t.Fatal(err, reader.left)
		}
	}
	consume(wrapped, func(r *reader) sarama.ConsumerGroupHandler {
		return WrapConsumerGroupHandler(r, WithGroup(wrapped), WithClusterID(id))
	}, func(session sarama.ConsumerGroupSession, msg *sarama.ConsumerMessage) {
		session.MarkMessage(msg, "")
	})
	consume(traced, func(r *reader) sarama.ConsumerGroupHandler { return r }, func(session sarama.ConsumerGroupSession, msg *sarama.ConsumerMessage) {
		TraceKafkaConsume(session.Context(), msg, traced)
	})
	agent.Flushed()
	out := agent.One(t, "direction:out", "topic:"+topic, "type:kafka")
	for _, tags := range [][]string{{"group:" + wrapped, "kafka_cluster_id:" + id}, {"group:" + traced}} {
		in := agent.One(t, append(tags, "direction:in", "topic:"+topic, "type:kafka")...)
		if in.Parent != out.Hash || in.Current != messages {
			t.Errorf("%v after %v", in, out)
		}
	}
	if at := agent.Backlog("type:kafka_commit", "consumer_group:"+wrapped, "topic:"+topic, "partition:0", "kafka_cluster_id:"+id); at != messages {
		t.Errorf("%d is told as committed", at)
	}
}
