package segmentio

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/segmentio/kafka-go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// The size of a message is the client's: one byte more than the limit is refused by both.
func TestTotalSize(t *testing.T) {
	writer := &kafka.Writer{Addr: kafka.TCP("127.0.0.1:1"), Topic: "t"}
	for _, n := range []int{0, 1, 63, 64, 100, 8191, 8192} {
		msg := kafka.Message{Key: bytes.Repeat([]byte("k"), n), Value: bytes.Repeat([]byte("v"), n)}
		for range n % 70 {
			msg.Headers = append(msg.Headers, kafka.Header{Key: string(bytes.Repeat([]byte("h"), n)), Value: nil})
		}
		writer.BatchBytes = totalSize(&msg)
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		var tooLarge kafka.MessageTooLargeError
		if err := writer.WriteMessages(ended, msg); err == nil || errors.As(err, &tooLarge) {
			t.Errorf("%d: the client refuses what fits: %v", n, err)
		}
		writer.BatchBytes--
		if err := writer.WriteMessages(ended, msg); !errors.As(err, &tooLarge) {
			t.Errorf("%d: the client takes what does not fit: %v", n, err)
		}
	}
}

// Without a client contexts and headers pass through.
func TestNotStarted(t *testing.T) {
	if ctx := TraceKafkaProduce(context.Background(), nil); ctx != context.Background() {
		t.Error("no message")
	}
	if ctx := TraceKafkaConsume(context.Background(), nil, "g"); ctx != context.Background() {
		t.Error("no message")
	}
	msg := &kafka.Message{Topic: "orders", Headers: []kafka.Header{{Key: "own"}}}
	if ctx := TraceKafkaProduce(context.Background(), msg); ctx != context.Background() || len(msg.Headers) != 1 {
		t.Errorf("%v, %v", ctx, msg.Headers)
	}
	if _, ok := datastreams.PathwayFromContext(ContextWithMessage(context.Background(), *msg)); ok {
		t.Error("a pathway from nowhere")
	}
}

func TestCarrier(t *testing.T) {
	msg := &kafka.Message{Headers: []kafka.Header{{Key: "k", Value: []byte("1")}, {Key: "k", Value: []byte("2")}, {Key: "l"}}}
	given := msg.Headers
	carrier := NewMessageCarrier(msg)
	if value, ok := carrier.Get("k"); !ok || value != "2" {
		t.Error(value, ok)
	}
	carrier.Set("k", "3")
	if value, ok := carrier.Get("k"); !ok || value != "3" || len(msg.Headers) != 2 || string(given[1].Value) != "2" {
		t.Error(value, ok, msg.Headers, given)
	}
	seen := 0
	_ = carrier.ForeachKey(func(string, string) error { seen++; return nil })
	if _, ok := carrier.Get("none"); ok || seen != 2 {
		t.Error(ok, seen)
	}
}
