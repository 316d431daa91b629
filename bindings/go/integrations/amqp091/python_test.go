package amqp091_test

import (
	"context"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/servertest"
)

// A service with the Python binding between two with this one.
func TestPython(t *testing.T) {
	servertest.NeedPython(t)
	agent, b := agenttest.Start(t), connect(t, amqp.Config{})
	orders, payments := b.queue(t, "orders"), b.queue(t, "payments")
	channel := b.channel(t)
	const messages, size = 4, 9 + 6 + 4
	for range messages {
		publish(t, channel, context.Background(), "", orders, amqp.Publishing{Body: []byte("12 apples"), Headers: amqp.Table{"tenant": "blue"}})
	}
	servertest.PythonHop(t, agent.URL(), agenttest.Env, "rabbitmq", servertest.RabbitMQ(t), orders, payments, messages)
	for range messages {
		get(t, channel, payments)
	}
	chain := hops(size, produced(orders), consumed(orders), produced(payments), consumed(payments))
	chain[1].Service, chain[2].Service = servertest.PythonService, servertest.PythonService
	agent.Chain(t, messages, chain...)
}
