package agenttest

import "testing"

// Hop is an edge of a chain, and the bytes of each message that passes it.
type Hop struct {
	Service string // "": [Service]
	Size    float64
	Tags    []string
}

// Chain checks what was reported: that each of these edges has the one before as parent, that so many messages passed each, and
// that there are no other edges.
func (a *Agent) Chain(t testing.TB, messages float64, hops ...Hop) {
	t.Helper()
	a.Flushed()
	hash := uint64(0)
	for _, hop := range hops {
		edge, service := a.One(t, hop.Tags...), hop.Service
		if service == "" {
			service = Service
		}
		if want := Hash(service, Env, hash, hop.Tags...); edge.Service != service || edge.Parent != hash || edge.Hash != want {
			t.Errorf("%v: want %d -> %d", edge, hash, want)
		}
		bytes := messages * hop.Size
		if edge.Current != messages || edge.Size.Count != messages || edge.Size.Sum < bytes*0.98 || edge.Size.Sum > bytes*1.02 {
			t.Errorf("%v: want %g messages, %g bytes", edge, messages, bytes)
		}
		hash = edge.Hash
	}
	if edges := a.Edges(); len(edges) != len(hops) {
		t.Errorf("%d edges, not %d: %v", len(edges), len(hops), edges)
	}
}
