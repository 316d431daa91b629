package datastreams

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/datastreams/datastreams/bindings/go/internal/native"
)

// UnknownSize is a payload size that is not recorded. A size of 0 is: that of an empty message.
const UnknownSize int64 = -1

// sizeOf is a size as the library takes it.
func sizeOf(payloadSize int64) uint64 {
	if payloadSize < 0 {
		return native.SizeUnknown
	}
	return uint64(payloadSize)
}

// Edge is a set of tags that messages pass, interned once: the fast way to set checkpoints. Make one for each edge, in a
// package variable if you like, not for every message: it may be made before [Start] and lives through [Stop] and another
// Start. Any goroutine may use it.
//
// A nil Edge, and one without tags, passes pathways through, and that is counted. A negative payload size is unknown. Sizes are in bytes: key, value and headers, without those of this package.
type Edge struct {
	service  string
	tags     []string
	interned atomic.Pointer[internedEdge]
}

// internedEdge names its client by number: an edge that is not used any more must not keep a client that was stopped.
type internedEdge struct {
	client uint64
	edge   native.Edge
	status native.Status
}

// noEdge is what a nil *Edge is: no call accepts it, and each is counted.
var noEdge = internedEdge{status: native.Invalid}

// NewEdge makes an edge of tags such as "direction:in", "group:billing", "topic:orders", "type:kafka", in any order: at most
// 128, none empty, UTF-8, 16 KiB together. The tags are copied.
func NewEdge(edgeTags ...string) *Edge {
	return NewEdgeOf("", edgeTags...)
}

// NewEdgeOf is [NewEdge] for checkpoints that belong to another service than the program's own.
func NewEdgeOf(service string, edgeTags ...string) *Edge {
	return &Edge{service: service, tags: slices.Clone(edgeTags)}
}

// Tags returns the tags as they were given.
func (e *Edge) Tags() []string {
	if e == nil {
		return nil
	}
	return slices.Clone(e.tags)
}

// Err says why checkpoints on this edge are not recorded: [Err], or what is wrong with its tags.
func (e *Edge) Err() error {
	c := current.Load()
	if c != nil && e.in(c).status != native.OK {
		return errors.New("datastreams: an edge takes 1 to 128 tags, none empty, in UTF-8, 16 KiB together")
	}
	return Err()
}

// in returns what the edge is in a client.
func (e *Edge) in(c *client) *internedEdge {
	if e == nil {
		return &noEdge
	}
	if known := e.interned.Load(); known != nil && known.client == c.number {
		return known
	}
	edge, status := c.native.Intern(e.service, e.tags)
	made := &internedEdge{client: c.number, edge: edge, status: status}
	e.interned.Store(made)
	return made
}

// Checkpoint records that a message with this pathway passes the edge now, and returns its pathway after that. With the
// zero pathway a new one starts.
func (e *Edge) Checkpoint(parent Pathway, payloadSize int64) Pathway {
	e.pass(payloadSize, &parent)
	return parent
}

// SetCheckpoint is [Edge.Checkpoint] with the pathway that ctx carries. It returns the pathway after it, and a copy of ctx
// that carries it.
func (e *Edge) SetCheckpoint(ctx context.Context, payloadSize int64) (Pathway, context.Context) {
	made := branch(ctx)
	e.pass(payloadSize, &made.pathway)
	return made.pathway, made
}

// pass makes p the pathway after the edge. What is refused is counted, and p stays as it is.
func (e *Edge) pass(payloadSize int64, p *Pathway) {
	if c := current.Load(); c != nil {
		c.native.Checkpoint(e.in(c).edge, sizeOf(payloadSize), &p.native)
	}
}

// Consume records that a message with this header passes the edge now, and returns its pathway. The header is as received,
// under either key; nil when there is none. One that cannot be read starts a new pathway, and is counted by its cause.
func (e *Edge) Consume(header []byte, payloadSize int64) Pathway {
	c := current.Load()
	if c == nil {
		p, _ := Decode(header)
		return p
	}
	var after Pathway
	c.native.Consume(e.in(c).edge, sizeOf(payloadSize), header, &after.native)
	if after.IsZero() { // refused and counted: what was received goes on
		after, _ = Decode(header)
	}
	return after
}

// ConsumeQueued is [Edge.Consume] for queues that tell when a message entered them: a pathway that begins here began then.
// The zero time is unknown.
func (e *Edge) ConsumeQueued(header []byte, payloadSize int64, queued time.Time) Pathway {
	c := current.Load()
	queuedNs := since1970(queued)
	if c == nil || queuedNs < 0 {
		return e.Consume(header, payloadSize)
	}
	var after Pathway
	c.native.CheckpointAt(e.in(c).edge, sizeOf(payloadSize), 0, queuedNs, header, &after.native)
	if after.IsZero() {
		after, _ = Decode(header)
	}
	return after
}

// Produce records that a message caused by the one with the pathway parent (zero: by none) is sent over the edge now. It
// returns the pathway after that, and the header to send under [PropagationKeyBase64], appended to header: nothing
// appended, nothing to send.
func (e *Edge) Produce(parent Pathway, payloadSize int64, header []byte) (Pathway, []byte) {
	c := current.Load()
	if c == nil {
		return parent, parent.AppendHeader(header)
	}
	var sent native.Header
	c.native.Produce(e.in(c).edge, sizeOf(payloadSize), &parent.native, &sent)
	if sent.Len < 0 { // refused and counted: the pathway goes on as it was
		return parent, parent.AppendHeader(header)
	}
	return parent, append(header, sent.Text[:sent.Len]...)
}
