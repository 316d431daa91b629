// Package ancestor measures data-streams-go, from a checkout that ../run is told of: the module proxy does not serve it
// everywhere.
package ancestor

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"

	"github.com/DataDog/data-streams-go/datastreams"
)

func TestMain(m *testing.M) {
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/info" {
			fmt.Fprint(w, `{"endpoints": ["/v0.1/pipeline_stats"]}`)
		}
	}))
	stdout := os.Stdout
	os.Stdout, _ = os.Open(os.DevNull) // it prints
	datastreams.Start(datastreams.WithService("bench"), datastreams.WithEnv("bench"), datastreams.WithAgentAddr(agent.Listener.Addr().String()))
	os.Stdout = stdout
	code := m.Run()
	datastreams.Stop()
	agent.Close()
	os.Exit(code)
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

// BenchmarkCheckpoint is as in ../../ours.
func BenchmarkCheckpoint(b *testing.B) {
	b.ReportAllocs()
	_, ctx := datastreams.SetCheckpoint(context.Background(), "direction:out", "topic:payments", "type:kafka")
	done := processor(b)
	for b.Loop() {
		datastreams.SetCheckpoint(ctx, "direction:in", "group:billing", "topic:orders", "type:kafka")
	}
	done()
}

// BenchmarkHop is as in ../../ours.
func BenchmarkHop(b *testing.B) {
	b.ReportAllocs()
	p, _ := datastreams.SetCheckpoint(context.Background(), "direction:out", "topic:payments", "type:kafka")
	header := p.Encode()
	done := processor(b)
	for b.Loop() {
		hop(header)
	}
	done()
}

func hop(header []byte) []byte {
	p, err := datastreams.Decode(header)
	if err != nil {
		panic(err)
	}
	ctx := datastreams.ContextWithPathway(context.Background(), p)
	_, ctx = datastreams.SetCheckpoint(ctx, "direction:in", "group:billing", "topic:orders", "type:kafka")
	p, _ = datastreams.SetCheckpoint(ctx, "direction:out", "topic:payments", "type:kafka")
	return p.Encode()
}

// BenchmarkParallelHop is as in ../../ours.
func BenchmarkParallelHop(b *testing.B) {
	p, _ := datastreams.SetCheckpoint(context.Background(), "direction:out", "topic:payments", "type:kafka")
	header := p.Encode()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			hop(header)
		}
	})
}
