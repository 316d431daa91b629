package datastreams

import (
	"time"

	"github.com/datastreams/datastreams/bindings/go/internal/native"
)

// Pathway says where a message has been, and since when: one branch of services joined by queues.
//
// It is a value. Copy it, compare it with ==, keep one for each message in flight; there is nothing to free. The zero
// value is no pathway.
type Pathway struct {
	native native.Pathway
}

// CheckpointParams are what a checkpoint takes beside its edge.
type CheckpointParams struct {
	// PayloadSize is the size of the message in bytes: key, value and headers, without those of this package. Zero and
	// less: unknown, nothing is recorded. (An [Edge] records the size of an empty message too.)
	PayloadSize int64
	// ServiceOverride is the service that the checkpoint belongs to, when it is not the program's own. It is hashed in
	// place of it, and reported under its own name.
	ServiceOverride string
}

// NewCheckpointParams returns parameters without a size, for the program's own service.
func NewCheckpointParams() CheckpointParams { return CheckpointParams{} }

// WithPayloadSize returns the parameters with a size in bytes.
func (c CheckpointParams) WithPayloadSize(size int64) CheckpointParams {
	c.PayloadSize = size
	return c
}

// NewPathway starts a pathway with a checkpoint now. Before [Start] there is no pathway, and the zero value is returned.
func NewPathway(edgeTags ...string) Pathway {
	return Pathway{}.SetCheckpointWithParams(CheckpointParams{}, edgeTags...)
}

// NewPathwayWithParams is [NewPathway] with parameters.
func NewPathwayWithParams(params CheckpointParams, edgeTags ...string) Pathway {
	return Pathway{}.SetCheckpointWithParams(params, edgeTags...)
}

// SetCheckpoint records that the message passes the edge with these tags now, and returns its pathway after that. The tags
// may come in any order, and are left as they are.
//
// Only "direction:in" and "direction:out" have a meaning of their own: when a direction repeats, the pathway goes back to
// where it last changed, so that a fan-out is not a chain. Without a direction every checkpoint extends the pathway.
func (p Pathway) SetCheckpoint(edgeTags ...string) Pathway {
	return p.SetCheckpointWithParams(CheckpointParams{}, edgeTags...)
}

// SetCheckpointWithParams is [Pathway.SetCheckpoint] with parameters.
func (p Pathway) SetCheckpointWithParams(params CheckpointParams, edgeTags ...string) Pathway {
	p.pass(params, edgeTags)
	return p
}

// pass makes p the pathway after the edge with these tags, where it is: it is too large to be copied often. What is refused
// is counted, and p stays as it is.
func (p *Pathway) pass(params CheckpointParams, edgeTags []string) {
	c := current.Load()
	if c == nil {
		return
	}
	size := native.SizeUnknown
	if params.PayloadSize > 0 {
		size = uint64(params.PayloadSize)
	}
	c.native.Checkpoint(c.edge(params.ServiceOverride, edgeTags), size, &p.native)
}

// GetHash returns the hash of the services and edges passed so far. 0: no pathway.
func (p Pathway) GetHash() uint64 { return p.native.Hash }

// PathwayStart returns when the message left its origin. The zero time: no pathway.
func (p Pathway) PathwayStart() time.Time { return at(p.native.StartNs) }

// EdgeStart returns when the message passed its last checkpoint. The zero time: no pathway.
func (p Pathway) EdgeStart() time.Time { return at(p.native.EdgeStartNs) }

// IsZero tells whether there is no pathway.
func (p Pathway) IsZero() bool { return p.native.StartNs == 0 }

func at(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// since1970 returns nanoseconds since 1970: -1, which no call takes, where they are none, or more than 64 bits hold.
func since1970(t time.Time) int64 {
	if ns := t.UnixNano(); ns > 0 && time.Unix(0, ns).Equal(t) {
		return ns
	}
	return -1
}

// Merge chooses the pathway that goes on where several messages become one. The choice is uniform over many calls, the
// same for the same pathways, and independent of their order. Zero values are passed over; without any other the result
// is zero.
func Merge(pathways []Pathway) Pathway {
	var merged Pathway
	if len(pathways) > 0 {
		merge(pathways, &merged)
	}
	return merged
}
