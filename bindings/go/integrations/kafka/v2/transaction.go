package kafka

import (
	"context"
	"runtime"
	"sync"
	"weak"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// transaction is the offsets that a transaction will commit.
type transaction struct {
	mutex   sync.Mutex
	offsets []groupOffsets
}

type groupOffsets struct {
	group      string
	partitions []kafka.TopicPartition
}

// groups knows the group that the metadata of a consumer stands for, as long as the program has it.
var groups sync.Map // weak.Pointer[kafka.ConsumerGroupMetadata] -> string

// GetConsumerGroupMetadata returns what SendOffsetsToTransaction takes.
func (c *Consumer) GetConsumerGroupMetadata() (*kafka.ConsumerGroupMetadata, error) {
	metadata, err := c.Consumer.GetConsumerGroupMetadata()
	if err == nil && metadata != nil && c.group != "" {
		key := weak.Make(metadata)
		groups.Store(key, c.group)
		runtime.AddCleanup(metadata, func(key weak.Pointer[kafka.ConsumerGroupMetadata]) { groups.Delete(key) }, key)
	}
	return metadata, err
}

// SendOffsetsToTransaction has the transaction commit a group's offsets, which are reported when it does. The group is that of
// the wrapped consumer whose metadata this is.
func (p *Producer) SendOffsetsToTransaction(ctx context.Context, offsets []kafka.TopicPartition, metadata *kafka.ConsumerGroupMetadata) error {
	err := p.Producer.SendOffsetsToTransaction(ctx, offsets, metadata)
	if err != nil || metadata == nil {
		return err
	}
	if group, ok := groups.Load(weak.Make(metadata)); ok {
		p.transaction.mutex.Lock()
		defer p.transaction.mutex.Unlock()
		p.transaction.offsets = append(p.transaction.offsets, groupOffsets{group.(string), append([]kafka.TopicPartition(nil), offsets...)})
	}
	return nil
}

// CommitTransaction commits the transaction, and with it the offsets that were sent to it.
func (p *Producer) CommitTransaction(ctx context.Context) error {
	err := p.Producer.CommitTransaction(ctx)
	if err == nil {
		for _, one := range p.transaction.take() {
			trackCommitted(p.cluster.Get(), one.group, one.partitions)
		}
	}
	return err
}

// AbortTransaction aborts the transaction. Messages that it produced have passed their edges nevertheless.
func (p *Producer) AbortTransaction(ctx context.Context) error {
	err := p.Producer.AbortTransaction(ctx)
	if err == nil {
		p.transaction.take()
	}
	return err
}

func (t *transaction) take() []groupOffsets {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	taken := t.offsets
	t.offsets = nil
	return taken
}

// trackCommitted reports the offsets that a group committed: what is read next, as Kafka has it.
func trackCommitted(cluster, group string, partitions []kafka.TopicPartition) {
	if group == "" {
		return
	}
	for _, one := range partitions {
		if one.Error == nil && one.Topic != nil && one.Offset >= 0 {
			datastreams.TrackKafkaCommitOffsetWithCluster(cluster, group, *one.Topic, one.Partition, int64(one.Offset))
		}
	}
}
