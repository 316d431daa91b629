// Package datastreams measures how long messages take through queues: in each queue, in each service, and since they left
// their origin.
//
// A message sets a checkpoint when it is produced and when it is consumed. Its pathway (where it has been, and since when)
// travels in a message header; statistics go to a Datadog agent, or to the collector of this project, every ten seconds.
//
// # Start
//
//	datastreams.Start(datastreams.WithAgentAddr("localhost:8126"))
//	defer datastreams.Stop()
//
// Nothing here prints, panics, or makes a message fail or wait. [Err] says why nothing is measured, [Counters] what was
// dropped.
//
// # Two ways to set checkpoints
//
// By tags, with the pathway in the context, as in data-streams-go:
//
//	p, ctx := datastreams.SetCheckpoint(ctx, "direction:out", "topic:orders", "type:kafka")
//	message.Header.Set(datastreams.PropagationKeyBase64, p.EncodeStr())
//
// By an [Edge] that is interned once, with the pathway as a value, for the hottest loops: one call into C for each message,
// and no allocation:
//
//	var in = datastreams.NewEdge("direction:in", "group:billing", "topic:orders", "type:kafka")
//	var out = datastreams.NewEdge("direction:out", "topic:payments", "type:kafka")
//
//	p := in.Consume(header, size)
//	p, header = out.Produce(p, size, header[:0])
//
// # Clients
//
// The packages below integrations do both for clients of Kafka, with offsets and cluster ids, and of RabbitMQ, NATS, SQS, SNS,
// Kinesis, EventBridge and Pub/Sub. Each is a module of its own.
//
// # Linking
//
// The package needs cgo, and links a static library for Linux on x86-64 that is part of the module. With the build tag
// datastreams_dynamic it uses libdatastreams.so, found by pkg-config. Without cgo, and on other platforms, everything
// compiles, contexts and headers pass through, and [Err] says that nothing is measured.
package datastreams
