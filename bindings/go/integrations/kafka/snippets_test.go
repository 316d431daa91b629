package kafka_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/confluentinc/confluent-kafka-go/kafka"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	ddkafka "github.com/datastreams/datastreams/bindings/go/integrations/kafka"
)

// Programs as data-streams-go's README shows them, with only the import paths changed.
func TestSnippetsOfDataStreamsGo(t *testing.T) {
	datastreams.Start(datastreams.WithAgentAddr("notlocalhost:8126"), datastreams.WithHTTPClient(&http.Client{Transport: refusing{}}))
	defer datastreams.Stop()

	ctx := context.Background()
	name := "orders"
	kafkaMsg := kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &name}}
	consumerGroup := "billing"

	ctx = ddkafka.TraceKafkaProduce(ctx, &kafkaMsg)
	if _, ok := datastreams.PathwayFromContext(ctx); !ok {
		t.Fatal("produced without a pathway")
	}
	ctx = ddkafka.TraceKafkaConsume(ctx, &kafkaMsg, consumerGroup)

	contexts := []context.Context{}
	for _, consumedMsg := range []kafka.Message{kafkaMsg, kafkaMsg} {
		contexts = append(contexts, ddkafka.TraceKafkaConsume(ctx, &consumedMsg, consumerGroup))
	}
	mergedContext := datastreams.MergeContexts(contexts...)
	var producedMsg kafka.Message
	ddkafka.TraceKafkaProduce(mergedContext, &producedMsg)
	if len(producedMsg.Headers) == 0 {
		t.Fatal("produced without a header")
	}

	// In an HTTP client, and in an HTTP server.
	req, err := http.NewRequest(http.MethodGet, "http://localhost", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := datastreams.PathwayFromContext(ctx)
	if ok {
		req.Header.Set(datastreams.PropagationKeyBase64, p.EncodeStr())
	}
	if _, ok := datastreams.PathwayFromContext(extractPathwayToContext(req)); !ok {
		t.Fatal("nothing came over HTTP")
	}
}

func extractPathwayToContext(req *http.Request) context.Context {
	ctx := req.Context()
	p, err := datastreams.DecodeStr(req.Header.Get(datastreams.PropagationKeyBase64))
	if err != nil {
		return ctx
	}
	ctx = datastreams.ContextWithPathway(ctx, p)
	_, ctx = datastreams.SetCheckpoint(ctx, "type:http", "direction:in")
	return ctx
}

// refusing answers every request with 400, so that nothing leaves the test and nothing is kept.
type refusing struct{}

func (refusing) RoundTrip(request *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusBadRequest, Body: http.NoBody, Request: request}, nil
}
