package kafka_test

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	measured "github.com/datastreams/datastreams/bindings/go/integrations/kafka/v2"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

func TestMessageAndOpaqueAreTheProgramsOwn(t *testing.T) {
	agenttest.Start(t)
	b := newBroker(t)
	orders := b.topic(t, "orders")
	p := b.producer(t, b.configured("go.delivery.report.fields", "all"))
	shared := append(make([]kafka.Header, 0, 8), kafka.Header{Key: datastreams.PropagationKeyBase64, Value: []byte("stale")})
	for _, opaque := range []any{nil, "a receipt"} {
		msg := to(orders, "12 apples")
		msg.Headers, msg.Opaque = shared, opaque
		before := *msg
		report := sent(t, p, context.Background(), msg)
		if !reflect.DeepEqual(*msg, before) || len(shared[:2][1].Key) != 0 {
			t.Errorf("the message became %+v", msg)
		}
		if report.Opaque != opaque {
			t.Errorf("the report brings back %v, not %v", report.Opaque, opaque)
		}
		if text := values(report, datastreams.PropagationKeyBase64); len(text) != 1 || string(text[0]) == "stale" {
			t.Errorf("%v was sent", report.Headers)
		}
		if len(values(report, datastreams.PropagationKey)) != 0 {
			t.Errorf("the legacy header was sent without being asked for: %v", report.Headers)
		}
	}
}

// Reports over Events, with and without Opaque, and what Flush and Len say meanwhile.
func TestEvents(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders := b.topic(t, "orders")
	p := b.producer(t, b.configured("go.events.channel.size", 4))
	const messages = 3000
	got := make(chan int)
	go func() {
		// In any order: while a program flushes, two of the client's goroutines report.
		seen := map[any]bool{}
		for event := range p.Events() {
			if msg, ok := event.(*kafka.Message); ok && msg.TopicPartition.Error == nil {
				seen[msg.Opaque] = true
			}
		}
		got <- len(seen)
	}()
	for i := range messages {
		msg := to(orders, "12 apples")
		msg.Opaque = i
		if err := p.Produce(msg, nil); err != nil {
			t.Fatal(err)
		}
	}
	if left := p.Flush(int(wait.Milliseconds())); left != 0 || p.Len() != 0 {
		t.Fatalf("%d are left", left)
	}
	agent.Flushed()
	p.Close()
	p.Close()
	if left := p.Len() + p.Flush(1000); left != 0 {
		t.Errorf("%d are left", left)
	}
	if n := <-got; n != messages {
		t.Errorf("%d reports came", n)
	}
	if edge := agent.One(t, "direction:out", "topic:"+orders, "type:kafka", "kafka_cluster_id:"+p.ClusterID()); edge.Current != messages {
		t.Errorf("%v", edge)
	}
	if produced := agent.Backlog("type:kafka_produce", "topic:"+orders, "partition:0", "kafka_cluster_id:"+p.ClusterID()); produced != messages-1 {
		t.Errorf("the last offset is %d", produced)
	}
	if err := p.Produce(to(orders, "late"), nil); err == nil {
		t.Error("a closed producer took a message")
	}
}

func TestNobodyReadsEvents(t *testing.T) {
	agenttest.Start(t)
	b := newBroker(t)
	orders := b.topic(t, "orders")
	p := b.producer(t, b.configured("go.events.channel.size", 1))
	for range 10 {
		if err := p.Produce(to(orders, "12 apples"), nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second finds the first one's still waiting
		ended(t, "Flush", func() {
			if p.Flush(1000) == 0 {
				t.Error("nothing is left, and nobody read it")
			}
		})
	}
	ended(t, "Flush", func() { // what is read is flushed on
		for range 10 {
			<-p.Events()
		}
		if left := p.Flush(int(wait.Milliseconds())); left != 0 {
			t.Errorf("%d are left, and all were read", left)
		}
	})
	for range 10 {
		if err := p.Produce(to(orders, "12 apples"), nil); err != nil {
			t.Fatal(err)
		}
	}
	ended(t, "Flush", func() { p.Flush(500) })
	flushed := make(chan int)
	for range 2 {
		go func() { flushed <- p.Flush(1000 * int(wait.Milliseconds())) }()
	}
	time.Sleep(50 * time.Millisecond)
	ended(t, "Close", p.Close)
	ended(t, "Flush", func() { <-flushed; <-flushed; p.Flush(1000) })
}

func TestNobodyReadsReports(t *testing.T) {
	agenttest.Start(t)
	b := newBroker(t)
	orders := b.topic(t, "orders")
	p := b.producer(t, b.configured())
	if err := p.Produce(to(orders, "12 apples"), make(chan kafka.Event)); err != nil {
		t.Fatal(err)
	}
	p.Flush(2000)
	ended(t, "Close", p.Close)
}

// ended fails the test when something does not end.
func ended(t *testing.T, what string, call func()) {
	t.Helper()
	ended := make(chan struct{})
	go func() { call(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(wait):
		t.Fatal(what + " does not end")
	}
}

// Where the program wants no reports, offsets are known nevertheless.
func TestReportsAreOff(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders := b.topic(t, "orders")
	p := b.producer(t, b.configured("go.delivery.reports", false))
	for range 3 {
		if err := p.Produce(to(orders, "12 apples"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if left := p.Flush(int(wait.Milliseconds())); left != 0 {
		t.Fatalf("%d are left", left)
	}
	sent(t, p, context.Background(), to(orders, "asked for"))
	agent.Flushed()
	if produced := agent.Backlog("type:kafka_produce", "topic:"+orders, "partition:0", "kafka_cluster_id:"+p.ClusterID()); produced != 3 {
		t.Errorf("the last offset is %d", produced)
	}
	if n := len(p.Events()); n != 0 {
		t.Errorf("%d reports came that nobody asked for", n)
	}
}

func TestProduceChannel(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders := b.topic(t, "orders")
	p := b.producer(t, b.configured("go.delivery.report.fields", "all"))
	parent := datastreams.NewPathway("direction:in", "topic:web", "type:http")
	msg := to(orders, "12 apples")
	datastreams.InjectToBase64Carrier(datastreams.ContextWithPathway(context.Background(), parent), measured.NewMessageCarrier(msg))
	given := msg.Headers
	for range 3 {
		p.ProduceChannel() <- msg
	}
	for range 3 {
		report := reported(t, p.Events())
		if report.TopicPartition.Error != nil || len(report.Headers) != 1 {
			t.Errorf("%v: %v", report.TopicPartition.Error, report.Headers)
		}
	}
	if !reflect.DeepEqual(msg.Headers, given) {
		t.Errorf("the message became %v", msg)
	}
	agent.Flushed()
	if edge := agent.One(t, "direction:out", "topic:"+orders, "type:kafka", "kafka_cluster_id:"+p.ClusterID()); edge.Current != 3 || edge.Parent != parent.GetHash() {
		t.Errorf("%v, not from %d", edge, parent.GetHash())
	}
}

// A batch producer sends no headers, so nothing must claim that it does.
func TestBatchProducer(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	p := b.producer(t, b.configured("go.batch.producer", true))
	orders := b.topic(t, "orders")
	p.ProduceChannel() <- to(orders, "12 apples")
	if report := reported(t, p.Events()); report.TopicPartition.Error != nil {
		t.Fatal(report.TopicPartition.Error)
	}
	if edges := agent.Flushed(); len(edges) != 0 {
		t.Errorf("%v", edges)
	}
	if lines := strings.Join(agent.Lines(), "\n"); !strings.Contains(lines, "go.batch.producer") {
		t.Errorf("the log is %q", lines)
	}
}

func TestRefusedBeforeItIsSent(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	p := b.producer(t, b.configured())
	if err := p.Produce(nil, nil); err == nil {
		t.Error("nil was taken")
	}
	if err := p.Produce(&kafka.Message{Value: []byte("no topic")}, nil); err == nil {
		t.Error("a message without a topic was taken")
	}
	if edges := agent.Flushed(); len(edges) != 0 {
		t.Errorf("%v", edges)
	}
}

func TestManyGoroutinesProduce(t *testing.T) {
	agent := agenttest.Start(t)
	b := newBroker(t)
	orders := b.topic(t, "orders")
	p := b.producer(t, b.configured())
	var all sync.WaitGroup
	for range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range 50 {
				var reports chan kafka.Event
				if i%2 == 0 {
					reports = make(chan kafka.Event, 1)
				}
				if err := p.Produce(to(orders, fmt.Sprint(i)), reports); err != nil {
					t.Error(err)
					return
				}
				if reports != nil {
					<-reports
				}
			}
		}()
	}
	all.Wait()
	agent.Flushed()
	if edge := agent.One(t, "direction:out", "topic:"+orders, "type:kafka", "kafka_cluster_id:"+p.ClusterID()); edge.Current != 200 {
		t.Errorf("%v", edge)
	}
}

// Also while nothing is known of the cluster, because there is no broker.
func TestNoGoroutineOutlivesTheClient(t *testing.T) {
	agenttest.Start(t)
	count := func() int {
		all := make([]byte, 1<<20)
		return strings.Count(string(all[:runtime.Stack(all, true)]), "integrations/kafka/v2.(*")
	}
	eventually(t, "none is left of the tests before", func() bool { return count() == 0 })
	config := kafka.ConfigMap{"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
	p, err := measured.NewProducer(&config)
	if err != nil {
		t.Fatal(err)
	}
	p.ProduceChannel() <- to("orders", "never sent")
	c, err := measured.NewConsumer(&kafka.ConfigMap{"bootstrap.servers": "127.0.0.1:1", "log_level": 0, "group.id": "g", "go.events.channel.enable": true})
	if err != nil {
		t.Fatal(err)
	}
	if count() == 0 {
		t.Fatal("the test does not see goroutines")
	}
	if p.ClusterID() != "" || c.ClusterID() != "" {
		t.Error("a cluster that is not there has an id")
	}
	ended(t, "Close", p.Close)
	ended(t, "Close", func() { _ = c.Close() })
	// What Close waits for is said by a goroutine that then ends: within a moment, not later by itself.
	for range 100 {
		if count() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	all := make([]byte, 1<<20)
	t.Errorf("goroutines are left: %s", all[:runtime.Stack(all, true)])
}

// Many programs wait for the reports of their messages, each over a channel of its own, and read no Events. The client has room
// for go.events.channel.size of them, and reports go on meanwhile.
func TestReportsDoNotWaitForEvents(t *testing.T) {
	agenttest.Start(t)
	b := newBroker(t)
	orders := b.topic(t, "orders")
	p := b.producer(t, b.configured())
	const unread = 3000
	for range unread {
		if err := p.Produce(to(orders, "12 apples"), nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a full channel", func() bool { return len(p.Events()) == cap(p.Events()) })
	sent(t, p, context.Background(), to(orders, "3 pears"))
	for n := 0; n < unread; {
		select {
		case event := <-p.Events():
			if msg, ok := event.(*kafka.Message); ok && msg.TopicPartition.Error == nil {
				n++
			}
		case <-time.After(wait):
			t.Fatalf("%d of %d reports came over Events", n, unread)
		}
	}
}

// A message that was not delivered comes back with its headers, where reports have them. Sent again, it continues what it
// continued first, and not itself.
func TestSentAgain(t *testing.T) {
	b := newBroker(t)
	if b.mock == nil {
		t.Skip("needs a broker that does not answer")
	}
	agent := agenttest.Start(t)
	// One wrapper knows what reports hold, the other does not.
	config := b.configured("go.delivery.report.fields", "value,headers", "message.timeout.ms", 50)
	unknown, err := kafka.NewProducer(config)
	if err != nil {
		t.Fatal(err)
	}
	wrapped := measured.WrapProducer(unknown, measured.WithClusterID("c"))
	t.Cleanup(wrapped.Close)
	for _, p := range []*measured.Producer{b.producer(t, config), wrapped} {
		sendAgain(t, agent, b, p)
	}
}

func sendAgain(t *testing.T, agent *agenttest.Agent, b *broker, p *measured.Producer) {
	orders := b.topic(t, "orders")
	if err := b.mock.SetRoundtripDuration(1, time.Minute); err != nil {
		t.Fatal(err)
	}
	before, ctx := datastreams.SetCheckpoint(context.Background(), "before")
	msg := to(orders, "12 apples")
	msg.Headers, msg.Opaque = []kafka.Header{{Key: "own"}}, "a receipt"
	for _, reports := range []chan kafka.Event{make(chan kafka.Event, 1), nil, nil} {
		if err := p.ProduceContext(ctx, msg, reports); err != nil {
			t.Fatal(err)
		}
		if reports == nil {
			reports = p.Events()
		}
		for msg = nil; msg == nil; {
			select {
			case event := <-reports:
				msg, _ = event.(*kafka.Message)
			case <-time.After(wait):
				t.Fatal("no delivery report")
			}
		}
		if msg.TopicPartition.Error == nil || msg.Opaque != "a receipt" || len(values(msg, "own")) != 1 {
			t.Fatalf("the report is %+v", msg)
		}
		ctx = context.Background()
	}
	agent.Flushed()
	edge := agent.One(t, "direction:out", "topic:"+orders, "type:kafka", "kafka_cluster_id:"+p.ClusterID())
	if edge.Parent != before.GetHash() || edge.Current != 3 {
		t.Errorf("%v", edge)
	}
	if err := b.mock.SetRoundtripDuration(1, 0); err != nil {
		t.Fatal(err)
	}
}
