package ibmsarama

import (
	"context"
	"testing"
	"time"

	"github.com/IBM/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

// One claim, of messages with and without a pathway: none takes that of another.
func TestEachMessageItsOwnPathway(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic, group := broker.Topic(t, "mixed", 1), broker.Group("g")
	plain, err := sarama.NewSyncProducer([]string{broker.Addr}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	before, hourAgo := datastreams.NewPathway("before"), time.Now().Add(-time.Hour)
	legacy := sarama.RecordHeader{Key: []byte(datastreams.PropagationKey), Value: before.Encode()}
	bad := sarama.RecordHeader{Key: []byte(datastreams.PropagationKeyBase64), Value: []byte("?")}
	for _, headers := range [][]sarama.RecordHeader{{legacy}, nil, {bad}, {bad, legacy}} {
		if _, _, err := plain.SendMessage(&sarama.ProducerMessage{Topic: topic, Timestamp: hourAgo, Headers: headers}); err != nil {
			t.Fatal(err)
		}
	}
	in := []string{"direction:in", "group:" + group, "topic:" + topic, "type:kafka"}
	read(t, broker, group, config(), topic, 4, func(session sarama.ConsumerGroupSession, msg *sarama.ConsumerMessage) {
		parent := uint64(0)
		if msg.Offset%3 == 0 {
			parent = before.GetHash()
		}
		pathway, ok := datastreams.PathwayFromContext(ContextWithMessage(session.Context(), msg))
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, parent, in...); !ok || pathway.GetHash() != want {
			t.Errorf("message %d has %d, not %d", msg.Offset, pathway.GetHash(), want)
		}
		if began := pathway.PathwayStart(); parent == 0 && began.Sub(hourAgo).Abs() > time.Second {
			t.Errorf("message %d began at %v", msg.Offset, began)
		}
		if wants := map[bool]int{true: 2, false: 1}[msg.Offset%3 == 0]; len(msg.Headers) != wants {
			t.Errorf("message %d has %d headers", msg.Offset, len(msg.Headers))
		}
	}, func(s *settings) { s.brokers = nil }) // without a cluster's id
	agent.Flushed()
	counts := map[uint64]float64{}
	for _, edge := range agent.Find(in...) {
		counts[edge.Parent] = edge.Current
	}
	if len(counts) != 2 || counts[0] != 2 || counts[before.GetHash()] != 2 {
		t.Errorf("messages by parent: %v", counts)
	}
}

// A program that lets messages wait has them shown to interceptors twice.
func TestInterceptedMessagesCountOnce(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	topic := broker.Topic(t, "slow", 1)
	producer := syncProducer(t, broker, config(), WithoutHeaders())
	for range 5 {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic}); err != nil {
			t.Fatal(err)
		}
	}
	config := config()
	config.ChannelBufferSize = 0
	config.Consumer.MaxProcessingTime = 5 * time.Millisecond
	shown := 0
	config.Consumer.Interceptors = []sarama.ConsumerInterceptor{NewConsumerInterceptor(), counting{&shown}}
	consumer, err := sarama.NewConsumer([]string{broker.Addr}, config)
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		time.Sleep(30 * time.Millisecond)
		msg := <-partition.Messages()
		if _, ok := datastreams.PathwayFromContext(ContextWithMessage(context.Background(), msg)); !ok {
			t.Error("no pathway")
		}
	}
	if err := partition.Close(); err != nil {
		t.Error(err)
	}
	if shown <= 5 {
		t.Errorf("%d messages were shown: the test is none", shown)
	}
	agent.Flushed()
	if edge := agent.One(t, "direction:in", "topic:"+topic, "type:kafka"); edge.Current != 5 {
		t.Errorf("%v, not 5", edge)
	}
}

type counting struct{ n *int }

func (c counting) OnConsume(*sarama.ConsumerMessage) { *c.n++ }

// A handler that returns early leaves nothing behind.
func TestHandlerThatReturnsEarly(t *testing.T) {
	agenttest.Start(t)
	messages := make(chan *sarama.ConsumerMessage, 3)
	for range 3 {
		messages <- &sarama.ConsumerMessage{Topic: "orders"}
	}
	from := &claim{ConsumerGroupClaim: fakeClaim{messages: messages}, consumer: consumerOf(nil), ended: make(chan struct{})}
	<-from.Messages()
	from.end() // waits for the goroutine
	select {
	case <-from.Messages():
	default:
		t.Error("the channel is open")
	}
}

type fakeClaim struct {
	sarama.ConsumerGroupClaim
	messages chan *sarama.ConsumerMessage
}

func (c fakeClaim) Messages() <-chan *sarama.ConsumerMessage { return c.messages }
func (fakeClaim) HighWaterMarkOffset() int64                 { return 3 }
func (fakeClaim) Topic() string                              { return "orders" }
func (fakeClaim) Partition() int32                           { return 0 }

// Carriers are for those who use them with dd-trace-go.
func TestCarriers(t *testing.T) {
	agenttest.Start(t)
	pathway := datastreams.NewPathway("before")
	msg := &sarama.ProducerMessage{Headers: []sarama.RecordHeader{{Key: []byte(datastreams.PropagationKeyBase64), Value: []byte("old")}}}
	datastreams.InjectToBase64Carrier(datastreams.ContextWithPathway(context.Background(), pathway), NewProducerMessageCarrier(msg))
	if len(msg.Headers) != 1 {
		t.Fatal(msg.Headers)
	}
	received := &sarama.ConsumerMessage{Headers: []*sarama.RecordHeader{nil, &msg.Headers[0]}}
	ctx := datastreams.ExtractFromBase64Carrier(context.Background(), NewConsumerMessageCarrier(received))
	if got, _ := datastreams.PathwayFromContext(ctx); got.GetHash() != pathway.GetHash() {
		t.Error(got)
	}
}
