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
	if p, err := datastreams.Decode(shared.Find(msg.Headers).Pathway); err == nil {
		return datastreams.ContextWithPathway(ctx, p)
	}
	return ctx
}

// MessageCarrier gives datastreams.InjectToBase64Carrier and datastreams.ExtractFromBase64Carrier the headers of a message.
type MessageCarrier struct {
	msg *kafka.Message
}

var (
	_ datastreams.TextMapWriter      = MessageCarrier{}
	_ datastreams.TextMapReader      = MessageCarrier{}
	_ datastreams.TextMapReaderByKey = MessageCarrier{}
)

// NewMessageCarrier makes a carrier of a message.
func NewMessageCarrier(msg *kafka.Message) MessageCarrier { return MessageCarrier{msg: msg} }

// Set sets the value of a header, in place of all values it has. The list of headers is replaced, not changed.
func (c MessageCarrier) Set(key, value string) {
	headers := make([]kafka.Header, 0, len(c.msg.Headers)+1)
	for _, header := range c.msg.Headers {
		if header.Key != key {
			headers = append(headers, header)
		}
	}
	c.msg.Headers = append(headers, kafka.Header{Key: key, Value: []byte(value)})
}

// ForeachKey calls handler with every header, and returns the first error that handler returns.
func (c MessageCarrier) ForeachKey(handler func(key, value string) error) error {
	for _, header := range c.msg.Headers {
		if err := handler(header.Key, string(header.Value)); err != nil {
			return err
		}
	}
	return nil
}

// Get returns the last value of a header, and whether there is one.
func (c MessageCarrier) Get(key string) (value string, ok bool) {
	for i := len(c.msg.Headers) - 1; i >= 0; i-- {
		if c.msg.Headers[i].Key == key {
			return string(c.msg.Headers[i].Value), true
		}
	}
	return "", false
}
