package aws

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/datastreams/datastreams/bindings/go/internal/message"
	"github.com/datastreams/datastreams/bindings/go/internal/notice"
)

// event is where an event goes.
type event struct{ bus, kind string }

var buses = message.Edges[event]{Tags: func(e event) []string {
	return []string{"direction:out", "exchange:" + e.bus, "topic:" + e.kind, "type:eventbridge"}
}}

// entrySize is that of an entry as EventBridge counts it.
func entrySize(entry *types.PutEventsRequestEntry) (bytes int) {
	if entry.Time != nil {
		bytes = 14
	}
	for _, resource := range entry.Resources {
		bytes += len(resource)
	}
	return bytes + len(aws.ToString(entry.Source)) + len(aws.ToString(entry.DetailType)) + len(aws.ToString(entry.Detail))
}

// putEvents is for a whole request: the limit of bytes is that of all its events.
func putEvents(ctx context.Context, given *eventbridge.PutEventsInput) *eventbridge.PutEventsInput {
	all := 0
	for i := range given.Entries {
		all += entrySize(&given.Entries[i])
	}
	room := int(eventBytes.room(int64(all)))
	sent := *given
	sent.Entries = slices.Clone(given.Entries)
	changed := false
	for i := range given.Entries {
		if detail, ok := detailed(ctx, &given.Entries[i], room); ok {
			room -= len(detail) - len(aws.ToString(given.Entries[i].Detail))
			sent.Entries[i].Detail = &detail
			changed = true
		}
	}
	if !changed {
		return given
	}
	return &sent
}

// detailed sets the checkpoint of an event, and returns its detail with the pathway. Where that has no place in it there is no
// checkpoint; a pathway that it came with is then taken out. Not ok: the detail is to be sent as it is.
func detailed(ctx context.Context, entry *types.PutEventsRequestEntry, room int) (detail string, ok bool) {
	text := aws.ToString(entry.Detail)
	doc, ok := documentOf([]byte(text))
	if !ok {
		notice.Count("eventbridge_not_json")
		return "", false
	}
	if len(doc.filled(placeholder))-len(text) > room {
		message.Skipped("eventbridge_too_large")
		return string(doc.filled("")), doc.held.hasPathway()
	}
	bus, kind := aws.ToString(entry.EventBusName), aws.ToString(entry.DetailType)
	size := doc.size + int64(len(kind)+len(aws.ToString(entry.Source)))
	if bus == "" {
		bus = "default"
	}
	if kind == "" {
		kind = "unknown"
	}
	edge := buses.Of(event{bus[strings.LastIndexByte(bus, '/')+1:], kind})
	_, header := edge.Produce(message.Parent(ctx, doc.held.pathway()), size, make([]byte, 0, message.HeaderMax))
	return string(doc.filled(string(header))), len(header) > 0
}
