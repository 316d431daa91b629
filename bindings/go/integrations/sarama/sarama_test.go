package sarama

import (
	"context"
	"testing"

	"github.com/Shopify/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// Without a client contexts and headers pass through; the tests with a broker are in internal/saramatest.
func TestNotStarted(t *testing.T) {
	if ctx := TraceKafkaProduce(context.Background(), nil); ctx != context.Background() {
		t.Error("no message")
	}
	if ctx := TraceKafkaConsume(context.Background(), nil, "g"); ctx != context.Background() {
		t.Error("no message")
	}
	msg := &sarama.ProducerMessage{Topic: "orders", Headers: []sarama.RecordHeader{{Key: []byte("own")}}}
	if ctx := TraceKafkaProduce(context.Background(), msg); ctx != context.Background() || len(msg.Headers) != 1 {
		t.Errorf("%v, %v", ctx, msg.Headers)
	}
	ctx := TraceKafkaConsume(context.Background(), &sarama.ConsumerMessage{Topic: "orders", Headers: []*sarama.RecordHeader{nil}}, "g")
	if _, ok := datastreams.PathwayFromContext(ctx); ok {
		t.Error("a pathway from nowhere")
	}
}
