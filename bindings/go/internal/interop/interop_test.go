// Package interop has dd-trace-go and this project's package in one pipeline: each continues the pathways of the other,
// over a real client.
package interop

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	ddstreams "github.com/DataDog/dd-trace-go/v2/datastreams"
	"github.com/DataDog/dd-trace-go/v2/ddtrace/tracer"
	"github.com/twmb/franz-go/pkg/kgo"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

// headers is a carrier of a record's headers.
type headers struct{ record *kgo.Record }

func (h headers) Set(key, value string) {
	kept := slices.DeleteFunc(h.record.Headers, func(header kgo.RecordHeader) bool { return header.Key == key })
	h.record.Headers = append(kept, kgo.RecordHeader{Key: key, Value: []byte(value)})
}

func (h headers) ForeachKey(handler func(key, value string) error) error {
	for _, header := range h.record.Headers {
		if err := handler(header.Key, string(header.Value)); err != nil {
			return err
		}
	}
	return nil
}

// side is one of the two libraries.
type side struct {
	name       string
	checkpoint func(ctx context.Context, tags ...string) context.Context
	inject     func(ctx context.Context, record *kgo.Record)
	extract    func(record *kgo.Record) context.Context
	hash       func(ctx context.Context) uint64
}

var ours = side{
	name: "ours",
	checkpoint: func(ctx context.Context, tags ...string) context.Context {
		_, ctx = datastreams.SetCheckpoint(ctx, tags...)
		return ctx
	},
	inject: func(ctx context.Context, record *kgo.Record) { datastreams.InjectToBase64Carrier(ctx, headers{record}) },
	extract: func(record *kgo.Record) context.Context {
		return datastreams.ExtractFromBase64Carrier(context.Background(), headers{record})
	},
	hash: func(ctx context.Context) uint64 {
		p, _ := datastreams.PathwayFromContext(ctx)
		return p.GetHash()
	},
}

var theirs = side{
	name: "dd-trace-go",
	checkpoint: func(ctx context.Context, tags ...string) context.Context {
		ctx, _ = tracer.SetDataStreamsCheckpoint(ctx, slices.Clone(tags)...) // it sorts them in place
		return ctx
	},
	inject: func(ctx context.Context, record *kgo.Record) { ddstreams.InjectToBase64Carrier(ctx, headers{record}) },
	extract: func(record *kgo.Record) context.Context {
		return ddstreams.ExtractFromBase64Carrier(context.Background(), headers{record})
	},
	hash: func(ctx context.Context) uint64 {
		if p, ok := ddstreams.PathwayFromContext(ctx); ok {
			return p.GetHash()
		}
		return 0
	},
}

// A message goes through six services that alternate between the libraries. What each reports has the hash of the one
// before as its parent: one unbroken pathway, whoever begins.
func TestOnePathwayThroughBoth(t *testing.T) {
	const hops, messages = 6, 20
	broker := brokertest.New(t)
	for first, order := range [][]side{{ours, theirs}, {theirs, ours}} {
		t.Run(order[0].name+" begins", func(t *testing.T) {
			agent := agenttest.Start(t)
			t.Setenv("DD_DATA_STREAMS_ENABLED", "true")
			t.Setenv("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")
			t.Setenv("DD_REMOTE_CONFIGURATION_ENABLED", "false")
			if err := tracer.Start(tracer.WithService("traced"), tracer.WithEnv(agenttest.Env), tracer.WithAgentURL(agent.URL()), tracer.WithLogStartup(false)); err != nil {
				t.Fatal(err)
			}
			stopped := false
			stop := func() {
				if !stopped {
					stopped = true
					tracer.Flush()
					tracer.Stop()
				}
			}
			defer stop()

			topics := make([]string, hops)
			for i := range topics {
				topics[i] = broker.Topic(t, fmt.Sprintf("hop-%d-%d", first, i), 1)
			}
			type step struct {
				tags         []string
				parent, hash uint64
			}
			var steps []step
			for message := range messages {
				ctx := context.Background()
				var before uint64
				cross := func(s side, tags ...string) {
					ctx = s.checkpoint(ctx, tags...)
					if after := s.hash(ctx); message == 0 {
						steps = append(steps, step{tags, before, after})
					}
					before = s.hash(ctx)
				}
				for i, topic := range topics {
					producer, consumer := order[i%2], order[(i+1)%2]
					cross(producer, "direction:out", "topic:"+topic, "type:kafka")
					record := &kgo.Record{Topic: topic, Value: []byte("order")}
					producer.inject(ctx, record)
					received := pass(t, broker, record)
					ctx = consumer.extract(received)
					if got := consumer.hash(ctx); got != before {
						t.Fatalf("%s sent %d, %s received %d", producer.name, before, consumer.name, got)
					}
					cross(consumer, "direction:in", "group:group", "topic:"+topic, "type:kafka")
				}
			}
			stop()
			datastreams.Stop()
			for _, step := range steps {
				found := agent.Find(step.tags...)
				if len(found) != 1 || found[0].Parent != step.parent || found[0].Hash != step.hash || found[0].Current != messages {
					t.Errorf("%v: %d -> %d was reported as %v", step.tags, step.parent, step.hash, found)
				}
			}
			if len(steps) != 2*hops {
				t.Errorf("%d steps", len(steps))
			}
		})
	}
}

// pass produces a record and consumes it.
func pass(t *testing.T, broker *brokertest.Broker, record *kgo.Record) *kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), brokertest.Patience)
	defer cancel()
	client := broker.Client(t)
	defer client.Close()
	sent, err := client.ProduceSync(ctx, record).First()
	if err != nil {
		t.Fatal(err)
	}
	offset := kgo.NewOffset().At(sent.Offset)
	reader := broker.Client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{record.Topic: {sent.Partition: offset}}), kgo.FetchMaxWait(100*time.Millisecond))
	defer reader.Close()
	fetches := reader.PollRecords(ctx, 1)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	return fetches.Records()[0]
}
