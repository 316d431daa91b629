package kafka

import (
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	shared "github.com/datastreams/datastreams/bindings/go/internal/kafka"
)

// mostBuffered bounds the events between the client and the program. More wait in the client's own channel.
const mostBuffered = 1024

// delivery is where the report of a message goes, and what it brings back: the program's Opaque, the header of the pathway
// that the message continues, and whether it was sent without a header of ours.
type delivery struct {
	to     chan kafka.Event
	opaque any
	parent []byte
	bare   bool
}

// asked returns the delivery of a message that goes out, nil when its report needs none: each costs the client an entry in a
// table. A bare message is told apart only as long as others carry headers.
func (p *Producer) asked(msg *kafka.Message, to chan kafka.Event, reported, ours bool, parent []byte) any {
	bare := !ours && p.headers.On()
	if !reported && !p.whole && !bare {
		return msg.Opaque
	}
	return &delivery{to: to, opaque: msg.Opaque, parent: parent, bare: bare}
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
				restore(msg)
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
	if to := restore(msg); to != nil {
		p.hand(to, event)
	}
}

// restore gives the report of a message what the program knows it by, and returns the channel that the message came with.
func restore(msg *kafka.Message) (to chan kafka.Event) {
	asked, ok := msg.Opaque.(*delivery)
	if !ok {
		return nil
	}
	msg.Opaque = asked.opaque
	if msg.TopicPartition.Error != nil && shared.Find(msg.Headers).Ours > 0 {
		// Sent again, the message is to continue what it continued, and not itself.
		msg.Headers = shared.Replace(msg.Headers, asked.parent, nil)
	}
	return asked.to
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
		if asked, ok := msg.Opaque.(*delivery); !ok || !asked.bare {
			p.headers.Refused(topic(msg), at.Error)
		}
	}
}
