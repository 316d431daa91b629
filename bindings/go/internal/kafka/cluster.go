package kafka

import (
	"sync/atomic"
	"time"
)

// Between two questions for an id that is not known yet.
const (
	firstAsk = 50 * time.Millisecond
	mostAsk  = 5 * time.Second
)

// ClusterID is the id of a cluster, "" until it is known: nothing waits for it. Any goroutine may use it.
type ClusterID struct {
	known atomic.Pointer[string]
}

// Get returns the id, or "".
func (c *ClusterID) Get() string {
	if id := c.known.Load(); id != nil {
		return *id
	}
	return ""
}

// Set says what the id is. "" is not known.
func (c *ClusterID) Set(id string) {
	if id != "" {
		c.known.Store(&id)
	}
}

// Learn asks until the id is known or stop is closed. ask returns "" when it does not know, and must not wait long: whoever
// closes stop waits for Learn to return.
func (c *ClusterID) Learn(stop <-chan struct{}, ask func() string) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for next := firstAsk; c.Get() == ""; next = min(2*next, mostAsk) {
		select {
		case <-stop:
			return
		case <-pause.C:
		}
		c.Set(ask())
		pause.Reset(next)
	}
}
