package franz

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// OnProduceRecordBuffered is called by the client, within Produce: it sets the record's checkpoint and header, and the
// pathway of its context, so that a record that the program sends once more does not continue itself.
func (h *Hooks) OnProduceRecordBuffered(r *kgo.Record) {
	h.learn()
	found := kafka.Find(r.Headers)
	out := h.producer.Produce(r.Context, r.Topic, &found, int64(len(r.Key)+len(r.Value)), h.limitOf(r.Topic))
	if !out.Pathway.IsZero() {
		r.Context = datastreams.ContextWithPathway(r.Context, out.Pathway)
	}
	if out.Replace {
		r.Headers = kafka.Replace(r.Headers, out.Header, out.Legacy)
	}
}

// OnProduceRecordUnbuffered is called by the client when a record was acknowledged, or was not.
func (h *Hooks) OnProduceRecordUnbuffered(r *kgo.Record, err error) {
	switch {
	case err == nil:
		if !h.noAcks && r.Offset >= 0 {
			datastreams.TrackKafkaProduceOffsetWithCluster(h.producer.Cluster.Get(), r.Topic, r.Partition, r.Offset)
		}
	case errors.Is(err, kerr.UnknownServerError):
		found := kafka.Find(r.Headers)
		h.producer.Failed(r.Topic, &found, err)
	}
}

// limitOf returns the most bytes of a batch. The program's function is asked once for each topic, as the client does.
func (h *Hooks) limitOf(topic string) int64 {
	if h.limit == nil {
		return 0
	}
	if known, ok := h.limits.Load(topic); ok {
		return int64(known.(int32))
	}
	limit := h.limit(topic)
	h.limits.Store(topic, limit)
	return int64(limit)
}
