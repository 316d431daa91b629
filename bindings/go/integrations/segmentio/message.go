package segmentio

import (
	"context"

	"github.com/segmentio/kafka-go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// TraceKafkaProduce sets the checkpoint of a message that is about to be written by a client that is not wrapped, on the
// pathway that ctx carries; without one a pathway starts. It puts the pathway into the message's headers, in the form of today
// and in that of data-streams-go, in place of one that is there, and returns a copy of ctx that carries it. Do not pass that
// on to another call of TraceKafkaProduce: for several messages with one cause, give each the ctx of the cause.
//
// The list of headers is replaced, not changed: several messages may share one. A message that leaves its topic to the writer
// has no topic here: name it in the message, or wrap the writer.
func TraceKafkaProduce(ctx context.Context, msg *kafka.Message) context.Context {
	if msg == nil {
		return ctx
	}
	ctx, msg.Headers = shared.ProduceContext(ctx, msg.Topic, len(msg.Key)+len(msg.Value), msg.Headers)
	return ctx
}

// TraceKafkaConsume sets the checkpoint of a message that a consumer group read through a client that is not wrapped, on the
// pathway in the message's headers; without one a pathway starts, when the message was written. It returns a copy of ctx that
// carries the pathway. What ctx carried before is not looked at: it is another message's.
func TraceKafkaConsume(ctx context.Context, msg *kafka.Message, group string) context.Context {
	if msg == nil {
		return ctx
	}
	return shared.ConsumeContext(ctx, group, msg.Topic, len(msg.Key)+len(msg.Value), msg.Headers, msg.Time)
}

// ContextWithMessage returns a copy of ctx that carries the pathway of a message from a wrapped reader: for WriteMessages, and
// for anything else that the message causes. Without one it returns ctx.
func ContextWithMessage(ctx context.Context, msg kafka.Message) context.Context {
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
