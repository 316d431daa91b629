// Package aws measures the messages of github.com/aws/aws-sdk-go-v2: SQS, SNS, Kinesis and EventBridge.
//
// # One line
//
// [Instrument] adds to a configuration what measures the clients that are made of it:
//
//	config, err := config.LoadDefaultConfig(ctx)
//	aws.Instrument(&config)
//	client := sqs.NewFromConfig(config)
//	...
//	received, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &orders})
//	for i := range received.Messages {
//		ctx := aws.ContextWithMessage(ctx, received, &received.Messages[i])
//		_, err := client.SendMessage(ctx, payment(&received.Messages[i]))
//		...
//	}
//
// The context carries the pathway of the message that is being worked on to the messages that it causes: it is the one that
// the calls of the client take. A message that is sent on with the attributes of one that was received needs none.
//
// # What is measured
//
//	SQS          SendMessage, SendMessageBatch, ReceiveMessage     topic: the queue's name
//	SNS          Publish, PublishBatch, to topics                  topic: the topic's ARN
//	Kinesis      PutRecord, PutRecords, GetRecords                 topic: the stream's name
//	EventBridge  PutEvents                                         exchange: the bus, topic: the detail type
//
// A message passes its edge when the call is made, that the service refuses it does not take that back; and when
// ReceiveMessage or GetRecords returned it. Messages from SNS or EventBridge are received from SQS, with the pathway of the
// envelope. A record of Kinesis without a pathway starts one when it arrived there. GetRecords names its stream by an iterator:
// the streams of the last 4096 that the same configuration's GetShardIterator returned are known.
//
// What comes another way, such as by Lambda or SubscribeToShard, is measured by hand, with [TraceConsumeMessage] and
// [TraceConsumeRecord].
//
// # Where the pathway is
//
// In the object _datadog, which tracers use too: what else is in it stays. That is an attribute of messages of SQS and SNS,
// and a member of what Kinesis and EventBridge carry, if that is a JSON object; nothing else in it changes. A pathway that is
// there is replaced. What the program passes stays as it is: copies are sent. ReceiveMessage asks for the attribute, and
// takes it out of what it returns; where the program has asked for it, it holds the pathway after the message's edge.
//
// There is no pathway, and no checkpoint, for a message that has ten attributes, which is all that SQS takes, that would be
// larger than the service takes, or that is no JSON object where it has to be one; integrations.Counts counts each
// ("sqs_attributes", "sqs_too_large", "kinesis_not_json" and so on). What is within the default limit of a service (256 KiB,
// for Kinesis 1 MiB) stays within that; larger messages are within what it takes at most. Where a queue or a topic takes less than
// its service, calls and entries that it refuses are made again without the pathway ("sqs_refused", "sns_refused").
// [WithoutHeaders] switches all of that off.
//
// There are no goroutines.
package aws
