package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/middleware"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// pathways are those of the messages of one answer, by what tells one from another. The answer keeps them, in its metadata.
type pathways map[string]datastreams.Pathway

type pathwaysKey struct{}

func (p pathways) in(metadata *middleware.Metadata) {
	if len(p) > 0 {
		metadata.Set(pathwaysKey{}, p)
	}
}

// contextOf returns a copy of ctx with the pathway of one message.
func contextOf(ctx context.Context, metadata middleware.Metadata, one *string) context.Context {
	kept, _ := metadata.Get(pathwaysKey{}).(pathways)
	if pathway, ok := kept[aws.ToString(one)]; ok && !pathway.IsZero() {
		return datastreams.ContextWithPathway(ctx, pathway)
	}
	return ctx
}

// ContextWithMessage returns a copy of ctx that carries the pathway of a message of an answer: for calls that send what the
// message causes. Without one it returns ctx.
func ContextWithMessage(ctx context.Context, answer *sqs.ReceiveMessageOutput, msg *sqstypes.Message) context.Context {
	if answer == nil || msg == nil {
		return ctx
	}
	return contextOf(ctx, answer.ResultMetadata, msg.ReceiptHandle)
}

// ContextWithRecord returns a copy of ctx that carries the pathway of a record of an answer: for calls that send what the record
// causes. Without one it returns ctx.
func ContextWithRecord(ctx context.Context, answer *kinesis.GetRecordsOutput, record *kinesistypes.Record) context.Context {
	if answer == nil || record == nil {
		return ctx
	}
	return contextOf(ctx, answer.ResultMetadata, record.SequenceNumber)
}

// TraceConsumeMessage sets the checkpoint of a message from a queue, named by its name or URL, that came another way than by a
// measured client's ReceiveMessage, such as with an event of Lambda. It returns a copy of ctx that carries the pathway. What
// ctx carried before is not looked at: it is another message's.
func TraceConsumeMessage(ctx context.Context, queue string, msg *sqstypes.Message) context.Context {
	if msg == nil {
		return ctx
	}
	return datastreams.ContextWithPathway(ctx, consume(queue, msg))
}

// TraceConsumeRecord sets the checkpoint of a record from a stream, named by its name or ARN, that came another way than by a
// measured client's GetRecords. It returns a copy of ctx that carries the pathway.
func TraceConsumeRecord(ctx context.Context, stream string, record *kinesistypes.Record) context.Context {
	if record == nil {
		return ctx
	}
	return datastreams.ContextWithPathway(ctx, consumeRecord(streamOf(&stream, nil), record))
}
