package jetstream_test

import (
	"testing"

	natsgo "github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/servertest"
)

// A service with the Python binding between two with this one.
func TestPython(t *testing.T) {
	servertest.NeedPython(t)
	agent, s := agenttest.Start(t), connect(t, js.StreamConfig{})
	const messages, size = 4, 9 + 6 + 4
	for range messages {
		_, err := s.PublishMsg(s.ctx, &natsgo.Msg{Subject: s.orders, Data: []byte("12 apples"), Header: natsgo.Header{"tenant": {"blue"}}})
		check(t, err)
	}
	servertest.PythonHop(t, agent.URL(), agenttest.Env, "nats", servertest.NATS(t), s.orders, s.payments, messages)
	ledger, err := s.CreateConsumer(s.ctx, s.stream, js.ConsumerConfig{Durable: "ledger", FilterSubject: s.payments})
	check(t, err)
	batch, err := ledger.Fetch(messages)
	check(t, err)
	for msg := range batch.Messages() {
		check(t, msg.Ack())
	}
	chain := []agenttest.Hop{
		hop(size, "direction:out", "topic:"+s.orders, "type:nats"),
		hop(size, "direction:in", "group:python", "topic:"+s.orders, "type:nats"),
		hop(size, "direction:out", "topic:"+s.payments, "type:nats"),
		hop(size, "direction:in", "group:ledger", "topic:"+s.payments, "type:nats"),
	}
	chain[1].Service, chain[2].Service = servertest.PythonService, servertest.PythonService
	agent.Chain(t, messages, chain...)
}
