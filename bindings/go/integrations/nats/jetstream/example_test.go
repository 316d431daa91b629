package jetstream_test

import (
	"context"
	"log"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/nats/jetstream"
)

// A service between two streams. Its messages continue the pathways of those that cause them.
func Example() {
	datastreams.Start(datastreams.WithService("billing"))
	defer datastreams.Stop()

	conn, err := nats.Connect(nats.DefaultURL)
	if err != nil {
		log.Print(err)
		return
	}
	defer conn.Close()
	client, err := js.New(conn)
	if err != nil {
		log.Print(err)
		return
	}
	streams, ctx := jetstream.Wrap(client), context.Background()
	billing, err := streams.Consumer(ctx, "ORDERS", "billing")
	if err != nil {
		log.Print(err)
		return
	}
	for {
		order, err := billing.Next()
		if err != nil {
			log.Print(err)
			return
		}
		// The context of the message that causes the next one.
		if _, err := streams.Publish(jetstream.ContextWithMessage(ctx, order), "payments", order.Data()); err != nil {
			log.Print(err)
			continue
		}
		if err := order.Ack(); err != nil {
			log.Print(err)
		}
	}
}
