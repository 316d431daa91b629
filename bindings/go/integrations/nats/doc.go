// Package nats measures the messages of github.com/nats-io/nats.go. Its subpackage jetstream does so for the client's package
// of that name.
//
// # One changed line
//
// [Wrap] measures a connection; what it returns has all methods of the client's.
//
//	client, err := natsgo.Connect(url)
//	conn := nats.Wrap(client)
//	...
//	subscription, err := conn.QueueSubscribe("orders", "billing", func(order *natsgo.Msg) {
//		ctx := nats.ContextWithMessage(ctx, order)
//		err := conn.PublishMsgContext(ctx, &natsgo.Msg{Subject: "payments", Data: bill(order)})
//		...
//	})
//
// The context carries the pathway of the message that is being worked on to the messages that it causes. A message that is
// published with the headers of one that was received needs no context: it continues the pathway in the headers.
//
// Subscriptions with a handler and those with NextMsg are measured. What comes over a channel of the program is not: use
// TraceConsume. [Conn.JetStream] returns the client's older JetStream interface, of which publishing and handlers are
// measured; use TraceConsume for what a subscription without a handler fetches.
//
// # Or by hand
//
// [TraceProduce] and [TraceConsume] do the same to single messages of a connection that is not wrapped. A message is measured
// twice when both ways are used for it.
//
// # What is measured
//
// A published message passes its edge (topic: the subject) when the client takes it, and so does a request; that nobody
// receives it does not take that back. A message passes its edge (topic: the subject, group: the queue group, or the durable
// consumer that is pulled from) when the handler or NextMsg gets it. One without a header starts a pathway: when the stream
// took it, if it comes from one. Answers to requests, which are what comes under an inbox prefix of the program's
// connections, and what client and server say to each other (subjects that begin with $), are not measured. Sizes are those of data and headers.
//
// # Headers
//
// The pathway travels in a header, in place of one that is there. A copy of the message is sent: the message that is given,
// and its headers, stay as they are. Received messages get the pathway after their edge in place of that before it, which is
// what ContextWithMessage reads.
//
// A message that would be larger than the server takes with the header, or that goes to a server without headers, is sent
// without it, and without a checkpoint; integrations.Counts counts it ("nats_too_large", "nats_no_headers"), and
// datastreams.Err tells. [WithoutHeaders] switches headers off.
//
// There are no goroutines.
package nats
