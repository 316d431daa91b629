package kafka_test

import (
	"context"
	"fmt"
	"log"

	"github.com/confluentinc/confluent-kafka-go/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	ddkafka "github.com/datastreams/datastreams/bindings/go/integrations/kafka"
)

// A service that reads orders and writes payments.
func Example() {
	datastreams.Start(datastreams.WithService("billing"))
	defer datastreams.Stop()

	consumer, err := kafka.NewConsumer(&kafka.ConfigMap{"bootstrap.servers": "localhost:9092", "group.id": "billing"})
	if err != nil {
		log.Fatal(err)
	}
	defer consumer.Close()
	producer, err := kafka.NewProducer(&kafka.ConfigMap{"bootstrap.servers": "localhost:9092"})
	if err != nil {
		log.Fatal(err)
	}
	defer producer.Close()

	if err := consumer.Subscribe("orders", nil); err != nil {
		log.Fatal(err)
	}
	payments := "payments"
	for {
		order, err := consumer.ReadMessage(-1)
		if err != nil {
			log.Print(err)
			continue
		}
		ctx := ddkafka.TraceKafkaConsume(context.Background(), order, "billing")

		payment := &kafka.Message{
			TopicPartition: kafka.TopicPartition{Topic: &payments, Partition: kafka.PartitionAny},
			Value:          []byte(fmt.Sprintf("paid: %s", order.Value)),
		}
		ddkafka.TraceKafkaProduce(ctx, payment)
		if err := producer.Produce(payment, nil); err != nil {
			log.Print(err)
		}
	}
}
