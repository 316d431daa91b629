//go:build cgo

package datastreams_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

func Example() {
	datastreams.Start(datastreams.WithService("checkout"), datastreams.WithAgentAddr("localhost:8126"))
	defer datastreams.Stop()

	// A message is produced: send the header with it.
	p, _ := datastreams.SetCheckpoint(context.Background(), "direction:out", "topic:orders", "type:kafka")
	header := p.EncodeStr()

	// Where it is consumed.
	received, err := datastreams.DecodeStr(header)
	if err != nil {
		return
	}
	ctx := datastreams.ContextWithPathway(context.Background(), received)
	_, ctx = datastreams.SetCheckpoint(ctx, "direction:in", "group:billing", "topic:orders", "type:kafka")

	_, ok := datastreams.PathwayFromContext(ctx)
	fmt.Println(len(header), ok)
	// Output: 28 true
}

// Edges are interned once, pathways are values: one call into C for each message, and no allocation.
func ExampleEdge() {
	in := datastreams.NewEdge("direction:in", "group:billing", "topic:orders", "type:kafka")
	out := datastreams.NewEdge("direction:out", "topic:payments", "type:kafka")
	datastreams.Start(datastreams.WithService("payments"), datastreams.WithAgentAddr("localhost:8126"))
	defer datastreams.Stop()

	var header []byte // as received; none starts a pathway
	buffer := make([]byte, 0, 64)
	p := in.Consume(header, 512)
	p, buffer = out.Produce(p, 128, buffer[:0])
	fmt.Println(len(buffer), p.IsZero())
	// Output: 28 false
}

func ExampleStart() {
	datastreams.Start(
		datastreams.WithService("checkout"),
		datastreams.WithEnv("prod"),
		datastreams.WithAgentAddr("notlocalhost:8126"),
	)
	defer datastreams.Stop()
}

// Agentless delivery goes through net/http, to the site's intake.
func ExampleWithAgentless() {
	datastreams.Start(datastreams.WithAgentless("an API key"), datastreams.WithSite("datadoghq.eu"),
		datastreams.WithHTTPClient(&http.Client{Timeout: 2 * time.Second}))
	defer datastreams.Stop()
}

func ExampleErr() {
	datastreams.Start(datastreams.WithAgentAddr("ftp://agent"))
	fmt.Println(datastreams.Err())
	// Output: datastreams: agent_url is "ftp://agent": it must start with http://, https:// or unix://
}

// A message that is consumed continues the pathway in its header.
func ExampleSetCheckpoint() {
	datastreams.Start(datastreams.WithService("billing"), datastreams.WithAgentAddr("localhost:8126"))
	defer datastreams.Stop()
	sent, _ := datastreams.SetCheckpoint(context.Background(), "direction:out", "topic:orders", "type:kafka")

	ctx := context.Background() // of this message, and of no other
	if received, err := datastreams.Decode(sent.Encode()); err == nil {
		ctx = datastreams.ContextWithPathway(ctx, received)
	}
	p, _ := datastreams.SetCheckpoint(ctx, "direction:in", "group:billing", "topic:orders", "type:kafka")
	fmt.Println(p.PathwayStart().UnixMilli() == sent.PathwayStart().UnixMilli(), p.GetHash() != sent.GetHash())
	// Output: true true
}

func ExampleSetCheckpointWithParams() {
	datastreams.Start(datastreams.WithService("checkout"), datastreams.WithAgentAddr("localhost:8126"))
	defer datastreams.Stop()
	params := datastreams.NewCheckpointParams().WithPayloadSize(512)
	p, _ := datastreams.SetCheckpointWithParams(context.Background(), params, "direction:out", "topic:orders", "type:kafka")
	fmt.Println(p.IsZero())
	// Output: false
}

// Without a context, the pathway is a value.
func ExampleNewPathway() {
	datastreams.Start(datastreams.WithService("checkout"), datastreams.WithAgentAddr("localhost:8126"))
	defer datastreams.Stop()
	p := datastreams.NewPathway("direction:in", "type:http")
	p = p.SetCheckpoint("direction:out", "topic:orders", "type:kafka")
	fmt.Println(len(p.EncodeStr()))
	// Output: 28
}

func ExampleDecodeStr() {
	_, err := datastreams.DecodeStr("no pathway")
	fmt.Println(err == datastreams.ErrHeader)
	// Output: true
}

func ExampleMerge() {
	datastreams.Start(datastreams.WithService("batcher"), datastreams.WithAgentAddr("localhost:8126"))
	defer datastreams.Stop()
	one := datastreams.NewPathway("direction:in", "topic:orders", "type:kafka")
	other := datastreams.NewPathway("direction:in", "topic:returns", "type:kafka")
	fmt.Println(datastreams.Merge([]datastreams.Pathway{one, other}) == datastreams.Merge([]datastreams.Pathway{other, one}))
	// Output: true
}

// Where several messages become one, the merged context goes on.
func ExampleMergeContexts() {
	datastreams.Start(datastreams.WithService("batcher"), datastreams.WithAgentAddr("localhost:8126"))
	defer datastreams.Stop()
	var contexts []context.Context
	for range 3 {
		_, ctx := datastreams.SetCheckpoint(context.Background(), "direction:in", "topic:orders", "type:kafka")
		contexts = append(contexts, ctx)
	}
	_, ok := datastreams.PathwayFromContext(datastreams.MergeContexts(contexts...))
	fmt.Println(ok)
	// Output: true
}

func ExampleTrackKafkaCommitOffset() {
	datastreams.Start(datastreams.WithService("billing"), datastreams.WithAgentAddr("localhost:8126"))
	defer datastreams.Stop()
	// The message with offset 41 was processed: 42 is what the group reads next.
	datastreams.TrackKafkaCommitOffset("billing", "orders", 0, 42)
}

func ExampleTrackTransaction() {
	datastreams.Start(datastreams.WithService("billing"), datastreams.WithAgentAddr("localhost:8126"))
	defer datastreams.Stop()
	datastreams.TrackTransaction("order-4711", "invoiced")
	fmt.Println(datastreams.Counters()["transactions"])
	// Output: 1
}

func ExampleCounters() {
	datastreams.Start(datastreams.WithService("checkout"), datastreams.WithAgentAddr("localhost:8126"))
	defer datastreams.Stop()
	datastreams.NewPathway("direction:out", "topic:orders", "type:kafka")
	fmt.Println(datastreams.Counters()["checkpoints"], datastreams.Counters()["cut_memory"])
	// Output: 1 0
}

// A carrier of any message's headers.
func ExampleInjectToBase64Carrier() {
	datastreams.Start(datastreams.WithService("checkout"), datastreams.WithAgentAddr("localhost:8126"))
	defer datastreams.Stop()
	headers := carrier{}
	_, ctx := datastreams.SetCheckpoint(context.Background(), "direction:out", "topic:orders", "type:kafka")
	datastreams.InjectToBase64Carrier(ctx, headers)
	ctx = datastreams.ExtractFromBase64Carrier(context.Background(), headers)
	_, ok := datastreams.PathwayFromContext(ctx)
	fmt.Println(ok)
	// Output: true
}

type carrier map[string]string

func (c carrier) Set(key, value string) { c[key] = value }

func (c carrier) ForeachKey(handler func(key, value string) error) error {
	for key, value := range c {
		if err := handler(key, value); err != nil {
			return err
		}
	}
	return nil
}
