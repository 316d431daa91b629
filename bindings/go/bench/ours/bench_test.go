// Package ours measures this project's Go package. The names are those of the other directories: ../run compares.
package ours

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

var (
	in  = []string{"direction:in", "group:billing", "topic:orders", "type:kafka"}
	out = []string{"direction:out", "topic:payments", "type:kafka"}

	inEdge  = datastreams.NewEdge(in...)
	outEdge = datastreams.NewEdge(out...)
)

func TestMain(m *testing.M) {
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	datastreams.Start(datastreams.WithService("bench"), datastreams.WithEnv("bench"), datastreams.WithAgentAddr(agent.Listener.Addr().String()))
	if err := datastreams.Err(); err != nil {
		panic(err)
	}
	code := m.Run()
	datastreams.Stop()
	// What was timed was recorded.
	if counters := datastreams.Counters(); counters["checkpoints"] == 0 || counters["checkpoints"] != counters["messages_delivered"] ||
		counters["cut_memory"]+counters["invalid_arguments"] != 0 {
		panic("not everything was recorded")
	}
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

// BenchmarkCheckpoint: one call of SetCheckpoint with a context.
func BenchmarkCheckpoint(b *testing.B) {
	b.ReportAllocs()
	_, ctx := datastreams.SetCheckpoint(context.Background(), out...)
	done := processor(b)
	for b.Loop() {
		datastreams.SetCheckpoint(ctx, "direction:in", "group:billing", "topic:orders", "type:kafka")
	}
	done()
}

// BenchmarkHop: decode a header, a checkpoint in, one out, encode, through data-streams-go's own calls.
func BenchmarkHop(b *testing.B) {
	b.ReportAllocs()
	p, _ := datastreams.SetCheckpoint(context.Background(), out...)
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

// BenchmarkEdgeHop: the same with interned edges, and pathways as values.
func BenchmarkEdgeHop(b *testing.B) {
	b.ReportAllocs()
	_, header := outEdge.Produce(datastreams.Pathway{}, 100, nil)
	buffer := make([]byte, 0, 64)
	done := processor(b)
	for b.Loop() {
		p := inEdge.Consume(header, 100)
		_, buffer = outEdge.Produce(p, 100, buffer[:0])
	}
	done()
}

// BenchmarkParallelHop and BenchmarkParallelEdgeHop: on all processors at once.
func BenchmarkParallelHop(b *testing.B) {
	p, _ := datastreams.SetCheckpoint(context.Background(), out...)
	header := p.Encode()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			hop(header)
		}
	})
}

func BenchmarkParallelEdgeHop(b *testing.B) {
	_, header := outEdge.Produce(datastreams.Pathway{}, 100, nil)
	b.RunParallel(func(pb *testing.PB) {
		buffer := make([]byte, 0, 64)
		for pb.Next() {
			p := inEdge.Consume(header, 100)
			_, buffer = outEdge.Produce(p, 100, buffer[:0])
		}
	})
}
