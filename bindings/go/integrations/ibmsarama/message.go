package ibmsarama

import (
	"context"

	"github.com/IBM/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// TraceKafkaProduce sets the checkpoint of a message that is about to be produced by a client that is not wrapped, on the
// pathway that ctx carries; without one a pathway starts. It puts the pathway into the message's headers, in the form of today
// and in that of data-streams-go, in place of one that is there, and returns a copy of ctx that carries it. Do not pass that
// on to another call of TraceKafkaProduce: for several messages with one cause, give each the ctx of the cause.
//
// The list of headers is replaced, not changed: several messages may share one.
func TraceKafkaProduce(ctx context.Context, msg *sarama.ProducerMessage) context.Context {
	if msg == nil {
		return ctx
	}
	ctx, msg.Headers = shared.ProducePairs(ctx, msg.Topic, length(msg.Key)+length(msg.Value), msg.Headers)
	return ctx
}

// TraceKafkaConsume sets the checkpoint of a message that a consumer group received through a client that is not wrapped, on
// the pathway in the message's headers; without one a pathway starts, when the message was produced. It returns a copy of ctx
// that carries the pathway. What ctx carried before is not looked at: it is another message's.
func TraceKafkaConsume(ctx context.Context, msg *sarama.ConsumerMessage, group string) context.Context {
	if msg == nil {
		return ctx
	}
	return shared.ConsumePairs(ctx, group, msg.Topic, len(msg.Key)+len(msg.Value), msg.Headers, msg.Timestamp)
}

// ContextWithMessage returns a copy of ctx that carries the pathway of a message from a wrapped handler's claim, or from a
// consumer with an interceptor: for SendMessageContext, and for anything else that the message causes. Without one it
// returns ctx.
func ContextWithMessage(ctx context.Context, msg *sarama.ConsumerMessage) context.Context {
	if msg == nil {
		return ctx
	}
	if p, err := datastreams.Decode(shared.FindPairPointers(msg.Headers).Pathway); err == nil {
		return datastreams.ContextWithPathway(ctx, p)
	}
	return ctx
}

// ProducerMessageCarrier gives datastreams.InjectToBase64Carrier the headers of a message.
type ProducerMessageCarrier struct {
	msg *sarama.ProducerMessage
}

// ConsumerMessageCarrier gives datastreams.ExtractFromBase64Carrier the headers of a message.
type ConsumerMessageCarrier struct {
	msg *sarama.ConsumerMessage
}

var (
	_ datastreams.TextMapWriter      = ProducerMessageCarrier{}
	_ datastreams.TextMapReader      = ConsumerMessageCarrier{}
	_ datastreams.TextMapReaderByKey = ConsumerMessageCarrier{}
)

// NewProducerMessageCarrier makes a carrier of a message.
func NewProducerMessageCarrier(msg *sarama.ProducerMessage) ProducerMessageCarrier {
	return ProducerMessageCarrier{msg}
}

// NewConsumerMessageCarrier makes a carrier of a message.
func NewConsumerMessageCarrier(msg *sarama.ConsumerMessage) ConsumerMessageCarrier {
	return ConsumerMessageCarrier{msg}
}

// Set sets the value of a header, in place of all values it has. The list of headers is replaced, not changed.
func (c ProducerMessageCarrier) Set(key, value string) {
	headers := make([]sarama.RecordHeader, 0, len(c.msg.Headers)+1)
	for _, header := range c.msg.Headers {
		if string(header.Key) != key {
			headers = append(headers, header)
		}
	}
	c.msg.Headers = append(headers, sarama.RecordHeader{Key: []byte(key), Value: []byte(value)})
}

// ForeachKey calls handler with every header, and returns the first error that handler returns.
func (c ConsumerMessageCarrier) ForeachKey(handler func(key, value string) error) error {
	for _, header := range c.msg.Headers {
		if header != nil {
			if err := handler(string(header.Key), string(header.Value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Get returns the last value of a header, and whether there is one.
func (c ConsumerMessageCarrier) Get(key string) (value string, ok bool) {
	for i := len(c.msg.Headers) - 1; i >= 0; i-- {
		if header := c.msg.Headers[i]; header != nil && string(header.Key) == key {
			return string(header.Value), true
		}
	}
	return "", false
}

// length returns the bytes of a key or a value. nil is none.
func length(text sarama.Encoder) int {
	if text == nil {
		return 0
	}
	return text.Length()
}
