package ibmsarama

import (
	"context"
	"errors"
	"sync"
	"unsafe"

	"github.com/IBM/sarama"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// producer is what both kinds of producers and their interceptor share.
type producer struct {
	shared.Producer
	cluster *cluster
	limit   int64 // bytes of a message; 0: not known
	noAcks  bool

	ended chan struct{} // closed with the producer
	end   sync.Once
}

func producerOf(opts []Option) *producer {
	s := settingsOf(opts)
	p := &producer{ended: make(chan struct{})}
	p.Legacy = s.legacy
	if s.noHeaders {
		p.Headers.Disable()
	}
	p.cluster = clusterOf(s, &p.Cluster)
	if s.config != nil {
		p.limit = int64(s.config.Producer.MaxMessageBytes)
		p.noAcks = s.config.Producer.RequiredAcks == sarama.NoResponse
		if !s.config.Version.IsAtLeast(sarama.V0_11_0_0) && !s.noHeaders {
			p.Headers.Off("Config.Version is below V0_11_0_0")
		}
	}
	return p
}

func (p *producer) close() { p.end.Do(func() { close(p.ended) }) }

// found looks at the headers of a message, and tells whether they were prepared for this sending already.
func found(msg *sarama.ProducerMessage) (shared.Found, bool) {
	found := shared.FindPairs(msg.Headers)
	sent := found.In(address(msg), msg.Offset)
	return found, sent
}

func address(msg *sarama.ProducerMessage) uintptr { return uintptr(unsafe.Pointer(msg)) }

// prepare sets the checkpoint of a message, and its headers.
func (p *producer) prepare(ctx context.Context, msg *sarama.ProducerMessage) {
	found, _ := found(msg)
	p.prepareFound(ctx, msg, &found)
}

func (p *producer) prepareFound(ctx context.Context, msg *sarama.ProducerMessage, found *shared.Found) {
	p.cluster.learn(msg.Topic, p.ended)
	out := p.Produce(ctx, msg.Topic, found, int64(length(msg.Key)+length(msg.Value)), p.limit)
	if out.Replace {
		msg.Headers = shared.ReplacePairs(msg.Headers, out.Header, out.Legacy)
	}
	if len(msg.Headers) == 0 {
		msg.Headers = nil // a client of an old version takes no empty list
	}
}

// delivered reports the offset of a message that was acknowledged.
func (p *producer) delivered(msg *sarama.ProducerMessage) {
	if !p.noAcks && msg.Offset >= 0 {
		datastreams.TrackKafkaProduceOffsetWithCluster(p.Cluster.Get(), msg.Topic, msg.Partition, msg.Offset)
	}
}

// failed looks at an error, and tells whether it was our header that the broker refused.
func (p *producer) failed(msg *sarama.ProducerMessage, err error) bool {
	if !errors.Is(err, sarama.ErrUnknown) && !errors.Is(err, sarama.ErrUnsupportedForMessageFormat) {
		return false
	}
	found := shared.FindPairs(msg.Headers)
	if found.Ours == 0 || found.Ours < found.Count {
		return false
	}
	p.Failed(msg.Topic, &found, err)
	return true
}
