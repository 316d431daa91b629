package ibmsarama

import (
	"github.com/IBM/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// consumer is what all ways to consume share.
type consumer struct {
	group     string
	id        shared.ClusterID
	cluster   *cluster
	noHeaders bool
	commits   bool // marked offsets are committed without the program
}

func consumerOf(opts []Option) *consumer {
	s := settingsOf(opts)
	c := &consumer{group: s.group, noHeaders: s.noHeaders, commits: orDefault(s.config).Consumer.Offsets.AutoCommit.Enable}
	c.cluster = clusterOf(s, &c.id)
	return c
}

// consumed sets the checkpoint of a message, and puts the pathway after it into its headers.
func (c *consumer) consumed(msg *sarama.ConsumerMessage) {
	found := shared.FindPairPointers(msg.Headers)
	edge := shared.In(c.id.Get(), c.group, msg.Topic)
	pathway := edge.ConsumeQueued(found.Pathway, int64(len(msg.Key)+len(msg.Value))+found.Others, msg.Timestamp)
	if pathway.IsZero() || c.noHeaders {
		return
	}
	var legacy []byte
	if found.Legacy {
		legacy = pathway.Encode()
	}
	msg.Headers = shared.ReplacePairPointers(msg.Headers, pathway.AppendHeader(nil), legacy)
}

// committed reports the offset of the next message to read.
func (c *consumer) committed(topic string, partition int32, offset int64) {
	if c.group != "" && offset >= 0 {
		datastreams.TrackKafkaCommitOffsetWithCluster(c.id.Get(), c.group, topic, partition, offset)
	}
}
