// Package message is what the integrations with clients of all queues share: edges by what names them, which headers are ours,
// which pathway a message continues, and what is told about those that travel without one.
package message

import (
	"maps"
	"sync"
	"sync/atomic"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// mostEdges bounds the edges that are remembered. Others are made for each message, and still found in the library.
const mostEdges = 4096

// Edges are the edges of a kind of queue, each made once. Any goroutine may use them.
type Edges[K comparable] struct {
	// Tags returns the tags of an edge.
	Tags func(K) []string

	known  atomic.Pointer[map[K]*datastreams.Edge] // never changed, only replaced: readers take no lock
	adding sync.Mutex
}

// Of returns the edge that key names.
func (e *Edges[K]) Of(key K) *datastreams.Edge {
	if known := e.known.Load(); known != nil {
		if edge, ok := (*known)[key]; ok {
			return edge
		}
	}
	return e.add(key)
}

func (e *Edges[K]) add(key K) *datastreams.Edge {
	e.adding.Lock()
	defer e.adding.Unlock()
	known := map[K]*datastreams.Edge{}
	if shared := e.known.Load(); shared != nil {
		if edge, ok := (*shared)[key]; ok {
			return edge
		}
		if len(*shared) >= mostEdges {
			return datastreams.NewEdge(e.Tags(key)...)
		}
		known = maps.Clone(*shared)
	}
	known[key] = datastreams.NewEdge(e.Tags(key)...)
	e.known.Store(&known)
	return known[key]
}
