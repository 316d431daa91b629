// Command relay BROKERS FROM TO COUNT [PROPERTY]... consumes COUNT messages, and produces each again when TO is not empty.
package main

import (
	"log"
	"os"
	"strconv"
	"strings"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

func config(brokers string, properties []string) *kafka.ConfigMap {
	all := kafka.ConfigMap{"bootstrap.servers": brokers}
	for _, property := range properties {
		name, value, _ := strings.Cut(property, "=")
		all[name] = value
	}
	return &all
}

func main() {
	brokers, from, to, properties := os.Args[1], os.Args[2], os.Args[3], os.Args[5:]
	count, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	consuming := config(brokers, properties)
	(*consuming)["auto.offset.reset"] = "earliest"
	consumer, err := kafka.NewConsumer(consuming)
	if err != nil {
		log.Fatal(err)
	}
	producing := config(brokers, properties)
	(*producing)["go.delivery.reports"] = false // nobody reads them
	producer, err := kafka.NewProducer(producing)
	if err != nil {
		log.Fatal(err)
	}
	if err := consumer.SubscribeTopics([]string{from}, nil); err != nil {
		log.Fatal(err)
	}
	for count > 0 {
		switch event := consumer.Poll(100).(type) {
		case *kafka.Message:
			if to != "" {
				next := kafka.Message{
					TopicPartition: kafka.TopicPartition{Topic: &to, Partition: kafka.PartitionAny},
					Key:            event.Key, Value: event.Value, Headers: event.Headers,
				}
				if err := producer.Produce(&next, nil); err != nil {
					log.Fatal(err)
				}
			}
			count--
		case kafka.Error:
			if event.Code() != kafka.ErrUnknownTopicOrPart {
				log.Fatal(event)
			}
		}
	}
	if left := producer.Flush(20000); left > 0 {
		log.Fatal(left, " were not delivered")
	}
	producer.Close()
	if err := consumer.Close(); err != nil {
		log.Fatal(err)
	}
}
