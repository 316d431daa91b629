// Package brokertest is a Kafka broker for tests: kfake in the test's own process, or the one that the environment
// variable DATASTREAMS_KAFKA names as host:port. It also looks at what a client did from outside, with a client of its own.
package brokertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Patience is how long tests wait for a broker.
const Patience = 30 * time.Second

// Broker is a cluster of one broker.
type Broker struct {
	Addr      string // host:port
	ClusterID string
	Fake      *kfake.Cluster // nil: a real one

	client *kgo.Client
	suffix string // of topics and groups: tests share a real broker
}

// New returns a broker that stops with the test, unless it is the environment's.
func New(t testing.TB) *Broker {
	t.Helper()
	if addr := os.Getenv("DATASTREAMS_KAFKA"); addr != "" {
		return connect(t, &Broker{Addr: addr})
	}
	return Fake(t)
}

// Fake returns a kfake broker with these options, also where the environment names a real one: for tests that make it
// misbehave.
func Fake(t testing.TB, opts ...kfake.Opt) *Broker {
	t.Helper()
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.ClusterID("5L6g3nShT-eMCtK--X86sw"), kfake.GroupMinSessionTimeout(time.Second)}, opts...)
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return connect(t, &Broker{Addr: cluster.ListenAddrs()[0], Fake: cluster})
}

func connect(t testing.TB, b *Broker) *Broker {
	t.Helper()
	b.suffix = fmt.Sprintf("-%08x", rand.Uint32())
	b.client = b.Client(t)
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{}
	answer, err := request.RequestWith(patient(t), b.client)
	if err != nil {
		t.Fatal(err)
	}
	if answer.ClusterID != nil {
		b.ClusterID = *answer.ClusterID
	}
	return b
}

// Client returns a plain client that is closed with the test.
func (b *Broker) Client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Topic makes a topic, and returns its name: name and something that makes it new.
func (b *Broker) Topic(t testing.TB, name string, partitions int32) string {
	t.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name+b.suffix, partitions, 1
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(patient(t), b.client)
	if err == nil {
		err = kerr.ErrorForCode(answer.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	Eventually(t, "the broker knows the topic that it made", func() bool { return b.leads(t, topic.Topic, int(partitions)) })
	return topic.Topic
}

// leads tells whether every partition of a topic has a leader.
func (b *Broker) leads(t testing.TB, name string, partitions int) bool {
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &name
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(patient(t), b.client)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			if p.ErrorCode == 0 && p.Leader >= 0 {
				found++
			}
		}
	}
	return found == partitions
}

// Group returns the name of a group that is new.
func (b *Broker) Group(name string) string { return name + b.suffix }

// Records returns what is in a topic, by partition and offset, as a client sees it that knows nothing of pathways. It
// waits until there are n records.
func (b *Broker) Records(t testing.TB, topic string, n int) []*kgo.Record {
	t.Helper()
	reader := b.Client(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	defer reader.Close()
	var records []*kgo.Record
	for ctx := patient(t); len(records) < n; {
		fetches := reader.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d records are in %s, not %d", len(records), topic, n)
		}
		records = append(records, fetches.Records()...)
	}
	slices.SortStableFunc(records, func(a, b *kgo.Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	return records
}

// Committed returns the offset that a group committed, -1 when there is none.
func (b *Broker) Committed(t testing.TB, group, topic string, partition int32) int64 {
	t.Helper()
	of := kmsg.NewOffsetFetchRequestGroupTopic()
	of.Topic, of.Partitions = topic, []int32{partition}
	in := kmsg.NewOffsetFetchRequestGroup()
	in.Group, in.Topics = group, append(in.Topics, of)
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Groups = append(request.Groups, in)
	answer, err := request.RequestWith(patient(t), b.client)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range answer.Groups {
		for _, topic := range g.Topics {
			for _, p := range topic.Partitions {
				return p.Offset
			}
		}
	}
	return -1
}

// End returns the high watermark of a partition.
func (b *Broker) End(t testing.TB, topic string, partition int32) int64 {
	t.Helper()
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = partition, -1
	of := kmsg.NewListOffsetsRequestTopic()
	of.Topic, of.Partitions = topic, append(of.Partitions, p)
	request := kmsg.NewPtrListOffsetsRequest()
	request.Topics = append(request.Topics, of)
	answer, err := request.RequestWith(patient(t), b.client)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Topics[0].Partitions[0].Offset
}

// Eventually waits until a condition holds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(Patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("after %v still not: %s", Patience, what)
		}
	}
}

func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}
