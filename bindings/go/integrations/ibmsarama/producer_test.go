package ibmsarama

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

// Tests say what the id is, where they do not test how it is learned: whether it is there in time is chance.
const id = "c"

func out(topic string) []string {
	return []string{"direction:out", "topic:" + topic, "type:kafka", "kafka_cluster_id:" + id}
}

// The program's message and list of headers stay as they are, whatever is sent.
func TestTheProgramsHeadersStay(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic := broker.Topic(t, "again", 1)
	producer := syncProducer(t, broker, config(), WithClusterID(id), WithLegacyHeader())
	parent := datastreams.NewPathway("before")
	shared := make([]sarama.RecordHeader, 2, 8)
	shared[0] = sarama.RecordHeader{Key: []byte("own"), Value: []byte("1")}
	shared[1] = sarama.RecordHeader{Key: []byte(datastreams.PropagationKeyBase64), Value: []byte(parent.EncodeStr())}
	msg := &sarama.ProducerMessage{Topic: topic, Headers: shared}
	other := &sarama.ProducerMessage{Topic: topic, Headers: shared}
	for range 2 { // one message object for several messages
		if _, _, err := producer.SendMessage(msg); err != nil {
			t.Fatal(err)
		}
	}
	if err := producer.SendMessages([]*sarama.ProducerMessage{msg, other}); err != nil {
		t.Fatal(err)
	}
	if len(msg.Headers) != 2 || &msg.Headers[0] != &shared[0] || len(other.Headers) != 2 || shared[:3][2].Key != nil {
		t.Errorf("the headers are %v, %v of %v", msg.Headers, other.Headers, shared[:3])
	}
	for _, record := range broker.Records(t, topic, 4) {
		if keys := brokertest.Keys(record); !slices.Equal(keys, []string{"own", datastreams.PropagationKeyBase64, datastreams.PropagationKey}) {
			t.Errorf("%v", keys)
		}
	}
	agent.Flushed()
	sum := 0.0
	for _, edge := range agent.Edges() {
		if strings.HasPrefix(edge.Tags, "direction:out") {
			sum += edge.Current
			if edge.Parent != parent.GetHash() {
				t.Errorf("%v does not continue %d", edge, parent.GetHash())
			}
		}
	}
	if sum != 4 {
		t.Errorf("%g messages, not 4", sum)
	}
}

// A topic in an old format: the SyncProducer loses nothing.
func TestRefusedHeadersSync(t *testing.T) {
	one := func(p *SyncProducer, topic string) error {
		_, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: topic})
		return err
	}
	two := func(p *SyncProducer, topic string) error {
		return p.SendMessages([]*sarama.ProducerMessage{{Topic: topic}, {Topic: topic}})
	}
	for n, send := range map[int]func(*SyncProducer, string) error{1: one, 2: two} {
		agent, broker := agenttest.Start(t), brokertest.Old(t)
		topic := broker.Topic(t, "old", 1)
		producer := syncProducer(t, broker, config(), WithClusterID(id))
		for range 2 {
			if err := send(producer, topic); err != nil {
				t.Fatal(n, err)
			}
		}
		for _, record := range broker.Records(t, topic, 2*n) {
			if len(record.Headers) != 0 {
				t.Errorf("%v", brokertest.Keys(record))
			}
		}
		agent.Flushed()
		if edge := agent.One(t, out(topic)...); edge.Current != float64(n) {
			t.Errorf("%v: what was refused stays recorded, once", edge)
		}
		if got := agent.Backlog("type:kafka_produce", "topic:"+topic, "partition:0", "kafka_cluster_id:"+id); got != int64(2*n-1) {
			t.Errorf("%d messages: offset %d", n, got)
		}
		if lines := agent.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "refused") || datastreams.Err() == nil {
			t.Errorf("what was said: %q, %v", lines, datastreams.Err())
		}
	}
}

// The AsyncProducer returns what was refused, and takes it again.
func TestRefusedHeadersAsync(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.Old(t)
	topic := broker.Topic(t, "old", 1)
	producer, err := NewAsyncProducer([]string{broker.Addr}, config(), WithClusterID(id))
	if err != nil {
		t.Fatal(err)
	}
	producer.Input() <- &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("1")}
	refused := <-producer.Errors()
	if !errors.Is(refused.Err, sarama.ErrUnknown) {
		t.Fatal(refused.Err)
	}
	producer.Input() <- refused.Msg
	if msg := <-producer.Successes(); msg != refused.Msg || len(msg.Headers) != 0 {
		t.Errorf("%v", msg)
	}
	if err := producer.Close(); err != nil {
		t.Error(err)
	}
	agent.Flushed()
	if edge := agent.One(t, out(topic)...); edge.Current != 1 || agent.Backlog("type:kafka_produce", "topic:"+topic, "partition:0", "kafka_cluster_id:"+id) != 0 {
		t.Errorf("%v, %v", edge, agent.Backlogs())
	}
}

// A message that failed and is sent again continues what it continued, not itself.
func TestSentAgainAfterAnError(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.Fake(t)
	topic := broker.Topic(t, "failing", 1)
	config := config()
	config.Producer.Retry.Max = 0
	broker.FailProduce(1, kerr.NotLeaderForPartition)
	producer, err := NewAsyncProducer([]string{broker.Addr}, config, WithClusterID(id))
	if err != nil {
		t.Fatal(err)
	}
	parent := datastreams.NewPathway("before")
	ctx := datastreams.ContextWithPathway(context.Background(), parent)
	if err := producer.InputContext(ctx, &sarama.ProducerMessage{Topic: topic}); err != nil {
		t.Fatal(err)
	}
	producer.Input() <- (<-producer.Errors()).Msg
	<-producer.Successes()
	if err := producer.Close(); err != nil {
		t.Error(err)
	}
	agent.Flushed()
	if edge := agent.One(t, out(topic)...); edge.Current != 2 || edge.Parent != parent.GetHash() {
		t.Errorf("%v, not two from %d", edge, parent.GetHash())
	}
	if keys := brokertest.Keys(broker.Records(t, topic, 1)[0]); len(keys) != 1 {
		t.Errorf("%v", keys)
	}
}

// What the client itself sends again is one message to an interceptor.
func TestRetriesCountOnce(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.Fake(t)
	topic := broker.Topic(t, "failing", 1)
	config := config()
	config.Producer.Retry.Backoff = time.Millisecond
	interceptor := NewProducerInterceptor(WithConfig(config), WithClusterID(id))
	config.Producer.Interceptors = []sarama.ProducerInterceptor{interceptor}
	broker.FailProduce(2, kerr.NotLeaderForPartition)
	producer, err := sarama.NewSyncProducer([]string{broker.Addr}, config)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	msg := &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("1")}
	for range 3 { // one object for three messages
		if _, _, err := producer.SendMessage(msg); err != nil {
			t.Fatal(err)
		}
	}
	agent.Flushed()
	if edge := agent.One(t, out(topic)...); edge.Parent != 0 || edge.Current != 3 {
		t.Errorf("%v", edge)
	}
	for _, record := range broker.Records(t, topic, 3) {
		if keys := brokertest.Keys(record); len(keys) != 1 {
			t.Errorf("%v", keys)
		}
	}
}

func TestNoRoomForTheHeader(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic := broker.Topic(t, "full", 1)
	config := config()
	config.Producer.MaxMessageBytes = 10000
	producer := syncProducer(t, broker, config, WithClusterID(id))
	stale := []sarama.RecordHeader{{Key: []byte(datastreams.PropagationKey), Value: []byte("x")}}
	for _, size := range []int{10000 - 60, 5000} {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Headers: stale, Value: sarama.ByteEncoder(make([]byte, size))}); err != nil {
			t.Fatal(size, err)
		}
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

// A client of an old protocol refuses messages with headers: it gets none.
func TestOldVersion(t *testing.T) {
	agent := agenttest.Start(t)
	config := config()
	config.Version = sarama.V0_10_2_0
	p := producerOf([]Option{WithConfig(config)})
	msg := &sarama.ProducerMessage{Topic: "orders", Headers: []sarama.RecordHeader{{Key: []byte(datastreams.PropagationKey)}}}
	p.prepare(context.Background(), msg)
	if msg.Headers != nil || len(agent.Flushed()) != 0 || len(agent.Lines()) != 1 {
		t.Errorf("%v, %q", msg.Headers, agent.Lines())
	}
}

func TestWithoutHeaders(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic := broker.Topic(t, "off", 1)
	producer := syncProducer(t, broker, config(), WithoutHeaders(), WithClusterID(id))
	for range 2 {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic}); err != nil {
			t.Fatal(err)
		}
	}
	if keys := brokertest.Keys(broker.Records(t, topic, 2)[1]); len(keys) != 0 {
		t.Error(keys)
	}
	if edges := agent.Flushed(); len(edges) != 0 || len(agent.Lines()) != 0 {
		t.Error(edges, agent.Lines())
	}
	if got := agent.Backlog("type:kafka_produce", "topic:"+topic, "partition:0", "kafka_cluster_id:"+id); got != 1 {
		t.Error(agent.Backlogs())
	}
}

// The id is asked for in the background, of brokers and of a client.
func TestClusterIDIsLearned(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic := broker.Topic(t, "learned", 1)
	client, err := sarama.NewClient([]string{broker.Addr}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ofClient, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	for i, producer := range []*SyncProducer{syncProducer(t, broker, config()), WrapSyncProducer(ofClient, WithClient(client))} {
		send := func() {
			if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic}); err != nil {
				t.Fatal(err)
			}
		}
		send()
		brokertest.Eventually(t, "the id is known", func() bool { return producer.producer.Cluster.Get() == broker.ClusterID })
		send()
		agent.Flushed()
		with := agent.One(t, "direction:out", "topic:"+topic, "type:kafka", "kafka_cluster_id:"+broker.ClusterID).Current
		without := 0.0
		for _, edge := range agent.Find("direction:out", "topic:"+topic, "type:kafka") {
			without += edge.Current
		}
		if with < float64(i+1) || with+without != float64(2*(i+1)) {
			t.Errorf("producer %d: %g with the id, %g without", i, with, without)
		}
	}
	if err := ofClient.Close(); err != nil {
		t.Error(err)
	}
}

// A producer that ends answers those who come too late, and then is closed as the client is.
func TestTooLate(t *testing.T) {
	agenttest.Start(t)
	broker := brokertest.Fake(t)
	topic := broker.Topic(t, "late", 1)
	producer, err := NewAsyncProducer([]string{broker.Addr}, config(), WithClusterID(id))
	if err != nil {
		t.Fatal(err)
	}
	var none context.Context
	if err := producer.InputContext(none, &sarama.ProducerMessage{Topic: topic}); err != nil {
		t.Fatal(err)
	}
	producer.AsyncClose() // the first message, which nobody takes yet, keeps it from ending
	<-producer.producer.ended
	producer.Input() <- &sarama.ProducerMessage{Topic: topic}
	if late := <-producer.Errors(); !errors.Is(late.Err, sarama.ErrShuttingDown) {
		t.Error(late)
	}
	<-producer.Successes()
	if err := producer.Close(); err != nil {
		t.Error(err)
	}
	if err := producer.InputContext(context.Background(), &sarama.ProducerMessage{Topic: topic}); !errors.Is(err, sarama.ErrShuttingDown) {
		t.Error(err)
	}
	if _, open := <-producer.Successes(); open {
		t.Error("a success after the end")
	}
}

func TestTransaction(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	orders, payments, group := broker.Topic(t, "orders", 1), broker.Topic(t, "payments", 1), broker.Group("billing")
	config := config()
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Net.MaxOpenRequests = 1
	config.Producer.Transaction.ID = broker.Group("transaction")
	producer, err := NewAsyncProducer([]string{broker.Addr}, config, WithClusterID(id))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for range producer.Successes() {
		}
	}()
	for _, commit := range []bool{false, true} {
		if err := producer.BeginTxn(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			producer.Input() <- &sarama.ProducerMessage{Topic: payments}
		}
		offset := int64(7)
		if !commit {
			offset = 90
		}
		if err := producer.AddMessageToTxn(&sarama.ConsumerMessage{Topic: orders, Offset: offset}, group, nil); err != nil {
			t.Fatal(err)
		}
		end := producer.AbortTxn
		if commit {
			end = producer.CommitTxn
		}
		if err := end(); err != nil {
			t.Fatal(commit, err)
		}
	}
	if err := producer.Close(); err != nil {
		t.Error(err)
	}
	agent.Flushed()
	tags := []string{"type:kafka_commit", "consumer_group:" + group, "topic:" + orders, "partition:0", "kafka_cluster_id:" + id}
	if got := agent.Backlog(tags...); got != 8 {
		t.Errorf("%d is reported as committed, not 8", got)
	}
	// A broker answers the end of a transaction before it has written it to the group.
	brokertest.Eventually(t, "8 is committed", func() bool { return broker.Committed(t, group, orders, 0) == 8 })
	if edge := agent.One(t, out(payments)...); edge.Current != 6 {
		t.Errorf("%v", edge)
	}
}

// Offsets come to a transaction in four ways.
func TestOffsetsOfATransaction(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	orders, payments := broker.Topic(t, "orders", 1), broker.Topic(t, "payments", 1)
	config := config()
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Net.MaxOpenRequests = 1
	config.Producer.Transaction.ID = broker.Group("transaction")
	producer := syncProducer(t, broker, config, WithClusterID(id))
	msg := &sarama.ConsumerMessage{Topic: orders, Offset: 6}
	offsets := map[string][]*sarama.PartitionOffsetMetadata{orders: {{Partition: 0, Offset: 7}}}
	metadata := func(group string) *sarama.ConsumerGroupMetadata { return sarama.NewConsumerGroupMetadata(group) }
	for name, add := range map[string]func(group string) error{
		"offsets":             func(group string) error { return producer.AddOffsetsToTxn(offsets, group) },
		"message":             func(group string) error { return producer.AddMessageToTxn(msg, group, nil) },
		"offsets-of-metadata": func(group string) error { return producer.AddOffsetsToTxnWithGroupMetadata(offsets, metadata(group)) },
		"message-of-metadata": func(group string) error { return producer.AddMessageToTxnWithGroupMetadata(msg, metadata(group), nil) },
	} {
		group := broker.Group(name)
		if err := producer.BeginTxn(); err != nil {
			t.Fatal(name, err)
		}
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: payments}); err != nil {
			t.Fatal(name, err)
		}
		if err := add(group); err != nil {
			t.Fatal(name, err)
		}
		if err := producer.CommitTxn(); err != nil {
			t.Fatal(name, err)
		}
		agent.Flushed()
		if got := agent.Backlog("type:kafka_commit", "consumer_group:"+group, "topic:"+orders, "partition:0", "kafka_cluster_id:"+id); got != 7 {
			t.Errorf("%s: %d is reported as committed", name, got)
		}
		brokertest.Eventually(t, "7 is committed", func() bool { return broker.Committed(t, group, orders, 0) == 7 })
	}
}
