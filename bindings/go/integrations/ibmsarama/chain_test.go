package ibmsarama

import (
	"context"
	"testing"

	"github.com/IBM/sarama"

	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

const messages = 6

// A SyncProducer, a group that passes on what it reads through an AsyncProducer, and a group at the end that commits itself.
func TestChain(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	chain := broker.NewChain(t, messages, 1)
	orders, payments, billing, ledger := chain.Orders, chain.Payments, chain.Billing, chain.Ledger
	chain.OrderBytes, chain.PaymentBytes = 8, 3
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
	chain.Check(t, agent,
		brokertest.Produced(orders, 0, messages-1),
		brokertest.Produced(payments, 0, messages-1),
		brokertest.Watermark(orders, 0, broker.End(t, orders, 0)),
		brokertest.Watermark(payments, 0, messages),
		brokertest.Committed(billing, orders, 0, messages),
		brokertest.Committed(ledger, payments, 0, 4),
	)
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
