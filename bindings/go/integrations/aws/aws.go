package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"

	"github.com/datastreams/datastreams/bindings/go/internal/notice"
)

// Option is an option of [Instrument].
type Option func(*measured)

// WithoutHeaders switches headers off: pathways end where messages are sent, and no checkpoint is set there. What is received is
// measured as ever.
func WithoutHeaders() Option {
	return func(m *measured) { m.noHeaders = true }
}

// Instrument measures the clients that are made of a configuration from now on.
func Instrument(config *aws.Config, opts ...Option) {
	m := &measured{}
	for _, opt := range opts {
		if opt != nil {
			opt(m)
		}
	}
	// After what checks parameters: what it refuses is not sent.
	config.APIOptions = append(config.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(m, middleware.After)
	})
}

// measured is a part of what a call goes through.
type measured struct {
	noHeaders bool
	iterators iterators
}

// ID names the part.
func (*measured) ID() string { return "datastreams" }

// HandleInitialize sets checkpoints before and after a call.
func (m *measured) HandleInitialize(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	out middleware.InitializeOutput, metadata middleware.Metadata, err error,
) {
	given := in.Parameters
	service := ""
	if !m.noHeaders {
		in.Parameters, service = prepare(ctx, given)
	}
	if asking, ok := given.(*sqs.ReceiveMessageInput); ok {
		in.Parameters = ask(asking)
	}
	out, metadata, err = next.HandleInitialize(ctx, in)
	if err != nil && service != "" && refused(err) {
		notice.Count(service + "_refused")
		in.Parameters = given
		out, metadata, err = next.HandleInitialize(ctx, in)
	}
	if err != nil {
		return out, metadata, err
	}
	switch result := out.Result.(type) {
	case *sqs.SendMessageOutput:
		if service != "" {
			result.MD5OfMessageAttributes = digested(result.MD5OfMessageAttributes, given.(*sqs.SendMessageInput).MessageAttributes)
		}
	case *sqs.SendMessageBatchOutput:
		if service != "" {
			ofSQS.resend(ctx, given.(*sqs.SendMessageBatchInput), result, next)
			digest(given.(*sqs.SendMessageBatchInput), result)
		}
	case *sns.PublishBatchOutput:
		if service != "" {
			ofSNS.resend(ctx, given.(*sns.PublishBatchInput), result, next)
		}
	case *sqs.ReceiveMessageOutput:
		m.received(given.(*sqs.ReceiveMessageInput), result, &metadata)
	case *kinesis.GetShardIteratorOutput:
		asked := given.(*kinesis.GetShardIteratorInput)
		m.iterators.follow(result.ShardIterator, streamOf(asked.StreamName, asked.StreamARN))
	case *kinesis.GetRecordsOutput:
		m.records(given.(*kinesis.GetRecordsInput), result, &metadata)
	}
	return out, metadata, err
}

// prepare sets the checkpoints of the messages that a call sends. It returns the parameters to send, a copy where they differ
// from those given, and the service, "" where they do not.
func prepare(ctx context.Context, given any) (params any, service string) {
	switch given := given.(type) {
	case *sqs.SendMessageInput:
		return changed(given, send(ctx, given), "sqs")
	case *sqs.SendMessageBatchInput:
		return changed(given, sendBatch(ctx, given), "sqs")
	case *sns.PublishInput:
		return changed(given, publish(ctx, given), "sns")
	case *sns.PublishBatchInput:
		return changed(given, publishBatch(ctx, given), "sns")
	case *kinesis.PutRecordInput:
		return changed(given, put(ctx, given), "kinesis")
	case *kinesis.PutRecordsInput:
		return changed(given, putAll(ctx, given), "kinesis")
	case *eventbridge.PutEventsInput:
		return changed(given, putEvents(ctx, given), "eventbridge")
	}
	return given, ""
}

func changed[P any](given, params *P, service string) (any, string) {
	if params == nil || params == given {
		return given, ""
	}
	return params, service
}
