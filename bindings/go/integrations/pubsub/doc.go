// Package pubsub measures the messages of cloud.google.com/go/pubsub/v2.
//
// # One changed line
//
// [WrapPublisher] and [WrapSubscriber] measure the client's publisher and subscriber; what they return has all methods of the
// client's types.
//
//	payments := pubsub.WrapPublisher(client.Publisher("payments"))
//	orders := pubsub.WrapSubscriber(client.Subscriber("billing"))
//	...
//	err := orders.Receive(ctx, func(ctx context.Context, order *gcp.Message) {
//		payments.Publish(ctx, payment(order))
//		order.Ack()
//	})
//
// The context that the function gets carries the pathway of the message that is being worked on: pass it to Publish. A message
// that is published with the attributes of one that was received needs no context: it continues the pathway in them.
//
// # Or by hand
//
// [TraceProduce] and [TraceConsume] do the same to single messages of a client that is not wrapped, such as those of apiv1. A
// message is measured twice when both ways are used for it.
//
// # What is measured
//
// A published message passes its edge (topic: the whole name of the topic) when Publish takes it; that it fails later does not
// take that back. A message passes its edge (topic: the whole name of the subscription) when the function gets it. One without
// a pathway starts one, when it was published. Sizes are those of data, attributes and ordering key.
//
// # Attributes
//
// The pathway travels in an attribute, in place of one that is there. A copy of the message is sent: the message that is given,
// and its attributes, stay as they are. Received messages have the pathway after their edge in place of that before it.
//
// A message that has the 100 attributes that Pub/Sub takes, or that would be larger than 10 MB with another one, is published
// without it, and without a checkpoint; integrations.Counts counts it ("pubsub_attributes", "pubsub_too_large"), and
// datastreams.Err tells. [WithoutHeaders] switches the attribute off.
//
// There are no goroutines.
package pubsub
