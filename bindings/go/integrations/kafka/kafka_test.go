package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/confluentinc/confluent-kafka-go/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	ddkafka "github.com/datastreams/datastreams/bindings/go/integrations/kafka"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

func to(topic string, value string) *kafka.Message {
	return &kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &topic, Partition: 0}, Key: []byte("key"), Value: []byte(value)}
}

// headers returns the values under a key.
func headers(msg *kafka.Message, key string) [][]byte {
	var values [][]byte
	for _, header := range msg.Headers {
		if header.Key == key {
			values = append(values, header.Value)
		}
	}
	return values
}

func TestChain(t *testing.T) {
	agent := agenttest.Start(t)
	address := broker(t)
	orders, payments, billing, books := unique("orders"), unique("payments"), unique("billing"), unique("books")
	p := producer(t, address)

	const messages = 5
	for range messages {
		msg := to(orders, "12 apples")
		msg.Headers = []kafka.Header{{Key: "trace", Value: []byte("abc")}}
		ddkafka.TraceKafkaProduce(context.Background(), msg)
		offset := send(t, p, msg)
		datastreams.TrackKafkaProduce(orders, 0, int64(offset))
	}
	first := consumer(t, address, billing, orders)
	for range messages {
		msg := read(t, first)
		if len(headers(msg, datastreams.PropagationKeyBase64)) != 1 || len(headers(msg, datastreams.PropagationKey)) != 1 {
			t.Fatalf("the headers are %v", msg.Headers)
		}
		ctx := ddkafka.TraceKafkaConsume(context.Background(), msg, billing)
		// Sent on as it is: the old pathway must not stay.
		msg.TopicPartition.Topic = &payments
		ddkafka.TraceKafkaProduce(ctx, msg)
		if len(msg.Headers) != 3 || !bytes.Equal(headers(msg, "trace")[0], []byte("abc")) {
			t.Fatalf("the headers are %v", msg.Headers)
		}
		send(t, p, msg)
	}
	committed, err := first.Commit()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range committed {
		datastreams.TrackKafkaCommitOffset(billing, *one.Topic, one.Partition, int64(one.Offset))
	}
	second := consumer(t, address, books, payments)
	for range messages {
		ddkafka.TraceKafkaConsume(context.Background(), read(t, second), books)
	}

	agent.Flushed()
	parent := uint64(0)
	for _, tags := range [][]string{
		{"direction:out", "topic:" + orders, "type:kafka"},
		{"direction:in", "group:" + billing, "topic:" + orders, "type:kafka"},
		{"direction:out", "topic:" + payments, "type:kafka"},
		{"direction:in", "group:" + books, "topic:" + payments, "type:kafka"},
	} {
		edge := agent.One(t, tags...)
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, parent, tags...); edge.Parent != parent || edge.Hash != want {
			t.Errorf("%v, not %d -> %d", edge, parent, want)
		}
		// Key, value and the other header: 3 + 9 + 8 bytes, in a sketch.
		if edge.Current != messages || edge.Size.Count != messages || edge.Size.Min < 19.8 || edge.Size.Max > 20.2 {
			t.Errorf("%v: %+v", edge, edge.Size)
		}
		parent = edge.Hash
	}
	if got := agent.Backlog("type:kafka_produce", "topic:"+orders, "partition:0"); got != messages-1 {
		t.Errorf("the offset of the last message is %d", got)
	}
	if got := agent.Backlog("type:kafka_commit", "consumer_group:"+billing, "topic:"+orders, "partition:0"); got != messages {
		t.Errorf("the next offset to read is %d", got)
	}
}

// What data-streams-go writes is continued, and what is written here has what it reads.
func TestServicesThatDidNotMoveYet(t *testing.T) {
	agenttest.Start(t)
	address := broker(t)
	orders := unique("orders")
	p := producer(t, address)
	origin := datastreams.NewPathway("direction:out", "topic:"+orders, "type:kafka")
	old := to(orders, "of an old producer")
	old.Headers = []kafka.Header{{Key: datastreams.PropagationKey, Value: origin.Encode()}}
	send(t, p, old)
	msg := to(orders, "of a new one")
	ddkafka.TraceKafkaProduce(context.Background(), msg)
	send(t, p, msg)

	c := consumer(t, address, unique("g"), orders)
	for range 2 {
		msg := read(t, c)
		raw := headers(msg, datastreams.PropagationKey)
		if len(raw) != 1 || len(raw[0]) != 20 {
			t.Fatalf("the headers are %v", msg.Headers)
		}
		carried, err := datastreams.Decode(raw[0])
		if err != nil || carried.GetHash() != origin.GetHash() {
			t.Errorf("%s: %v, %d instead of %d", msg.Value, err, carried.GetHash(), origin.GetHash())
		}
		after, _ := datastreams.PathwayFromContext(ddkafka.TraceKafkaConsume(context.Background(), msg, "g"))
		want := carried.SetCheckpoint("direction:in", "group:g", "topic:"+orders, "type:kafka")
		if after.GetHash() != want.GetHash() {
			t.Errorf("%s is not continued", msg.Value)
		}
	}
}

func TestOddMessages(t *testing.T) {
	agent := agenttest.Start(t)
	orders := "orders"
	ctx := context.Background()
	if got := ddkafka.TraceKafkaConsume(ctx, &kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &orders, Error: errors.New("EOF")}}, "g"); got != ctx {
		t.Error("an error became a message")
	}
	if ddkafka.TraceKafkaConsume(ctx, nil, "g") != ctx || ddkafka.TraceKafkaProduce(ctx, nil) != ctx {
		t.Error("nil became a message")
	}
	// A tombstone without a key, of an uninstrumented producer a minute ago.
	tombstone := &kafka.Message{
		TopicPartition: kafka.TopicPartition{Topic: &orders},
		Timestamp:      time.Now().Add(-time.Minute), TimestampType: kafka.TimestampCreateTime,
	}
	first := ddkafka.TraceKafkaConsume(ctx, tombstone, "g")
	second := ddkafka.TraceKafkaConsume(first, tombstone, "g")
	a, _ := datastreams.PathwayFromContext(first)
	b, _ := datastreams.PathwayFromContext(second)
	if a.GetHash() != b.GetHash() {
		t.Error("a message continued another one's pathway")
	}
	agent.Flushed()
	edge := agent.One(t, "direction:in", "group:g", "topic:orders", "type:kafka")
	if edge.Parent != 0 || edge.Current != 2 || edge.Size.Count != 2 || edge.Size.Max != 0 || edge.Latency.Min < 59 || edge.Latency.Max > 90 {
		t.Errorf("%v: size %+v, latency %+v", edge, edge.Size, edge.Latency)
	}
}
