// Package interop tests that services with this library and services with dd-trace-go are on one pathway.
package interop

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/DataDog/dd-trace-go/v2/datastreams"
	"github.com/DataDog/dd-trace-go/v2/ddtrace/tracer"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/datastreams/datastreams/bindings/go/integrations/franz"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

const (
	messages = 5
	theirs   = "theirs" // the service of dd-trace-go
	cluster  = "c"
)

// Five topics, and services between them that are in turn ours and theirs.
func TestServicesInTurn(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	startTheirs(t, agent)
	var topics []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		topics = append(topics, broker.Topic(t, name, 1))
	}
	group := broker.Group("g")

	first := ourClient(t, broker)
	for range messages {
		send(t, first, context.Background(), &kgo.Record{Topic: topics[0], Value: []byte("value")})
	}
	for i, from := range topics[:4] {
		to := topics[i+1]
		if i%2 == 0 {
			client := broker.Client(t, reading(group, from)...)
			for _, record := range poll(t, client) {
				ctx := datastreams.ExtractFromBase64Carrier(context.Background(), carrier{record})
				ctx, in := tracer.SetDataStreamsCheckpoint(ctx, "direction:in", "group:"+group, "topic:"+from, "type:kafka", "kafka_cluster_id:"+cluster)
				ctx, out := tracer.SetDataStreamsCheckpoint(ctx, "direction:out", "topic:"+to, "type:kafka", "kafka_cluster_id:"+cluster)
				if !in || !out {
					t.Fatal("dd-trace-go measures nothing")
				}
				sent := &kgo.Record{Topic: to, Value: record.Value}
				datastreams.InjectToBase64Carrier(ctx, carrier{sent})
				send(t, client, ctx, sent)
			}
		} else {
			client := ourClient(t, broker, reading(group, from)...)
			for _, record := range poll(t, client) {
				send(t, client, record.Context, &kgo.Record{Topic: to, Value: record.Value})
			}
		}
	}
	poll(t, ourClient(t, broker, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topics[4]), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())))
	tracer.Stop()
	agent.Flushed()

	// From edge to edge, by the hash of one and the parent of the next.
	var hops []hop
	ours := agenttest.Service
	for i, topic := range topics {
		sender, receiver := ours, theirs
		if i%2 == 1 {
			sender, receiver = theirs, ours
		}
		if i == len(topics)-1 {
			sender, receiver = ours, ours
		}
		hops = append(hops, hop{sender, []string{"direction:out", "topic:" + topic}}, hop{receiver, []string{"direction:in", "group:" + group, "topic:" + topic}})
	}
	edges := agent.Edges()
	parent := uint64(0)
	for _, want := range hops {
		tags := append(want.tags, "type:kafka", "kafka_cluster_id:"+cluster)
		at := slices.IndexFunc(edges, func(edge agenttest.Edge) bool {
			return edge.Service == want.service && edge.Tags == agenttest.Tags(tags...)
		})
		if at < 0 {
			t.Fatalf("no edge %v of %s in %v", tags, want.service, edges)
		}
		edge := edges[at]
		if edge.Parent != parent || edge.Current != messages {
			t.Errorf("%v: want %d messages from %d", edge, messages, parent)
		}
		// Theirs also hashes process tags, and may: a parent is opaque.
		if hash := agenttest.Hash(want.service, agenttest.Env, parent, tags...); want.service == agenttest.Service && edge.Hash != hash {
			t.Errorf("%v: want the hash %d", edge, hash)
		}
		// Times go on as well: what has come so far takes at least as long as its last edge.
		if edge.Pathway.Max < edge.Latency.Max*0.95 {
			t.Errorf("%v: %g s from the origin, %g s from the last edge", edge, edge.Pathway.Max, edge.Latency.Max)
		}
		parent = edge.Hash
		edges = slices.Delete(edges, at, at+1)
	}
	if len(edges) != 0 {
		t.Errorf("edges off the pathway: %v", edges)
	}
}

type hop struct {
	service string
	tags    []string
}

func startTheirs(t *testing.T, agent *agenttest.Agent) {
	t.Helper()
	t.Setenv("DD_DATA_STREAMS_ENABLED", "true")
	t.Setenv("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")
	t.Setenv("DD_REMOTE_CONFIGURATION_ENABLED", "false")
	t.Setenv("DD_RUNTIME_METRICS_ENABLED", "false")
	err := tracer.Start(tracer.WithService(theirs), tracer.WithEnv(agenttest.Env), tracer.WithLogStartup(false),
		tracer.WithAgentURL(agent.URL()), tracer.WithLogger(silent{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tracer.Stop)
}

// silent drops what the tracer says about an agent that takes nothing but data streams.
type silent struct{}

func (silent) Log(string) {}

// carrier gives dd-trace-go the headers of a record.
type carrier struct{ record *kgo.Record }

func (c carrier) Set(key, value string) {
	c.record.Headers = append(c.record.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
}

func (c carrier) ForeachKey(handler func(key, value string) error) error {
	for _, header := range c.record.Headers {
		if err := handler(header.Key, string(header.Value)); err != nil {
			return err
		}
	}
	return nil
}

func ourClient(t *testing.T, broker *brokertest.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	return broker.Client(t, append(opts, kgo.WithHooks(franz.NewHooks(franz.WithClusterID(cluster))))...)
}

func reading(group, topic string) []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100 * time.Millisecond),
	}
}

// poll returns all messages of a topic, and closes nothing: the client sends on.
func poll(t *testing.T, client *kgo.Client) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), brokertest.Patience)
	defer cancel()
	var records []*kgo.Record
	for len(records) < messages {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

func send(t *testing.T, client *kgo.Client, ctx context.Context, record *kgo.Record) {
	t.Helper()
	if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
