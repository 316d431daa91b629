package messaging

import (
	"context"
	"time"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// TraceKafkaConsume sets the checkpoint of a message that a consumer group received, on the pathway in the message's headers;
// without one a pathway starts. It returns a copy of ctx that carries the pathway. What ctx carried before is not looked at:
// it is another message's.
func TraceKafkaConsume(ctx context.Context, msg ConsumerMessage, group string) context.Context {
	if msg == nil {
		return ctx
	}
	headers := msg.GetHeaders()
	var queued time.Time
	if known, ok := msg.(Timestamper); ok {
		queued = known.GetTimestamp()
	}
	edge := kafka.In("", group, text(msg.GetTopic()))
	pathway := edge.ConsumeQueued(kafka.Find(headers).Pathway, withoutOurs(msg.GetSize(), headers), queued)
	return datastreams.ContextWithPathway(ctx, pathway)
}
