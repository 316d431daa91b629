package segmentiotest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/segmentio"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

func out(topic string) []string {
	return []string{"direction:out", "topic:" + topic, "type:kafka", "kafka_cluster_id:" + id}
}

// One topic, of messages with and without a pathway: none takes that of another.
func TestEachMessageItsOwnPathway(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic, group := broker.Topic(t, "mixed", 1), broker.Group("g")
	before, hourAgo := datastreams.NewPathway("before"), time.Now().Add(-time.Hour)
	legacy := kafka.Header{Key: datastreams.PropagationKey, Value: before.Encode()}
	bad := kafka.Header{Key: datastreams.PropagationKeyBase64, Value: []byte("?")}
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	plain := &kafka.Writer{Addr: kafka.TCP(broker.Addr), Transport: transport, Topic: topic, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond}
	defer plain.Close()
	for _, headers := range [][]kafka.Header{{legacy}, nil, {bad}, {bad, legacy}} {
		if err := plain.WriteMessages(patient(t), kafka.Message{Time: hourAgo, Headers: headers}); err != nil {
			t.Fatal(err)
		}
	}
	in := []string{"direction:in", "group:" + group, "topic:" + topic, "type:kafka", "kafka_cluster_id:" + id}
	messages := reader(t, broker, group, topic)
	for range 4 {
		msg, err := messages.ReadMessage(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		parent := uint64(0)
		if msg.Offset%3 == 0 {
			parent = before.GetHash()
		}
		pathway, ok := datastreams.PathwayFromContext(segmentio.ContextWithMessage(context.Background(), msg))
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, parent, in...); !ok || pathway.GetHash() != want {
			t.Errorf("message %d has %d, not %d", msg.Offset, pathway.GetHash(), want)
		}
		if began := pathway.PathwayStart(); parent == 0 && began.Sub(hourAgo).Abs() > time.Second {
			t.Errorf("message %d began at %v", msg.Offset, began)
		}
	}
	agent.Flushed()
	counts := map[uint64]float64{}
	for _, edge := range agent.Find(in...) {
		counts[edge.Parent] = edge.Current
	}
	if len(counts) != 2 || counts[0] != 2 || counts[before.GetHash()] != 2 {
		t.Errorf("messages by parent: %v", counts)
	}
}

// A topic in an old format: WriteMessages loses nothing, an asynchronous writer only the first messages.
func TestRefusedHeaders(t *testing.T) {
	for _, async := range []bool{false, true} {
		agent, broker := agenttest.Start(t), brokertest.Old(t)
		topic := broker.Topic(t, "old", 1)
		completed := make(chan error, 8)
		w := writer(t, broker, &kafka.Writer{Topic: topic, Async: async, Completion: func(_ []kafka.Message, err error) { completed <- err }})
		for _, values := range [][]string{{"1", "2"}, {"3"}} {
			var msgs []kafka.Message
			for _, value := range values {
				msgs = append(msgs, kafka.Message{Value: []byte(value)})
			}
			if err := w.WriteMessages(patient(t), msgs...); err != nil {
				t.Fatal(async, err)
			}
			first := <-completed
			if len(values) == 2 && !errors.Is(first, kafka.Unknown) || len(values) == 1 && first != nil {
				t.Errorf("%v: %v of %v", async, first, values)
			}
			if len(values) == 2 && !async {
				<-completed // of those that were written once more
			}
		}
		want := map[bool]int{false: 3, true: 1}[async]
		for _, record := range broker.Records(t, topic, want) {
			if len(record.Headers) != 0 {
				t.Errorf("%v", brokertest.Keys(record))
			}
		}
		agent.Flushed()
		if edge := agent.One(t, out(topic)...); edge.Current != 2 {
			t.Errorf("%v: what was refused stays recorded, once", edge)
		}
		if got := agent.Backlog("type:kafka_produce", "topic:"+topic, "partition:0", "kafka_cluster_id:"+id); got != int64(want-1) {
			t.Errorf("offset %d, of %d", got, want)
		}
		if lines := agent.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "refused") || datastreams.Err() == nil {
			t.Errorf("what was said: %q, %v", lines, datastreams.Err())
		}
	}
}

// What an asynchronous writer could not write comes back with our header. Written again, it continues what it continued first,
// and not itself.
func TestWrittenAgain(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.Fake(t)
	topic := broker.Topic(t, "again", 1)
	completed := make(chan []kafka.Message, 3)
	failures := 0
	w := writer(t, broker, &kafka.Writer{Async: true, MaxAttempts: 1, Completion: func(msgs []kafka.Message, err error) {
		if err != nil {
			failures++
		}
		completed <- msgs
	}})
	broker.FailProduce(2, kerr.NotEnoughReplicas)
	before, ctx := datastreams.SetCheckpoint(context.Background(), "before")
	msgs := []kafka.Message{{Topic: topic, Value: []byte("x")}}
	for range 3 {
		if err := w.WriteMessages(ctx, msgs...); err != nil {
			t.Fatal(err)
		}
		msgs, ctx = <-completed, context.Background()
	}
	agent.Flushed()
	if edge := agent.One(t, out(topic)...); edge.Parent != before.GetHash() || edge.Current != 3 || failures != 2 {
		t.Errorf("%v, after %d failures", edge, failures)
	}
	if records := broker.Records(t, topic, 1); len(records[0].Headers) != 1 {
		t.Errorf("%v", brokertest.Keys(records[0]))
	}
}

// A message that has headers of its own is refused for another reason.
func TestUnknownErrorsOfOtherMessages(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.Old(t)
	topic := broker.Topic(t, "odd", 1)
	w := writer(t, broker, &kafka.Writer{Topic: topic})
	err := w.WriteMessages(patient(t), kafka.Message{Headers: []kafka.Header{{Key: "own"}}})
	var errs kafka.WriteErrors
	if !errors.As(err, &errs) || !errors.Is(errs[0], kafka.Unknown) || len(agent.Lines()) != 0 {
		t.Errorf("%v, %q", err, agent.Lines())
	}
}

func TestNoRoomForTheHeader(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic := broker.Topic(t, "full", 1)
	w := writer(t, broker, &kafka.Writer{Topic: topic, BatchBytes: 10000, BatchSize: 1})
	for _, size := range []int{10000 - 60, 5000} {
		if err := w.WriteMessages(patient(t), kafka.Message{Value: make([]byte, size)}); err != nil {
			t.Fatal(size, err)
		}
	}
	large := kafka.Message{Value: make([]byte, 10000)}
	var tooLarge kafka.MessageTooLargeError
	if err := w.WriteMessages(patient(t), kafka.Message{}, large); !errors.As(err, &tooLarge) || len(tooLarge.Remaining) != 1 || tooLarge.Remaining[0].Headers != nil {
		t.Errorf("%v", err)
	}
	records := broker.Records(t, topic, 2)
	if len(records[0].Headers) != 0 || len(records[1].Headers) != 1 {
		t.Errorf("the headers are %v and %v", brokertest.Keys(records[0]), brokertest.Keys(records[1]))
	}
	agent.Flushed()
	if edge := agent.One(t, out(topic)...); edge.Current != 1 {
		t.Errorf("%v", edge)
	}
	if lines := agent.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "no room") {
		t.Errorf("%q", lines)
	}
}

func TestOptions(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic := broker.Topic(t, "options", 1)
	stale := []kafka.Header{{Key: datastreams.PropagationKey, Value: []byte("x")}, {Key: datastreams.PropagationKeyBase64, Value: []byte("y")}}
	for _, option := range []segmentio.Option{segmentio.WithoutHeaders(), segmentio.WithLegacyHeader()} {
		if err := writer(t, broker, &kafka.Writer{Topic: topic}, option).WriteMessages(patient(t), kafka.Message{Headers: stale}); err != nil {
			t.Fatal(err)
		}
	}
	records := broker.Records(t, topic, 2)
	if len(records[0].Headers) != 0 || len(records[1].Headers) != 2 || len(agent.Lines()) != 0 {
		t.Errorf("the headers are %v and %v", brokertest.Keys(records[0]), brokertest.Keys(records[1]))
	}
	agent.Flushed()
	if edge := agent.One(t, out(topic)...); edge.Current != 1 {
		t.Errorf("%v", edge)
	}
}

// The id is asked for in the background, by writers and readers.
func TestClusterIDIsLearned(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic := broker.Topic(t, "learned", 1)
	transport := &kafka.Transport{} // not the one of all tests, which remembers what topics there were
	defer transport.CloseIdleConnections()
	w := segmentio.WrapWriter(&kafka.Writer{Addr: kafka.TCP(broker.Addr), Transport: transport, Topic: topic, BatchTimeout: time.Millisecond})
	defer w.Close()
	r := segmentio.NewReader(kafka.ReaderConfig{Brokers: []string{broker.Addr}, Topic: topic, MaxWait: 50 * time.Millisecond})
	defer r.Close()
	for _, side := range []string{"direction:out", "direction:in"} {
		brokertest.Eventually(t, side+" has the id", func() bool {
			if err := w.WriteMessages(patient(t), kafka.Message{}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.ReadMessage(patient(t)); err != nil {
				t.Fatal(err)
			}
			agent.Flushed()
			return len(agent.Find(side, "topic:"+topic, "type:kafka", "kafka_cluster_id:"+broker.ClusterID)) > 0
		})
	}
}

// A writer by the client's older call is the same.
func TestNewWriter(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.Fake(t)
	topic := broker.Topic(t, "older", 1)
	//lint:ignore SA1019 it is what is tested
	w := segmentio.NewWriter(kafka.WriterConfig{Brokers: []string{broker.Addr}, Topic: topic, BatchTimeout: time.Millisecond}, segmentio.WithClusterID(id))
	if err := w.WriteMessages(patient(t), kafka.Message{Value: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	agent.Flushed()
	if edge := agent.One(t, out(topic)...); edge.Current != 1 {
		t.Errorf("%v", edge)
	}
}
