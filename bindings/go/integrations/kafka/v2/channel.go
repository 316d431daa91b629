package kafka

import (
	"context"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// ProduceChannel returns a channel of messages to produce, as Produce does; reports come over Events. With go.batch.producer
// the client sends no headers, so pathways end there.
//
// Deprecated: as in the client. Use Produce.
func (p *Producer) ProduceChannel() chan *kafka.Message {
	if p.batches {
		p.headers.Off("go.batch.producer sends none")
		return p.Producer.ProduceChannel()
	}
	p.input.Lock()
	defer p.input.Unlock()
	if p.messages == nil {
		p.messages = make(chan *kafka.Message, min(cap(p.Producer.ProduceChannel()), mostBuffered))
		p.sent = make(chan struct{})
		go p.moveMessages(p.messages, p.sent)
	}
	return p.messages
}

// moveMessages prepares what comes over the channel, until the producer closes.
func (p *Producer) moveMessages(from chan *kafka.Message, sent chan struct{}) {
	defer close(sent)
	for {
		select {
		case msg := <-from:
			p.move(msg)
		case <-p.closing:
			// As in the client, what is in the channel is produced yet.
			for {
				select {
				case msg := <-from:
					p.move(msg)
				default:
					return
				}
			}
		}
	}
}

func (p *Producer) move(msg *kafka.Message) {
	if msg != nil && topic(msg) != "" {
		copied := *msg
		ours, parent := p.prepare(context.Background(), &copied)
		copied.Opaque = p.asked(msg, nil, false, ours, parent)
		msg = &copied
	}
	//lint:ignore SA1019 the client's own, as long as programs use it
	p.Producer.ProduceChannel() <- msg
}

// endChannel waits until nothing more goes into the client's channel, which the client closes.
func (p *Producer) endChannel() {
	p.input.Lock()
	sent := p.sent
	p.input.Unlock()
	if sent != nil {
		<-sent
	}
}
