package kafka

import (
	"sync"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

const (
	// watermarkEvery is how often the end of a partition is asked for while messages come from it.
	watermarkEvery = time.Second
	// mostPartitions bounds what is remembered. Beyond it all are asked for again.
	mostPartitions = 16384
)

// watermarks remembers when the end of a partition was reported.
type watermarks struct {
	mutex sync.Mutex
	at    map[partition]time.Time
}

type partition struct {
	topic  string
	number int32
}

// due tells whether the end of a partition is to be reported again.
func (w *watermarks) due(of kafka.TopicPartition, now time.Time) bool {
	if of.Topic == nil {
		return false
	}
	key := partition{*of.Topic, of.Partition}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if last, ok := w.at[key]; ok && now.Sub(last) < watermarkEvery {
		return false
	}
	if w.at == nil || len(w.at) >= mostPartitions {
		w.at = map[partition]time.Time{}
	}
	w.at[key] = now
	return true
}

func (w *watermarks) forget() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.at = nil
}

// trackWatermark reports where a partition ends, as the last fetch told it: no request is made.
func (c *Consumer) trackWatermark(of kafka.TopicPartition) {
	if of.Topic == nil {
		return
	}
	if _, high, err := c.GetWatermarkOffsets(*of.Topic, of.Partition); err == nil && high >= 0 {
		datastreams.TrackKafkaHighWatermarkOffset(c.cluster.Get(), *of.Topic, of.Partition, high)
	}
}

// committed reports what a commit did, and passes it on.
func (c *Consumer) committed(offsets []kafka.TopicPartition, err error) ([]kafka.TopicPartition, error) {
	if err == nil {
		trackCommitted(c.cluster.Get(), c.group, offsets)
		for _, one := range offsets {
			if one.Error == nil && one.Offset >= 0 {
				c.trackWatermark(one)
			}
		}
	}
	return offsets, err
}
