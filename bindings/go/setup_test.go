package datastreams

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Examples stop without an agent, and need not try for long.
func TestMain(m *testing.M) {
	stopTimeout = 200 * time.Millisecond
	os.Exit(m.Run())
}

// agent takes posts and keeps them. What is in payloads is for the tests in the module below test.
type agent struct {
	*httptest.Server
	mutex  sync.Mutex
	posts  []*http.Request
	bodies [][]byte
	status int
}

func newAgent(t testing.TB) *agent {
	t.Helper()
	a := &agent{status: http.StatusAccepted}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Errorf("not gzip: %v", err)
			return
		}
		body, err := io.ReadAll(unzipped)
		if err != nil {
			t.Errorf("not gzip: %v", err)
		}
		a.mutex.Lock()
		a.posts = append(a.posts, r)
		a.bodies = append(a.bodies, body)
		status := a.status
		a.mutex.Unlock()
		if status == 0 {
			panic(http.ErrAbortHandler) // no answer
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(a.Close)
	return a
}

// answer says what posts get from now on. 0: none.
func (a *agent) answer(status int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.status = status
}

func (a *agent) taken() []*http.Request {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.posts
}

// payloads are the bodies, unzipped.
func (a *agent) payloads() [][]byte {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.bodies
}

// quiet takes the environment's settings away.
func quiet(t testing.TB) {
	t.Helper()
	for _, name := range []string{"DD_SERVICE", "DD_ENV", "DD_TAGS", "DD_PRIMARY_TAG", "DD_DATA_STREAMS_ENABLED", "DD_TRACE_AGENT_URL",
		"DD_AGENT_HOST", "DD_TRACE_AGENT_PORT", "DD_SITE", "DD_API_KEY", "DD_DOGSTATSD_URL"} {
		t.Setenv(name, "")
	}
}

// reset is as before the first Start.
func reset() {
	Stop()
	current.Store(nil)
	failure.Store(nil)
}

// start starts measuring to an agent for the test.
func start(t testing.TB, opts ...StartOption) *agent {
	t.Helper()
	quiet(t)
	a := newAgent(t)
	Start(append([]StartOption{WithAgentAddr(a.Listener.Addr().String()), WithService("service"), WithEnv("env"), WithStopTimeout(10 * time.Second)}, opts...)...)
	t.Cleanup(reset)
	if err := Err(); err != nil {
		t.Fatal(err)
	}
	return a
}

// eventually waits for what another thread does.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: not within ten seconds; %v", what, Counters())
}

// goroutines counts those of this package: the stack of each that runs names it.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return strings.Count(string(stacks), "datastreams/bindings/go.(*host).run(")
}
