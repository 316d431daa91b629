package pubsub_test

import (
	"context"
	"testing"

	gcp "cloud.google.com/go/pubsub/v2"

	"github.com/datastreams/datastreams/bindings/go/integrations/pubsub"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/servertest"
)

// A service with the Python binding between two with this one.
func TestPython(t *testing.T) {
	servertest.NeedPython(t)
	agent, s := agenttest.Start(t), serve(t)
	ordersOut, _ := s.topic(t, "orders")
	_, paymentsIn := s.topic(t, "payments")
	orders := pubsub.WrapPublisher(ordersOut)
	const messages, size = 4, 9 + 6 + 4
	for range messages {
		publish(t, orders, s.ctx, &gcp.Message{Data: []byte("12 apples"), Attributes: map[string]string{"tenant": "blue"}})
	}
	servertest.PythonHop(t, agent.URL(), agenttest.Env, "pubsub", s.server.Addr, subscription("orders"), topic("payments"), messages)
	receive(t, s.ctx, pubsub.WrapSubscriber(paymentsIn), messages, func(context.Context, *gcp.Message) {})
	chain := []agenttest.Hop{
		hop(size, "out", topic("orders")), hop(size, "in", subscription("orders")), hop(size, "out", topic("payments")), hop(size, "in", subscription("payments")),
	}
	chain[1].Service, chain[2].Service = servertest.PythonService, servertest.PythonService
	agent.Chain(t, messages, chain...)
}
