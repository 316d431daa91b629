// Package kafka is what the integrations with Kafka clients share: which tags an edge has, what a message weighs, which
// headers are ours, and when they are left away.
package kafka

import (
	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

// queue names one side of a topic. group is "" where messages are produced.
type queue struct {
	cluster, group, topic string
	in                    bool
}

var edges = message.Edges[queue]{Tags: queue.tags}

// Out returns the edge of messages that are produced to a topic. The cluster's id may be "".
func Out(cluster, topic string) *datastreams.Edge {
	return edges.Of(queue{cluster: cluster, topic: topic})
}

// In returns the edge of messages that a group consumes from a topic. The cluster's id and the group may be "".
func In(cluster, group, topic string) *datastreams.Edge {
	return edges.Of(queue{cluster: cluster, group: group, topic: topic, in: true})
}

// tags are those of the tracers, docs/protocol.md says which. A message that names no topic has no such tag.
func (q queue) tags() []string {
	tags := []string{"direction:out", "type:kafka"}
	if q.topic != "" {
		tags = append(tags, "topic:"+q.topic)
	}
	if q.in {
		tags[0] = "direction:in"
		if q.group != "" {
			tags = append(tags, "group:"+q.group)
		}
	}
	if q.cluster != "" {
		tags = append(tags, "kafka_cluster_id:"+q.cluster)
	}
	return tags
}
