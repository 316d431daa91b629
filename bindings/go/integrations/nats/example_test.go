package nats_test

import (
	"context"
	"log"

	natsgo "github.com/nats-io/nats.go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/nats"
)

// A service between two subjects. Its messages continue the pathways of those that cause them.
func Example() {
	datastreams.Start(datastreams.WithService("billing"))
	defer datastreams.Stop()

	client, err := natsgo.Connect(natsgo.DefaultURL)
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close()
	conn := nats.Wrap(client)

	orders, err := conn.QueueSubscribeSync("orders", "billing")
	if err != nil {
		log.Print(err)
		return
	}
	for ctx := context.Background(); ; {
		order, err := orders.NextMsgWithContext(ctx)
		if err != nil {
			log.Print(err)
			return
		}
		// The context of the message that causes the next one.
		payment := &natsgo.Msg{Subject: "payments", Data: append([]byte("paid: "), order.Data...)}
		if err := conn.PublishMsgContext(nats.ContextWithMessage(ctx, order), payment); err != nil {
			log.Print(err)
		}
	}
}
