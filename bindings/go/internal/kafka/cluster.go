package kafka

import (
	"sync/atomic"
	"time"
)

const (
	firstWait = time.Second // before a cluster is asked again for its id
	mostAsked = 8           // times; the wait doubles each time
)

// Cluster holds the id of the cluster that a client talks to. The zero value does not know it. Any goroutine may use it.
type Cluster struct {
	id    atomic.Pointer[string]
	asked atomic.Int32 // times; mostAsked: no more
	next  atomic.Int64 // in Unix nanoseconds; when it may be asked again
	busy  atomic.Bool
}

// ID returns the id, "" when it is not known (yet).
func (c *Cluster) ID() string {
	if id := c.id.Load(); id != nil {
		return *id
	}
	return ""
}

// Set says what the id is. It never changes again; "" means that edges shall have none.
func (c *Cluster) Set(id string) { c.id.CompareAndSwap(nil, &id) }

// Known tells whether nobody has to ask.
func (c *Cluster) Known() bool { return c.id.Load() != nil || c.asked.Load() >= mostAsked }

// Learn asks for the id in a goroutine that ends with ask, unless it is known or being asked for, or was asked for a
// moment ago. An answer of "" is none. Call it with every message.
func (c *Cluster) Learn(ask func() string) {
	if c.Known() {
		return
	}
	if time.Now().UnixNano() < c.next.Load() || c.busy.Swap(true) {
		return
	}
	go func() {
		defer c.busy.Store(false)
		if id := ask(); id != "" {
			c.Set(id)
			return
		}
		c.next.Store(time.Now().Add(firstWait << c.asked.Add(1)).UnixNano())
	}()
}
