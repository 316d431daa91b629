// Package kafka is what the integrations with Kafka clients share: which tags an edge has, what a message weighs, which
// headers are ours, and when they are left away.
package kafka

import (
	"maps"
	"sync"
	"sync/atomic"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// mostEdges bounds the edges that are remembered. Others are made for each message, and still found in the library.
const mostEdges = 4096

// queue names one side of a topic. group is "" where messages are produced.
type queue struct {
	cluster, group, topic string
	in                    bool
}

var (
	// edges is never changed, only replaced: readers take no lock.
	edges  atomic.Pointer[map[queue]*datastreams.Edge]
	adding sync.Mutex
)

// Out returns the edge of messages that are produced to a topic. The cluster's id may be "".
func Out(cluster, topic string) *datastreams.Edge {
	return edge(queue{cluster: cluster, topic: topic})
}

// In returns the edge of messages that a group consumes from a topic. The cluster's id and the group may be "".
func In(cluster, group, topic string) *datastreams.Edge {
	return edge(queue{cluster: cluster, group: group, topic: topic, in: true})
}

func edge(q queue) *datastreams.Edge {
	if known := edges.Load(); known != nil {
		if edge, ok := (*known)[q]; ok {
			return edge
		}
	}
	return add(q)
}

func add(q queue) *datastreams.Edge {
	adding.Lock()
	defer adding.Unlock()
	known := map[queue]*datastreams.Edge{}
	if shared := edges.Load(); shared != nil {
		if edge, ok := (*shared)[q]; ok {
			return edge
		}
		if len(*shared) >= mostEdges {
			return datastreams.NewEdge(q.tags()...)
		}
		known = maps.Clone(*shared)
	}
	known[q] = datastreams.NewEdge(q.tags()...)
	edges.Store(&known)
	return known[q]
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
