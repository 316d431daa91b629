// Package segmentiotest tests integrations/segmentio over a broker. It is a module of its own, as the broker needs a newer Go than the
// integration.
package segmentiotest

import (
	"context"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

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
	chain := broker.NewChain(t, messages, 1)
	orders, payments, billing, ledger := chain.Orders, chain.Payments, chain.Billing, chain.Ledger
	chain.OrderBytes, chain.PaymentBytes = 8, 3
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
	chain.ClusterID = id
	chain.Check(t, agent,
		brokertest.Produced(orders, 0, broker.End(t, orders, 0)-1),
		brokertest.Produced(payments, 0, messages-1),
		brokertest.Watermark(orders, 0, messages),
		brokertest.Watermark(payments, 0, messages),
		brokertest.Committed(billing, orders, 0, 5),
		brokertest.Committed(ledger, payments, 0, messages),
	)
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
