// Package jetstream measures the messages of github.com/nats-io/nats.go/jetstream. What is said of the package nats above it
// is true of this one.
//
// [Wrap] measures the client's interface; what it returns has all its methods, and returns consumers that are measured.
// [WrapConsumer] and [WrapPushConsumer] measure those that came another way, as from a Stream.
//
//	client, err := js.New(conn)
//	streams := jetstream.Wrap(client)
//	consumer, err := streams.Consumer(ctx, "ORDERS", "billing")
//	consuming, err := consumer.Consume(func(order js.Msg) {
//		ctx := jetstream.ContextWithMessage(ctx, order)
//		_, err := streams.Publish(ctx, "payments", bill(order))
//		...
//	})
//
// A message of a durable consumer that is pulled from has the consumer as its group, one that is pushed the deliver group. It
// passes its edge when the handler or Next gets it; one of a batch that is fetched, when it is in the batch. A batch has a
// goroutine until it is complete.
//
// A message that is larger than the stream takes because of its pathway is published again without it, which is counted; for
// PublishAsync that is only known when it is too late: where a stream's messages may be as large as MaxMsgSize, use
// [WithoutHeaders] or leave room. The message of a PubAckFuture has the pathway that it continues, so that it may be published
// again; that which the client's handler of errors gets was sent, and has its own.
package jetstream
