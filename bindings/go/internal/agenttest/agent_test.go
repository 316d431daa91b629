package agenttest

import (
	"bytes"
	"net/http"
	"testing"

	datastreams "github.com/datastreams/datastreams/bindings/go"
)

func TestChain(t *testing.T) {
	agent := Start(t)
	out := datastreams.NewEdge("direction:out", "topic:orders", "type:kafka")
	in := datastreams.NewEdge("direction:in", "group:billing", "topic:orders", "type:kafka")
	for range 3 {
		_, header := out.Produce(datastreams.Pathway{}, 100, nil)
		in.Consume(header, 200)
	}
	datastreams.TrackKafkaProduceOffsetWithCluster("c", "orders", 4, 41)
	agent.Flushed()

	sent := agent.One(t, out.Tags()...)
	received := agent.One(t, in.Tags()...)
	if sent.Parent != 0 || sent.Hash != Hash(Service, Env, 0, out.Tags()...) || sent.Current != 3 || sent.Origin != 3 {
		t.Errorf("sent: %v, %g by origin", sent, sent.Origin)
	}
	if received.Parent != sent.Hash || received.Hash != Hash(Service, Env, sent.Hash, in.Tags()...) || received.Current != 3 {
		t.Errorf("received: %v", received)
	}
	if received.Size.Count != 3 || received.Size.Sum < 594 || received.Size.Sum > 606 {
		t.Errorf("three messages of 200 bytes are %+v", received.Size)
	}
	if got := agent.Backlog("type:kafka_produce", "topic:orders", "partition:4", "kafka_cluster_id:c"); got != 41 {
		t.Errorf("the backlogs are %v", agent.Backlogs())
	}
}

// The number is one of Datadog's system-tests.
func TestHash(t *testing.T) {
	if got := Hash("weblog", "system-tests", 0, "direction:out", "topic:dsm-system-tests-queue", "type:kafka"); got != 4463699290244539355 {
		t.Error(got)
	}
}

func TestRefusesWhatIsNoPayload(t *testing.T) {
	agent := &Agent{edges: map[edgeKey]*Edge{}, backlogs: map[string]int64{}}
	if err := agent.take(bytes.NewReader([]byte("no gzip"))); err == nil {
		t.Error("taken")
	}
	if response, err := http.Get(New(t).URL()); err != nil || response.StatusCode != http.StatusNotFound {
		t.Error(response, err)
	}
}
