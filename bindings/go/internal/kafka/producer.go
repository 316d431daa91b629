package kafka

import (
	"context"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

const (
	// messageOverhead is the most that a message takes beside its texts, in a batch of its own, which is what brokers compare
	// with their limit; headerOverhead is that of each of its headers.
	messageOverhead = 61 + 36
	headerOverhead  = 2 * 5
)

// Producer is what the messages of a producer have in common. The zero value sends one header, and knows no cluster.
type Producer struct {
	Headers Headers
	Cluster ClusterID
	// Legacy has the header that data-streams-go reads written as well. Set it before the first message.
	Legacy bool
}

// Outgoing is what a message is sent with.
type Outgoing struct {
	// Pathway is that after the checkpoint. Zero: there is none.
	Pathway datastreams.Pathway
	// Replace says that the message's headers are to be replaced: with these in place of ours. nil is none.
	Replace        bool
	Header, Legacy []byte
}

// Fits tells whether a message of so many bytes, in so many headers among others, has room for ours within a limit. 0: it is
// not known.
func Fits(size int64, headers int, limit int64) bool {
	return limit <= 0 || size+int64(messageOverhead+headers*headerOverhead+HeaderBytes) <= limit
}

// Produce sets the checkpoint of a message that is about to be sent, and says which headers it gets. Its parent is the
// pathway that ctx carries, else that of its own headers, as when a consumed message is passed on. size is that of its
// key and value. limit is the most bytes that the producer takes for a message; 0: not known.
//
// Where the header cannot be sent there is no checkpoint: the pathway would go on without its message. A header that the
// message came with is taken out then: it would put the message on a pathway that it is not on any more, and where headers
// are refused it would be as well.
func (p *Producer) Produce(ctx context.Context, topic string, found *Found, size, limit int64) Outgoing {
	if !p.Headers.On() {
		return Outgoing{Replace: found.Ours > 0}
	}
	size += found.Others
	if !Fits(size, found.Count-found.Ours, limit) {
		NoRoom(topic)
		return Outgoing{Replace: found.Ours > 0}
	}
	parent := message.Parent(ctx, found.Pathway)
	room := message.HeaderMax
	if found.origin.address != 0 {
		room = stampRoom
	}
	var out Outgoing
	out.Pathway, out.Header = Out(p.Cluster.Get(), topic).Produce(parent, size, make([]byte, 0, room))
	if len(out.Header) == 0 {
		return Outgoing{}
	}
	out.Replace = true
	if found.origin.address != 0 {
		found.origin.stamp(out.Header, parent)
	}
	if p.Legacy {
		out.Legacy = out.Pathway.Encode()
	}
	return out
}

// Failed takes note of a message that the broker refused with an unknown error, though nothing but our header is unusual
// about it: a topic in an old format does so. sent are the headers that the message was sent with.
func (p *Producer) Failed(topic string, sent *Found, cause error) {
	if sent.Ours > 0 && sent.Ours == sent.Count {
		p.Headers.Refused(topic, cause)
	}
}
