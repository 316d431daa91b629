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
	found := find(r.Headers)
	pathway := kafka.Consume(h.producer.Cluster.ID(), h.group, r.Topic, &found, int64(len(r.Key)+len(r.Value)), r.Timestamp)
	r.Context = datastreams.ContextWithPathway(r.Context, pathway)
}
