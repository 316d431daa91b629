package kafka

import (
	"context"
	"time"
	"unsafe"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// Pair is a message header of a client whose keys are bytes: sarama, in both its modules.
type Pair interface{ ~struct{ Key, Value []byte } }

type pair = struct{ Key, Value []byte }

// FindPairs is [Find] in the headers of a message that is sent.
func FindPairs[H Pair](headers []H) Found {
	var search search
	for i := range headers {
		one := pair(headers[i])
		search.see(key(one.Key), one.Value)
	}
	return search.found()
}

// FindPairPointers is [Find] in the headers of a message that was received.
func FindPairPointers[H Pair](headers []*H) Found {
	var search search
	for _, header := range headers {
		if header != nil {
			one := pair(*header)
			search.see(key(one.Key), one.Value)
		}
	}
	return search.found()
}

// ReplacePairs is [Replace] for the headers of a message that is sent.
func ReplacePairs[H Pair](headers []H, pathway, legacy []byte) []H {
	replaced := make([]H, 0, len(headers)+2)
	for i := range headers {
		if !message.Ours(key(pair(headers[i]).Key)) {
			replaced = append(replaced, headers[i])
		}
	}
	if pathway != nil {
		replaced = append(replaced, H(pair{[]byte(datastreams.PropagationKeyBase64), pathway}))
	}
	if legacy != nil {
		replaced = append(replaced, H(pair{[]byte(datastreams.PropagationKey), legacy}))
	}
	return replaced
}

// ReplacePairPointers is [Replace] for the headers of a message that was received.
func ReplacePairPointers[H Pair](headers []*H, pathway, legacy []byte) []*H {
	replaced := make([]*H, 0, len(headers)+2)
	for _, header := range headers {
		if header == nil || !message.Ours(key(pair(*header).Key)) {
			replaced = append(replaced, header)
		}
	}
	for _, ours := range ReplacePairs[H](nil, pathway, legacy) {
		replaced = append(replaced, &ours)
	}
	return replaced
}

// ProducePairs is [ProduceContext] for headers whose keys are bytes.
func ProducePairs[H Pair](ctx context.Context, topic string, size int, headers []H) (context.Context, []H) {
	found := FindPairs(headers)
	ctx, header, legacy := produceContext(ctx, topic, int64(size)+found.Others)
	if header == nil {
		return ctx, headers
	}
	return ctx, ReplacePairs(headers, header, legacy)
}

// ConsumePairs is [ConsumeContext] for headers whose keys are bytes.
func ConsumePairs[H Pair](ctx context.Context, group, topic string, size int, headers []*H, queued time.Time) context.Context {
	found := FindPairPointers(headers)
	pathway := In("", group, topic).ConsumeQueued(found.Pathway, int64(size)+found.Others, queued)
	return datastreams.ContextWithPathway(ctx, pathway)
}

// key returns a key as text, for as long as its bytes stay.
func key(bytes []byte) string { return unsafe.String(unsafe.SliceData(bytes), len(bytes)) }
