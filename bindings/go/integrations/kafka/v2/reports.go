package kafka

import (
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// mostBuffered bounds the events between the client and the program. More wait in the client's own channel.
const mostBuffered = 1024

// delivery is where the report of a message goes, and the program's Opaque that it brings back.
type delivery struct {
	to     chan kafka.Event
	opaque any
}

// Events returns the channel of delivery reports and other events.
func (p *Producer) Events() chan kafka.Event { return p.events }

// moveEvents looks at what the client reports and hands it on, until the client is closed. While nobody reads Events, what
// comes next stays with the client, and the reports of messages with a channel of their own go on.
func (p *Producer) moveEvents() {
	defer close(p.done)
	defer close(p.events)
	var waiting kafka.Event // for Events to have room
	for {
		if waiting != nil {
			select {
			case p.events <- waiting:
				waiting = nil
			case event := <-p.reports:
				p.answer(event)
			case <-p.closing:
				waiting = nil // nobody gets it
			}
			continue
		}
		select {
		case event, ok := <-p.Producer.Events():
			if !ok {
				p.moveRest()
				return
			}
			if msg, ok := event.(*kafka.Message); ok {
				p.delivered(msg)
			}
			select {
			case p.events <- event:
			default:
				waiting = event
			}
		case event := <-p.reports:
			p.answer(event)
		case <-p.idle:
		}
	}
}

// moveRest hands on the reports that came before the client was closed.
func (p *Producer) moveRest() {
	for {
		select {
		case event := <-p.reports:
			p.answer(event)
		default:
			return
		}
	}
}

// answer hands a report to the channel that the message came with.
func (p *Producer) answer(event kafka.Event) {
	msg, ok := event.(*kafka.Message)
	if !ok {
		return
	}
	p.delivered(msg)
	if asked, ok := msg.Opaque.(*delivery); ok {
		msg.Opaque = asked.opaque
		if asked.to != nil {
			p.hand(asked.to, event)
		}
	}
}

// hand waits for the program to take a report, as the client does: until it is closed.
func (p *Producer) hand(to chan kafka.Event, event kafka.Event) {
	select {
	case to <- event:
		return
	default:
	}
	select {
	case to <- event:
	case <-p.closing:
	}
}

// delivered looks at the report of a message.
func (p *Producer) delivered(msg *kafka.Message) {
	at := &msg.TopicPartition
	switch {
	case at.Error == nil:
		if at.Topic != nil && at.Offset >= 0 {
			datastreams.TrackKafkaProduceOffsetWithCluster(p.cluster.Get(), *at.Topic, at.Partition, int64(at.Offset))
		}
	case codeOf(at.Error) == kafka.ErrUnknown, codeOf(at.Error) == kafka.ErrUnsupportedForMessageFormat:
		// What a broker answers to headers in a topic of an old format.
		p.headers.Refused(topic(msg), at.Error)
	}
}
