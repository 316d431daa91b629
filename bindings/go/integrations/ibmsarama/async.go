package ibmsarama

import (
	"context"
	"sync"

	"github.com/IBM/sarama"
)

// AsyncProducer is the client's AsyncProducer, measured. Any goroutine may use it.
type AsyncProducer struct {
	wrappedAsync
	transactions
	producer *producer

	returnsErrors bool

	input     chan *sarama.ProducerMessage
	requests  chan request
	successes chan *sarama.ProducerMessage
	errors    chan *sarama.ProducerError

	closing chan struct{} // closed: the client is to be closed
	close   sync.Once
	idle    chan struct{} // taken when no message is between input and the client's

	acknowledged chan struct{} // closed: the client has no more successes
	drained      chan struct{} // closed: it has no more errors either, and has ended
	refused      chan struct{} // closed: no more messages are refused after that
}

// request is a message with a context.
type request struct {
	ctx context.Context
	msg *sarama.ProducerMessage
}

// wrappedAsync has the client's methods lie deeper than those of transactions.
type wrappedAsync struct{ sarama.AsyncProducer }

var _ sarama.AsyncProducer = (*AsyncProducer)(nil)

// NewAsyncProducer makes a producer that is measured, as the client's NewAsyncProducer does. A nil config is the client's
// default.
func NewAsyncProducer(addresses []string, config *sarama.Config, opts ...Option) (*AsyncProducer, error) {
	made, err := sarama.NewAsyncProducer(addresses, config)
	if err != nil {
		return nil, err
	}
	return WrapAsyncProducer(made, with(opts, WithConfig(orDefault(config)), WithBrokers(addresses...))...), nil
}

// WrapAsyncProducer measures a producer. Only what it returns is to be used from then on. Offsets and refused headers are
// known where the configuration has Successes and Errors returned.
func WrapAsyncProducer(wrapped sarama.AsyncProducer, opts ...Option) *AsyncProducer {
	s := settingsOf(opts)
	p := &AsyncProducer{
		wrappedAsync:  wrappedAsync{wrapped},
		producer:      producerOf(opts),
		returnsErrors: orDefault(s.config).Producer.Return.Errors,
		input:         make(chan *sarama.ProducerMessage),
		requests:      make(chan request),
		successes:     make(chan *sarama.ProducerMessage),
		errors:        make(chan *sarama.ProducerError),
		closing:       make(chan struct{}),
		idle:          make(chan struct{}),
		acknowledged:  make(chan struct{}),
		drained:       make(chan struct{}),
		refused:       make(chan struct{}),
	}
	p.of, p.cluster, p.settle = wrapped, &p.producer.Cluster, p.settled
	go p.moveInput()
	go p.moveSuccesses()
	go p.moveErrors()
	return p
}

// Input returns the channel of messages to send, which continue the pathways in their headers.
func (p *AsyncProducer) Input() chan<- *sarama.ProducerMessage { return p.input }

// InputContext sends a message, which continues the pathway that ctx carries; without one that in its headers. Like a send to
// Input it waits until the client takes the message. It does not when ctx ends or the producer has ended, and returns why.
func (p *AsyncProducer) InputContext(ctx context.Context, msg *sarama.ProducerMessage) error {
	if ctx == nil {
		ctx = context.Background()
	}
	select {
	case p.requests <- request{ctx, msg}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.drained:
		return sarama.ErrShuttingDown
	}
}

// Successes returns the channel of messages that were acknowledged.
func (p *AsyncProducer) Successes() <-chan *sarama.ProducerMessage { return p.successes }

// Errors returns the channel of messages that were not.
func (p *AsyncProducer) Errors() <-chan *sarama.ProducerError { return p.errors }

// AsyncClose ends the producer. Read Successes and Errors until they are closed, where they are returned.
func (p *AsyncProducer) AsyncClose() { p.close.Do(func() { close(p.closing) }) }

// Close ends the producer, and waits until all messages were sent. It returns the errors of those that were not.
func (p *AsyncProducer) Close() error {
	p.AsyncClose()
	go func() {
		for range p.successes {
		}
	}()
	var failed sarama.ProducerErrors
	for one := range p.errors {
		failed = append(failed, one)
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}

// moveInput prepares messages and hands them to the client, until it ends.
func (p *AsyncProducer) moveInput() {
	for {
		select {
		case msg := <-p.input:
			p.move(context.Background(), msg)
		case one := <-p.requests:
			p.move(one.ctx, one.msg)
		case <-p.idle:
		case <-p.closing:
			p.producer.close()
			p.AsyncProducer.AsyncClose()
			p.refuse()
			return
		}
	}
}

func (p *AsyncProducer) move(ctx context.Context, msg *sarama.ProducerMessage) {
	if msg != nil {
		p.producer.prepare(ctx, msg)
	}
	p.AsyncProducer.Input() <- msg
}

// refuse answers messages that come too late, as the client does, until it has ended.
func (p *AsyncProducer) refuse() {
	defer close(p.refused)
	defer close(p.input)
	for {
		select {
		case msg := <-p.input:
			p.tooLate(msg)
		case one := <-p.requests:
			p.tooLate(one.msg)
		case <-p.idle:
		case <-p.drained:
			return
		}
	}
}

func (p *AsyncProducer) tooLate(msg *sarama.ProducerMessage) {
	if msg != nil && p.returnsErrors {
		p.errors <- &sarama.ProducerError{Msg: msg, Err: sarama.ErrShuttingDown}
	}
}

// moveSuccesses looks at the messages that were acknowledged and hands them on.
func (p *AsyncProducer) moveSuccesses() {
	defer close(p.acknowledged)
	for msg := range p.AsyncProducer.Successes() {
		p.producer.delivered(msg)
		p.successes <- msg
	}
}

// moveErrors looks at the messages that were not acknowledged and hands them on. It ends last.
func (p *AsyncProducer) moveErrors() {
	for one := range p.AsyncProducer.Errors() {
		if one.Msg != nil {
			p.producer.failed(one.Msg, one.Err)
		}
		p.errors <- one
	}
	<-p.acknowledged
	close(p.drained)
	<-p.refused
	close(p.errors)
	close(p.successes)
}

// settled waits until the client has all messages that Input took.
func (p *AsyncProducer) settled() {
	select {
	case p.idle <- struct{}{}:
	case <-p.drained:
	}
}
