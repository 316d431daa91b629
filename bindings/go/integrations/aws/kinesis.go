package aws

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go/middleware"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
	"github.com/datastreams/datastreams/bindings/go/internal/notice"
)

// unknown is the stream of an iterator that is not known.
const unknown = "unknown"

// streamOf is a stream's name, also where it is named by its ARN: "" for none.
func streamOf(name, arn *string) string {
	stream := aws.ToString(name)
	if stream == "" {
		stream = aws.ToString(arn)
	}
	return stream[strings.LastIndexByte(stream, '/')+1:]
}

func stream(name string, in bool) *datastreams.Edge {
	if name == "" {
		name = unknown
	}
	return edges.Of(topic{name, "kinesis", in})
}

// ---- Produced

func put(ctx context.Context, given *kinesis.PutRecordInput) *kinesis.PutRecordInput {
	edge := stream(streamOf(given.StreamName, given.StreamARN), false)
	data, same := stamped(ctx, edge, given.Data, given.PartitionKey, requestBytes.most)
	if same {
		return given
	}
	sent := *given
	sent.Data = data
	return &sent
}

func putAll(ctx context.Context, given *kinesis.PutRecordsInput) *kinesis.PutRecordsInput {
	all := 0
	for _, record := range given.Records {
		all += len(record.Data) + len(aws.ToString(record.PartitionKey))
	}
	room := requestBytes.room(int64(all))
	edge := stream(streamOf(given.StreamName, given.StreamARN), false)
	sent := *given
	sent.Records = slices.Clone(given.Records)
	changed := false
	for i, record := range given.Records {
		if data, same := stamped(ctx, edge, record.Data, record.PartitionKey, room); !same {
			sent.Records[i].Data = data
			room -= int64(len(data) - len(record.Data))
			changed = true
		}
	}
	if !changed {
		return given
	}
	return &sent
}

// stamped sets the checkpoint of a record, and returns its data with the pathway. Where that has no place in it there is no
// checkpoint; a pathway that it came with is then taken out. same: the data is to be sent as it is.
func stamped(ctx context.Context, edge *datastreams.Edge, data []byte, partition *string, room int64) (filled []byte, same bool) {
	doc, ok := documentOf(data)
	if !ok {
		notice.Count("kinesis_not_json")
		return nil, true
	}
	key := len(aws.ToString(partition))
	if grown := len(doc.filled(placeholder)) - len(data); int64(grown) > min(room, recordBytes.room(int64(len(data)+key))) {
		message.Skipped("kinesis_too_large")
		if !doc.held.hasPathway() {
			return nil, true
		}
		return doc.filled(""), false
	}
	_, header := edge.Produce(message.Parent(ctx, doc.held.pathway()), doc.size+int64(key), make([]byte, 0, message.HeaderMax))
	if len(header) == 0 {
		return nil, true
	}
	return doc.filled(string(header)), false
}

// ---- Consumed

// iteratorsMax bounds the iterators whose streams are known, of each of two generations.
const iteratorsMax = 2048

// iterators says which streams iterators read. The oldest are forgotten.
type iterators struct {
	mutex    sync.Mutex
	new, old map[string]string
}

// follow takes note of an iterator. Without a name, or of no stream, it is none.
func (i *iterators) follow(iterator *string, stream string) {
	if iterator == nil || stream == "" {
		return
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.new == nil || len(i.new) >= iteratorsMax {
		i.new, i.old = map[string]string{}, i.new
	}
	i.new[*iterator] = stream
}

// of returns the stream of an iterator, or "".
func (i *iterators) of(iterator string) string {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if stream, ok := i.new[iterator]; ok {
		return stream
	}
	return i.old[iterator]
}

// records sets the checkpoints of records, and keeps their pathways.
func (m *measured) records(given *kinesis.GetRecordsInput, result *kinesis.GetRecordsOutput, metadata *middleware.Metadata) {
	stream := streamOf(nil, given.StreamARN)
	if stream == "" {
		stream = m.iterators.of(aws.ToString(given.ShardIterator))
	}
	m.iterators.follow(result.NextShardIterator, stream)
	kept := make(pathways, len(result.Records))
	for i := range result.Records {
		kept[aws.ToString(result.Records[i].SequenceNumber)] = consumeRecord(stream, &result.Records[i])
	}
	kept.in(metadata)
}

// consumeRecord sets the checkpoint of a record.
func consumeRecord(from string, record *types.Record) datastreams.Pathway {
	size, pathway := int64(len(record.Data)), []byte(nil)
	if bytes.Contains(record.Data, []byte(name)) {
		if doc, ok := documentOf(record.Data); ok {
			size, pathway = doc.size, doc.held.pathway()
		}
	}
	var arrived time.Time
	if record.ApproximateArrivalTimestamp != nil {
		arrived = *record.ApproximateArrivalTimestamp
	}
	return stream(from, true).ConsumeQueued(pathway, size+int64(len(aws.ToString(record.PartitionKey))), arrived)
}
