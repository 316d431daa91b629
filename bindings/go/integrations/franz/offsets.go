package franz

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// The client's offsets are read so long after the answer to a commit, since it notes them a moment later: once for those
// that are closed right after, and once more.
const (
	readSoon  = time.Millisecond
	readLater = 100 * time.Millisecond
)

// CommitCallback is what the client calls when offsets were committed, or were not.
type CommitCallback = func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error)

// Committed returns a callback that reports committed offsets, and then calls next: for kgo.AutoCommitCallback, and for
// CommitOffsets and CommitOffsetsSync of the client. With a nil next errors are logged, as the client does without a
// callback.
func (h *Hooks) Committed(next CommitCallback) CommitCallback {
	if next == nil {
		next = logFailed
	}
	return func(client *kgo.Client, request *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
		if err == nil && request != nil && response != nil {
			h.trackRequest(request, response)
		}
		next(client, request, response, err)
	}
}

// TrackFetches reports the high watermarks of what a poll returned, so that the lag is known. Without it everything else
// is measured all the same: the hooks of the client do not see high watermarks.
func (h *Hooks) TrackFetches(fetches kgo.Fetches) {
	cluster := h.producer.Cluster.Get()
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err == nil && p.HighWatermark >= 0 {
			datastreams.TrackKafkaHighWatermarkOffset(cluster, p.Topic, p.Partition, p.HighWatermark)
		}
	})
}

// OnBrokerE2E is called by the client after each answer: that to a commit, or to the end of a transaction, has the client's
// committed offsets read, soon.
func (h *Hooks) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if key != offsetCommitKey && key != endTxnKey || e2e.Err() != nil {
		return
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.context.Err() != nil {
		return
	}
	h.reads = 2
	if h.read == nil {
		h.read = time.AfterFunc(readSoon, h.readCommitted)
	} else {
		h.read.Reset(readSoon)
	}
}

// readCommitted is called by the timer.
func (h *Hooks) readCommitted() {
	h.trackCommitted()
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.reads--; h.reads > 0 && h.context.Err() == nil {
		h.read.Reset(readLater)
	}
}

// trackCommitted reports what the client says to be committed.
func (h *Hooks) trackCommitted() {
	client := h.client.Load()
	if client == nil || h.group == "" {
		return
	}
	cluster := h.producer.Cluster.Get()
	for topic, partitions := range client.CommittedOffsets() {
		for partition, offset := range partitions {
			if offset.Offset >= 0 {
				datastreams.TrackKafkaCommitOffsetWithCluster(cluster, h.group, topic, partition, offset.Offset)
			}
		}
	}
}

// trackRequest reports the offsets that were committed: those without an error.
func (h *Hooks) trackRequest(request *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse) {
	type partition struct {
		topic string
		id    [16]byte
		of    int32
	}
	done := map[partition]bool{}
	for _, topic := range response.Topics {
		for _, p := range topic.Partitions {
			done[partition{topic.Topic, topic.TopicID, p.Partition}] = p.ErrorCode == 0
		}
	}
	cluster := h.producer.Cluster.Get()
	for _, topic := range request.Topics {
		for _, p := range topic.Partitions {
			// The answer names a topic by its name or by its id, as the version of the protocol has it.
			if done[partition{topic.Topic, topic.TopicID, p.Partition}] || done[partition{topic: topic.Topic, of: p.Partition}] ||
				done[partition{id: topic.TopicID, of: p.Partition}] {
				datastreams.TrackKafkaCommitOffsetWithCluster(cluster, request.Group, topic.Topic, p.Partition, p.Offset)
			}
		}
	}
}

// logFailed is what the client does without a callback.
func logFailed(client *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
	logger, ok := client.OptValue(kgo.WithLogger).(kgo.Logger)
	if !ok || logger.Level() < kgo.LogLevelError {
		return
	}
	if err != nil {
		if client.Context().Err() == nil {
			logger.Log(kgo.LogLevelError, "commit failed", "err", err)
		}
		return
	}
	for _, topic := range response.Topics {
		for _, p := range topic.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				logger.Log(kgo.LogLevelError, "unable to commit an offset", "topic", topic.Topic, "partition", p.Partition, "err", err)
			}
		}
	}
}
