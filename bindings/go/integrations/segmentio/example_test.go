package segmentio_test

import (
	"context"
	"log"

	"github.com/segmentio/kafka-go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/segmentio"
)

// A service between two topics. Its messages continue the pathways of those that cause them.
func Example() {
	datastreams.Start(datastreams.WithService("billing"))
	defer datastreams.Stop()

	reader := segmentio.NewReader(kafka.ReaderConfig{Brokers: []string{"localhost:9092"}, GroupID: "billing", Topic: "orders"})
	defer reader.Close()
	writer := segmentio.WrapWriter(&kafka.Writer{Addr: kafka.TCP("localhost:9092"), Topic: "payments", RequiredAcks: kafka.RequireAll})
	defer writer.Close()

	ctx := context.Background()
	for {
		order, err := reader.FetchMessage(ctx)
		if err != nil {
			log.Print(err)
			return
		}
		// The context of the message that causes the next one.
		payment := kafka.Message{Key: order.Key, Value: append([]byte("paid: "), order.Value...)}
		if err := writer.WriteMessages(segmentio.ContextWithMessage(ctx, order), payment); err != nil {
			log.Print(err)
			return
		}
		if err := reader.CommitMessages(ctx, order); err != nil {
			log.Print(err)
		}
	}
}
