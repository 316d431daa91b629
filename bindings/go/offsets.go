package datastreams

import "github.com/datastreams/datastreams/bindings/go/internal/native"

// TrackKafkaProduce reports the offset of a message that was written to a partition.
func TrackKafkaProduce(topic string, partition int32, offset int64) {
	TrackKafkaProduceOffsetWithCluster("", topic, partition, offset)
}

// TrackKafkaProduceOffsetWithCluster is [TrackKafkaProduce] for a topic of the cluster with this id.
func TrackKafkaProduceOffsetWithCluster(cluster, topic string, partition int32, offset int64) {
	track("type:kafka_produce", cluster, "", topic, partition, offset)
}

// TrackKafkaCommitOffset reports the offset that a consumer group committed: that of the next message to read, as Kafka
// has it.
func TrackKafkaCommitOffset(group, topic string, partition int32, offset int64) {
	TrackKafkaCommitOffsetWithCluster("", group, topic, partition, offset)
}

// TrackKafkaCommitOffsetWithCluster is [TrackKafkaCommitOffset] for a topic of the cluster with this id.
func TrackKafkaCommitOffsetWithCluster(cluster, group, topic string, partition int32, offset int64) {
	track("type:kafka_commit", cluster, group, topic, partition, offset)
}

// TrackKafkaHighWatermarkOffset reports the offset that the next message of a partition will get: its high watermark. The
// cluster's id may be "".
func TrackKafkaHighWatermarkOffset(cluster, topic string, partition int32, offset int64) {
	track("type:kafka_high_watermark", cluster, "", topic, partition, offset)
}

// track reports an offset. The highest of each ten seconds is kept.
func track(kind, cluster, group, topic string, partition int32, offset int64) {
	c := current.Load()
	if c == nil {
		return
	}
	c.native.TrackOffset(c.backlog(kind, cluster, group, topic), partition, offset)
}

// backlog returns the edge of a backlog. It is remembered under its parts, so that no tag is put together twice.
func (c *client) backlog(kind, cluster, group, topic string) native.Edge {
	parts := [...]string{cluster, group, topic}
	hash := c.backlogs.hash(kind, parts[:])
	if edge, ok := c.backlogs.find(hash, kind, parts[:]); ok {
		return edge
	}
	tags := []string{kind, "topic:" + topic}
	if group != "" {
		tags = append(tags, "consumer_group:"+group)
	}
	if cluster != "" {
		tags = append(tags, "kafka_cluster_id:"+cluster)
	}
	edge, status := c.native.Intern("", tags)
	if status != native.OK {
		return 0
	}
	c.backlogs.add(hash, kind, parts[:], edge)
	return edge
}
