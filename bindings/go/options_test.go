//go:build cgo

package datastreams

import (
	"math"
	"net/http"
	"runtime"
	"testing"
	"time"
)

// An address that is given wins over the environment.
func TestAddresses(t *testing.T) {
	quiet(t)
	t.Cleanup(reset)
	t.Setenv("DD_TRACE_AGENT_URL", "http://other:1")
	t.Setenv("DD_AGENT_HOST", "other")
	t.Setenv("DD_TRACE_AGENT_PORT", "1")
	for addr, want := range map[string]string{
		"agent:8127":         "http://agent:8127",
		"agent":              "http://agent:8126",
		":8127":              "http://localhost:8127",
		"::1":                "http://[::1]:8126",
		"[::1]":              "http://[::1]:8126",
		"[::1]:8127":         "http://[::1]:8127",
		"http://agent:8127/": "http://agent:8127",
		"unix:///agent":      "unix:///agent",
	} {
		Start(WithAgentAddr(addr))
		if Err() != nil {
			t.Errorf("%s: %v", addr, Err())
		} else if got := current.Load().native.AgentURL(); got != want {
			t.Errorf("%s: %s, not %s", addr, got, want)
		}
	}
}

// A key that is missing must not send payloads to an agent that nobody asked for.
func TestAgentlessTakesAKey(t *testing.T) {
	quiet(t)
	t.Cleanup(reset)
	for _, key := range []string{"", " "} {
		Start(WithAgentless(key))
		if Err() != errNoKey {
			t.Errorf("%q: %v", key, Err())
		}
	}
	t.Setenv("DD_API_KEY", "k3y")
	t.Setenv("DD_AGENT_HOST", "agent")
	fake := &transport{answer: accepted}
	Start(WithAgentAddr("agent:8126"), WithAgentless(""), WithHTTPClient(&http.Client{Transport: fake}), WithStopTimeout(10*time.Second))
	NewPathway("type:kafka")
	Stop()
	if fake.count() != 1 {
		t.Fatalf("%d posts, %v, %v", fake.count(), Err(), Counters())
	}
	if request := fake.requests[0]; request.URL.Host != "trace.agent.datadoghq.com" || request.Header.Get("DD-API-KEY") != "k3y" {
		t.Errorf("%s, key %q", request.URL, request.Header.Get("DD-API-KEY"))
	}
}

func TestTimeoutsAreRoundedUpAndCutOff(t *testing.T) {
	for given, want := range map[time.Duration]uint32{
		1: 1, time.Microsecond: 1, time.Millisecond: 1, time.Millisecond + 1: 2, 2 * time.Second: 2000,
		math.MaxUint32*time.Millisecond + 1: math.MaxUint32, math.MaxInt64: math.MaxUint32,
	} {
		if got := milliseconds(given); got != want {
			t.Errorf("%v: %d, not %d", given, got, want)
		}
	}
}

func TestOptionsReachTheLibrary(t *testing.T) {
	var settings config
	for _, opt := range []StartOption{
		WithService("s"), WithEnv("e"), WithVersion("v"), WithPrimaryTag("p"), WithDogstatsdAddress("host:8125"),
		WithMemoryLimit(1), WithRetryLimit(2), WithEnabled(true), WithStopTimeout(time.Second),
	} {
		opt(&settings)
	}
	got := settings.native()
	if got.Service != "s" || got.Env != "e" || got.Version != "v" || got.PrimaryTag != "p" || got.DogstatsdURL != "udp://host:8125" ||
		got.MemoryLimit != 1 || got.RetryLimit != 2 || got.Enabled != 1 || got.LanguageVersion != runtime.Version() {
		t.Errorf("%+v", got)
	}
	quiet(t)
	t.Cleanup(reset)
	Start(WithStopTimeout(time.Second), WithAgentAddr("127.0.0.1:9"))
	if got := current.Load().timeout; got != time.Second {
		t.Errorf("%v", got)
	}
}
