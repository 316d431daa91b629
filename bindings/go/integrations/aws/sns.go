package aws

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

func snsAttributes(all map[string]types.MessageAttributeValue) *attributes[types.MessageAttributeValue] {
	return &attributes[types.MessageAttributeValue]{all, readSNS, makeSNS, "Binary"}
}

func readSNS(value types.MessageAttributeValue) attribute {
	return attribute{aws.ToString(value.DataType), aws.ToString(value.StringValue), value.BinaryValue}
}

func makeSNS(text []byte) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("Binary"), BinaryValue: text}
}

// followed tells whether an ARN is that of a topic: a phone and a device are no queues.
func followed(arn string) bool { return arn != "" && !strings.Contains(arn, "/") }

func publish(ctx context.Context, given *sns.PublishInput) *sns.PublishInput {
	arn := aws.ToString(given.TopicArn)
	if arn == "" {
		arn = aws.ToString(given.TargetArn)
	}
	if !followed(arn) {
		return given
	}
	attributes := snsAttributes(given.MessageAttributes)
	texts := int64(len(aws.ToString(given.Message)) + len(aws.ToString(given.Subject)))
	edge := edges.Of(topic{name: arn, kind: "sns"})
	replaced, _, same := attributes.stamped(ctx, edge, "sns", texts+attributes.size(), messageBytes.room(texts+whole(attributes)))
	if same {
		return given
	}
	sent := *given
	sent.MessageAttributes = replaced
	return &sent
}

// publishBatch is for a whole request: the limit of bytes is that of each message, and that of all.
func publishBatch(ctx context.Context, given *sns.PublishBatchInput) *sns.PublishBatchInput {
	arn := aws.ToString(given.TopicArn)
	if !followed(arn) {
		return given
	}
	all := int64(0)
	texts := make([]int64, len(given.PublishBatchRequestEntries))
	for i, entry := range given.PublishBatchRequestEntries {
		texts[i] = int64(len(aws.ToString(entry.Message)) + len(aws.ToString(entry.Subject)))
		all += texts[i] + whole(snsAttributes(entry.MessageAttributes))
	}
	room := messageBytes.room(all)
	edge := edges.Of(topic{name: arn, kind: "sns"})
	sent := *given
	sent.PublishBatchRequestEntries = slices.Clone(given.PublishBatchRequestEntries)
	changed := false
	for i, entry := range given.PublishBatchRequestEntries {
		attributes := snsAttributes(entry.MessageAttributes)
		own := min(room, messageBytes.room(texts[i]+whole(attributes)))
		if replaced, grown, same := attributes.stamped(ctx, edge, "sns", texts[i]+attributes.size(), own); !same {
			sent.PublishBatchRequestEntries[i].MessageAttributes = replaced
			room -= grown
			changed = true
		}
	}
	if !changed {
		return given
	}
	return &sent
}
