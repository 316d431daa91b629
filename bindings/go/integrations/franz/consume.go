package franz

import (
	"github.com/twmb/franz-go/pkg/kgo"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// OnFetchRecordUnbuffered is called by the client, within a poll: it sets the checkpoint of each record that the poll
// returns, and the pathway of its context. Records that the client throws away count nothing.
func (h *Hooks) OnFetchRecordUnbuffered(r *kgo.Record, polled bool) {
	if !polled {
		return
	}
	h.learn()
	found := kafka.Find(r.Headers)
	edge := kafka.In(h.producer.Cluster.Get(), h.group, r.Topic)
	pathway := edge.ConsumeQueued(found.Pathway, int64(len(r.Key)+len(r.Value))+found.Others, r.Timestamp)
	r.Context = datastreams.ContextWithPathway(r.Context, pathway)
}
