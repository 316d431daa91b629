// Package agenttest is an agent for tests: it takes what the library posts over HTTP, and adds it up by edge and by queue.
package agenttest

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// The service and environment of [Start].
const (
	Service = "checkout"
	Env     = "test"
)

// Agent listens on 127.0.0.1 and takes payloads. Any goroutine may use it.
type Agent struct {
	server *httptest.Server

	mutex    sync.Mutex
	edges    map[edgeKey]*Edge
	backlogs map[string]int64
	lines    []string // of the library's logger
	failed   []error
}

// New starts an agent that stops with the test, and nothing else.
func New(t testing.TB) *Agent {
	t.Helper()
	a := &Agent{edges: map[edgeKey]*Edge{}, backlogs: map[string]int64{}}
	a.server = httptest.NewServer(http.HandlerFunc(a.handle))
	t.Cleanup(func() {
		a.server.Close()
		for _, err := range a.failures() {
			t.Errorf("a payload that cannot be read: %v", err)
		}
	})
	return a
}

// Start starts an agent, and measuring to it as [Service] in [Env]. Both stop with the test. Only one test of a process
// measures at a time.
func Start(t testing.TB, opts ...datastreams.StartOption) *Agent {
	t.Helper()
	for _, name := range []string{"DD_PRIMARY_TAG", "DD_DATA_STREAMS_ENABLED", "DD_DOGSTATSD_URL", "DD_TAGS"} {
		t.Setenv(name, "")
	}
	a := New(t)
	opts = append([]datastreams.StartOption{
		datastreams.WithAgentAddr(a.URL()), datastreams.WithService(Service), datastreams.WithEnv(Env), datastreams.WithLogger(a.log),
		datastreams.WithStopTimeout(10 * time.Second),
	}, opts...)
	datastreams.Start(opts...)
	t.Cleanup(datastreams.Stop)
	if err := datastreams.Err(); err != nil {
		t.Fatal(err)
	}
	return a
}

// URL is where the agent listens.
func (a *Agent) URL() string { return a.server.URL }

// Edges returns what was reported so far, sorted by tags and hash: flush first, or use [Agent.Flushed].
func (a *Agent) Edges() []Edge {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	edges := make([]Edge, 0, len(a.edges))
	for _, edge := range a.edges {
		edges = append(edges, *edge)
	}
	slices.SortFunc(edges, func(a, b Edge) int {
		if a.Tags != b.Tags {
			return strings.Compare(a.Tags, b.Tags)
		}
		if a.Hash < b.Hash {
			return -1
		}
		return 1
	})
	return edges
}

// Flushed has the library deliver, and returns [Agent.Edges].
func (a *Agent) Flushed() []Edge {
	datastreams.Flush()
	return a.Edges()
}

// Find returns all that was reported of the edge with these tags, one for each parent.
func (a *Agent) Find(tags ...string) []Edge {
	var found []Edge
	for _, edge := range a.Edges() {
		if edge.Tags == Tags(tags...) {
			found = append(found, edge)
		}
	}
	return found
}

// One returns the edge with these tags. It fails the test unless there is exactly one, with one parent.
func (a *Agent) One(t testing.TB, tags ...string) Edge {
	t.Helper()
	found := a.Find(tags...)
	if len(found) != 1 {
		t.Fatalf("%d edges [%s] were reported, not 1: all are %v", len(found), Tags(tags...), a.Edges())
	}
	return found[0]
}

// Backlogs returns the highest offset of each backlog, by its sorted tags joined by commas.
func (a *Agent) Backlogs() map[string]int64 {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	backlogs := make(map[string]int64, len(a.backlogs))
	for tags, value := range a.backlogs {
		backlogs[tags] = value
	}
	return backlogs
}

// Backlog returns the highest offset of the backlog with these tags, -1 when there is none.
func (a *Agent) Backlog(tags ...string) int64 {
	if value, ok := a.Backlogs()[Tags(tags...)]; ok {
		return value
	}
	return -1
}

// Lines returns what the library and the integrations logged.
func (a *Agent) Lines() []string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return slices.Clone(a.lines)
}

func (a *Agent) log(line string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.lines = append(a.lines, line)
}

func (a *Agent) failures() []error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.failed
}

func (a *Agent) handle(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/v0.1/pipeline_stats":
	case "/info": // what tracers ask before they send
		_, _ = io.WriteString(w, `{"endpoints": ["/v0.1/pipeline_stats"]}`)
		return
	default:
		http.NotFound(w, r)
		return
	}
	if err := a.take(r.Body); err != nil {
		a.mutex.Lock()
		a.failed = append(a.failed, err)
		a.mutex.Unlock()
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (a *Agent) take(body io.Reader) error {
	unzipped, err := gzip.NewReader(body)
	if err != nil {
		return err
	}
	var posted payload
	if err := msgpack.NewDecoder(unzipped).Decode(&posted); err != nil {
		return err
	}
	if posted.Lang != "go" && posted.Lang != "python" {
		return fmt.Errorf("a payload in the language %q", posted.Lang)
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for i := range posted.Stats {
		if err := a.add(&posted, &posted.Stats[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *Agent) add(posted *payload, b *bucket) error {
	for i := range b.Stats {
		p := &b.Stats[i]
		key := edgeKey{posted.Service, Tags(p.EdgeTags...), p.ParentHash, p.Hash}
		edge := a.edges[key]
		if edge == nil {
			edge = &Edge{Service: posted.Service, Env: posted.Env, Tags: key.tags, Parent: p.ParentHash, Hash: p.Hash}
			a.edges[key] = edge
		}
		if err := edge.add(p); err != nil {
			return err
		}
	}
	for _, one := range b.Backlogs {
		tags := Tags(one.Tags...)
		if known, ok := a.backlogs[tags]; !ok || one.Value > known {
			a.backlogs[tags] = one.Value
		}
	}
	return nil
}
