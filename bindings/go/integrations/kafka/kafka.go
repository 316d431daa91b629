// Package kafka measures the messages of github.com/confluentinc/confluent-kafka-go, version 1: call [TraceKafkaProduce]
// before a message is produced, [TraceKafkaConsume] after it was received. Names, signatures and meaning are those of
// data-streams-go's package of this name.
//
//	ctx = kafka.TraceKafkaConsume(ctx, received, "billing")
//	...
//	kafka.TraceKafkaProduce(ctx, message)
//	err := producer.Produce(message, nil)
//
// The context belongs to one received message: give each message that it causes that context, not the one that
// TraceKafkaProduce returned for another. Where several messages become one, merge their contexts with
// datastreams.MergeContexts.
//
// A message carries its pathway in two headers: the one that all of today's tracers read, and the one that data-streams-go
// reads, so that services may move one by one. Both are replaced when a received message is sent on. Brokers and topics in
// formats from before Kafka 0.11 take no headers: do not call TraceKafkaProduce for them.
//
// Offsets are reported by hand: datastreams.TrackKafkaProduce with what a delivery report says,
// datastreams.TrackKafkaCommitOffset with what Commit returns. The package for version 2 of the client,
// github.com/datastreams/datastreams/bindings/go/integrations/kafka/v2, does all of it by wrapping.
//
// The build tags of the client (musl, dynamic) are the client's own, and change nothing here.
package kafka

import (
	"context"
	"time"

	"github.com/confluentinc/confluent-kafka-go/kafka"

	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// TraceKafkaProduce sets the checkpoint of a message that is about to be produced, on the pathway that ctx carries; without
// one a pathway starts. It puts the pathway into the message's headers, in place of one that is there, and returns a copy of
// ctx that carries it. Do not pass that on to another call of TraceKafkaProduce: for several messages with one cause, give
// each the ctx of the cause.
//
// The list of headers is replaced, not changed: several messages may share one.
func TraceKafkaProduce(ctx context.Context, msg *kafka.Message) context.Context {
	if msg == nil {
		return ctx
	}
	ctx, msg.Headers = shared.ProduceContext(ctx, topic(msg), len(msg.Key)+len(msg.Value), msg.Headers)
	return ctx
}

// TraceKafkaConsume sets the checkpoint of a message that a consumer group received, on the pathway in the message's headers;
// without one a pathway starts, when the message was produced. It returns a copy of ctx that carries the pathway. What ctx
// carried before is not looked at: it is another message's. A message with an error is none, and ctx is returned as it is.
func TraceKafkaConsume(ctx context.Context, msg *kafka.Message, group string) context.Context {
	if msg == nil || msg.TopicPartition.Error != nil {
		return ctx
	}
	var queued time.Time
	if msg.TimestampType != kafka.TimestampNotAvailable {
		queued = msg.Timestamp
	}
	return shared.ConsumeContext(ctx, group, topic(msg), len(msg.Key)+len(msg.Value), msg.Headers, queued)
}

func topic(msg *kafka.Message) string {
	if msg.TopicPartition.Topic == nil {
		return ""
	}
	return *msg.TopicPartition.Topic
}
