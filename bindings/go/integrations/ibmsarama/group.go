package ibmsarama

import (
	"context"
	"sync"

	"github.com/IBM/sarama"
)

// NewConsumerGroup makes a member of a consumer group that is measured, as the client's NewConsumerGroup does. A nil config is
// the client's default.
func NewConsumerGroup(addresses []string, groupID string, config *sarama.Config, opts ...Option) (sarama.ConsumerGroup, error) {
	made, err := sarama.NewConsumerGroup(addresses, groupID, config)
	if err != nil {
		return nil, err
	}
	opts = with(opts, WithConfig(orDefault(config)), WithBrokers(addresses...), WithGroup(groupID))
	return &consumerGroup{made, consumerOf(opts)}, nil
}

type consumerGroup struct {
	sarama.ConsumerGroup
	consumer *consumer
}

// Consume is the client's, with a handler that is measured.
func (g *consumerGroup) Consume(ctx context.Context, topics []string, wrapped sarama.ConsumerGroupHandler) error {
	if wrapped != nil {
		wrapped = &handler{wrapped: wrapped, consumer: g.consumer}
	}
	return g.ConsumerGroup.Consume(ctx, topics, wrapped)
}

// WrapConsumerGroupHandler measures what a handler gets, and the offsets that it marks and commits. Name the group with
// [WithGroup].
func WrapConsumerGroupHandler(wrapped sarama.ConsumerGroupHandler, opts ...Option) sarama.ConsumerGroupHandler {
	return &handler{wrapped: wrapped, consumer: consumerOf(opts)}
}

type handler struct {
	wrapped  sarama.ConsumerGroupHandler
	consumer *consumer
	sessions sync.Map // sarama.ConsumerGroupSession to *session, from Setup to Cleanup
}

func (h *handler) Setup(of sarama.ConsumerGroupSession) error {
	return h.wrapped.Setup(h.session(of))
}

func (h *handler) Cleanup(of sarama.ConsumerGroupSession) error {
	session := h.session(of)
	defer h.sessions.Delete(of)
	defer session.end()
	return h.wrapped.Cleanup(session)
}

// ConsumeClaim has the handler read the claim's messages from a channel of ours, for as long as it does.
func (h *handler) ConsumeClaim(of sarama.ConsumerGroupSession, from sarama.ConsumerGroupClaim) error {
	h.consumer.cluster.learn(from.Topic(), of.Context().Done())
	session := h.session(of)
	session.begin(from.Topic(), from.Partition(), from.InitialOffset())
	measured := &claim{ConsumerGroupClaim: from, consumer: h.consumer, ended: make(chan struct{})}
	defer measured.end()
	return h.wrapped.ConsumeClaim(session, measured)
}

func (h *handler) session(of sarama.ConsumerGroupSession) *session {
	if known, ok := h.sessions.Load(of); ok {
		return known.(*session)
	}
	known, _ := h.sessions.LoadOrStore(of, &session{ConsumerGroupSession: of, consumer: h.consumer})
	return known.(*session)
}
