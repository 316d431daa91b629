//go:build cgo

package datastreams

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/datastreams/datastreams/bindings/go/internal/notice"
)

// transport answers in place of a server.
type transport struct {
	mutex    sync.Mutex
	requests []*http.Request
	answer   func(nth int, request *http.Request) (int, error)
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.requests = append(t.requests, request)
	status, err := t.answer(len(t.requests), request)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("{}")), Request: request}, nil
}

func (t *transport) count() int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return len(t.requests)
}

func accepted(int, *http.Request) (int, error) { return http.StatusAccepted, nil }

func TestDeliveryThroughTheProgramsClient(t *testing.T) {
	client := &http.Client{}
	a := start(t, WithHTTPClient(client))
	eventually(t, "one goroutine runs", func() bool { return goroutines() == 1 })
	NewPathway("direction:out", "topic:orders", "type:kafka")
	Flush()
	NewPathway("direction:out", "topic:orders", "type:kafka")
	Stop()
	posts := a.taken()
	if len(posts) != 2 {
		t.Fatalf("%d payloads", len(posts))
	}
	post := posts[0]
	for name, want := range map[string]string{
		"Content-Type": "application/msgpack", "Content-Encoding": "gzip", "Datadog-Meta-Lang": "go",
	} {
		if got := post.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if post.Method != http.MethodPost || post.URL.Path != "/v0.1/pipeline_stats" {
		t.Errorf("%s %s", post.Method, post.URL)
	}
	if counters := Counters(); counters["messages_delivered"] != 2 || counters["messages_dropped_stop"] != 0 {
		t.Errorf("%v", counters)
	}
	eventually(t, "no goroutine", func() bool { return goroutines() == 0 })
}

func TestNoGoroutineOtherwise(t *testing.T) {
	start(t)
	NewPathway("direction:out", "topic:orders", "type:kafka")
	if goroutines() != 0 {
		t.Errorf("%d goroutines", goroutines())
	}
}

func TestAgentless(t *testing.T) {
	quiet(t)
	t.Cleanup(reset)
	for site, want := range map[string]string{"": "trace.agent.datadoghq.com", "datadoghq.eu": "trace.agent.datadoghq.eu"} {
		fake := &transport{answer: accepted}
		Start(WithAgentless("k3y"), WithSite(site), WithHTTPClient(&http.Client{Transport: fake}), WithStopTimeout(10*time.Second))
		NewPathway("type:kafka")
		Stop()
		if fake.count() != 1 {
			t.Fatalf("%d posts, %v", fake.count(), Counters())
		}
		request := fake.requests[0]
		if got := request.URL.String(); got != "https://"+want+"/api/v0.1/pipeline_stats" || request.Header.Get("DD-API-KEY") != "k3y" {
			t.Errorf("%s, key %q", got, request.Header.Get("DD-API-KEY"))
		}
	}
}

// The library that is linked has no TLS: an agent behind https is for net/http.
func TestHTTPSIsForGo(t *testing.T) {
	quiet(t)
	t.Cleanup(reset)
	Start(WithAgentAddr("https://127.0.0.1:9"), WithStopTimeout(10*time.Second))
	if Err() != nil {
		t.Fatal(Err())
	}
	if current.Load().host == nil {
		t.Skip("the library that is linked has TLS") // that of a system, with datastreams_dynamic
	}
	NewPathway("type:kafka")
	Flush()
	if counters := Counters(); counters["agent_unreachable"] == 0 {
		t.Errorf("%v", counters)
	}
}

func TestWhatIsNotDeliveredIsKept(t *testing.T) {
	refused, lost := errors.New("connection refused"), errors.New("connection reset")
	fake := &transport{answer: func(nth int, request *http.Request) (int, error) {
		switch nth {
		case 1:
			return 0, refused
		case 2:
			httptrace.ContextClientTrace(request.Context()).WroteHeaders()
			return 0, lost
		case 3:
			return http.StatusServiceUnavailable, nil
		}
		return http.StatusOK, nil
	}}
	start(t, WithHTTPClient(&http.Client{Transport: fake}))
	NewPathway("type:kafka")
	for fake.count() < 4 {
		before := fake.count()
		Flush() // tries at once what waits
		if fake.count() == before {
			t.Fatalf("nothing was tried again; %v", Counters())
		}
	}
	counters := Counters()
	for name, want := range map[string]uint64{
		"messages_delivered": 1, "retries": 3, "uncertain": 1, "agent_unreachable": 1, "agent_errors": 1, "payloads_delivered": 1,
	} {
		if counters[name] != want {
			t.Errorf("%s is %d, not %d", name, counters[name], want)
		}
	}
}

func TestStopEndsAPostThatHangs(t *testing.T) {
	release := make(chan struct{})
	fake := &transport{answer: func(_ int, request *http.Request) (int, error) {
		select {
		case <-request.Context().Done():
			return 0, request.Context().Err()
		case <-release:
			return http.StatusOK, nil
		}
	}}
	defer close(release)
	start(t, WithHTTPClient(&http.Client{Transport: fake}), WithStopTimeout(300*time.Millisecond))
	NewPathway("type:kafka")
	began := time.Now()
	Stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	eventually(t, "the goroutine ends", func() bool { return goroutines() == 0 })
	if counters := Counters(); counters["messages_dropped_stop"] != 1 {
		t.Errorf("%v", counters)
	}
}

func TestAClientThatPanics(t *testing.T) {
	fake := &transport{answer: func(nth int, _ *http.Request) (int, error) {
		if nth == 1 {
			panic("broken transport")
		}
		return http.StatusAccepted, nil
	}}
	start(t, WithHTTPClient(&http.Client{Transport: fake}))
	NewPathway("type:kafka")
	Flush()
	if err := Err(); err == nil || !strings.Contains(err.Error(), "nothing has reached") {
		t.Errorf("%v", err)
	}
	Flush()
	if err := Err(); err == nil || !strings.Contains(err.Error(), "broken transport") {
		t.Errorf("%v", err)
	}
	if counters := Counters(); counters["messages_delivered"] != 1 || counters["agent_unreachable"] != 1 {
		t.Errorf("%v", counters)
	}
}

// A transport of a test ends the goroutine that calls it when the test fails. Delivery goes on in another one.
func TestAClientThatEndsItsGoroutine(t *testing.T) {
	fake := &transport{answer: func(nth int, _ *http.Request) (int, error) {
		if nth == 1 {
			runtime.Goexit()
		}
		return http.StatusAccepted, nil
	}}
	start(t, WithHTTPClient(&http.Client{Transport: fake}))
	NewPathway("type:kafka")
	Flush()
	Flush()
	if counters := Counters(); counters["messages_delivered"] != 1 {
		t.Errorf("%v", counters)
	}
	// The new one may deliver while the old one is still on its way out.
	eventually(t, "one goroutine is left", func() bool { return goroutines() == 1 })
	if err := Err(); err == nil || !strings.Contains(err.Error(), "ended the goroutine") {
		t.Errorf("%v", err)
	}
	Stop()
	eventually(t, "no goroutine", func() bool { return goroutines() == 0 })
}

// Statuses that no server sends must not leave a payload in nobody's hands.
func TestStatusesThatAreNone(t *testing.T) {
	for _, status := range []int{-7, 0, 99, 1000, 1<<32 + 200} {
		fake := &transport{answer: func(nth int, _ *http.Request) (int, error) {
			if nth == 1 {
				return status, nil
			}
			return http.StatusAccepted, nil
		}}
		start(t, WithHTTPClient(&http.Client{Transport: fake}))
		NewPathway("type:kafka")
		Flush()
		Flush()
		counters := Counters()
		if counters["messages_delivered"] != 1 || counters["uncertain"] != 1 || counters["invalid_arguments"] != 0 || fake.count() != 2 {
			t.Errorf("%d: %d posts, %v", status, fake.count(), counters)
		}
	}
}

// A redirect loses the payload (302), or takes it and the API key to another host (307): it is an error.
func TestRedirectsAreErrors(t *testing.T) {
	elsewhere := &transport{answer: accepted}
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
		for name, client := range map[string]*http.Client{
			"without CheckRedirect": {},
			"follows":               {CheckRedirect: func(*http.Request, []*http.Request) error { return nil }},
		} {
			client.Transport = roundTrip(func(request *http.Request) (*http.Response, error) {
				if request.URL.Host == "elsewhere" {
					return elsewhere.RoundTrip(request)
				}
				return &http.Response{
					StatusCode: status, Body: http.NoBody, Request: request, Header: http.Header{"Location": {"http://elsewhere/"}},
				}, nil
			})
			before := elsewhere.count()
			start(t, WithHTTPClient(client))
			NewPathway("type:kafka")
			Flush()
			delivered := uint64(0)
			if name == "follows" && status == http.StatusTemporaryRedirect {
				delivered = 1 // as the client wants it
			}
			if counters := Counters(); counters["messages_delivered"] != delivered || counters["messages_dropped_rejected"] != 1-delivered {
				t.Errorf("%d, %s: %v", status, name, counters)
			}
			if err := Err(); delivered == 0 && (err == nil || !strings.Contains(err.Error(), "1 times it answered with an error")) {
				t.Errorf("%v", err)
			}
			if got := elsewhere.count() - before; name != "follows" && got != 0 {
				t.Errorf("%d, %s: %d requests to another host", status, name, got)
			}
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func TestAUnixSocketThroughTheProgramsClient(t *testing.T) {
	quiet(t)
	t.Cleanup(reset)
	path := filepath.Join(t.TempDir(), "apm.socket")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	for name, transport := range map[string]http.RoundTripper{"none": nil, "the default": http.DefaultTransport} {
		Start(WithAgentAddr("unix://"+path), WithHTTPClient(&http.Client{Transport: transport}), WithStopTimeout(10*time.Second))
		NewPathway("type:kafka")
		Stop()
		if counters := Counters(); counters["messages_delivered"] != 1 {
			t.Errorf("%s: %v", name, counters)
		}
	}
}

// What a program puts in place of http.DefaultTransport, such as a tracer or a mock, does not see the posts.
func TestTheDefaultTransportIsTheProgramsOwn(t *testing.T) {
	quiet(t)
	t.Cleanup(reset)
	fake := &transport{answer: accepted}
	original := http.DefaultTransport
	http.DefaultTransport = fake
	t.Cleanup(func() { http.DefaultTransport = original })
	Start(WithAgentAddr("https://127.0.0.1:9"))
	NewPathway("type:kafka")
	Stop()
	if fake.count() != 0 || Counters()["messages_dropped_stop"] != 1 {
		t.Errorf("%d posts, %v", fake.count(), Counters())
	}
}

func TestALoggerThatPanics(t *testing.T) {
	lines := make(chan string, 100)
	quiet(t)
	t.Cleanup(reset)
	Start(WithAgentAddr("127.0.0.1:9"), WithLogger(func(line string) {
		lines <- line
		panic(line)
	}))
	NewPathway("type:kafka")
	Flush() // from the library's thread
	notice.Say("from an integration")
	eventually(t, "two lines", func() bool { return len(lines) >= 2 })
}
