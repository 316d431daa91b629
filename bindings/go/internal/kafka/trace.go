package kafka

import (
	"context"
	"time"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// ProduceContext sets the checkpoint of a message that is sent to a topic, on the pathway that ctx carries. It returns a copy
// of ctx with the pathway after that, and the message's headers with it, in both forms: data-streams-go reads the binary one
// only. size is that of key and value, in bytes.
func ProduceContext[H Header](ctx context.Context, topic string, size int, headers []H) (context.Context, []H) {
	found := Find(headers)
	ctx, header, legacy := produceContext(ctx, topic, int64(size)+found.Others)
	if header == nil {
		return ctx, headers
	}
	return ctx, Replace(headers, header, legacy)
}

// produceContext returns what changes: nothing, and no header, where nothing is measured.
func produceContext(ctx context.Context, topic string, size int64) (after context.Context, header, legacy []byte) {
	parent, _ := datastreams.PathwayFromContext(ctx)
	pathway, header := Out("", topic).Produce(parent, size, nil)
	if pathway.IsZero() {
		return ctx, nil, nil
	}
	return datastreams.ContextWithPathway(ctx, pathway), header, pathway.Encode()
}

// ConsumeContext sets the checkpoint of a message that a group reads from a topic, on the pathway in the message's headers. It
// returns a copy of ctx with the pathway after that: never on that of ctx, which may be another message's. size is that of key
// and value, in bytes; queued is when the message entered the queue, the zero time when that is not known.
func ConsumeContext[H Header](ctx context.Context, group, topic string, size int, headers []H, queued time.Time) context.Context {
	found := Find(headers)
	pathway := In("", group, topic).ConsumeQueued(found.Pathway, int64(size)+found.Others, queued)
	return datastreams.ContextWithPathway(ctx, pathway)
}
