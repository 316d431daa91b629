package sarama_test

import (
	"context"
	"fmt"

	"github.com/Shopify/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	traced "github.com/datastreams/datastreams/bindings/go/integrations/sarama"
)

func Example() {
	datastreams.Start(datastreams.WithService("billing"))
	defer datastreams.Stop()

	// What a consumer group's claim yields.
	received := &sarama.ConsumerMessage{Topic: "orders", Value: []byte("7 apples")}
	ctx := traced.TraceKafkaConsume(context.Background(), received, "billing")

	message := &sarama.ProducerMessage{Topic: "payments", Value: sarama.StringEncoder("paid: 7 apples")}
	traced.TraceKafkaProduce(ctx, message)
	// producer.SendMessage(message)
	for _, header := range message.Headers {
		fmt.Println(string(header.Key))
	}
	// Output:
	// dd-pathway-ctx-base64
	// dd-pathway-ctx
}
