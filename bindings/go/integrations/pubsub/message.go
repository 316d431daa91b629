package pubsub

import (
	"context"
	"maps"

	"cloud.google.com/go/pubsub/v2"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

const (
	// attributesMax and bytesMax are what Pub/Sub takes: attributes of a message, and bytes of a request.
	attributesMax = 100
	bytesMax      = 10_000_000
	// attributeAround and requestAround are the most that stands around an attribute, and around a message in its request.
	attributeAround = 12
	requestAround   = 1_000
)

// place is where messages go, or come from: a topic, or a subscription.
type place struct {
	name string
	in   bool
}

var edges = message.Edges[place]{Tags: func(p place) []string {
	if p.in {
		return []string{"direction:in", "topic:" + p.name, "type:google-pubsub"}
	}
	return []string{"direction:out", "topic:" + p.name, "type:google-pubsub"}
}}

// TraceProduce sets the checkpoint of a message that is about to be published by a client that is not wrapped to a topic, named
// as "projects/p/topics/t", on the pathway that ctx carries, else on that in the message's attributes; without one a pathway
// starts. It puts the pathway into the attributes, in place of one that is there, and returns a copy of ctx that carries it. Do
// not pass that on to another call of TraceProduce: for several messages with one cause, give each the ctx of the cause.
//
// The attributes are replaced, not changed: several messages may share them.
func TraceProduce(ctx context.Context, topic string, msg *pubsub.Message) context.Context {
	if msg == nil {
		return ctx
	}
	sent, pathway := produce(ctx, topic, msg)
	msg.Attributes = sent.Attributes
	if pathway.IsZero() {
		return ctx
	}
	return datastreams.ContextWithPathway(ctx, pathway)
}

// TraceConsume sets the checkpoint of a message that a client which is not wrapped received from a subscription, named as
// "projects/p/subscriptions/s", on the pathway in the message's attributes; without one a pathway starts, when the message was
// published. It returns a copy of ctx that carries the pathway. What ctx carried before is not looked at: it is another
// message's.
func TraceConsume(ctx context.Context, subscription string, msg *pubsub.Message) context.Context {
	if msg == nil {
		return ctx
	}
	return datastreams.ContextWithPathway(ctx, consume(subscription, msg))
}

// carried returns the attribute that a checkpoint reads. nil: there is none.
func carried(attributes map[string]string) []byte {
	return message.Received(bytesOf(attributes, datastreams.PropagationKeyBase64), bytesOf(attributes, datastreams.PropagationKey))
}

func bytesOf(attributes map[string]string, key string) []byte {
	if text, ok := attributes[key]; ok {
		return []byte(text)
	}
	return nil
}

// weight returns the bytes of a message without ours, and how many attributes are not ours.
func weight(msg *pubsub.Message) (bytes int64, others int) {
	bytes = int64(len(msg.Data) + len(msg.OrderingKey))
	for key, value := range msg.Attributes {
		if !message.Ours(key) {
			bytes += int64(len(key) + len(value))
			others++
		}
	}
	return bytes, others
}

// with returns a copy of attributes with a pathway, in place of one that is there. An empty one is none.
func with(attributes map[string]string, pathway string) map[string]string {
	replaced := make(map[string]string, len(attributes)+1)
	maps.Copy(replaced, attributes)
	delete(replaced, datastreams.PropagationKey)
	delete(replaced, datastreams.PropagationKeyBase64)
	if pathway != "" {
		replaced[datastreams.PropagationKeyBase64] = pathway
	}
	return replaced
}

// without returns the message without what a subscriber left in it, which belongs to another edge: itself, if that is nothing.
func without(msg *pubsub.Message, others int) *pubsub.Message {
	if len(msg.Attributes) == others {
		return msg
	}
	return &pubsub.Message{Data: msg.Data, Attributes: with(msg.Attributes, ""), OrderingKey: msg.OrderingKey}
}

// produce sets the checkpoint of a message, and returns what is to be sent: a copy that carries the pathway after it. Where it
// has no place for that there is no checkpoint, and the pathway is zero: it would go on without its message.
func produce(ctx context.Context, topic string, msg *pubsub.Message) (sent *pubsub.Message, pathway datastreams.Pathway) {
	bytes, others := weight(msg)
	cause := ""
	switch {
	case others >= attributesMax:
		cause = "pubsub_attributes"
	case bytes+int64(len(topic)+others*attributeAround+requestAround) > bytesMax:
		cause = "pubsub_too_large"
	}
	if cause != "" {
		message.Skipped(cause)
		return without(msg, others), pathway
	}
	parent := message.Parent(ctx, carried(msg.Attributes))
	pathway, header := edges.Of(place{name: topic}).Produce(parent, bytes, make([]byte, 0, message.HeaderMax))
	if len(header) == 0 {
		return msg, pathway
	}
	return &pubsub.Message{Data: msg.Data, Attributes: with(msg.Attributes, string(header)), OrderingKey: msg.OrderingKey}, pathway
}

// consume sets the checkpoint of a message.
func consume(subscription string, msg *pubsub.Message) datastreams.Pathway {
	bytes, _ := weight(msg)
	return edges.Of(place{subscription, true}).ConsumeQueued(carried(msg.Attributes), bytes, msg.PublishTime)
}
