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
	if p, ok := carried(msg); ok {
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

// carried returns the pathway in the headers of a message.
func carried(msg *kafka.Message) (datastreams.Pathway, bool) {
	header := shared.Find(msg.Headers).Pathway
	if len(header) == 0 {
		return datastreams.Pathway{}, false
	}
	p, err := datastreams.Decode(header)
	return p, err == nil
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
