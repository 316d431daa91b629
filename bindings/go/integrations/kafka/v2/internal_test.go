package kafka

import (
	"errors"
	"testing"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

// A message with an error is where the client says what went wrong with a partition.
func TestErrorsAreNoMessages(t *testing.T) {
	agent := agenttest.Start(t)
	orders := "orders"
	c := &Consumer{group: "billing"}
	msg := &kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &orders, Error: errors.New("broken")}}
	c.saw(msg)
	c.saw(kafka.OffsetsCommitted{Error: errors.New("broken"), Offsets: []kafka.TopicPartition{{Topic: &orders, Offset: 5}}})
	if edges := agent.Flushed(); len(edges) != 0 || len(msg.Headers) != 0 || len(agent.Backlogs()) != 0 {
		t.Errorf("%v, %v, %v", edges, msg.Headers, agent.Backlogs())
	}
}

// A commit may fail for one partition, and leave out another.
func TestPartsOfACommit(t *testing.T) {
	agent := agenttest.Start(t)
	orders := "orders"
	trackCommitted("c", "billing", []kafka.TopicPartition{
		{Topic: &orders, Partition: 0, Offset: 5},
		{Topic: &orders, Partition: 1, Offset: 6, Error: errors.New("broken")},
		{Topic: &orders, Partition: 2, Offset: kafka.OffsetInvalid},
		{Partition: 3, Offset: 7},
	})
	trackCommitted("c", "", []kafka.TopicPartition{{Topic: &orders, Partition: 4, Offset: 8}})
	agent.Flushed()
	if got := agent.Backlog("type:kafka_commit", "consumer_group:billing", "topic:orders", "partition:0", "kafka_cluster_id:c"); got != 5 || len(agent.Backlogs()) != 1 {
		t.Errorf("%v", agent.Backlogs())
	}
}

func TestWatermarksAreAskedForOnceInAWhile(t *testing.T) {
	var w watermarks
	orders, now := "orders", time.Unix(1000, 0)
	of := func(number int32) kafka.TopicPartition {
		return kafka.TopicPartition{Topic: &orders, Partition: number}
	}
	for i, test := range []struct {
		partition int32
		after     time.Duration
		want      bool
	}{{0, 0, true}, {0, 999 * time.Millisecond, false}, {1, 999 * time.Millisecond, true}, {0, time.Second, true}, {0, 1500 * time.Millisecond, false}} {
		if got := w.due(of(test.partition), now.Add(test.after)); got != test.want {
			t.Errorf("%d: %v", i, got)
		}
	}
	w.forget()
	if !w.due(of(0), now.Add(1500*time.Millisecond)) || w.due(kafka.TopicPartition{}, now) {
		t.Error("forgotten partitions are due, those without a topic never")
	}
	for i := range int32(2 * mostPartitions) {
		w.due(of(i), now)
	}
	if len(w.at) > mostPartitions {
		t.Errorf("%d partitions are remembered", len(w.at))
	}
}

func TestTooOld(t *testing.T) {
	for _, test := range []struct {
		config *kafka.ConfigMap
		old    bool
	}{
		{nil, false},
		{&kafka.ConfigMap{}, false},
		{&kafka.ConfigMap{"broker.version.fallback": "0.9.0"}, false},
		{&kafka.ConfigMap{"api.version.request": false}, true},
		{&kafka.ConfigMap{"api.version.request": "false", "broker.version.fallback": "0.10.2.1"}, true},
		{&kafka.ConfigMap{"api.version.request": false, "broker.version.fallback": "0.11.0.0"}, false},
		{&kafka.ConfigMap{"api.version.request": false, "broker.version.fallback": "1.0.0"}, false},
		{&kafka.ConfigMap{"api.version.request": false, "broker.version.fallback": "none"}, false},
		{&kafka.ConfigMap{"api.version.request": "perhaps"}, false},
	} {
		if why := settingsOf([]Option{WithConfig(test.config), nil}).tooOld(); (why != "") != test.old {
			t.Errorf("%v: %q", test.config, why)
		}
	}
}

func TestProperties(t *testing.T) {
	s := settingsOf([]Option{WithConfig(&kafka.ConfigMap{"group.id": "billing", "message.max.bytes": "2000"})})
	if s.group != "billing" || s.maxBytes() != 2000 {
		t.Errorf("%q, %d", s.group, s.maxBytes())
	}
	s = settingsOf([]Option{WithGroup("books"), WithConfig(&kafka.ConfigMap{"group.id": "billing"})})
	if s.group != "books" || s.maxBytes() != defaultMaxBytes {
		t.Errorf("%q, %d", s.group, s.maxBytes())
	}
	if s = settingsOf(nil); s.group != "" || s.maxBytes() != 0 {
		t.Errorf("%q, %d", s.group, s.maxBytes())
	}
}

// A broker that refuses a message for a reason it does not tell has not refused headers, when the message had none.
func TestRefusedWithoutHeader(t *testing.T) {
	agenttest.Start(t)
	orders := "orders"
	p := &Producer{}
	sent := &kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &orders}, Opaque: "a receipt"}
	refused := *sent
	refused.TopicPartition.Error = kafka.NewError(kafka.ErrUnknown, "unknown", false)
	refused.Opaque = p.asked(sent, nil, false, false, nil)
	p.delivered(&refused)
	if restore(&refused); !p.headers.On() || refused.Opaque != "a receipt" {
		t.Errorf("headers are %t, the report has %v", p.headers.On(), refused.Opaque)
	}
	refused.Opaque = p.asked(sent, nil, false, true, nil)
	if p.delivered(&refused); p.headers.On() || refused.Opaque != "a receipt" {
		t.Errorf("headers are %t, the report has %v", p.headers.On(), refused.Opaque)
	}
}
