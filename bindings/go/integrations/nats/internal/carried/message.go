// Package carried sets the checkpoints of NATS messages, for core NATS and for JetStream.
package carried

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/internal/message"
)

const (
	// lines are the first line of headers and the empty one after them; around is what stands around each header.
	lines  = len("NATS/1.0\r\n\r\n")
	around = len(": \r\n")
	ours   = len(datastreams.PropagationKeyBase64) + message.HeaderMax + around
)

// subject is where messages go, or come from.
type subject struct {
	name, group string
	in          bool
}

var edges = message.Edges[subject]{Tags: subject.tags}

func (s subject) tags() []string {
	tags := []string{"direction:out", "topic:" + s.name, "type:nats"}
	if s.in {
		tags[0] = "direction:in"
	}
	if s.group != "" {
		tags = append(tags, "group:"+s.group)
	}
	return tags
}

// header returns the header that a checkpoint reads. nil: there is none.
func header(headers nats.Header) []byte {
	if len(headers) == 0 {
		return nil
	}
	return message.Received(last(headers[datastreams.PropagationKeyBase64]), last(headers[datastreams.PropagationKey]))
}

func last(values []string) []byte {
	if len(values) == 0 {
		return nil
	}
	return []byte(values[len(values)-1])
}

// sizes returns the bytes of names and values of all headers but ours, and what stands around them.
func sizes(headers nats.Header) (bytes, between int) {
	for name, values := range headers {
		if message.Ours(name) {
			continue
		}
		for _, value := range values {
			bytes += len(name) + len(value)
			between += around
		}
	}
	return bytes, between
}

// Replace sets the pathway among headers, in place of one that is there. An empty one is none.
func Replace(headers nats.Header, header string) {
	delete(headers, datastreams.PropagationKey)
	delete(headers, datastreams.PropagationKeyBase64)
	if header != "" {
		headers[datastreams.PropagationKeyBase64] = []string{header}
	}
}

// replaced returns a copy of a message with a pathway, or without one.
func replaced(msg *nats.Msg, header string) *nats.Msg {
	headers := make(nats.Header, len(msg.Header)+1)
	maps.Copy(headers, msg.Header)
	Replace(headers, header)
	return &nats.Msg{Subject: msg.Subject, Reply: msg.Reply, Header: headers, Data: msg.Data}
}

// Without returns the message without what a consumer left in it: itself, if that is nothing.
func Without(msg *nats.Msg) *nats.Msg {
	if msg == nil || len(msg.Header[datastreams.PropagationKey])+len(msg.Header[datastreams.PropagationKeyBase64]) == 0 {
		return msg
	}
	return replaced(msg, "")
}

// Produce sets the checkpoint of a message that is about to be sent, and returns what is to be sent: a copy that carries the
// pathway after it. Where it has no room for that there is no checkpoint, as the pathway would go on without its message, and
// none in what is returned; stamped tells.
func Produce(ctx context.Context, conn *nats.Conn, msg *nats.Msg) (sent *nats.Msg, pathway datastreams.Pathway, stamped bool) {
	Inboxes(conn)
	if msg == nil || !followed(msg.Subject) {
		return msg, pathway, false
	}
	status, most := conn.Status(), int(conn.MaxPayload())
	bytes, between := sizes(msg.Header)
	size := len(msg.Data) + bytes
	switch {
	case status == nats.CLOSED || status == nats.DRAINING_PUBS || most > 0 && len(msg.Data) > most:
		return msg, pathway, false // it will be refused
	case !conn.HeadersSupported():
		message.Skipped("nats_no_headers")
		return Without(msg), pathway, false
	// The server counts headers too, and closes the connection of who sends more.
	case size+between+lines+ours > most:
		message.Skipped("nats_too_large")
		return Without(msg), pathway, false
	}
	edge := edges.Of(subject{name: msg.Subject})
	pathway, text := edge.Produce(message.Parent(ctx, header(msg.Header)), int64(size), make([]byte, 0, message.HeaderMax))
	if len(text) == 0 {
		return msg, pathway, false
	}
	return replaced(msg, string(text)), pathway, true
}

// Consume sets the checkpoint of a message that a group consumed, "" for none, and returns the pathway after it: zero for one
// that is not followed. acknowledge is the subject that it is acknowledged on.
func Consume(name, group, acknowledge string, headers nats.Header, data []byte) datastreams.Pathway {
	if !followed(name) {
		return datastreams.Pathway{}
	}
	bytes, _ := sizes(headers)
	return edges.Of(subject{name, group, true}).ConsumeQueued(header(headers), int64(len(data)+bytes), stored(acknowledge))
}

// Trace is [Consume] by hand: it returns a copy of ctx with the pathway after the message, which may be none, and never that of
// ctx, which is another message's; ctx itself for a message that is not followed.
func Trace(ctx context.Context, name, group, acknowledge string, headers nats.Header, data []byte) context.Context {
	if !followed(name) {
		return ctx
	}
	return datastreams.ContextWithPathway(ctx, Consume(name, group, acknowledge, headers, data))
}

// stored is when a stream took a message, as the subject for its acknowledgement tells. The zero time: it is from no stream.
func stored(acknowledge string) time.Time {
	if !strings.HasPrefix(acknowledge, "$JS.ACK.") {
		return time.Time{}
	}
	// With a domain and an account, and without: nine tokens are the older form.
	at := 9
	tokens := strings.Split(acknowledge, ".")
	if len(tokens) == 9 {
		at = 7
	}
	if len(tokens) <= at {
		return time.Time{}
	}
	ns, err := strconv.ParseInt(tokens[at], 10, 64)
	if err != nil || ns <= 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// Context returns a copy of ctx that carries the pathway in headers, ctx itself when there is none.
func Context(ctx context.Context, headers nats.Header) context.Context {
	if pathway, err := datastreams.Decode(header(headers)); err == nil {
		return datastreams.ContextWithPathway(ctx, pathway)
	}
	return ctx
}
