package amqp091_test

import (
	"context"
	"log"

	amqp "github.com/rabbitmq/amqp091-go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/amqp091"
)

// A service between two queues. Its messages continue the pathways of those that cause them.
func Example() {
	datastreams.Start(datastreams.WithService("billing"))
	defer datastreams.Stop()

	connection, err := amqp.Dial("amqp://guest:guest@localhost:5672/")
	if err != nil {
		log.Print(err)
		return
	}
	defer connection.Close()
	channel, err := amqp091.NewChannel(connection)
	if err != nil {
		log.Print(err)
		return
	}
	orders, err := channel.Consume("orders", "", false, false, false, false, nil)
	if err != nil {
		log.Print(err)
		return
	}
	for order := range orders {
		// The context of the message that causes the next one.
		ctx := amqp091.ContextWithDelivery(context.Background(), &order)
		payment := amqp.Publishing{Body: append([]byte("paid: "), order.Body...)}
		if err := channel.PublishWithContext(ctx, "", "payments", false, false, payment); err != nil {
			log.Print(err)
			return
		}
		if err := order.Ack(false); err != nil {
			log.Print(err)
		}
	}
}
