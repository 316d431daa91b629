// Package ddtrace measures the data streams of dd-trace-go, by its public calls.
package ddtrace

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"

	"github.com/DataDog/dd-trace-go/v2/datastreams"
	"github.com/DataDog/dd-trace-go/v2/ddtrace/tracer"
)

func TestMain(m *testing.M) {
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/info" {
			fmt.Fprint(w, `{"endpoints": ["/v0.1/pipeline_stats"]}`)
		}
	}))
	os.Setenv("DD_DATA_STREAMS_ENABLED", "true")
	os.Setenv("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")
	os.Setenv("DD_REMOTE_CONFIGURATION_ENABLED", "false")
	// Its hash cache and filter print what they do not hash.
	stdout := os.Stdout
	if err := tracer.Start(tracer.WithService("bench"), tracer.WithEnv("bench"), tracer.WithAgentAddr(agent.Listener.Addr().String()),
		tracer.WithLogStartup(false)); err != nil {
		panic(err)
	}
	os.Stdout = stdout
	if _, ok := tracer.SetDataStreamsCheckpoint(context.Background(), "direction:out", "topic:payments", "type:kafka"); !ok {
		panic("data streams are off")
	}
	code := m.Run()
	tracer.Stop()
	agent.Close()
	os.Exit(code)
}

// carrier holds one header.
type carrier struct{ value string }

func (c *carrier) Set(_, value string) { c.value = value }

func (c *carrier) Get(string) (string, bool) { return c.value, c.value != "" }

func (c *carrier) ForeachKey(handler func(key, value string) error) error {
	return handler("dd-pathway-ctx-base64", c.value)
}

// processor gives a benchmark the processor time of the whole process, as "cpu-ns/op": what other goroutines do for it, and
// the collector, included. To be called before the loop; what it returns, after it.
func processor(b *testing.B) func() {
	used := func() int64 {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			b.Fatal(err)
		}
		return usage.Utime.Nano() + usage.Stime.Nano()
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkCheckpoint is as in ../ours.
func BenchmarkCheckpoint(b *testing.B) {
	b.ReportAllocs()
	ctx, _ := tracer.SetDataStreamsCheckpoint(context.Background(), "direction:out", "topic:payments", "type:kafka")
	done := processor(b)
	for b.Loop() {
		tracer.SetDataStreamsCheckpoint(ctx, "direction:in", "group:billing", "topic:orders", "type:kafka")
	}
	done()
}

func hop(received, sent *carrier) {
	ctx := datastreams.ExtractFromBase64Carrier(context.Background(), received)
	ctx, _ = tracer.SetDataStreamsCheckpoint(ctx, "direction:in", "group:billing", "topic:orders", "type:kafka")
	ctx, _ = tracer.SetDataStreamsCheckpoint(ctx, "direction:out", "topic:payments", "type:kafka")
	datastreams.InjectToBase64Carrier(ctx, sent)
}

func first() *carrier {
	c := &carrier{}
	ctx, _ := tracer.SetDataStreamsCheckpoint(context.Background(), "direction:out", "topic:payments", "type:kafka")
	datastreams.InjectToBase64Carrier(ctx, c)
	return c
}

// BenchmarkHop is as in ../ours.
func BenchmarkHop(b *testing.B) {
	b.ReportAllocs()
	received, sent := first(), &carrier{}
	done := processor(b)
	for b.Loop() {
		hop(received, sent)
	}
	done()
}

// BenchmarkParallelHop is as in ../ours.
func BenchmarkParallelHop(b *testing.B) {
	received := first()
	b.RunParallel(func(pb *testing.PB) {
		sent := &carrier{}
		for pb.Next() {
			hop(received, sent)
		}
	})
}
