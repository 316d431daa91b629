// Package ibmsarama measures the messages of github.com/IBM/sarama.
//
// # One changed line
//
// [NewSyncProducer], [NewAsyncProducer] and [NewConsumerGroup] take the place of the client's functions of those names. What
// they return is used like the client's, and measured: what is produced and consumed, offsets, the lag of groups.
//
//	producer, err := ibmsarama.NewSyncProducer(addresses, config)
//	group, err := ibmsarama.NewConsumerGroup(addresses, "billing", config)
//	...
//	// In the handler's ConsumeClaim:
//	for order := range claim.Messages() {
//		ctx := ibmsarama.ContextWithMessage(session.Context(), order)
//		_, _, err := producer.SendMessageContext(ctx, payment(order))
//		session.MarkMessage(order, "")
//	}
//
// The context carries the pathway of the message that is being worked on to the messages that it causes. A message that is
// sent on with its headers needs no context: SendMessage and Input continue the pathway in the headers.
//
// [WrapSyncProducer], [WrapAsyncProducer] and [WrapConsumerGroupHandler] do the same to what is there already; give them the
// configuration with [WithConfig], and [WithBrokers] or [WithClient] if edges are to name the cluster. From then on only the
// wrapper of a producer is to be used.
//
// # Interceptors
//
// [NewProducerInterceptor] and [NewConsumerInterceptor] are for clients that cannot be wrapped, such as partition consumers:
//
//	config.Consumer.Interceptors = append(config.Consumer.Interceptors, ibmsarama.NewConsumerInterceptor(ibmsarama.WithConfig(config)))
//
// They see less than wrappers: no acknowledgements, so no produced offsets, and no refusals; no commits and high watermarks.
// The client shows messages to them that the program may never get, and calls that of a producer also for messages of its own
// that have neither key nor value nor headers, which are therefore not measured.
//
// # Or by hand
//
// [TraceKafkaProduce] and [TraceKafkaConsume] are the functions of data-streams-go, for single messages. A message is measured
// twice when two ways are used for it.
//
// # What is measured
//
// A produced message passes its edge when it is handed to the client; an error that comes back does not take that back. A
// consumed message passes its edge when the program takes it from the claim's channel (when a claim ends, one that is waiting
// there has been counted); one without a header starts a pathway, at its timestamp. Sizes are those of key, value and headers.
//
// Offsets: of produced messages when they are acknowledged, where Successes are returned; high watermarks of claims; and
// commits: with automatic commits, which follow within Consumer.Offsets.AutoCommit.Interval, when a message is marked, without
// them, when the session's Commit has committed the marks. The offset is that of the next message to read. The client tells
// nobody whether a commit worked. Transactions report the offsets that they commit.
//
// The cluster's id is asked for in the background, over a connection of its own, and nothing waits for it; the edges of the
// first messages have none. With [WithClusterID] they have.
//
// # Headers
//
// The pathway travels in a header, in place of one that is there. The list of headers of a message that is given is replaced,
// not changed; SendMessage and SendMessages put it back. Consumed messages get the pathway after their edge in place of that
// before it, which is what ContextWithMessage reads.
//
// A message that would be larger than Producer.MaxMessageBytes with the header is sent without it, and without a checkpoint.
// [WithoutHeaders] switches headers off. They switch themselves off when Config.Version is below V0_11_0_0, and when a broker
// refuses a message with an unknown error though nothing but our header is unusual about it, as it does for topics in a format
// from before 0.11. That is told to the program's logger and by datastreams.Err. A SyncProducer then sends the refused messages
// once more, without headers; an AsyncProducer returns them over Errors, as ever, and a program that sends them again gets
// them through.
//
// # Goroutines
//
// A wrapped AsyncProducer has three, which end with Close or AsyncClose; a wrapped handler one for each claim, which ends with
// it; both, and a SyncProducer, one until the cluster's id is known, which ends with the producer or the session (of an
// interceptor: a minute after it began).
package ibmsarama
