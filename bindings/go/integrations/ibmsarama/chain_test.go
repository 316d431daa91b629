package ibmsarama

import (
	"context"
	"slices"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

const messages = 6

// A SyncProducer, a group that passes on what it reads through an AsyncProducer, and a group at the end that commits itself.
func TestChain(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	orders, payments := broker.Topic(t, "orders", 1), broker.Topic(t, "payments", 1)
	billing, ledger := broker.Group("billing"), broker.Group("ledger")
	known := WithClusterID(broker.ClusterID)

	source := syncProducer(t, broker, config(), known)
	var batch []*sarama.ProducerMessage
	for i := range messages {
		msg := &sarama.ProducerMessage{Topic: orders, Key: sarama.StringEncoder("key"), Value: sarama.StringEncoder("order")}
		if i%2 == 0 {
			batch = append(batch, msg)
		} else if _, offset, err := source.SendMessage(msg); err != nil || offset != int64(i/2) {
			t.Fatal(offset, err)
		}
	}
	if err := source.SendMessages(batch); err != nil {
		t.Fatal(err)
	}
	between, err := NewAsyncProducer([]string{broker.Addr}, config(), known)
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := make(chan int)
	go func() {
		n := 0
		for range between.Successes() {
			n++
		}
		acknowledged <- n
	}()
	read(t, broker, billing, config(), orders, messages, func(session sarama.ConsumerGroupSession, order *sarama.ConsumerMessage) {
		payment := &sarama.ProducerMessage{Topic: payments, Key: sarama.ByteEncoder(order.Key)} // without a value
		if order.Offset%2 == 0 {
			if err := between.InputContext(ContextWithMessage(session.Context(), order), payment); err != nil {
				t.Error(err)
			}
		} else {
			for _, header := range order.Headers {
				payment.Headers = append(payment.Headers, *header)
			}
			between.Input() <- payment
		}
		session.MarkMessage(order, "")
	}, known)
	between.AsyncClose()
	for err := range between.Errors() {
		t.Error(err)
	}
	if n := <-acknowledged; n != messages {
		t.Errorf("%d messages were acknowledged", n)
	}
	byHand := config()
	byHand.Consumer.Offsets.AutoCommit.Enable = false
	read(t, broker, ledger, byHand, payments, messages, func(session sarama.ConsumerGroupSession, payment *sarama.ConsumerMessage) {
		session.MarkMessage(payment, "")
		if payment.Offset == 3 {
			session.Commit() // and not the others
		}
	}, known)
	agent.Flushed()

	cluster := "kafka_cluster_id:" + broker.ClusterID
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
		{orders, "kafka_produce", "", messages - 1},
		{payments, "kafka_produce", "", messages - 1},
		{orders, "kafka_high_watermark", "", broker.End(t, orders, 0)},
		{payments, "kafka_high_watermark", "", messages},
		{orders, "kafka_commit", billing, messages},
		{payments, "kafka_commit", ledger, 4},
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

func config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V2_1_0_0
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	return config
}

func syncProducer(t *testing.T, broker *brokertest.Broker, config *sarama.Config, opts ...Option) *SyncProducer {
	t.Helper()
	producer, err := NewSyncProducer([]string{broker.Addr}, config, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := producer.Close(); err != nil {
			t.Error(err)
		}
	})
	return producer
}

// read has a group read n messages of a topic, and closes it.
func read(t *testing.T, broker *brokertest.Broker, group string, config *sarama.Config, topic string, n int, each func(sarama.ConsumerGroupSession, *sarama.ConsumerMessage), opts ...Option) {
	t.Helper()
	members, err := NewConsumerGroup([]string{broker.Addr}, group, config, opts...)
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
	each func(sarama.ConsumerGroupSession, *sarama.ConsumerMessage)
	left int
	done context.CancelFunc
}

func (*reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r *reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for msg := range claim.Messages() {
		r.each(session, msg)
		if r.left--; r.left == 0 {
			r.done()
		}
	}
	return nil
}

func keysOf(record *kgo.Record) []string {
	keys := []string{}
	for _, header := range record.Headers {
		keys = append(keys, header.Key)
	}
	return keys
}
