package kafka_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/confluentinc/confluent-kafka-go/kafka"
)

// wait bounds what a test waits for. It is no assertion about time: what comes, comes at once.
const wait = 30 * time.Second

// broker returns the address of a broker: that in DATASTREAMS_KAFKA, or one that librdkafka mocks until the test ends.
func broker(t testing.TB) string {
	t.Helper()
	if address := os.Getenv("DATASTREAMS_KAFKA"); address != "" {
		return address
	}
	cluster, err := kafka.NewMockCluster(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.BootstrapServers()
}

// unique makes a name of a topic or group that no other run has.
func unique(name string) string { return fmt.Sprintf("%s-%d", name, time.Now().UnixNano()) }

func producer(t testing.TB, address string) *kafka.Producer {
	t.Helper()
	p, err := kafka.NewProducer(&kafka.ConfigMap{"bootstrap.servers": address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// send produces a message to partition 0, and returns its offset.
func send(t testing.TB, p *kafka.Producer, msg *kafka.Message) kafka.Offset {
	t.Helper()
	reports := make(chan kafka.Event, 1)
	if err := p.Produce(msg, reports); err != nil {
		t.Fatal(err)
	}
	select {
	case event := <-reports:
		report := event.(*kafka.Message)
		if report.TopicPartition.Error != nil {
			t.Fatal(report.TopicPartition.Error)
		}
		return report.TopicPartition.Offset
	case <-time.After(wait):
		t.Fatal("no delivery report")
		return 0
	}
}

func consumer(t testing.TB, address, group, topic string) *kafka.Consumer {
	t.Helper()
	c, err := kafka.NewConsumer(&kafka.ConfigMap{
		"bootstrap.servers": address, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": false,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Subscribe(topic, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t testing.TB, c *kafka.Consumer) *kafka.Message {
	t.Helper()
	msg, err := c.ReadMessage(wait)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}
