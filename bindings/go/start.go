package datastreams

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/datastreams/datastreams/bindings/go/internal/native"
	"github.com/datastreams/datastreams/bindings/go/internal/notice"
)

// stopTimeout bounds [Stop] and [Flush], unless an option does.
var stopTimeout = 2 * time.Second // less in tests

var (
	// ErrNotStarted is what [Err] answers before [Start].
	ErrNotStarted = errors.New("datastreams: not started")
	// ErrStopped is what [Err] answers after [Stop].
	ErrStopped = errors.New("datastreams: stopped")
)

var (
	starting sync.Mutex // of Start and Stop among themselves; no checkpoint takes it
	failure  atomic.Pointer[error]
)

// Start begins to measure, with the options, the environment and the defaults, in that order. Where it cannot, [Err] says
// why, and everything else passes pathways through. A client that is running is stopped first.
//
// The statistics go to the agent every ten seconds, from a thread of the library that starts with the first checkpoint;
// with [WithHTTPClient], [WithAgentless] and an agent behind https, from a goroutine.
func Start(opts ...StartOption) {
	starting.Lock()
	defer starting.Unlock()
	var settings config
	for _, opt := range opts {
		if opt != nil {
			opt(&settings)
		}
	}
	if running := current.Load(); running != nil {
		running.stop()
	}
	notice.Clear()
	notice.SetLogger(settings.logger)
	started, err := settings.start()
	if err != nil {
		failure.Store(&err)
		current.Store(nil)
		return
	}
	started.off = settings.off(started.native)
	failure.Store(nil)
	current.Store(started)
}

// Stop delivers what was measured, within two seconds ([WithStopTimeout]), and ends. Everything may still be called: pathways
// pass through, and that is counted. To stop again, or before [Start], does nothing.
func Stop() {
	starting.Lock()
	defer starting.Unlock()
	if running := current.Load(); running != nil {
		running.stop()
	}
}

// Flush delivers what was measured so far, within two seconds ([WithStopTimeout]): in a function that is frozen between calls, say. What could
// not be delivered by then is kept.
func Flush() {
	if running := current.Load(); running != nil {
		running.flush()
	}
}

func (c *client) flush() {
	if c.host != nil {
		c.host.flush(c.timeout)
		return
	}
	c.native.Flush(milliseconds(c.timeout))
}

func (c *client) stop() {
	if c.stopped.Swap(true) {
		return
	}
	if c.host != nil {
		c.native.Stop(0) // what was recorded becomes payloads, and nothing is recorded from here on
		c.host.stop(c.timeout)
		c.native.Stop(0) // drops what is left, and counts it
		return
	}
	c.native.Stop(milliseconds(c.timeout))
}

// Err says why nothing is measured, or nil. It answers for now: call it when you want to know.
func Err() error {
	if reason := failure.Load(); reason != nil {
		return *reason
	}
	c := current.Load()
	if c == nil {
		return ErrNotStarted
	}
	if c.stopped.Load() {
		return ErrStopped
	}
	if c.off != nil {
		return c.off
	}
	counters := Counters()
	if counters["payloads_delivered"] == 0 && counters["retries"]+counters["payloads_dropped_rejected"] > 0 {
		return fmt.Errorf("datastreams: nothing has reached %s yet, as far as is known: "+
			"%d times there was no agent, %d times it answered with an error, %d times its answer was lost",
			c.native.AgentURL(), counters["agent_unreachable"],
			max(counters["agent_errors"], counters["payloads_dropped_rejected"]), // a redirect is only the latter
			counters["uncertain"])
	}
	if line := notice.First(); line != "" {
		return errors.New(line)
	}
	return nil
}

// Counters returns what was done and what could not be done, every drop by its cause, by the names that the README
// explains. Empty before [Start].
func Counters() map[string]uint64 {
	counters := map[string]uint64{}
	if c := current.Load(); c != nil {
		c.native.Counters(func(name string, value uint64) { counters[name] = value })
	}
	return counters
}

// start makes the client that the options ask for.
func (s *config) start() (*client, error) {
	config := s.native()
	if s.agentless && config.APIKey == "" {
		return nil, errNoKey
	}
	byHost := s.httpClient != nil || s.agentless
	var refusal error
	if !byHost {
		var started *client
		if started, refusal = newClient(config, s.stopTimeout); refusal == nil {
			return started, nil
		}
	}
	config.Delivery = native.DeliveryHost
	started, err := newClient(config, s.stopTimeout)
	if err != nil {
		return nil, err
	}
	url := started.native.AgentURL()
	// The library here has no TLS, and refuses an address that needs it. Go has.
	if !byHost && !strings.HasPrefix(url, "https:") {
		return nil, refusal
	}
	started.host = newHost(started.native, url, s.httpClient)
	return started, nil
}
