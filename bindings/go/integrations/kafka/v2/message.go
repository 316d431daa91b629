package kafka

import (
	"context"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// TraceKafkaProduce sets the checkpoint of a message that is about to be produced by a client that is not wrapped, on the
// pathway that ctx carries; without one a pathway starts. It puts the pathway into the message's headers, in the form of today
// and in that of data-streams-go, in place of one that is there, and returns a copy of ctx that carries it. Do not pass that
// on to another call of TraceKafkaProduce: for several messages with one cause, give each the ctx of the cause.
//
// The list of headers is replaced, not changed: several messages may share one.
func TraceKafkaProduce(ctx context.Context, msg *kafka.Message) context.Context {
	if msg == nil {
		return ctx
	}
	ctx, msg.Headers = shared.ProduceContext(ctx, topic(msg), len(msg.Key)+len(msg.Value), msg.Headers)
	return ctx
}

// TraceKafkaConsume sets the checkpoint of a message that a consumer group received through a client that is not wrapped, on
// the pathway in the message's headers; without one a pathway starts, when the message was produced. It returns a copy of ctx
// that carries the pathway. What ctx carried before is not looked at: it is another message's. A message with an error is
// none, and ctx is returned as it is.
func TraceKafkaConsume(ctx context.Context, msg *kafka.Message, group string) context.Context {
	if msg == nil || msg.TopicPartition.Error != nil {
		return ctx
	}
	return shared.ConsumeContext(ctx, group, topic(msg), len(msg.Key)+len(msg.Value), msg.Headers, queued(msg))
}

// ContextWithMessage returns a copy of ctx that carries the pathway of a message from a wrapped consumer: for
// [Producer.ProduceContext], and for anything else that the message causes. Without one it returns ctx.
func ContextWithMessage(ctx context.Context, msg *kafka.Message) context.Context {
	if msg == nil {
		return ctx
	}
	return shared.ContextWithHeaders(ctx, msg.Headers)
}

// MessageCarrier gives datastreams.InjectToBase64Carrier and datastreams.ExtractFromBase64Carrier the headers of a message. Set
// replaces the list of headers, and does not change it; Get returns the last value of a header.
type MessageCarrier struct{ carrier }

type carrier = shared.Carrier[kafka.Header]

var (
	_ datastreams.TextMapWriter      = MessageCarrier{}
	_ datastreams.TextMapReader      = MessageCarrier{}
	_ datastreams.TextMapReaderByKey = MessageCarrier{}
)

// NewMessageCarrier makes a carrier of a message.
func NewMessageCarrier(msg *kafka.Message) MessageCarrier {
	return MessageCarrier{shared.CarrierOf(&msg.Headers)}
}

func topic(msg *kafka.Message) string {
	if msg.TopicPartition.Topic == nil {
		return ""
	}
	return *msg.TopicPartition.Topic
}

// queued is when a message was produced, or the zero time.
func queued(msg *kafka.Message) time.Time {
	if msg.TimestampType == kafka.TimestampNotAvailable {
		return time.Time{}
	}
	return msg.Timestamp
}
