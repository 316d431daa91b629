// Package sarama measures the messages of github.com/Shopify/sarama: call [TraceKafkaProduce] before a message is produced,
// [TraceKafkaConsume] after it was received. Names, signatures and meaning are those of data-streams-go's package of this
// name.
//
//	ctx = sarama.TraceKafkaConsume(ctx, received, "billing")
//	...
//	sarama.TraceKafkaProduce(ctx, message)
//	partition, offset, err := producer.SendMessage(message)
//
// The context belongs to one received message: give each message that it causes that context, not the one that
// TraceKafkaProduce returned for another. Where several messages become one, merge their contexts with
// datastreams.MergeContexts.
//
// A message carries its pathway in two headers: the one that all of today's tracers read, and the one that data-streams-go
// reads, so that services may move one by one. Both are replaced when a received message is sent on. Brokers and topics in
// formats from before Kafka 0.11 take no headers, and a producer whose Config.Version is below V0_11_0_0 refuses messages
// that have any: do not call TraceKafkaProduce for them.
//
// Offsets are reported by hand: datastreams.TrackKafkaProduce with what SendMessage returns or what is in a message from
// Successes, datastreams.TrackKafkaCommitOffset with one more than the offset of a message that is marked, and
// datastreams.TrackKafkaHighWatermarkOffset with what a claim's HighWaterMarkOffset returns.
//
// Over Kafka 4 the client's automatic commits are refused unless Config.Consumer.Offsets.Retention is set, whatever is measured.
//
// The client lives on as github.com/IBM/sarama. The package for it,
// github.com/datastreams/datastreams/bindings/go/integrations/ibmsarama, does all of it by wrapping.
package sarama

import (
	"context"

	"github.com/Shopify/sarama"

	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// TraceKafkaProduce sets the checkpoint of a message that is about to be produced, on the pathway that ctx carries; without
// one a pathway starts. It puts the pathway into the message's headers, in place of one that is there, and returns a copy of
// ctx that carries it. Do not pass that on to another call of TraceKafkaProduce: for several messages with one cause, give
// each the ctx of the cause.
//
// The list of headers is replaced, not changed: several messages may share one.
func TraceKafkaProduce(ctx context.Context, msg *sarama.ProducerMessage) context.Context {
	if msg == nil {
		return ctx
	}
	ctx, msg.Headers = shared.ProducePairs(ctx, msg.Topic, length(msg.Key)+length(msg.Value), msg.Headers)
	return ctx
}

// TraceKafkaConsume sets the checkpoint of a message that a consumer group received, on the pathway in the message's headers;
// without one a pathway starts, when the message was produced. It returns a copy of ctx that carries the pathway. What ctx
// carried before is not looked at: it is another message's.
func TraceKafkaConsume(ctx context.Context, msg *sarama.ConsumerMessage, group string) context.Context {
	if msg == nil {
		return ctx
	}
	return shared.ConsumePairs(ctx, group, msg.Topic, len(msg.Key)+len(msg.Value), msg.Headers, msg.Timestamp)
}

// length returns the bytes of a key or a value. nil is none.
func length(text sarama.Encoder) int {
	if text == nil {
		return 0
	}
	return text.Length()
}
