package franz

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

// One poll, of records with and without a pathway: none takes that of another, and each counts once.
func TestEachRecordItsOwnPathway(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic, group := broker.Topic(t, "mixed", 1), broker.Group("g")
	in := []string{"direction:in", "group:" + group, "topic:" + topic, "type:kafka", "kafka_cluster_id:" + broker.ClusterID}

	parents := []datastreams.Pathway{datastreams.NewPathway("a"), {}, datastreams.NewPathway("b"), {}}
	hourAgo := time.Now().Add(-time.Hour)
	plain := broker.Client(t)
	for i, parent := range parents {
		record := &kgo.Record{Topic: topic, Timestamp: hourAgo} // a tombstone without a key
		if !parent.IsZero() {
			record.Headers = []kgo.RecordHeader{{Key: datastreams.PropagationKeyBase64, Value: []byte(parent.EncodeStr())}}
		}
		if i == 3 {
			record.Headers = []kgo.RecordHeader{{Key: datastreams.PropagationKeyBase64, Value: []byte("unreadable")}, {Key: "own", Value: []byte("12345")}}
		}
		send(t, plain, record)
	}
	for i, record := range measured(t, broker, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic)).poll(t, len(parents)) {
		pathway, ok := datastreams.PathwayFromContext(record.Context)
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, parents[i].GetHash(), in...); !ok || pathway.GetHash() != want {
			t.Errorf("record %d has the pathway %d, not %d", i, pathway.GetHash(), want)
		}
		if parents[i].IsZero() && pathway.PathwayStart().Sub(hourAgo).Abs() > time.Second {
			t.Errorf("record %d began at %v, not when it entered the topic", i, pathway.PathwayStart())
		}
	}
	agent.Flushed()
	total := 0.0
	for _, edge := range agent.Find(in...) {
		total += edge.Current
		if edge.Parent == 0 && (edge.Current != 2 || edge.Size.Max < 7.9 || edge.Size.Max > 8.1 || edge.Latency.Min < 3500) {
			t.Errorf("records without a pathway: %+v", edge)
		}
	}
	if total != 4 {
		t.Errorf("%g records were counted, not 4", total)
	}
}

// A record is sent again, and one is passed on with the headers that it came with: one header of ours, always.
func TestHeadersAreReplaced(t *testing.T) {
	agenttest.Start(t)
	broker := brokertest.New(t)
	topic := broker.Topic(t, "again", 1)
	client := measured(t, broker).client

	shared := make([]kgo.RecordHeader, 1, 8)
	shared[0] = kgo.RecordHeader{Key: "own", Value: []byte("1")}
	first, second := &kgo.Record{Topic: topic, Headers: shared}, &kgo.Record{Topic: topic, Headers: shared}
	send(t, client, first, second)
	send(t, client, first)
	if spare := shared[:8][1]; spare.Key != "" {
		t.Errorf("%q was written behind the program's own headers", spare.Key)
	}
	parent := datastreams.NewPathway("before")
	send(t, client, &kgo.Record{Topic: topic, Headers: []kgo.RecordHeader{
		{Key: datastreams.PropagationKeyBase64, Value: []byte(parent.EncodeStr())}, {Key: "own", Value: []byte("2")},
		{Key: datastreams.PropagationKeyBase64, Value: []byte(parent.EncodeStr())}, {Key: datastreams.PropagationKey, Value: parent.Encode()},
	}})
	records := broker.Records(t, topic, 4)
	for i, record := range records {
		if keys := brokertest.Keys(record); !slices.Equal(keys, []string{"own", datastreams.PropagationKeyBase64}) {
			t.Errorf("record %d has the headers %v", i, keys)
		}
	}
	tags := []string{"direction:out", "topic:" + topic, "type:kafka", "kafka_cluster_id:" + broker.ClusterID}
	for i, want := range []uint64{0, 0, 0, parent.GetHash()} {
		pathway, err := datastreams.Decode(records[i].Headers[1].Value)
		if want = agenttest.Hash(agenttest.Service, agenttest.Env, want, tags...); err != nil || pathway.GetHash() != want {
			t.Errorf("record %d carries %d, not %d: %v", i, pathway.GetHash(), want, err)
		}
	}
}

// A record that just fits is sent as it is, and nothing is recorded of it.
func TestNoRoomForTheHeader(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic := broker.Topic(t, "full", 1)
	const limit = 10000
	client := measured(t, broker, kgo.ProducerBatchMaxBytes(limit), kgo.ProducerBatchCompression(kgo.NoCompression())).client
	full := limit - 80
	send(t, client, &kgo.Record{Topic: topic, Value: make([]byte, full)}, &kgo.Record{Topic: topic, Value: make([]byte, limit/2)})
	records := broker.Records(t, topic, 2)
	if len(records[0].Headers) != 0 || len(records[1].Headers) != 1 {
		t.Errorf("the headers are %v and %v", brokertest.Keys(records[0]), brokertest.Keys(records[1]))
	}
	agent.Flushed()
	if edge := agent.One(t, "direction:out", "topic:"+topic, "type:kafka", "kafka_cluster_id:"+broker.ClusterID); edge.Current != 1 {
		t.Errorf("%v, not one message", edge)
	}
	if lines := agent.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "no room") || datastreams.Err() == nil {
		t.Errorf("what was said: %q, %v", lines, datastreams.Err())
	}
	// Without our header the limit is the client's own affair.
	err := client.ProduceSync(timeout(t), &kgo.Record{Topic: topic, Value: make([]byte, limit)}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

// A topic in an old format: only the first messages are refused, and those may be sent again.
func TestRefusedHeaders(t *testing.T) {
	agent := agenttest.Start(t)
	broker := brokertest.Old(t)
	topic := broker.Topic(t, "old", 1)
	// Topics in such a format take nothing from idempotent producers.
	client := measured(t, broker, kgo.DisableIdempotentWrite()).client

	record := &kgo.Record{Topic: topic, Value: []byte("1")}
	if err := client.ProduceSync(timeout(t), record).FirstErr(); !errors.Is(err, kerr.UnknownServerError) {
		t.Fatalf("the broker said %v", err)
	}
	send(t, client, record, &kgo.Record{Topic: topic, Value: []byte("2")})
	for _, record := range broker.Records(t, topic, 2) {
		if len(record.Headers) != 0 {
			t.Errorf("%v", brokertest.Keys(record))
		}
	}
	if lines := agent.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "refused") || datastreams.Err() == nil {
		t.Errorf("what was said: %q, %v", lines, datastreams.Err())
	}
	agent.Flushed()
	out := []string{"direction:out", "topic:" + topic, "type:kafka", "kafka_cluster_id:" + broker.ClusterID}
	if edge := agent.One(t, out...); edge.Current != 1 {
		t.Errorf("%v: the refused message stays recorded, the others are not", edge)
	}
	if got := agent.Backlog("type:kafka_produce", "topic:"+topic, "partition:0", "kafka_cluster_id:"+broker.ClusterID); got != 1 {
		t.Errorf("offset %d was produced last, not 1", got)
	}
}

// Messages with headers of the program's own are refused for another reason.
func TestUnknownErrorsOfOtherMessages(t *testing.T) {
	agenttest.Start(t)
	broker := brokertest.Old(t)
	topic := broker.Topic(t, "odd", 1)
	m := measured(t, broker, kgo.DisableIdempotentWrite())
	m.client.ProduceSync(timeout(t), &kgo.Record{Topic: topic, Headers: []kgo.RecordHeader{{Key: "own"}}})
	if !m.hooks.producer.Headers.On() {
		t.Error("headers are off")
	}
}

// Without headers nothing is sent and nothing recorded, and a message is not sent with what it came with.
func TestWithoutHeaders(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic := broker.Topic(t, "off", 1)
	came := kgo.RecordHeader{Key: datastreams.PropagationKeyBase64, Value: []byte("as it came")}
	client := broker.Client(t, kgo.WithHooks(NewHooks(WithoutHeaders(), WithClusterID(""))))
	send(t, client, &kgo.Record{Topic: topic}, &kgo.Record{Topic: topic, Headers: []kgo.RecordHeader{came}})
	records := broker.Records(t, topic, 2)
	if len(records[0].Headers) != 0 || len(records[1].Headers) != 0 {
		t.Errorf("%v", records)
	}
	agent.Flushed()
	if edges := agent.Edges(); len(edges) != 0 {
		t.Errorf("%v", edges)
	}
	if got := agent.Backlog("type:kafka_produce", "topic:"+topic, "partition:0"); got != 1 || len(agent.Lines()) != 0 {
		t.Errorf("offset %d, said %q", got, agent.Lines())
	}
}

func TestLegacyHeader(t *testing.T) {
	agenttest.Start(t)
	broker := brokertest.New(t)
	topic := broker.Topic(t, "legacy", 1)
	send(t, broker.Client(t, kgo.WithHooks(NewHooks(WithLegacyHeader()))), &kgo.Record{Topic: topic})
	record := broker.Records(t, topic, 1)[0]
	if keys := brokertest.Keys(record); !slices.Equal(keys, []string{datastreams.PropagationKeyBase64, datastreams.PropagationKey}) {
		t.Fatal(keys)
	}
	first, _ := datastreams.Decode(record.Headers[0].Value)
	second, err := datastreams.Decode(record.Headers[1].Value)
	if err != nil || first != second || len(record.Headers[1].Value) >= len(record.Headers[0].Value) {
		t.Errorf("%v, %v: %v", first, second, err)
	}
}

// A client that is limited to an old protocol says so at once, an old broker when it was asked.
func TestProtocolWithoutHeaders(t *testing.T) {
	old := kversion.V0_10_2()
	agent := agenttest.Start(t)
	broker := brokertest.Fake(t)
	m := measured(t, broker, kgo.MaxVersions(old), kgo.DisableIdempotentWrite())
	if m.hooks.producer.Headers.On() || len(agent.Lines()) != 1 {
		t.Errorf("the client's limit was not seen: %q", agent.Lines())
	}

	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.MaxVersions(old))
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	hooks := NewHooks()
	client, err := kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...), kgo.WithHooks(hooks))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	hooks.learn()
	brokertest.Eventually(t, "the broker's age is known", func() bool { return !hooks.producer.Headers.On() })
}

// The id comes when it comes, and the first messages are without.
func TestClusterIDIsLearned(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic := broker.Topic(t, "learned", 1)
	hooks := NewHooks()
	client := broker.Client(t, kgo.WithHooks(hooks))
	send(t, client, &kgo.Record{Topic: topic})
	brokertest.Eventually(t, "the cluster's id is known", func() bool { return hooks.producer.Cluster.Get() != "" })
	send(t, client, &kgo.Record{Topic: topic})
	agent.Flushed()
	agent.One(t, "direction:out", "topic:"+topic, "type:kafka", "kafka_cluster_id:"+broker.ClusterID)
	agent.One(t, "direction:out", "topic:"+topic, "type:kafka")
}

// A cluster that does not answer is asked again, not with every message, and not without end.
func TestUnreachableCluster(t *testing.T) {
	agent := agenttest.Start(t)
	hooks := NewHooks()
	client, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"), kgo.WithHooks(hooks))
	if err != nil {
		t.Fatal(err)
	}
	var promised atomic.Int32
	for range 100 {
		client.Produce(context.Background(), &kgo.Record{Topic: "nowhere"}, func(*kgo.Record, error) { promised.Add(1) })
	}
	client.Close()
	brokertest.Eventually(t, "all promises are kept", func() bool { return promised.Load() == 100 })
	agent.Flushed()
	if edge := agent.One(t, "direction:out", "topic:nowhere", "type:kafka"); edge.Current != 100 {
		t.Errorf("%v: a send that fails stays recorded", edge)
	}
}

// Before Start pathways pass through.
func TestNotStarted(t *testing.T) {
	datastreams.Stop()
	broker := brokertest.New(t)
	topic := broker.Topic(t, "stopped", 1)
	m := measured(t, broker, kgo.ConsumeTopics(topic))
	send(t, m.client, &kgo.Record{Topic: topic, Value: []byte("1")})
	if record := m.poll(t, 1)[0]; string(record.Value) != "1" || len(record.Headers) != 0 {
		t.Errorf("%v", record)
	}
}

func TestHooksAreOfOneClient(t *testing.T) {
	agent := agenttest.Start(t)
	broker := brokertest.New(t)
	hooks := NewHooks()
	broker.Client(t, kgo.WithHooks(hooks))
	broker.Client(t, kgo.WithHooks(hooks))
	if lines := agent.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "second client") {
		t.Errorf("%q", lines)
	}
}
