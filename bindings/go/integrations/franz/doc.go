// Package franz measures the messages of a github.com/twmb/franz-go client.
//
// Give the client hooks, and pass on the context of the message that caused another one:
//
//	hooks := franz.NewHooks()
//	client, err := kgo.NewClient(
//		kgo.SeedBrokers("localhost:9092"),
//		kgo.ConsumerGroup("billing"), kgo.ConsumeTopics("orders"),
//		kgo.WithHooks(hooks),
//		kgo.AutoCommitCallback(hooks.Committed(nil)),
//	)
//	...
//	fetches := client.PollFetches(ctx)
//	hooks.TrackFetches(fetches)
//	fetches.EachRecord(func(order *kgo.Record) {
//		client.Produce(order.Context, &kgo.Record{Topic: "payments", Value: bill(order)}, nil)
//	})
//
// # What is measured
//
// A record that is produced continues the pathway of its Context (a nil one is set to the context given to Produce), else
// that in its own headers, else it begins one. A record that a poll returns gets a checkpoint, once, and its Context
// carries the pathway. A record without a readable header begins a pathway at its timestamp, so that its time in the topic
// is measured although its producer takes no part.
//
// Offsets: of produced records when they are acknowledged (with acks=0 the client does not know them); those that the
// group commits, as Kafka has them; and with [Hooks.TrackFetches] the high watermarks, for the lag. Commits are seen in two
// ways. Without further ado, a moment after each: one that a rebalance follows at once, such as that of closing, may be
// missed. With [Hooks.Committed] as callback of automatic commits, CommitOffsets or CommitOffsetsSync, none is.
//
// # The cluster's id
//
// Nothing waits. The id of the cluster becomes a tag. The first record has it asked for in the background, so that records
// before the answer are without; with [WithClusterID] they are not. That takes a goroutine until the answer came or the
// client is closed.
//
// # When headers are refused
//
// Topics in a format from before Kafka 0.11 take no headers, and refuse messages with an unknown error. The first refusal
// that can be because of our header switches it off for the client, and says so (datastreams.Err, WithLogger). The client
// does not send the refused records again, and hooks cannot: the program sees the error, and may produce the same records
// once more, as they are, since the header is then taken out. [WithoutHeaders] avoids that.
// Where the client is limited to a protocol without headers they are off from the start; where the brokers are, as soon as
// that is known.
package franz
