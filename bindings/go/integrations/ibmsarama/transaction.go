package ibmsarama

import (
	"sync"

	"github.com/IBM/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// transactional is what both kinds of producers do about transactions.
type transactional interface {
	CommitTxn() error
	AbortTxn() error
	AddOffsetsToTxn(offsets map[string][]*sarama.PartitionOffsetMetadata, groupID string) error
	AddOffsetsToTxnWithGroupMetadata(offsets map[string][]*sarama.PartitionOffsetMetadata, metadata *sarama.ConsumerGroupMetadata) error
	AddMessageToTxn(msg *sarama.ConsumerMessage, groupID string, text *string) error
	AddMessageToTxnWithGroupMetadata(msg *sarama.ConsumerMessage, metadata *sarama.ConsumerGroupMetadata, text *string) error
}

// transactions reports the offsets that transactions commit. Its methods are the client's.
type transactions struct {
	of      transactional
	cluster *shared.ClusterID
	settle  func() // waits until the client has all messages; may be nil

	mutex   sync.Mutex
	offsets map[place]int64 // that the transaction will commit
}

// place is a partition that a group reads.
type place struct {
	group, topic string
	partition    int32
}

// CommitTxn commits the transaction, and with it the offsets that were added to it.
func (t *transactions) CommitTxn() error {
	t.wait()
	err := t.of.CommitTxn()
	if err == nil {
		for at, offset := range t.take() {
			datastreams.TrackKafkaCommitOffsetWithCluster(t.cluster.Get(), at.group, at.topic, at.partition, offset)
		}
	}
	return err
}

// AbortTxn aborts the transaction. Messages that it produced have passed their edges nevertheless.
func (t *transactions) AbortTxn() error {
	t.wait()
	err := t.of.AbortTxn()
	if err == nil {
		t.take()
	}
	return err
}

// AddOffsetsToTxn adds a group's offsets to the transaction.
func (t *transactions) AddOffsetsToTxn(offsets map[string][]*sarama.PartitionOffsetMetadata, groupID string) error {
	return t.add(t.of.AddOffsetsToTxn(offsets, groupID), groupID, offsets)
}

// AddOffsetsToTxnWithGroupMetadata adds a group's offsets to the transaction.
func (t *transactions) AddOffsetsToTxnWithGroupMetadata(offsets map[string][]*sarama.PartitionOffsetMetadata, groupMetadata *sarama.ConsumerGroupMetadata) error {
	return t.add(t.of.AddOffsetsToTxnWithGroupMetadata(offsets, groupMetadata), groupOf(groupMetadata), offsets)
}

// AddMessageToTxn adds the offset behind a message to the transaction.
func (t *transactions) AddMessageToTxn(msg *sarama.ConsumerMessage, groupID string, metadata *string) error {
	return t.add(t.of.AddMessageToTxn(msg, groupID, metadata), groupID, behind(msg))
}

// AddMessageToTxnWithGroupMetadata adds the offset behind a message to the transaction.
func (t *transactions) AddMessageToTxnWithGroupMetadata(msg *sarama.ConsumerMessage, groupMetadata *sarama.ConsumerGroupMetadata, metadata *string) error {
	return t.add(t.of.AddMessageToTxnWithGroupMetadata(msg, groupMetadata, metadata), groupOf(groupMetadata), behind(msg))
}

// add remembers offsets that were added, and passes the error on.
func (t *transactions) add(err error, group string, offsets map[string][]*sarama.PartitionOffsetMetadata) error {
	if err != nil {
		return err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.offsets == nil {
		t.offsets = map[place]int64{}
	}
	for topic, partitions := range offsets {
		for _, one := range partitions {
			t.offsets[place{group, topic, one.Partition}] = one.Offset
		}
	}
	return nil
}

func (t *transactions) take() map[place]int64 {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	taken := t.offsets
	t.offsets = nil
	return taken
}

func (t *transactions) wait() {
	if t.settle != nil {
		t.settle()
	}
}

func behind(msg *sarama.ConsumerMessage) map[string][]*sarama.PartitionOffsetMetadata {
	return map[string][]*sarama.PartitionOffsetMetadata{msg.Topic: {{Partition: msg.Partition, Offset: msg.Offset + 1}}}
}

func groupOf(metadata *sarama.ConsumerGroupMetadata) string {
	if metadata == nil {
		return ""
	}
	return metadata.GroupID
}
