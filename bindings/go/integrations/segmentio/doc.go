// Package segmentio measures the messages of github.com/segmentio/kafka-go.
//
// # One changed line
//
// [NewWriter] and [NewReader] take the place of the client's functions of those names; [WrapWriter] and [WrapReader] measure
// what is there already. What they return has all methods of the client's types. From then on only the wrapper is to be used.
//
//	reader := segmentio.NewReader(kafka.ReaderConfig{Brokers: brokers, GroupID: "billing", Topic: "orders"})
//	writer := segmentio.WrapWriter(&kafka.Writer{Addr: kafka.TCP(brokers...), Topic: "payments"})
//	...
//	order, err := reader.FetchMessage(ctx)
//	err = writer.WriteMessages(segmentio.ContextWithMessage(ctx, order), payment(order))
//	err = reader.CommitMessages(ctx, order)
//
// The context carries the pathway of the message that is being worked on to the messages that it causes. A message that is
// written with the headers of one that was read needs no context: it continues the pathway in the headers.
//
// # Or by hand
//
// [TraceKafkaProduce] and [TraceKafkaConsume] are the functions of data-streams-go, for single messages of clients that are not
// wrapped. A message is measured twice when both ways are used for it.
//
// # What is measured
//
// A produced message passes its edge when WriteMessages takes it; an error that comes later does not take that back. A
// consumed message passes its edge when ReadMessage or FetchMessage returns it; one without a header starts a pathway, at its
// timestamp. Sizes are those of key, value and headers.
//
// Offsets: of messages that were acknowledged (not with RequireNone, where the broker tells none); high watermarks, as the
// messages that are read tell them; and what a group commits with CommitMessages and ReadMessage, as the offset of the next
// message to read. With a CommitInterval that is what will be committed within it.
//
// The cluster's id is asked for in the background and nothing waits for it; the edges of the first messages have none. With
// [WithClusterID] they have.
//
// # Headers
//
// The pathway travels in a header, in place of one that is there. WriteMessages sends copies: the messages that are given, and
// their lists of headers, stay as they are. Messages that are read have the pathway after their edge in place of that before
// it, which is what ContextWithMessage reads.
//
// A message that would be larger than BatchBytes with the header is sent without it, and without a checkpoint.
// [WithoutHeaders] switches headers off. They switch themselves off when a broker refuses a message with an unknown error
// though nothing but our header is unusual about it, as it does for topics in a format from before Kafka 0.11. That is told to
// the program's logger and by datastreams.Err. WriteMessages then writes the refused messages once more, without headers. An
// asynchronous writer cannot: Completion gets the error, as ever, and what it writes again goes without headers.
//
// # Goroutines
//
// Each wrapper has one until the cluster's id is known, which ends with Close.
package segmentio
