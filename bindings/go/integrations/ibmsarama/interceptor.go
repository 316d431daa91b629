package ibmsarama

import (
	"context"
	"sync"
	"weak"

	"github.com/IBM/sarama"
)

// NewProducerInterceptor measures what a producer sends that is not wrapped. Make one for each producer.
func NewProducerInterceptor(opts ...Option) sarama.ProducerInterceptor {
	p := producerOf(opts)
	p.ended = nil // nobody tells
	return &producerInterceptor{p}
}

type producerInterceptor struct{ producer *producer }

// OnSend is called for each attempt to send a message; only the first counts.
func (i *producerInterceptor) OnSend(msg *sarama.ProducerMessage) {
	// The client's own messages, with which it marks where it sends again.
	if msg.Key == nil && msg.Value == nil && len(msg.Headers) == 0 {
		return
	}
	found, sent := found(msg)
	if sent && i.producer.Headers.On() {
		return
	}
	// The client writes it when the message was acknowledged: one object may then be another message.
	msg.Offset = -1
	found.In(address(msg), msg.Offset)
	i.producer.prepareFound(context.Background(), msg, &found)
}

// NewConsumerInterceptor measures what a consumer receives that is not wrapped: with [WithGroup] for a group. Make one for
// each consumer.
func NewConsumerInterceptor(opts ...Option) sarama.ConsumerInterceptor {
	return &consumerInterceptor{consumer: consumerOf(opts), last: map[place]weak.Pointer[sarama.ConsumerMessage]{}}
}

// mostPartitions bounds what an interceptor remembers.
const mostPartitions = 16384

type consumerInterceptor struct {
	consumer *consumer

	mutex sync.Mutex
	last  map[place]weak.Pointer[sarama.ConsumerMessage] // of each partition
}

// OnConsume is called for a message, and once more when the program does not take it for a while; only the first counts.
func (i *consumerInterceptor) OnConsume(msg *sarama.ConsumerMessage) {
	if i.seen(msg) {
		return
	}
	i.consumer.cluster.learn(msg.Topic, nil)
	i.consumer.consumed(msg)
}

func (i *consumerInterceptor) seen(msg *sarama.ConsumerMessage) bool {
	at, pointer := place{topic: msg.Topic, partition: msg.Partition}, weak.Make(msg)
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.last[at] == pointer {
		return true
	}
	if len(i.last) >= mostPartitions {
		clear(i.last)
	}
	i.last[at] = pointer
	return false
}
