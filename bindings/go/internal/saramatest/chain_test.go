// Package saramatest tests integrations/sarama over a broker. It is a module of its own, as the broker needs a newer Go than the
// integration.
package saramatest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/Shopify/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	traced "github.com/datastreams/datastreams/bindings/go/integrations/sarama"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

const messages = 4

// A producer, a group that passes on what it reads, and a reader at the end.
func TestChain(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	orders, payments, billing := broker.Topic(t, "orders", 1), broker.Topic(t, "payments", 1), broker.Group("billing")
	producer, err := sarama.NewSyncProducer([]string{broker.Addr}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	send := func(ctx context.Context, msg *sarama.ProducerMessage) {
		traced.TraceKafkaProduce(ctx, msg)
		partition, offset, err := producer.SendMessage(msg)
		if err != nil {
			t.Fatal(err)
		}
		datastreams.TrackKafkaProduce(msg.Topic, partition, offset)
	}
	for range messages {
		send(context.Background(), &sarama.ProducerMessage{Topic: orders, Key: sarama.StringEncoder("key"), Value: sarama.StringEncoder("order")})
	}
	read(t, broker, billing, orders, messages, func(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim, order *sarama.ConsumerMessage) {
		ctx := traced.TraceKafkaConsume(session.Context(), order, billing)
		// All headers of the order go with the payment; the value is null.
		payment := &sarama.ProducerMessage{Topic: payments, Key: sarama.ByteEncoder(order.Key)}
		for _, header := range order.Headers {
			payment.Headers = append(payment.Headers, *header)
		}
		send(ctx, payment)
		session.MarkMessage(order, "")
		datastreams.TrackKafkaCommitOffset(billing, orders, order.Partition, order.Offset+1)
		datastreams.TrackKafkaHighWatermarkOffset("", orders, order.Partition, claim.HighWaterMarkOffset())
	})
	ledger := broker.Group("ledger")
	read(t, broker, ledger, payments, messages, func(session sarama.ConsumerGroupSession, _ sarama.ConsumerGroupClaim, payment *sarama.ConsumerMessage) {
		traced.TraceKafkaConsume(session.Context(), payment, ledger)
	})
	agent.Flushed()

	hash := uint64(0)
	for _, hop := range []struct {
		tags []string
		size float64
	}{
		{[]string{"direction:out", "topic:" + orders, "type:kafka"}, messages * 8},
		{[]string{"direction:in", "group:" + billing, "topic:" + orders, "type:kafka"}, messages * 8},
		{[]string{"direction:out", "topic:" + payments, "type:kafka"}, messages * 3},
		{[]string{"direction:in", "group:" + ledger, "topic:" + payments, "type:kafka"}, messages * 3},
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
	end := broker.End(t, orders, 0)
	for want, tags := range map[int64][]string{
		end - 1: {"type:kafka_produce"}, end: {"type:kafka_high_watermark"},
		broker.Committed(t, billing, orders, 0): {"type:kafka_commit", "consumer_group:" + billing},
	} {
		if got := agent.Backlog(append(tags, "topic:"+orders, "partition:0")...); got != want {
			t.Errorf("%v: %d, not %d", tags, got, want)
		}
	}
	for _, topic := range []string{orders, payments} {
		for _, record := range broker.Records(t, topic, messages) {
			var keys []string
			for _, header := range record.Headers {
				keys = append(keys, header.Key)
			}
			if !slices.Equal(keys, []string{datastreams.PropagationKeyBase64, datastreams.PropagationKey}) {
				t.Errorf("a record in %s has the headers %v", topic, keys)
			}
		}
	}
}

// Messages without a pathway, and with one that cannot be read, begin where they entered the topic, and take none from others.
func TestEachMessageItsOwnPathway(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic, group := broker.Topic(t, "mixed", 1), broker.Group("g")
	producer, err := sarama.NewSyncProducer([]string{broker.Addr}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	before, hourAgo := datastreams.NewPathway("before"), time.Now().Add(-time.Hour)
	legacy := sarama.RecordHeader{Key: []byte(datastreams.PropagationKey), Value: before.Encode()}
	bad := sarama.RecordHeader{Key: []byte(datastreams.PropagationKeyBase64), Value: []byte("?")}
	for _, headers := range [][]sarama.RecordHeader{{legacy}, nil, {bad}, {bad, legacy}} {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Timestamp: hourAgo, Headers: headers}); err != nil {
			t.Fatal(err)
		}
	}
	// A context of another message: it must not matter.
	ctx := datastreams.ContextWithPathway(context.Background(), datastreams.NewPathway("another"))
	read(t, broker, group, topic, 4, func(_ sarama.ConsumerGroupSession, _ sarama.ConsumerGroupClaim, msg *sarama.ConsumerMessage) {
		pathway, _ := datastreams.PathwayFromContext(traced.TraceKafkaConsume(ctx, msg, group))
		if began := pathway.PathwayStart(); msg.Offset%3 != 0 && began.Sub(hourAgo).Abs() > time.Second {
			t.Errorf("message %d began at %v", msg.Offset, began)
		}
	})
	agent.Flushed()
	counts := map[uint64]float64{}
	for _, edge := range agent.Find("direction:in", "group:"+group, "topic:"+topic, "type:kafka") {
		counts[edge.Parent] = edge.Current
	}
	if len(counts) != 2 || counts[0] != 2 || counts[before.GetHash()] != 2 {
		t.Errorf("messages by parent: %v; %d is known", counts, before.GetHash())
	}
}

func config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V2_1_0_0
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	// Without it the client commits in a version of the protocol that Kafka 4 does not take any more.
	config.Consumer.Offsets.Retention = time.Hour
	return config
}

// read has a group read n messages of a topic, and closes it, which commits what is marked.
func read(t *testing.T, broker *brokertest.Broker, group, topic string, n int, each func(sarama.ConsumerGroupSession, sarama.ConsumerGroupClaim, *sarama.ConsumerMessage)) {
	t.Helper()
	members, err := sarama.NewConsumerGroup([]string{broker.Addr}, group, config())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), brokertest.Patience)
	defer cancel()
	reader := &reader{each: each, left: n, done: cancel}
	for ctx.Err() == nil {
		if err := members.Consume(ctx, []string{topic}, reader); err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
	}
	if err := members.Close(); err != nil {
		t.Error(err)
	}
	if reader.left != 0 {
		t.Fatalf("%d of %d messages did not come", reader.left, n)
	}
}

type reader struct {
	each func(sarama.ConsumerGroupSession, sarama.ConsumerGroupClaim, *sarama.ConsumerMessage)
	left int
	done context.CancelFunc
}

func (*reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r *reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for msg := range claim.Messages() {
		r.each(session, claim, msg)
		if r.left--; r.left == 0 {
			r.done()
		}
	}
	return nil
}
