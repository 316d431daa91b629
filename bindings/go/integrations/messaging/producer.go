package messaging

import (
	"context"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/kafka"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// TraceKafkaProduce sets the checkpoint of a message that is about to be sent, on the pathway that ctx carries; without one a
// pathway starts. It adds the pathway to the message's headers, in the form of today and in that of data-streams-go, and
// returns a copy of ctx that carries it. Do not pass that on to another call of TraceKafkaProduce: for several messages with
// one cause, give each the ctx of the cause.
func TraceKafkaProduce(ctx context.Context, msg ProducerMessage) context.Context {
	if msg == nil {
		return ctx
	}
	parent, _ := datastreams.PathwayFromContext(ctx)
	size := msg.GetSize()
	if carrier, ok := msg.(HeaderGetter); ok {
		size = withoutOurs(size, carrier.GetHeaders())
	}
	pathway, header := kafka.Out("", text(msg.GetTopic())).Produce(parent, size, nil)
	if pathway.IsZero() {
		return ctx
	}
	headers := []Header{
		{Key: datastreams.PropagationKeyBase64, Value: header},
		{Key: datastreams.PropagationKey, Value: pathway.Encode()},
	}
	if carrier, ok := msg.(HeaderSetter); ok {
		for _, header := range headers {
			carrier.SetHeader(header)
		}
	} else {
		msg.AppendToHeaders(headers...)
	}
	return datastreams.ContextWithPathway(ctx, pathway)
}

// withoutOurs takes our headers off a size.
func withoutOurs(size int64, headers []Header) int64 {
	for _, header := range headers {
		if message.Ours(header.Key) && size >= 0 {
			size = max(size-int64(len(header.Key)+len(header.Value)), 0)
		}
	}
	return size
}

func text(topic *string) string {
	if topic == nil {
		return ""
	}
	return *topic
}
