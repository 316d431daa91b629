package kafka_test

import (
	"context"
	"errors"
	"testing"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	measured "github.com/datastreams/datastreams/bindings/go/integrations/kafka/v2"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

// The example of data-streams-go's README, with only the import paths changed.
func TestSnippetsOfDataStreamsGo(t *testing.T) {
	agenttest.Start(t)
	ctx, consumerGroup, name := context.Background(), "billing", "orders"
	kafkaMsg := kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &name}}

	ctx = measured.TraceKafkaProduce(ctx, &kafkaMsg)
	ctx = measured.TraceKafkaConsume(ctx, &kafkaMsg, consumerGroup)
	contexts := []context.Context{}
	for _, consumedMsg := range []kafka.Message{kafkaMsg, kafkaMsg} {
		contexts = append(contexts, measured.TraceKafkaConsume(ctx, &consumedMsg, consumerGroup))
	}
	mergedContext := datastreams.MergeContexts(contexts...)
	var producedMsg kafka.Message
	measured.TraceKafkaProduce(mergedContext, &producedMsg)

	merged, _ := datastreams.PathwayFromContext(mergedContext)
	produced, err := datastreams.Decode(values(&producedMsg, datastreams.PropagationKey)[0])
	if want := merged.SetCheckpoint("direction:out", "type:kafka"); err != nil || produced.GetHash() != want.GetHash() {
		t.Errorf("%d, not %d: %v", produced.GetHash(), want.GetHash(), err)
	}
	ctx = context.Background()
	broken := &kafka.Message{TopicPartition: kafka.TopicPartition{Error: errors.New("broken")}}
	if measured.TraceKafkaConsume(ctx, broken, "g") != ctx || measured.TraceKafkaConsume(ctx, nil, "g") != ctx || measured.TraceKafkaProduce(ctx, nil) != ctx {
		t.Error("what is no message was measured")
	}
}

func TestContextWithMessage(t *testing.T) {
	ctx := context.Background()
	unreadable := &kafka.Message{Headers: []kafka.Header{{Key: datastreams.PropagationKeyBase64, Value: []byte("?")}}}
	for _, msg := range []*kafka.Message{nil, {}, unreadable} {
		if measured.ContextWithMessage(ctx, msg) != ctx {
			t.Errorf("%v has a pathway", msg)
		}
	}
}

func TestMessageCarrier(t *testing.T) {
	shared := append(make([]kafka.Header, 0, 4), kafka.Header{Key: "a", Value: []byte("1")}, kafka.Header{Key: "a", Value: []byte("2")})
	msg := &kafka.Message{Headers: shared}
	carrier := measured.NewMessageCarrier(msg)
	if value, ok := carrier.Get("a"); value != "2" || !ok {
		t.Errorf("%q, %v", value, ok)
	}
	carrier.Set("b", "3")
	carrier.Set("a", "4")
	if _, ok := carrier.Get("c"); ok || len(msg.Headers) != 2 || string(shared[0].Value) != "1" || shared[:3][2].Key != "" {
		t.Errorf("%v, and the shared list is %v", msg.Headers, shared[:3])
	}
	stop := errors.New("stop")
	if err := carrier.ForeachKey(func(key, value string) error { return stop }); err != stop {
		t.Error(err)
	}
}
