package franz

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
	"github.com/datastreams/datastreams/bindings/go/internal/brokertest"
)

const messages = 5

// A service between two topics, and a reader at the end: all with the client's own ways.
func TestChain(t *testing.T) {
	agent, broker := agenttest.Start(t), brokertest.New(t)
	orders, payments := broker.Topic(t, "orders", 2), broker.Topic(t, "payments", 1)
	billing, ledger := broker.Group("billing"), broker.Group("ledger")
	cluster := "kafka_cluster_id:" + broker.ClusterID
	ctx := timeout(t)

	source := measured(t, broker)
	for i := range messages {
		send(t, source.client, &kgo.Record{Topic: orders, Key: []byte{byte(i)}, Value: []byte("order " + strconv.Itoa(i))})
	}

	between := measured(t, broker, kgo.ConsumerGroup(billing), kgo.ConsumeTopics(orders))
	for _, order := range between.poll(t, messages) {
		if _, ok := datastreams.PathwayFromContext(order.Context); !ok {
			t.Fatal("a record was consumed without a pathway")
		}
		payment := &kgo.Record{Topic: payments, Value: append([]byte("paid: "), order.Value...)}
		if err := between.client.ProduceSync(order.Context, payment).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := between.client.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	brokertest.Eventually(t, "a commit without a callback is reported", func() bool {
		agent.Flushed()
		_, ok := agent.Backlogs()[agenttest.Tags("type:kafka_commit", "consumer_group:"+billing, "topic:"+orders, "partition:0", cluster)]
		return ok
	})
	sink := measured(t, broker, kgo.ConsumerGroup(ledger), kgo.ConsumeTopics(payments))
	sink.poll(t, messages)
	sink.pollNothing(t) // now the client takes the first poll's records as done
	between.client.Close()
	sink.client.Close()
	agent.Flushed()

	hash := uint64(0)
	for _, hop := range []struct {
		tags []string
		size float64
	}{
		{[]string{"direction:out", "topic:" + orders, "type:kafka", cluster}, messages * 8},
		{[]string{"direction:in", "group:" + billing, "topic:" + orders, "type:kafka", cluster}, messages * 8},
		{[]string{"direction:out", "topic:" + payments, "type:kafka", cluster}, messages * 13},
		{[]string{"direction:in", "group:" + ledger, "topic:" + payments, "type:kafka", cluster}, messages * 13},
	} {
		edge := agent.One(t, hop.tags...)
		if want := agenttest.Hash(agenttest.Service, agenttest.Env, hash, hop.tags...); edge.Parent != hash || edge.Hash != want {
			t.Errorf("%v: want %d -> %d", edge, hash, want)
		}
		if edge.Current != messages || edge.Size.Count != messages || edge.Size.Sum < hop.size*0.98 || edge.Size.Sum > hop.size*1.02 {
			t.Errorf("%v: want %d messages, %g bytes", edge, messages, hop.size)
		}
		hash = edge.Hash
	}
	if n := len(agent.Edges()); n != 4 {
		t.Errorf("%d edges, not 4: %v", n, agent.Edges())
	}
	for _, p := range []string{"0", "1"} {
		number, _ := strconv.Atoi(p)
		end := broker.End(t, orders, int32(number))
		if end == 0 {
			continue
		}
		at := []string{"topic:" + orders, "partition:" + p, cluster}
		committed := broker.Committed(t, billing, orders, int32(number))
		for kind, want := range map[string]int64{"kafka_produce": end - 1, "kafka_high_watermark": end} {
			if got := agent.Backlog(append(at, "type:"+kind)...); got != want {
				t.Errorf("partition %s, %s: %d, not %d", p, kind, got, want)
			}
		}
		if got := agent.Backlog(append(at, "type:kafka_commit", "consumer_group:"+billing)...); got != committed || got != end {
			t.Errorf("partition %s: %d is reported as committed, %d is, of %d", p, got, committed, end)
		}
	}
	// The client of the sink committed by itself when it was closed.
	if got := agent.Backlog("topic:"+payments, "partition:0", cluster, "type:kafka_commit", "consumer_group:"+ledger); got != messages {
		t.Errorf("%d is reported as committed at closing, not %d", got, messages)
	}
	for _, topic := range []string{orders, payments} {
		for _, record := range broker.Records(t, topic, messages) {
			if keys := keysOf(record); len(keys) != 1 || keys[0] != datastreams.PropagationKeyBase64 {
				t.Errorf("a record in %s has the headers %v", topic, keys)
			}
		}
	}
}

// measuredClient is a client with hooks.
type measuredClient struct {
	client *kgo.Client
	hooks  *Hooks
}

func measured(t *testing.T, broker *brokertest.Broker, opts ...kgo.Opt) measuredClient {
	t.Helper()
	hooks := NewHooks(WithClusterID(broker.ClusterID))
	opts = append([]kgo.Opt{kgo.WithHooks(hooks), kgo.FetchMaxWait(100 * time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}, opts...)
	// Only members of a group take it.
	if with := append(opts[:len(opts):len(opts)], kgo.AutoCommitCallback(hooks.Committed(nil))); kgo.ValidateOpts(with...) == nil {
		opts = with
	}
	return measuredClient{broker.Client(t, opts...), hooks}
}

// poll returns the first n records.
func (m measuredClient) poll(t *testing.T, n int) []*kgo.Record {
	t.Helper()
	var records []*kgo.Record
	for ctx := timeout(t); len(records) < n; {
		fetches := m.client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d records: %v", len(records), err)
		}
		m.hooks.TrackFetches(fetches)
		records = append(records, fetches.Records()...)
	}
	return records
}

func (m measuredClient) pollNothing(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if n := m.client.PollFetches(ctx).NumRecords(); n != 0 {
		t.Fatalf("%d records too many", n)
	}
}

func send(t *testing.T, client *kgo.Client, records ...*kgo.Record) {
	t.Helper()
	if err := client.ProduceSync(timeout(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), brokertest.Patience)
	t.Cleanup(cancel)
	return ctx
}

func keysOf(record *kgo.Record) []string {
	keys := []string{}
	for _, header := range record.Headers {
		keys = append(keys, header.Key)
	}
	return keys
}
