//go:build cgo

package datastreams

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestNothingIsMeasuredBeforeStart(t *testing.T) {
	reset()
	if Err() != ErrNotStarted || len(Counters()) != 0 {
		t.Errorf("%v, %v", Err(), Counters())
	}
	Flush()
	Stop()
	TrackKafkaProduce("orders", 0, 1)
	TrackTransaction("id", "sent")
	p, ctx := SetCheckpoint(context.Background(), "direction:out", "type:kafka")
	if _, ok := PathwayFromContext(ctx); ok || !p.IsZero() || p.EncodeStr() != "" || p.Encode() != nil {
		t.Errorf("a pathway out of nothing: %v", p)
	}
	if p := NewPathway("type:kafka"); !p.IsZero() {
		t.Errorf("a pathway out of nothing: %v", p)
	}
	if _, ok := SetDataStreamsCheckpoint(context.Background(), "type:kafka"); ok {
		t.Error("it says that something is measured")
	}

	// What is received passes through all the same.
	start(t)
	header := NewPathway("direction:out", "type:kafka").EncodeStr()
	reset()
	edge := NewEdge("direction:in", "type:kafka")
	received := edge.Consume([]byte(header), 10)
	if after, sent := edge.Produce(received, 10, nil); after != received || string(sent) != header {
		t.Errorf("%q became %q", header, sent)
	}
	if received.SetCheckpoint("type:kafka") != received || edge.Checkpoint(received, 0) != received {
		t.Error("the pathway changed")
	}
}

func TestStopDeliversAndMayBeRepeated(t *testing.T) {
	a := start(t)
	p := NewPathway("direction:out", "topic:orders", "type:kafka")
	Stop()
	Stop()
	if len(a.taken()) != 1 || Err() != ErrStopped {
		t.Fatalf("%d payloads, %v", len(a.taken()), Err())
	}
	counters := Counters()
	if counters["checkpoints"] != 1 || counters["messages_delivered"] != 1 || counters["passed_through"] != 0 {
		t.Errorf("%v", counters)
	}
	// Whatever is called now does nothing, and is counted.
	_, ctx := SetCheckpoint(ContextWithPathway(context.Background(), p), "direction:in", "type:kafka")
	if after, ok := PathwayFromContext(ctx); !ok || after != p {
		t.Errorf("%v became %v", p, after)
	}
	edge := NewEdge("direction:in", "type:kafka")
	for name, call := range map[string]func() Pathway{
		"SetCheckpoint":           func() Pathway { return p.SetCheckpoint("direction:in", "type:kafka") },
		"Edge.Checkpoint":         func() Pathway { return edge.Checkpoint(p, 1) },
		"Edge.Consume":            func() Pathway { return edge.Consume(p.Encode(), 1) },
		"Edge.Produce":            func() Pathway { after, _ := edge.Produce(p, 1, nil); return after },
		"TrackKafkaProduce":       func() Pathway { TrackKafkaProduce("orders", 0, 1); return p },
		"TrackKafkaCommitOffset":  func() Pathway { TrackKafkaCommitOffset("group", "orders", 0, 1); return p },
		"TrackKafkaHighWatermark": func() Pathway { TrackKafkaHighWatermarkOffset("", "orders", 0, 1); return p },
		"TrackTransaction":        func() Pathway { TrackTransaction("id", "sent"); return p },
	} {
		before := Counters()["passed_through"]
		if after := call(); after.EncodeStr() != p.EncodeStr() {
			t.Errorf("%s: %v became %v", name, p, after)
		}
		if Counters()["passed_through"] != before+1 {
			t.Errorf("%s is not counted", name)
		}
	}
	Flush()
	if Counters()["checkpoints"] != 1 || len(a.taken()) != 1 {
		t.Errorf("%v", Counters())
	}
}

// Whatever goes wrong: standard output and error are the program's.
func TestNothingIsPrinted(t *testing.T) {
	if os.Getenv("DATASTREAMS_PRINTS") == "" {
		command := exec.Command(os.Args[0], "-test.run", "^TestNothingIsPrinted$")
		command.Env = append(os.Environ(), "DATASTREAMS_PRINTS=no")
		if out, err := command.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	for _, addr := range []string{"http://user@host", "unix:///nowhere/socket", "127.0.0.1:9"} {
		for _, option := range []StartOption{WithEnv("test"), WithHTTPClient(http.DefaultClient), WithEnabled(false)} {
			Start(WithAgentAddr(addr), WithStopTimeout(50*time.Millisecond), option)
			p, ctx := SetCheckpoint(context.Background(), "type:kafka")
			SetCheckpoint(ctx, "", strings.Repeat("x", 20000))
			_, _ = Decode([]byte("no header"))
			NewEdge("\xff").Consume(nil, -1)
			TrackKafkaCommitOffset("group", "orders", -1, -1)
			TrackTransaction(strings.Repeat("x", 1000), "sent")
			_ = Merge([]Pathway{p, {}})
			Flush()
			_ = Err()
			Stop()
		}
	}
	os.Exit(0)
}

func TestStartAgainReplaces(t *testing.T) {
	first := start(t)
	edge := NewEdge("direction:out", "topic:orders", "type:kafka")
	one := edge.Checkpoint(Pathway{}, 1)
	second := start(t, WithService("another"))
	other := edge.Checkpoint(Pathway{}, 1)
	Stop()
	if len(first.taken()) != 1 || len(second.taken()) != 1 {
		t.Errorf("%d payloads, %d payloads", len(first.taken()), len(second.taken()))
	}
	if one.GetHash() == other.GetHash() {
		t.Error("an edge of the first client went into the second")
	}
	if !strings.Contains(string(second.payloads()[0]), "another") || strings.Contains(string(first.payloads()[0]), "another") {
		t.Error("payloads went to the wrong agent")
	}
}

// With -race too: a program may start again, or stop, while its goroutines handle messages. Every message is on the pathway
// that it should be on, and counted by one of the clients.
func TestStartAndStopAmongMessages(t *testing.T) {
	a := start(t)
	const turns = 12
	end := make(chan struct{})
	in, out := []string{"direction:in", "type:kafka"}, NewEdge("direction:out", "topic:payments", "type:kafka")
	received, _ := header(t)
	receivedIn := received.SetCheckpoint(in...)
	// What each hash becomes at the next edge, unless a client that is stopped or switched off lets it pass.
	afterIn := map[uint64]uint64{received.GetHash(): receivedIn.GetHash()}
	afterOut := map[uint64]uint64{
		received.GetHash(): out.Checkpoint(received, 1).GetHash(), receivedIn.GetHash(): out.Checkpoint(receivedIn, 1).GetHash(),
	}
	var wait sync.WaitGroup
	var calls, recorded atomic.Uint64
	calls.Add(3)
	for range 3 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			step := func(before, after Pathway, hashes map[uint64]uint64) {
				calls.Add(1)
				if after == before {
					return
				}
				if recorded.Add(1); after.GetHash() != hashes[before.GetHash()] || after.PathwayStart() != before.PathwayStart() {
					t.Errorf("%v became %v", before, after)
				}
			}
			for {
				select {
				case <-end:
					return
				default:
				}
				first, ctx := SetCheckpoint(ContextWithPathway(context.Background(), received), in...)
				step(received, first, afterIn)
				second, _ := out.SetCheckpoint(ctx, 1)
				step(first, second, afterOut)
				if got, _ := PathwayFromContext(ctx); got != first {
					t.Errorf("the context of %v carries %v", first, got)
				}
				_, _ = Counters(), out.Err()
			}
		}()
	}
	clients := []*client{current.Load()}
	for i := range turns {
		opts := []StartOption{WithAgentAddr(a.Listener.Addr().String()), WithService("service"), WithEnv("env"), WithEnabled(i%4 != 0),
			WithStopTimeout(10 * time.Second)} // what waits may be starved by the messages
		if i%3 == 0 {
			opts = append(opts, WithHTTPClient(a.Client()))
		}
		Start(opts...)
		clients = append(clients, current.Load())
		// Edges get other numbers in each client.
		for n := range i {
			NewEdge("number", strconv.Itoa(n)).Err()
		}
		until := recorded.Load() + 50
		eventually(t, "messages", func() bool { return i%4 == 0 || recorded.Load() >= until })
		wait.Add(1)
		go func() {
			defer wait.Done()
			Flush()
		}()
		if i%2 == 0 { // else the next Start does it
			var stops sync.WaitGroup
			stops.Add(2)
			for range 2 {
				go func() {
					defer stops.Done()
					Stop()
				}()
			}
			stops.Wait()
		}
	}
	close(end)
	wait.Wait()
	Stop()
	if slices.Contains(clients, nil) || recorded.Load() < 50*turns/2 {
		t.Fatalf("%d clients, %d checkpoints", len(clients), recorded.Load())
	}
	counted := map[string]uint64{}
	for _, c := range clients {
		c.native.Counters(func(name string, value uint64) { counted[name] += value })
		if !c.stopped.Load() {
			t.Error("a client was never stopped")
		}
	}
	if counted["checkpoints"]+counted["passed_through"]+counted["cut_busy"] != calls.Load() || counted["invalid_arguments"] != 0 {
		t.Errorf("%d calls: %v", calls.Load(), counted)
	}
	if counted["messages_delivered"] != counted["checkpoints"] {
		t.Errorf("not all were delivered: %v", counted)
	}
}

// However many start at once, one client is left, and Stop ends it.
func TestStartsAtOnce(t *testing.T) {
	a := start(t)
	for range 20 {
		var wait sync.WaitGroup
		for range 4 {
			wait.Add(1)
			go func() {
				defer wait.Done()
				Start(WithAgentAddr(a.Listener.Addr().String()), WithHTTPClient(a.Client()))
			}()
		}
		wait.Wait()
		eventually(t, "one client delivers", func() bool { return goroutines() == 1 })
	}
	Stop()
	eventually(t, "no client delivers", func() bool { return goroutines() == 0 })
}

func TestErrSaysWhatIsWrong(t *testing.T) {
	quiet(t)
	t.Cleanup(reset)
	for addr, want := range map[string]string{
		"http://user@host": "agent_url",
		"ftp://host":       "http://, https:// or unix://",
		"host:99999":       "port",
	} {
		Start(WithAgentAddr(addr))
		if err := Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", addr, err)
		}
	}

	Start(WithEnabled(false), WithAgentAddr("127.0.0.1:9"))
	if err := Err(); err == nil || !strings.Contains(err.Error(), "WithEnabled") {
		t.Errorf("%v", err)
	}
	if _, ok := SetDataStreamsCheckpoint(context.Background(), "type:kafka"); ok {
		t.Error("it says that something is measured")
	}
	for _, text := range []string{"true", " 1 ", "false", "0", " False "} {
		t.Setenv("DD_DATA_STREAMS_ENABLED", text)
		Start(WithAgentAddr("127.0.0.1:9"))
		off := len(strings.TrimSpace(text)) == 5 || text == "0"
		if err := Err(); (err != nil) != off || off && !strings.Contains(err.Error(), "DD_DATA_STREAMS_ENABLED") {
			t.Errorf("%q: %v", text, err)
		}
		if p := NewPathway("type:kafka"); p.IsZero() != off {
			t.Errorf("%q: %v", text, p)
		}
	}
	Start(WithEnabled(true), WithAgentAddr("127.0.0.1:9"))
	NewPathway("type:kafka")
	if err := Err(); err != nil {
		t.Errorf("%v", err)
	}
	Flush()
	eventually(t, "an error with the address", func() bool {
		err := Err()
		return err != nil && strings.Contains(err.Error(), "http://127.0.0.1:9")
	})

	a := start(t)
	a.answer(http.StatusBadRequest)
	NewPathway("type:kafka")
	Flush()
	if err := Err(); err == nil || !strings.Contains(err.Error(), "1 times it answered with an error") {
		t.Errorf("%v", err)
	}

	a = start(t, WithStopTimeout(200*time.Millisecond))
	a.answer(0)
	NewPathway("type:kafka")
	Flush()
	eventually(t, "an error with lost answers", func() bool {
		err := Err()
		return err != nil && strings.Contains(err.Error(), " times its answer was lost") && !strings.Contains(err.Error(), " 0 times its")
	})
}

func TestAnEdgeSaysWhatIsWrongWithIt(t *testing.T) {
	edge := NewEdge("direction:in", "")
	if err := edge.Err(); !errors.Is(err, Err()) {
		t.Errorf("%v", err)
	}
	start(t)
	for _, tags := range [][]string{{"direction:in", ""}, {strings.Repeat("x", 20000)}, {"topic:\xff"}, make([]string, 200)} {
		edge := NewEdge(tags...)
		if err := edge.Err(); err == nil || !strings.Contains(err.Error(), "1 to 128 tags") {
			t.Errorf("%.20q: %v", tags, err)
		}
		before := Counters()["invalid_arguments"]
		p := NewPathway("type:kafka")
		if after := edge.Checkpoint(p, 1); after != p {
			t.Errorf("the pathway did not go on as it was: %v", after)
		}
		if after, header := edge.Produce(p, 1, nil); after != p || string(header) != p.EncodeStr() {
			t.Errorf("the pathway did not go on as it was: %v", after)
		}
		if after := edge.Consume([]byte(p.EncodeStr()), 1); after.GetHash() != p.GetHash() {
			t.Errorf("what was received did not go on: %v", after)
		}
		if after := p.SetCheckpoint(tags...); after != p {
			t.Errorf("the pathway did not go on as it was: %v", after)
		}
		if Counters()["invalid_arguments"] < before+3 {
			t.Error("it was not counted")
		}
	}
	if err := NewEdge("type:kafka").Err(); err != nil {
		t.Error(err)
	}
}
