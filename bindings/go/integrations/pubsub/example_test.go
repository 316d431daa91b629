package pubsub_test

import (
	"context"
	"log"

	gcp "cloud.google.com/go/pubsub/v2"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/pubsub"
)

// A service between two topics. Its messages continue the pathways of those that cause them.
func Example() {
	datastreams.Start(datastreams.WithService("billing"))
	defer datastreams.Stop()

	ctx := context.Background()
	client, err := gcp.NewClient(ctx, "project")
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close()
	payments := pubsub.WrapPublisher(client.Publisher("payments"))
	defer payments.Stop()

	orders := pubsub.WrapSubscriber(client.Subscriber("billing"))
	err = orders.Receive(ctx, func(ctx context.Context, order *gcp.Message) {
		// The context of the message that causes the next one.
		payment := &gcp.Message{Data: append([]byte("paid: "), order.Data...)}
		if _, err := payments.Publish(ctx, payment).Get(ctx); err != nil {
			log.Print(err)
			order.Nack()
			return
		}
		order.Ack()
	})
	if err != nil {
		log.Print(err)
	}
}
