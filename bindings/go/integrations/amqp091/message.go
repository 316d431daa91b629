package amqp091

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// TraceProduce sets the checkpoint of a message that is about to be published through a channel that is not wrapped, on the
// pathway that ctx carries, else on that in the message's headers; without one a pathway starts. It puts the pathway into the
// headers, in place of one that is there, and returns a copy of ctx that carries it. Do not pass that on to another call of
// TraceProduce: for several messages with one cause, give each the ctx of the cause.
//
// The table of headers is replaced, not changed: several messages may share one. How large a frame may be is not known here:
// headers that do not fit the least, 4096 bytes, get no pathway.
func TraceProduce(ctx context.Context, exchange, key string, msg *amqp.Publishing) context.Context {
	if msg == nil {
		return ctx
	}
	pathway := produce(ctx, exchange, key, msg, frameMin)
	if pathway.IsZero() {
		return ctx
	}
	return datastreams.ContextWithPathway(ctx, pathway)
}

// TraceConsume sets the checkpoint of a message that was received from a queue through a channel that is not wrapped, on the
// pathway in the message's headers; without one a pathway starts, at the message's timestamp if it has one. It returns a copy
// of ctx that carries the pathway. What ctx carried before is not looked at: it is another message's.
func TraceConsume(ctx context.Context, queue string, delivery *amqp.Delivery) context.Context {
	if delivery == nil {
		return ctx
	}
	return datastreams.ContextWithPathway(ctx, consume(queue, delivery))
}

// ContextWithDelivery returns a copy of ctx that carries the pathway of a delivery of a wrapped channel: for
// PublishWithContext, and for anything else that the message causes. Without one it returns ctx.
func ContextWithDelivery(ctx context.Context, delivery *amqp.Delivery) context.Context {
	if delivery == nil {
		return ctx
	}
	if pathway, err := datastreams.Decode(carried(delivery.Headers)); err == nil {
		return datastreams.ContextWithPathway(ctx, pathway)
	}
	return ctx
}

// produce sets the checkpoint of a message, and gives it headers with its pathway. Where they have no room for it there is no
// checkpoint, and the pathway is zero: it would go on without its message.
func produce(ctx context.Context, exchange, key string, msg *amqp.Publishing, frameSize int) datastreams.Pathway {
	weight := headersWeight(msg.Headers)
	if !fits(msg, weight, frameSize) {
		message.Skipped("rabbitmq_too_large")
		withoutPathway(msg)
		return datastreams.Pathway{}
	}
	parent := message.Parent(ctx, carried(msg.Headers))
	pathway, header := out(exchange, key).Produce(parent, int64(len(msg.Body))+weight.bytes, make([]byte, 0, message.HeaderMax))
	if len(header) > 0 {
		msg.Headers = withPathway(msg.Headers, header)
	}
	return pathway
}

// withoutPathway takes out what a consumer left in the headers: it belongs to another edge.
func withoutPathway(msg *amqp.Publishing) {
	if hasPathway(msg.Headers) {
		msg.Headers = withPathway(msg.Headers, nil)
	}
}

// consume sets the checkpoint of a message.
func consume(queue string, delivery *amqp.Delivery) datastreams.Pathway {
	size := int64(len(delivery.Body)) + headersWeight(delivery.Headers).bytes
	return in(queue).ConsumeQueued(carried(delivery.Headers), size, delivery.Timestamp)
}
