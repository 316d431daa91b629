package brokertest

import (
	"slices"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/agenttest"
)

// Chain is what tests of all clients do: messages are sent to orders, the group billing reads each and sends one to payments,
// and the group ledger reads those.
type Chain struct {
	Orders, Payments, Billing, Ledger string

	ClusterID                string
	Messages                 int
	OrderBytes, PaymentBytes float64 // of one message

	broker *Broker
}

// NewChain makes the topics of a chain.
func (b *Broker) NewChain(t testing.TB, messages int, partitions int32) *Chain {
	t.Helper()
	return &Chain{
		Orders: b.Topic(t, "orders", partitions), Payments: b.Topic(t, "payments", 1), Billing: b.Group("billing"), Ledger: b.Group("ledger"),
		ClusterID: b.ClusterID, Messages: messages, broker: b,
	}
}

// Backlog is an offset that must have been reported.
type Backlog struct {
	kind, group, topic string
	partition          int32
	offset             int64
}

// Produced is the last offset of a partition that was acknowledged.
func Produced(topic string, partition int32, offset int64) Backlog {
	return Backlog{"kafka_produce", "", topic, partition, offset}
}

// Watermark is the offset of the next message in a partition.
func Watermark(topic string, partition int32, offset int64) Backlog {
	return Backlog{"kafka_high_watermark", "", topic, partition, offset}
}

// Committed is the offset of the next message that a group reads: as reported, and as the broker has it.
func Committed(group, topic string, partition int32, offset int64) Backlog {
	return Backlog{"kafka_commit", group, topic, partition, offset}
}

// Check compares what was reported with what happened: four edges, each with the one before as parent, and these backlogs. The
// messages have no header but the one with the pathway.
func (c *Chain) Check(t testing.TB, agent *agenttest.Agent, backlogs ...Backlog) {
	t.Helper()
	cluster := "kafka_cluster_id:" + c.ClusterID
	agent.Chain(t, float64(c.Messages),
		agenttest.Hop{Size: c.OrderBytes, Tags: []string{"direction:out", "topic:" + c.Orders, "type:kafka", cluster}},
		agenttest.Hop{Size: c.OrderBytes, Tags: []string{"direction:in", "group:" + c.Billing, "topic:" + c.Orders, "type:kafka", cluster}},
		agenttest.Hop{Size: c.PaymentBytes, Tags: []string{"direction:out", "topic:" + c.Payments, "type:kafka", cluster}},
		agenttest.Hop{Size: c.PaymentBytes, Tags: []string{"direction:in", "group:" + c.Ledger, "topic:" + c.Payments, "type:kafka", cluster}},
	)
	for _, backlog := range backlogs {
		c.check(t, agent, backlog)
	}
	for _, topic := range []string{c.Orders, c.Payments} {
		for _, record := range c.broker.Records(t, topic, c.Messages) {
			if keys := Keys(record); !slices.Equal(keys, []string{datastreams.PropagationKeyBase64}) {
				t.Errorf("a record in %s has the headers %v", topic, keys)
			}
		}
	}
}

func (c *Chain) check(t testing.TB, agent *agenttest.Agent, want Backlog) {
	t.Helper()
	tags := []string{"topic:" + want.topic, "partition:" + strconv.Itoa(int(want.partition)), "type:" + want.kind, "kafka_cluster_id:" + c.ClusterID}
	if want.group != "" {
		tags = append(tags, "consumer_group:"+want.group)
		if got := c.broker.Committed(t, want.group, want.topic, want.partition); got != want.offset {
			t.Errorf("%s has committed %d, not %d", want.group, got, want.offset)
		}
	}
	if got := agent.Backlog(tags...); got != want.offset {
		t.Errorf("%v: %d, not %d", tags, got, want.offset)
	}
}

// Keys returns the keys of a record's headers.
func Keys(record *kgo.Record) []string {
	keys := []string{}
	for _, header := range record.Headers {
		keys = append(keys, header.Key)
	}
	return keys
}
