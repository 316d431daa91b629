package messaging

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

// plain is a message that does what the interfaces ask for, and no more.
type plain struct {
	topic   *string
	value   string
	headers []Header
}

func (m *plain) GetTopic() *string           { return m.topic }
func (m *plain) GetPartition() int32         { return PartitionAny }
func (m *plain) AppendToHeaders(h ...Header) { m.headers = append(m.headers, h...) }
func (m *plain) GetSize() int64 {
	size := len(m.value)
	for _, header := range m.headers {
		size += len(header.Key) + len(header.Value)
	}
	return int64(size)
}

// received is a plain message that arrived.
type received struct{ *plain }

func (m received) GetHeaders() []Header { return m.headers }

// full does all that a message may do.
type full struct{ received }

func (m full) SetHeader(header Header) {
	kept := m.headers[:0]
	for _, one := range m.headers {
		if one.Key != header.Key {
			kept = append(kept, one)
		}
	}
	m.headers = append(kept, header)
}

func (m full) GetTimestamp() time.Time { return time.Now().Add(-time.Minute) }

// TestMain has an agent that takes everything, for the example too.
func TestMain(m *testing.M) {
	agent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	os.Setenv("DD_TRACE_AGENT_URL", agent.URL)
	os.Exit(m.Run())
}

func start(t *testing.T) {
	t.Helper()
	datastreams.Start(datastreams.WithService("checkout"), datastreams.WithEnv("test"))
	t.Cleanup(datastreams.Stop)
	if err := datastreams.Err(); err != nil {
		t.Fatal(err)
	}
}

func hashOf(t *testing.T, ctx context.Context) uint64 {
	t.Helper()
	p, ok := datastreams.PathwayFromContext(ctx)
	if !ok {
		t.Fatal("the context carries no pathway")
	}
	return p.GetHash()
}

func topic(name string) *string { return &name }

func TestProduceAndConsume(t *testing.T) {
	start(t)
	sent := &plain{topic: topic("orders"), value: "12 apples"}
	out := TraceKafkaProduce(context.Background(), sent)
	if len(sent.headers) != 2 || sent.headers[0].Key != "dd-pathway-ctx-base64" || sent.headers[1].Key != "dd-pathway-ctx" {
		t.Fatalf("the headers are %v", sent.headers)
	}
	want := datastreams.NewPathway("direction:out", "topic:orders", "type:kafka")
	if hashOf(t, out) != want.GetHash() {
		t.Errorf("sent: %d", hashOf(t, out))
	}
	in := TraceKafkaConsume(context.Background(), received{sent}, "billing")
	want = want.SetCheckpoint("direction:in", "group:billing", "topic:orders", "type:kafka")
	if hashOf(t, in) != want.GetHash() {
		t.Errorf("received: %d", hashOf(t, in))
	}
}

// Either header is enough: the one for data-streams-go is read by it, and written by it.
func TestEitherHeader(t *testing.T) {
	start(t)
	sent := &plain{topic: topic("orders")}
	TraceKafkaProduce(context.Background(), sent)
	both := hashOf(t, TraceKafkaConsume(context.Background(), received{sent}, "g"))
	for _, header := range sent.headers {
		one := &plain{topic: sent.topic, headers: []Header{header}}
		if got := hashOf(t, TraceKafkaConsume(context.Background(), received{one}, "g")); got != both {
			t.Errorf("with %s alone the hash is %d, not %d", header.Key, got, both)
		}
	}
}

func TestConsumeNeverContinuesAnotherMessage(t *testing.T) {
	start(t)
	first := &plain{topic: topic("orders")}
	TraceKafkaProduce(context.Background(), first)
	ctx := TraceKafkaConsume(context.Background(), received{first}, "g")
	bare := received{&plain{topic: topic("orders")}}
	want := datastreams.NewPathway("direction:in", "group:g", "topic:orders", "type:kafka").GetHash()
	if got := hashOf(t, TraceKafkaConsume(ctx, bare, "g")); got != want {
		t.Errorf("a message without a header continued another one's pathway: %d, not %d", got, want)
	}
}

func TestSentOn(t *testing.T) {
	start(t)
	message := full{received{&plain{topic: topic("orders"), headers: []Header{{Key: "k", Value: []byte("v")}}}}}
	TraceKafkaProduce(context.Background(), message)
	ctx := TraceKafkaConsume(context.Background(), message, "g")
	TraceKafkaProduce(ctx, message)
	if len(message.headers) != 3 {
		t.Fatalf("the headers are %v", message.headers)
	}
	last, err := datastreams.Decode(message.headers[1].Value)
	if err != nil || last.GetHash() == 0 {
		t.Fatal(err)
	}
	p, _ := datastreams.PathwayFromContext(ctx)
	if want := p.SetCheckpoint("direction:out", "topic:orders", "type:kafka").GetHash(); last.GetHash() != want {
		t.Errorf("the header's hash is %d, not %d", last.GetHash(), want)
	}
	// A message that only appends keeps the old header, and the new one behind it counts.
	appending := &plain{topic: topic("orders"), headers: append([]Header(nil), message.headers...)}
	TraceKafkaProduce(ctx, appending)
	after := hashOf(t, TraceKafkaConsume(context.Background(), received{appending}, "g"))
	again := last.SetCheckpoint("direction:in", "group:g", "topic:orders", "type:kafka").GetHash()
	if after != again {
		t.Errorf("the last header does not count: %d, not %d", after, again)
	}
}

func TestSizeLeavesOurHeadersOut(t *testing.T) {
	message := full{received{&plain{value: "12345", headers: []Header{
		{Key: "k", Value: []byte("v")}, {Key: datastreams.PropagationKey, Value: make([]byte, 20)},
		{Key: datastreams.PropagationKeyBase64, Value: make([]byte, 28)},
	}}}}
	if got := withoutOurs(message.GetSize(), message.headers); got != 7 {
		t.Errorf("the size is %d", got)
	}
	if got := withoutOurs(datastreams.UnknownSize, message.headers); got != datastreams.UnknownSize {
		t.Errorf("an unknown size became %d", got)
	}
}

func TestQueuedBeforeItWasReceived(t *testing.T) {
	start(t)
	p, _ := datastreams.PathwayFromContext(TraceKafkaConsume(context.Background(), full{received{&plain{}}}, "g"))
	if age := time.Since(p.PathwayStart()); age < 59*time.Second || age > 2*time.Minute {
		t.Errorf("the pathway started %v ago, not a minute", age)
	}
}

func TestNothingIsMeasured(t *testing.T) {
	datastreams.Stop()
	sent := &plain{}
	if ctx := TraceKafkaProduce(context.Background(), sent); len(sent.headers) != 0 {
		if _, ok := datastreams.PathwayFromContext(ctx); !ok {
			t.Error("headers without a pathway")
		}
	}
	if ctx := TraceKafkaProduce(context.Background(), nil); ctx == nil {
		t.Error("no context")
	}
	if ctx := TraceKafkaConsume(context.Background(), nil, "g"); ctx == nil {
		t.Error("no context")
	}
}
