package datastreams

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/datastreams/datastreams/bindings/go/internal/native"
)

// current is the client that [Start] made. After [Stop] it is still here: it passes pathways through, and counts that.
var current atomic.Pointer[client]

// clients counts those that were made.
var clients atomic.Uint64

// client is a running instance of the library, and what Go keeps beside it.
type client struct {
	native   *native.Client
	number   uint64    // of this client in this program, from 1
	edges    edgeCache // by service and tags
	backlogs edgeCache // by type and cluster, group, topic
	host     *host     // nil: the library delivers
	stopped  atomic.Bool
	off      error         // why nothing is measured from the start: switched off
	timeout  time.Duration // of Stop and Flush
}

func newClient(config native.Config, timeout time.Duration) (*client, error) {
	made, err := native.New(config)
	if err != nil {
		return nil, err
	}
	if timeout <= 0 {
		timeout = stopTimeout
	}
	seed := rand.Uint64()
	return &client{
		native: made, number: clients.Add(1), edges: edgeCache{seed: seed}, backlogs: edgeCache{seed: seed}, timeout: timeout,
	}, nil
}

// edge returns the edge of a tag set: 0, which no call accepts, when the tags cannot be meant.
func (c *client) edge(service string, tags []string) native.Edge {
	hash := c.edges.hash(service, tags)
	if edge, ok := c.edges.find(hash, service, tags); ok {
		return edge
	}
	edge, status := c.native.Intern(service, tags)
	if status != native.OK {
		return 0
	}
	c.edges.add(hash, service, tags, edge)
	return edge
}
