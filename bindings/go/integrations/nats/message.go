package nats

import (
	"context"

	"github.com/nats-io/nats.go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/nats/internal/carried"
)

// TraceProduce sets the checkpoint of a message that is about to be published through a connection that is not wrapped, on the
// pathway that ctx carries, else on that in the message's headers; without one a pathway starts. It puts the pathway into the
// message's headers, in place of one that is there, and returns a copy of ctx that carries it. Do not pass that on to another
// call of TraceProduce: for several messages with one cause, give each the ctx of the cause.
//
// The headers are replaced, not changed: several messages may share them. Answers to requests are not measured: where they go
// to is known of the connections that were passed to this function, or wrapped.
func TraceProduce(ctx context.Context, conn *nats.Conn, msg *nats.Msg) context.Context {
	if msg == nil || conn == nil {
		return ctx
	}
	sent, pathway, _ := carried.Produce(ctx, conn, msg)
	msg.Header = sent.Header
	if pathway.IsZero() {
		return ctx
	}
	return datastreams.ContextWithPathway(ctx, pathway)
}

// TraceConsume sets the checkpoint of a message that was received through a connection that is not wrapped, on the pathway in
// the message's headers; without one a pathway starts, when the stream took the message if it comes from one. group is the
// queue group, or the durable consumer that was pulled from: "" for none. It returns a copy of ctx that carries the pathway.
// What ctx carried before is not looked at: it is another message's.
func TraceConsume(ctx context.Context, msg *nats.Msg, group string) context.Context {
	if msg == nil {
		return ctx
	}
	return carried.Trace(ctx, msg.Subject, group, msg.Reply, msg.Header, msg.Data)
}

// ContextWithMessage returns a copy of ctx that carries the pathway of a message that a wrapped connection received: for
// PublishMsgContext, and for anything else that the message causes. Without one it returns ctx.
func ContextWithMessage(ctx context.Context, msg *nats.Msg) context.Context {
	if msg == nil {
		return ctx
	}
	return carried.Context(ctx, msg.Header)
}
