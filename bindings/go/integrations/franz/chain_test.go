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
	chain := broker.NewChain(t, messages, 2)
	orders, payments, billing, ledger := chain.Orders, chain.Payments, chain.Billing, chain.Ledger
	chain.OrderBytes, chain.PaymentBytes = 8, 13
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
		_, ok := agent.Backlogs()[agenttest.Tags("type:kafka_commit", "consumer_group:"+billing, "topic:"+orders, "partition:0", "kafka_cluster_id:"+broker.ClusterID)]
		return ok
	})
	sink := measured(t, broker, kgo.ConsumerGroup(ledger), kgo.ConsumeTopics(payments))
	sink.poll(t, messages)
	sink.pollNothing(t) // now the client takes the first poll's records as done
	between.client.Close()
	sink.client.Close()

	// The client of the sink committed by itself when it was closed.
	backlogs := []brokertest.Backlog{brokertest.Committed(ledger, payments, 0, messages)}
	for p := range int32(2) {
		if end := broker.End(t, orders, p); end > 0 {
			backlogs = append(backlogs, brokertest.Produced(orders, p, end-1), brokertest.Watermark(orders, p, end),
				brokertest.Committed(billing, orders, p, end))
		}
	}
	chain.Check(t, agent, backlogs...)
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
