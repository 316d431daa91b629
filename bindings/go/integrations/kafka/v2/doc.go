// Package kafka measures the messages of github.com/confluentinc/confluent-kafka-go/v2.
//
// # One changed line
//
// [NewProducer] and [NewConsumer] take the place of the client's functions of those names. What they return has all methods
// of the client's types, and is measured: what is produced and consumed, offsets, the lag of groups.
//
//	consumer, err := kafka.NewConsumer(&config)   // from this package
//	producer, err := kafka.NewProducer(&config)
//	...
//	order, err := consumer.ReadMessage(-1)
//	ctx := kafka.ContextWithMessage(ctx, order)
//	err = producer.ProduceContext(ctx, payment, nil)
//
// The context carries the pathway of the message that is being worked on to the messages that it causes. A message that is
// sent on with its headers needs no context: Produce continues the pathway in the headers.
//
// [WrapProducer] and [WrapConsumer] do the same to a client that is there already; give them its configuration with
// [WithConfig], or at least the group with [WithGroup]. From then on only the wrapper is to be used: Close, Events, Poll and
// Commit too.
//
// # Or by hand
//
// [TraceKafkaProduce] and [TraceKafkaConsume] are the functions of data-streams-go, for single messages of a client that is
// not wrapped. A message is measured twice when both ways are used for it.
//
// # What is measured
//
// A produced message passes its edge when Produce takes it; a report that says later that it was not delivered does not take
// that back. A consumed message passes its edge when the program gets it; errors and other events do not count. One without
// a header starts a pathway, at its timestamp. Sizes are those of key, value and headers.
//
// Offsets: of delivered messages, from their reports; of commits, from Commit, CommitMessage, CommitOffsets, transactions and
// from the events of automatic commits, which are events of Poll and ReadMessage too; high watermarks, from what the last
// fetch told. Not seen are commits of an automatic committer within Close (call Commit before it to have them), and those of
// a rebalance callback that uses the client it is given instead of the wrapper.
//
// The cluster's id is asked for in the background and nothing waits for it; the edges of the first messages have none. With
// [WithClusterID] they have.
//
// # Headers
//
// The pathway travels in a header, in place of one that is there. Produce sends a copy of the message: the message that is
// given, and its list of headers, stay as they are. Consumed messages get the pathway after their edge in place of that
// before it, which is what ContextWithMessage reads. The report of a message that was not delivered has the pathway that the
// message continues, where reports have headers, so that it may be sent again.
//
// A message that would be larger than message.max.bytes with the header is sent without it, and without a checkpoint.
// [WithoutHeaders] switches headers off. They switch themselves off when the configuration says that brokers are older than
// 0.11, and when a broker refuses a message, as it does for topics in an older format: reports of the messages that were under
// way then say so to the program, as for any message that was not delivered, and the ones after them travel without headers.
// That is told to the program's logger and by datastreams.Err.
//
// # Goroutines
//
// A wrapped producer has one for reports, another one when ProduceChannel is used, and another one while it is flushed, which
// goes on when nobody reads Events; a wrapped consumer has one when its Events channel is on; both have one until the cluster's
// id is known. All end within Close.
//
// # Building
//
// The client's build tags (musl, dynamic) are its own, and change nothing here. With dynamic it needs librdkafka 2.11.1 or
// later, which is newer than that of Debian 12.
package kafka
