package ibmsarama

import (
	"context"
	"errors"

	"github.com/IBM/sarama"
)

// SyncProducer is the client's SyncProducer, measured. Any goroutine may use it.
type SyncProducer struct {
	wrappedSync
	transactions
	producer *producer
}

// wrappedSync has the client's methods lie deeper than those of transactions.
type wrappedSync struct{ sarama.SyncProducer }

var _ sarama.SyncProducer = (*SyncProducer)(nil)

// NewSyncProducer makes a producer that is measured, as the client's NewSyncProducer does. A nil config is the client's
// default.
func NewSyncProducer(addresses []string, config *sarama.Config, opts ...Option) (*SyncProducer, error) {
	made, err := sarama.NewSyncProducer(addresses, config)
	if err != nil {
		return nil, err
	}
	return WrapSyncProducer(made, with(opts, WithConfig(orDefault(config)), WithBrokers(addresses...))...), nil
}

// WrapSyncProducer measures a producer. Only what it returns is to be used from then on.
func WrapSyncProducer(wrapped sarama.SyncProducer, opts ...Option) *SyncProducer {
	p := producerOf(opts)
	return &SyncProducer{wrappedSync{wrapped}, transactions{of: wrapped, cluster: &p.Cluster}, p}
}

// SendMessage sends a message, which continues the pathway in its headers; without one a pathway starts.
func (p *SyncProducer) SendMessage(msg *sarama.ProducerMessage) (partition int32, offset int64, err error) {
	return p.SendMessageContext(context.Background(), msg)
}

// SendMessageContext sends a message, which continues the pathway that ctx carries; without one that in its headers. ctx is
// not looked at for anything else: the client knows no contexts.
func (p *SyncProducer) SendMessageContext(ctx context.Context, msg *sarama.ProducerMessage) (partition int32, offset int64, err error) {
	own := msg.Headers
	defer func() { msg.Headers = own }()
	p.producer.prepare(ctx, msg)
	partition, offset, err = p.SyncProducer.SendMessage(msg)
	if err != nil && p.producer.failed(msg, err) && !p.IsTransactional() {
		msg.Headers = nil // as it would be without us
		partition, offset, err = p.SyncProducer.SendMessage(msg)
	}
	if err == nil {
		p.producer.delivered(msg)
	}
	return partition, offset, err
}

// SendMessages sends messages, which continue the pathways in their headers.
func (p *SyncProducer) SendMessages(msgs []*sarama.ProducerMessage) error {
	return p.SendMessagesContext(context.Background(), msgs)
}

// SendMessagesContext sends messages, which continue the pathway that ctx carries; without one those in their headers.
func (p *SyncProducer) SendMessagesContext(ctx context.Context, msgs []*sarama.ProducerMessage) error {
	own := make([][]sarama.RecordHeader, len(msgs))
	for i, msg := range msgs {
		own[i] = msg.Headers
		p.producer.prepare(ctx, msg)
	}
	// From the end: a message that is there twice gets back what it had first.
	defer func() {
		for i := len(msgs) - 1; i >= 0; i-- {
			msgs[i].Headers = own[i]
		}
	}()
	return p.again(p.send(msgs))
}

// send sends messages as they are, and reports the offsets of those that were acknowledged.
func (p *SyncProducer) send(msgs []*sarama.ProducerMessage) error {
	err := p.SyncProducer.SendMessages(msgs)
	var errs sarama.ProducerErrors
	if err != nil && !errors.As(err, &errs) {
		return err
	}
	failed := make(map[*sarama.ProducerMessage]bool, len(errs))
	for _, one := range errs {
		failed[one.Msg] = true
	}
	for _, msg := range msgs {
		if !failed[msg] {
			p.producer.delivered(msg)
		}
	}
	return err
}

// again sends once more what was refused because of our header, and returns the errors that remain.
func (p *SyncProducer) again(err error) error {
	var errs, remain sarama.ProducerErrors
	if !errors.As(err, &errs) {
		return err
	}
	var refused []*sarama.ProducerMessage
	for _, one := range errs {
		if p.producer.failed(one.Msg, one.Err) && !p.IsTransactional() {
			one.Msg.Headers = nil // as it would be without us
			refused = append(refused, one.Msg)
		} else {
			remain = append(remain, one)
		}
	}
	if len(refused) == 0 {
		return err
	}
	if err := p.send(refused); err != nil && !errors.As(err, &errs) {
		return err
	} else if err != nil {
		remain = append(remain, errs...)
	}
	if len(remain) > 0 {
		return remain
	}
	return nil
}

// Close ends the producer and what measures it.
func (p *SyncProducer) Close() error {
	p.producer.close()
	return p.SyncProducer.Close()
}
