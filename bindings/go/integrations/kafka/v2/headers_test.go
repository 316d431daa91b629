package kafka_test

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	measured "github.com/datastreams/datastreams/bindings/go/integrations/kafka/v2"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

// Only the messages that are under way suffer from a broker that takes no headers.
func TestBrokerRefusesHeaders(t *testing.T) {
	agent := agenttest.Start(t)
	b := newOldBroker(t)
	orders := b.topic(t, "orders")
	p := b.producer(t, b.configured("go.delivery.report.fields", "headers"))
	first := sent(t, p, context.Background(), to(orders, "12 apples"))
	if code := first.TopicPartition.Error; code == nil || code.(kafka.Error).Code() != kafka.ErrUnknown {
		t.Fatalf("the broker takes headers: %v", code)
	}
	carrying := to(orders, "sent on")
	measured.NewMessageCarrier(carrying).Set(datastreams.PropagationKeyBase64, "of a consumer")
	last := int64(1)
	if b.mock != nil {
		measured.NewMessageCarrier(carrying).Set("trace", "abc") // any header is too many for a real one
		last = 2                                                 // the mock stores what was refused
	}
	for _, msg := range []*kafka.Message{to(orders, "12 apples"), carrying} {
		report := sent(t, p, context.Background(), msg)
		if report.TopicPartition.Error != nil || len(values(report, datastreams.PropagationKeyBase64)) != 0 {
			t.Errorf("%v: %v", report.TopicPartition.Error, report.Headers)
		}
	}
	agent.Flushed()
	if edge := agent.One(t, "direction:out", "topic:"+orders, "type:kafka", "kafka_cluster_id:"+p.ClusterID()); edge.Current != 1 {
		t.Errorf("%v", edge)
	}
	said := 0
	for _, line := range agent.Lines() {
		if strings.Contains(line, orders) && strings.Contains(line, "refused") {
			said++
		}
	}
	if err := datastreams.Err(); said != 1 || err == nil || !strings.Contains(err.Error(), orders) {
		t.Errorf("it was told %d times: %v", said, agent.Lines())
	}
	if produced := agent.Backlog("type:kafka_produce", "topic:"+orders, "partition:0", "kafka_cluster_id:"+p.ClusterID()); produced != last {
		t.Errorf("the last offset is %d", produced)
	}
}

func TestWithoutHeadersNothingIsRefused(t *testing.T) {
	agent := agenttest.Start(t)
	b := newOldBroker(t)
	orders := b.topic(t, "orders")
	p := b.producer(t, b.configured(), measured.WithoutHeaders())
	msg := to(orders, "12 apples")
	measured.NewMessageCarrier(msg).Set(datastreams.PropagationKeyBase64, "of a consumer")
	if report := sent(t, p, context.Background(), msg); report.TopicPartition.Error != nil {
		t.Error(report.TopicPartition.Error)
	}
	if edges := agent.Flushed(); len(edges) != 0 {
		t.Errorf("%v", edges)
	}
	if lines := agent.Lines(); len(lines) != 0 {
		t.Errorf("told what the program asked for: %v", lines)
	}
}

func TestConsumerWithoutHeaders(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders, billing := b.topic(t, "orders"), unique("billing")
	p := b.producer(t, b.configured("go.delivery.report.fields", "headers"))
	report := sent(t, p, context.Background(), to(orders, "12 apples"))
	c := b.consumer(t, b.configured("group.id", billing), orders, measured.WithoutHeaders())
	got := read(t, c)
	if !bytes.Equal(values(got, datastreams.PropagationKeyBase64)[0], values(report, datastreams.PropagationKeyBase64)[0]) {
		t.Errorf("the headers became %v", got.Headers)
	}
	agent.Flushed()
	if edge := agent.One(t, "direction:in", "group:"+billing, "topic:"+orders, "type:kafka", "kafka_cluster_id:"+c.ClusterID()); edge.Current != 1 {
		t.Errorf("%v", edge)
	}
}

// Every size around the largest: what client and broker take by itself they take when it is measured, and a checkpoint is set
// for exactly those that carry the header. The broker has the client's limit where that is known to us.
func TestNoRoomForTheHeader(t *testing.T) {
	const most = 2000
	for _, known := range []bool{true, false} {
		agent := agenttest.Start(t)
		b := newBroker(t)
		limits := map[string]string{}
		if known {
			limits["max.message.bytes"] = strconv.Itoa(most)
		}
		orders := b.configuredTopic(t, "orders", limits)
		config := b.configured("message.max.bytes", most, "go.delivery.report.fields", "headers")
		plain, err := kafka.NewProducer(config)
		if err != nil {
			t.Fatal(err)
		}
		defer plain.Close()
		wrapped, err := kafka.NewProducer(config)
		if err != nil {
			t.Fatal(err)
		}
		var opts []measured.Option
		if known {
			opts = append(opts, measured.WithConfig(config))
		}
		p := measured.WrapProducer(wrapped, append(opts, measured.WithClusterID("c"))...)
		defer p.Close()

		carrying, tried, refused := 0, 0, 0
		for size := most - 250; size < most; size += 3 {
			msg := to(orders, strings.Repeat("x", size))
			reports, reportsAlone := make(chan kafka.Event, 1), make(chan kafka.Event, 1)
			alone := plain.Produce(msg, reportsAlone)
			if err := p.Produce(msg, reports); (err == nil) != (alone == nil) {
				t.Fatalf("%d bytes: %v, and without us %v", size, err, alone)
			}
			if tried++; alone != nil {
				refused++
				continue
			}
			report := reported(t, reports)
			if err, alone := report.TopicPartition.Error, reported(t, reportsAlone).TopicPartition.Error; (err == nil) != (alone == nil) {
				t.Errorf("%d bytes: %v, and without us %v", size, err, alone)
			}
			if len(report.Headers) == 1 {
				carrying++
			}
		}
		if carrying == 0 || refused == 0 || carrying+refused == tried {
			t.Fatalf("%d of %d carry the header, %d are refused: no boundary was met", carrying, tried, refused)
		}
		agent.Flushed()
		edge := agent.One(t, "direction:out", "topic:"+orders, "type:kafka", "kafka_cluster_id:c")
		if known && edge.Current != float64(carrying) {
			t.Errorf("%d carry the header: %v", carrying, edge)
		}
		if lines := strings.Join(agent.Lines(), "\n"); strings.Count(lines, orders) != 1 {
			t.Errorf("the log is %q", lines)
		}
		datastreams.Stop()
	}
}
