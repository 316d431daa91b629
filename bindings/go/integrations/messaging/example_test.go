package messaging_test

import (
	"context"
	"fmt"

	datastreams "github.com/datastreams/datastreams/bindings/go"
	"github.com/datastreams/datastreams/bindings/go/integrations/messaging"
)

// Record is the message of some client.
type Record struct {
	Topic   string
	Value   []byte
	Headers []messaging.Header
}

func (r *Record) GetTopic() *string              { return &r.Topic }
func (r *Record) GetPartition() int32            { return messaging.PartitionAny }
func (r *Record) GetHeaders() []messaging.Header { return r.Headers }
func (r *Record) AppendToHeaders(headers ...messaging.Header) {
	r.Headers = append(r.Headers, headers...)
}
func (r *Record) GetSize() int64 { return int64(len(r.Value)) }

func Example() {
	datastreams.Start(datastreams.WithService("checkout"))
	defer datastreams.Stop()

	// Where the message is sent: with the context of what caused it.
	record := &Record{Topic: "orders", Value: []byte("12 apples")}
	messaging.TraceKafkaProduce(context.Background(), record)

	// Where it is received: the context is for all that the message causes.
	ctx := messaging.TraceKafkaConsume(context.Background(), record, "billing")
	_, measured := datastreams.PathwayFromContext(ctx)
	fmt.Println(record.Headers[0].Key, measured)
	// Output: dd-pathway-ctx-base64 true
}
