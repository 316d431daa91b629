package kafka_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	measured "github.com/datastreams/datastreams/bindings/go/integrations/kafka/v2"
)

// wait bounds what a test waits for. It is no assertion about time: what comes, comes at once.
const wait = 30 * time.Second

// broker is Apache Kafka at DATASTREAMS_KAFKA, or else one that librdkafka mocks until the test ends.
type broker struct {
	address string
	mock    *kafka.MockCluster
}

func newBroker(t testing.TB) *broker {
	t.Helper()
	if address := os.Getenv("DATASTREAMS_KAFKA"); address != "" {
		return &broker{address: address}
	}
	mock, err := kafka.NewMockCluster(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mock.Close)
	return &broker{address: mock.BootstrapServers(), mock: mock}
}

var names atomic.Int64

// unique makes a name that no other run has.
func unique(name string) string {
	return fmt.Sprintf("%s-%d-%d", name, time.Now().UnixNano(), names.Add(1))
}

// topic makes a topic of one partition.
func (b *broker) topic(t testing.TB, name string) string { return b.configuredTopic(t, name, nil) }

// configuredTopic makes one with a configuration, which only a real broker looks at.
func (b *broker) configuredTopic(t testing.TB, name string, config map[string]string) string {
	t.Helper()
	name = unique(name)
	if b.mock != nil {
		if err := b.mock.CreateTopic(name, 1, 1); err != nil {
			t.Fatal(err)
		}
		return name
	}
	admin, err := kafka.NewAdminClient(&kafka.ConfigMap{"bootstrap.servers": b.address})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	results, err := admin.CreateTopics(context.Background(), []kafka.TopicSpecification{{Topic: name, NumPartitions: 1, ReplicationFactor: 1, Config: config}})
	if err != nil || results[0].Error.Code() != kafka.ErrNoError {
		t.Fatal(err, results)
	}
	return name
}

// configured adds settings in pairs to the address.
func (b *broker) configured(pairs ...any) *kafka.ConfigMap {
	config := kafka.ConfigMap{"bootstrap.servers": b.address}
	for i := 0; i < len(pairs); i += 2 {
		config[pairs[i].(string)] = pairs[i+1]
	}
	return &config
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(wait); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s never happened", what)
		}
	}
}

// producer makes a measured producer that knows its cluster.
func (b *broker) producer(t testing.TB, config *kafka.ConfigMap, opts ...measured.Option) *measured.Producer {
	t.Helper()
	p, err := measured.NewProducer(config, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	eventually(t, "the producer's cluster id", func() bool { return p.ClusterID() != "" })
	return p
}

// consumer makes a measured consumer of partition 0 that knows its cluster.
func (b *broker) consumer(t testing.TB, config *kafka.ConfigMap, topic string, opts ...measured.Option) *measured.Consumer {
	t.Helper()
	c, err := measured.NewConsumer(config, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Assign([]kafka.TopicPartition{{Topic: &topic, Partition: 0, Offset: kafka.OffsetBeginning}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the consumer's cluster id", func() bool { return c.ClusterID() != "" })
	return c
}

func to(topic string, value string) *kafka.Message {
	return &kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &topic, Partition: 0}, Key: []byte("key"), Value: []byte(value)}
}

// sent is what Produce took, by a report.
func sent(t testing.TB, p *measured.Producer, ctx context.Context, msg *kafka.Message) *kafka.Message {
	t.Helper()
	reports := make(chan kafka.Event, 1)
	if err := p.ProduceContext(ctx, msg, reports); err != nil {
		t.Fatal(err)
	}
	return reported(t, reports)
}

func reported(t testing.TB, reports chan kafka.Event) *kafka.Message {
	t.Helper()
	select {
	case event := <-reports:
		return event.(*kafka.Message)
	case <-time.After(wait):
		t.Fatal("no delivery report")
		return nil
	}
}

func read(t testing.TB, c *measured.Consumer) *kafka.Message {
	t.Helper()
	msg, err := c.ReadMessage(wait)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// values returns what a message has under a key.
func values(msg *kafka.Message, key string) [][]byte {
	var found [][]byte
	for _, header := range msg.Headers {
		if header.Key == key {
			found = append(found, header.Value)
		}
	}
	return found
}
