package aws

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/middleware"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// topic is where messages go, or come from.
type topic struct {
	name, kind string
	in         bool
}

var edges = message.Edges[topic]{Tags: func(t topic) []string {
	if t.in {
		return []string{"direction:in", "topic:" + t.name, "type:" + t.kind}
	}
	return []string{"direction:out", "topic:" + t.name, "type:" + t.kind}
}}

// queue returns the edge of a queue. Its name is the end of its URL.
func queue(url string, in bool) *datastreams.Edge {
	return edges.Of(topic{url[strings.LastIndexByte(url, '/')+1:], "sqs", in})
}

func sqsAttributes(all map[string]types.MessageAttributeValue) *attributes[types.MessageAttributeValue] {
	return &attributes[types.MessageAttributeValue]{all, readSQS, makeSQS, "String"}
}

func readSQS(value types.MessageAttributeValue) attribute {
	return attribute{aws.ToString(value.DataType), aws.ToString(value.StringValue), value.BinaryValue}
}

func makeSQS(text []byte) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(string(text))}
}

// ---- Produced

func send(ctx context.Context, given *sqs.SendMessageInput) *sqs.SendMessageInput {
	attributes := sqsAttributes(given.MessageAttributes)
	body := int64(len(aws.ToString(given.MessageBody)))
	room := messageBytes.room(body + whole(attributes))
	replaced, _, same := attributes.stamped(ctx, queue(aws.ToString(given.QueueUrl), false), "sqs", body+attributes.size(), room)
	if same {
		return given
	}
	sent := *given
	sent.MessageAttributes = replaced
	return &sent
}

// whole is the bytes of all attributes.
func whole[A any](a *attributes[A]) int64 {
	if own, ok := a.all[name]; ok {
		return a.size() + int64(len(name)) + a.read(own).size()
	}
	return a.size()
}

// sendBatch is for a whole request: the limit of bytes is that of each message, and that of all.
func sendBatch(ctx context.Context, given *sqs.SendMessageBatchInput) *sqs.SendMessageBatchInput {
	all := int64(0)
	for _, entry := range given.Entries {
		all += int64(len(aws.ToString(entry.MessageBody))) + whole(sqsAttributes(entry.MessageAttributes))
	}
	room := messageBytes.room(all)
	edge := queue(aws.ToString(given.QueueUrl), false)
	sent := *given
	sent.Entries = slices.Clone(given.Entries)
	changed := false
	for i, entry := range given.Entries {
		attributes := sqsAttributes(entry.MessageAttributes)
		body := int64(len(aws.ToString(entry.MessageBody)))
		own := min(room, messageBytes.room(body+whole(attributes)))
		if replaced, grown, same := attributes.stamped(ctx, edge, "sqs", body+attributes.size(), own); !same {
			sent.Entries[i].MessageAttributes = replaced
			room -= grown
			changed = true
		}
	}
	if !changed {
		return given
	}
	return &sent
}

// ---- Consumed

// asked tells whether the program asks for the attribute itself.
func asked(given *sqs.ReceiveMessageInput) bool {
	return slices.ContainsFunc(given.MessageAttributeNames, func(pattern string) bool {
		prefix, ok := strings.CutSuffix(pattern, ".*")
		return pattern == "All" || pattern == name || ok && strings.HasPrefix(name, prefix)
	})
}

// ask has the service send the attribute along.
func ask(given *sqs.ReceiveMessageInput) *sqs.ReceiveMessageInput {
	if asked(given) {
		return given
	}
	sent := *given
	sent.MessageAttributeNames = append(slices.Clone(given.MessageAttributeNames), name)
	return &sent
}

// received sets the checkpoints of messages, keeps their pathways, and leaves the program what it asked for.
func (m *measured) received(given *sqs.ReceiveMessageInput, result *sqs.ReceiveMessageOutput, metadata *middleware.Metadata) {
	kept, asked := make(pathways, len(result.Messages)), asked(given)
	for i := range result.Messages {
		msg := &result.Messages[i]
		pathway := consume(aws.ToString(given.QueueUrl), msg)
		kept[aws.ToString(msg.ReceiptHandle)] = pathway
		switch {
		case !asked:
			hide(msg)
		case !m.noHeaders:
			carry(msg, pathway)
		}
	}
	kept.in(metadata)
}

// carry puts the pathway after a message's edge in place of that before it, for a program that passes its attributes on.
func carry(msg *types.Message, pathway datastreams.Pathway) {
	own, there := msg.MessageAttributes[name]
	if !there || pathway.IsZero() {
		return
	}
	text := objectOf(readSQS(own).value()).filled(pathway.EncodeStr())
	if own.StringValue != nil {
		own.StringValue = aws.String(string(text))
	} else {
		own.BinaryValue = text
	}
	msg.MessageAttributes[name] = own
	msg.MD5OfMessageAttributes = digested(msg.MD5OfMessageAttributes, msg.MessageAttributes)
}

// hide takes the attribute out that the program did not ask for.
func hide(msg *types.Message) {
	if _, ours := msg.MessageAttributes[name]; !ours {
		return
	}
	delete(msg.MessageAttributes, name)
	if len(msg.MessageAttributes) == 0 {
		msg.MessageAttributes = nil
	}
	msg.MD5OfMessageAttributes = digested(msg.MD5OfMessageAttributes, msg.MessageAttributes)
}

// consume sets the checkpoint of a message.
func consume(url string, msg *types.Message) datastreams.Pathway {
	attributes, body := sqsAttributes(msg.MessageAttributes), aws.ToString(msg.Body)
	size := int64(len(body)) + attributes.size()
	pathway := attributes.held().pathway()
	if pathway == nil && strings.Contains(body, name) {
		enveloped, ours := inEnvelope([]byte(body))
		pathway = enveloped.pathway()
		size -= ours
	}
	return queue(url, true).Consume(pathway, max(size, 0))
}
