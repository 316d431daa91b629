package kafka_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	measured "github.com/datastreams/datastreams/bindings/go/integrations/kafka/v2"
)

// A service that reads orders and writes payments.
func Example() {
	datastreams.Start(datastreams.WithService("billing"))
	defer datastreams.Stop()

	consumer, err := measured.NewConsumer(&kafka.ConfigMap{"bootstrap.servers": "localhost:9092", "group.id": "billing"})
	if err != nil {
		log.Fatal(err)
	}
	defer consumer.Close()
	producer, err := measured.NewProducer(&kafka.ConfigMap{"bootstrap.servers": "localhost:9092"})
	if err != nil {
		log.Fatal(err)
	}
	defer producer.Close()

	if err := consumer.Subscribe("orders", nil); err != nil {
		log.Fatal(err)
	}
	payments := "payments"
	for {
		order, err := consumer.ReadMessage(time.Second)
		if err != nil {
			continue
		}
		payment := &kafka.Message{
			TopicPartition: kafka.TopicPartition{Topic: &payments, Partition: kafka.PartitionAny},
			Value:          []byte(fmt.Sprintf("paid: %s", order.Value)),
		}
		ctx := measured.ContextWithMessage(context.Background(), order)
		if err := producer.ProduceContext(ctx, payment, nil); err != nil {
			log.Print(err)
		}
	}
}

// A message by hand, for a client that is not wrapped.
func ExampleTraceKafkaProduce() {
	datastreams.Start(datastreams.WithService("checkout"))
	defer datastreams.Stop()

	orders := "orders"
	msg := &kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &orders, Partition: kafka.PartitionAny}, Value: []byte("12 apples")}
	measured.TraceKafkaProduce(context.Background(), msg) // then producer.Produce(msg, nil)
	for _, header := range msg.Headers {
		fmt.Println(header.Key)
	}

	ctx := measured.TraceKafkaConsume(context.Background(), msg, "billing") // where it was received
	_, ok := datastreams.PathwayFromContext(ctx)
	fmt.Println(ok)
	// Output:
	// dd-pathway-ctx-base64
	// dd-pathway-ctx
	// true
}
