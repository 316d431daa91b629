package nats_test

import (
	"context"
	"slices"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/nats"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

// The client's older interface: all ways to publish, handlers, and what is fetched by hand.
func TestOlderJetStream(t *testing.T) {
	agent, conn := agenttest.Start(t), nats.Wrap(connect(t))
	streams, err := conn.JetStream()
	check(t, err)
	orders, payments := unique("orders"), unique("payments")
	_, err = streams.AddStream(&natsgo.StreamConfig{Name: orders, Subjects: []string{orders, payments}, Storage: natsgo.MemoryStorage})
	check(t, err)
	done := make(chan struct{}, 8)
	_, err = streams.QueueSubscribe(orders, "billing", func(order *natsgo.Msg) {
		payment := &natsgo.Msg{Subject: payments, Header: order.Header}
		if _, err := streams.PublishMsg(payment, natsgo.MsgId(string(order.Data))); err != nil {
			t.Error(err)
		}
		done <- struct{}{}
	})
	check(t, err)
	_, err = streams.Publish(orders, []byte("1"))
	check(t, err)
	_, err = streams.PublishMsg(&natsgo.Msg{Subject: orders, Data: []byte("2")})
	check(t, err)
	_, err = streams.PublishAsync(orders, []byte("3"))
	check(t, err)
	_, err = streams.PublishMsgAsync(&natsgo.Msg{Subject: orders, Data: []byte("4")})
	check(t, err)
	for range 4 {
		<-done
	}
	pulled, err := streams.PullSubscribe(payments, "ledger")
	check(t, err)
	got := 0
	for until := time.Now().Add(patience); got < 4 && time.Now().Before(until); {
		msgs, _ := pulled.Fetch(4, natsgo.MaxWait(time.Second))
		for _, msg := range msgs {
			got++
			nats.TraceConsume(context.Background(), msg, "ledger")
			if !slices.Equal(slices.Sorted(func(yield func(string) bool) {
				for name := range msg.Header {
					if !yield(name) {
						return
					}
				}
			}), []string{"Nats-Msg-Id", key}) {
				t.Errorf("the headers are %v", msg.Header)
			}
		}
	}
	agent.Flushed()
	for _, tags := range [][]string{out(orders), in(orders, "billing"), out(payments), in(payments, "ledger")} {
		if edge := agent.One(t, tags...); edge.Current != 4 {
			t.Errorf("%v", edge)
		}
	}
	if edges := agent.Edges(); len(edges) != 4 {
		t.Errorf("%v", edges)
	}
}

// A message of a stream that has no pathway began when the stream took it.
func TestRootsBeginInTheirStream(t *testing.T) {
	agenttest.Start(t)
	conn := connect(t)
	streams, err := conn.JetStream()
	check(t, err)
	subject := unique("roots")
	_, err = streams.AddStream(&natsgo.StreamConfig{Name: subject, Storage: natsgo.MemoryStorage})
	check(t, err)
	_, err = streams.Publish(subject, nil)
	check(t, err)
	subscription, err := streams.SubscribeSync(subject)
	check(t, err)
	msg := next(t, subscription)
	metadata, err := msg.Metadata()
	check(t, err)
	pathway, _ := datastreams.PathwayFromContext(nats.TraceConsume(context.Background(), msg, ""))
	if !pathway.PathwayStart().Equal(metadata.Timestamp) {
		t.Errorf("it began at %v, and was stored at %v", pathway.PathwayStart(), metadata.Timestamp)
	}
}

// A stream takes less than the server: what it takes without us it takes with us.
func TestStreamThatTakesLess(t *testing.T) {
	agenttest.Start(t)
	conn := nats.Wrap(connect(t))
	streams, err := conn.JetStream()
	check(t, err)
	subject := unique("less")
	_, err = streams.AddStream(&natsgo.StreamConfig{Name: subject, Storage: natsgo.MemoryStorage, MaxMsgSize: 100})
	check(t, err)
	_, err = streams.Publish(subject, make([]byte, 100))
	check(t, err)
	if _, err = streams.Publish(subject, make([]byte, 101)); err == nil {
		t.Error("more than the stream takes was taken")
	}
	msg, err := streams.GetMsg(subject, 1)
	check(t, err)
	if len(msg.Header) != 0 {
		t.Errorf("the headers are %v", msg.Header)
	}
}
