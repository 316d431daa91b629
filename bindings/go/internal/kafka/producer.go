package kafka

import (
	"context"
	"fmt"
	"sync/atomic"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/notice"
)

// messageBytes is the most that a message takes beside its texts, in a batch of its own; headerBytes that of each header.
const (
	messageBytes = 61 + 36
	headerBytes  = 2 * 5
)

// Producer is what the messages of a producer have in common. The zero value sends one header, and knows no cluster.
type Producer struct {
	Headers Headers
	Cluster Cluster
	// Legacy also writes the header that data-streams-go reads. Set it before the first message.
	Legacy bool

	told atomic.Bool // that a message left no room for the header
}

// Outgoing is what a message is sent with.
type Outgoing struct {
	// Pathway is that after the checkpoint. Zero: there is none.
	Pathway datastreams.Pathway
	// Header is to be sent under PropagationKeyBase64, Legacy under PropagationKey. Nil: not.
	Header, Legacy []byte
	// Rewrite says that the message's headers change: those under our keys are taken out, and these put in.
	Rewrite bool
}

// Produce sets the checkpoint of a message that is about to be sent, and says which headers it gets. Its parent is the
// pathway that ctx carries, else that of its own headers, as when a consumed message is passed on. size is that of its
// key and value. limit is the most bytes that the producer takes for a message; 0: not known.
//
// Where the header cannot be sent there is no checkpoint: the pathway would go on without its message. A header that the
// message came with is taken out then, since it would put the message on a pathway that it is not on any more; but when
// the program switched headers off, nothing is touched.
func (p *Producer) Produce(ctx context.Context, topic string, found *Found, size, limit int64) Outgoing {
	if !p.Headers.On() {
		return Outgoing{Rewrite: found.Ours > 0 && p.Headers.refused.Load()}
	}
	size += found.Bytes
	if limit > 0 && size+int64(found.Others)*headerBytes+int64(HeaderBytes)+messageBytes > limit {
		if !p.told.Swap(true) {
			notice.Say(fmt.Sprintf("datastreams: pathways of messages end that leave no room for the header, the first in %q: %d bytes of the %d that its producer takes", topic, size, limit))
		}
		return Outgoing{Rewrite: found.Ours > 0}
	}
	parent, ok := datastreams.PathwayFromContext(ctx)
	if header := found.Pathway(); !ok && len(header) > 0 {
		parent, _ = datastreams.Decode(header)
	}
	var out Outgoing
	out.Pathway, out.Header = Out(p.Cluster.ID(), topic).Produce(parent, size, make([]byte, 0, HeaderMax))
	if len(out.Header) == 0 {
		return Outgoing{}
	}
	if p.Legacy {
		out.Legacy = out.Pathway.Encode()
	}
	out.Rewrite = true
	return out
}

// Failed takes note of a message that the broker refused with an unknown error, though nothing but our header is unusual
// about it: a topic in an old format does so. headers are those that the message was sent with.
func (p *Producer) Failed(topic string, headers *Found, cause error) {
	if headers.Ours > 0 && headers.Others == 0 {
		p.Headers.Refused(topic, cause)
	}
}

// Rewritten returns the headers that a message is sent with, in a slice of its own: messages may share theirs. ours tells
// whether a header is under one of our keys.
func Rewritten[H any](out *Outgoing, found *Found, headers []H, ours func(*H) bool, header func(key string, value []byte) H) []H {
	if found.Others == 0 && out.Header == nil {
		return nil
	}
	rewritten := make([]H, 0, found.Others+2)
	for i := range headers {
		if !ours(&headers[i]) {
			rewritten = append(rewritten, headers[i])
		}
	}
	if out.Header != nil {
		rewritten = append(rewritten, header(datastreams.PropagationKeyBase64, out.Header))
	}
	if out.Legacy != nil {
		rewritten = append(rewritten, header(datastreams.PropagationKey, out.Legacy))
	}
	return rewritten
}
